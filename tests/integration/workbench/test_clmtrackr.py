"""clmtrackr's model files on the command line."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets import Project
from faceloop_datasets.sample import sample_dir, sample_faces
from faceloop_runtime.clmtrackr import load
from faceloop_runtime.model import FaceModel

if TYPE_CHECKING:
    from .conftest import Run

FILE = Path(__file__).parents[1] / "runtime" / "clmtrackr_model.js"


def test_its_file_fits_a_picture_and_is_shown(faceloop: Run, tmp_path: Path) -> None:
    picture = sample_dir() / "stills" / "s0000.jpg"
    done = faceloop("fit", picture, "--model", FILE, "--out", tmp_path / "points.csv", "--json")
    assert done.code == 0
    (image,) = done.json()["images"]
    assert len(image["faces"][0]["points"]) == 71
    shown = faceloop("model", "show", FILE, "--json").json()
    assert (shown["kind"], shown["patches"], shown["points"]) == ("clmtrackr", "SVM", 71)


def test_a_damaged_file_is_one_message(faceloop: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.js"
    bad.write_text("var pModel = {")
    done = faceloop("track", sample_dir() / "clip.mp4", "--model", bad)
    assert done.code == 1
    assert "bad.js" in done.err
    assert "Traceback" not in done.err


def test_a_projects_model_is_exported(faceloop: Run, tmp_path: Path) -> None:
    starter = tmp_path / "starter.safetensors"
    FaceModel.starter().save(starter)
    with Project.create(tmp_path / "faces") as project:
        project.import_entries("sample", islice(sample_faces(), 12), scheme="face70")
        record = project.add_model(starter, metrics={})
        project.use_model(record.id)
    made = tmp_path / "faces.js"
    done = faceloop("model", "export", made, "--project", tmp_path / "faces", "--json")
    assert done.code == 0, done.err
    assert done.json()["file"] == str(made)
    assert load(made).scoring is not None
