"""The whole loop, as a newcomer runs it: the Python of a page, and `demo` on the command line."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from PIL import Image

from faceloop_datasets import Cancelled, Monitor, Project, Video
from faceloop_datasets.sample import sample_clip
from faceloop_trainer import TrainingConfig
from faceloop_workbench.services import demo
from faceloop_workbench.services.demo import open_demo

if TYPE_CHECKING:
    from .conftest import Run

PAGE = Path(__file__).parents[3] / "docs/how-to/python.md"


@pytest.fixture(scope="module")
def snippet() -> str:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return "\n".join(blocks)


@pytest.fixture(scope="module")
def ran(snippet: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Run the page's Python; returns the folder it ran in, and what it printed."""
    folder, out = tmp_path_factory.mktemp("page"), io.StringIO()
    shutil.copyfile(sample_clip(), folder / "talk.mp4")
    with contextlib.chdir(folder), contextlib.redirect_stdout(out):
        exec(compile(snippet, PAGE.name, "exec"), {})  # noqa: S102 - that is the test
    return folder, out.getvalue()


def test_the_python_of_the_page_runs_as_it_stands(ran: tuple[Path, str]) -> None:
    assert "nme_mean" in ran[1]
    assert ran[1].count("(70, 2)") > 200


def test_the_loop_closes(
    faceloop: Run, snippet: str, ran: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the page's settings and in its project, whose training has kept what it learned."""
    assert "TrainingConfig(limit=100)" in snippet
    monkeypatch.setattr(demo, "TrainingConfig", partial(TrainingConfig, limit=100))
    folder = ran[0] / "faces"
    check_demo(folder, faceloop("demo", folder, "--json").json())


@pytest.mark.long
def test_the_loop_closes_with_all_faces(faceloop: Run, tmp_path: Path) -> None:
    check_demo(tmp_path / "demo", faceloop("demo", tmp_path / "demo", "--json").json())


def check_demo(folder: Path, report: dict[str, Any]) -> None:
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


def test_it_makes_a_project(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        open_demo(tmp_path / "demo", Monitor(cancel=lambda: True))
    with Project.open(tmp_path / "demo") as project:
        assert project.scheme.name == "face70"


def test_a_project_of_other_points_is_left_alone(faceloop: Run, tmp_path: Path) -> None:
    Project.create(tmp_path / "faces", "imm58").close()
    done = faceloop("demo", tmp_path / "faces")
    assert done.code == 1
    assert "imm58" in done.err
    with Project.open(tmp_path / "faces") as project:
        assert project.items() == []
