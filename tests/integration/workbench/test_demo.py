"""`demo` on the command line: the whole loop, as a newcomer runs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from PIL import Image

from faceloop_datasets import Project, Video

if TYPE_CHECKING:
    from .conftest import Run


def test_the_loop_closes(faceloop: Run, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = faceloop("demo", folder, "--json")
    assert done.code == 0
    report = done.json()

    clip = report["clip"]
    assert clip["nme_median"] <= 0.025
    assert clip["found_in_view"] >= 0.9
    assert clip["lost_while_gone"] >= 0.9

    files = {name: Path(path) for name, path in report["files"].items()}
    assert pd.read_parquet(files["points"])["frame"].nunique() == 250
    assert len(Video(files["overlay"])) == 250
    with Image.open(files["ced_plot"]) as plot:
        assert plot.format == "PNG"

    with Project.open(folder) as project:
        assert len(project.faces()) == 400
        assert project.active_model is not None
        assert project.active_model.name == report["training"]["model"]
        entries = project.queue.list()
        assert [entry.id for entry in entries] == [entry["entry"] for entry in report["queue"]]
        assert "lost-track" in {entry.reason for entry in entries}


def test_a_project_of_other_points_is_left_alone(faceloop: Run, tmp_path: Path) -> None:
    Project.create(tmp_path / "faces", "imm58").close()
    done = faceloop("demo", tmp_path / "faces")
    assert done.code == 1
    assert "imm58" in done.err
    with Project.open(tmp_path / "faces") as project:
        assert project.items() == []
