"""`report` on the command line, on a small project with a model of half of its people."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from faceloop_datasets import Project
from faceloop_runtime import FaceModel
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.train import train_faces

from .conftest import add_sample_faces

if TYPE_CHECKING:
    from .conftest import Run

COMMAND = Path(sys.executable).with_name("faceloop")
FACES, TRAINED = 24, 12
QUICK = TrainingConfig(channels=("raw",), mirror=False, components=8)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project of 6 people whose model has seen 3 of them."""
    folder = add_sample_faces(tmp_path_factory.mktemp("reported") / "faces", FACES)
    file = folder.parent / "quick.safetensors"
    with Project.open(folder) as opened:
        faces, _ = load_faces(opened.scheme, opened.faces()[:TRAINED], QUICK.scales[-1])
        train_faces(opened.scheme, faces, QUICK).save(file)
        opened.use_model(opened.add_model(file, {}).id)
    return folder


def test_the_model_in_use_is_measured_on_the_others(
    faceloop: Run, project: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "report"
    done = faceloop("report", "--project", project, "--out", out, "--json")
    assert done.code == 0
    values = done.json()
    assert values["model"]["name"] == "quick"
    assert values["model"]["faces"] == FACES - TRAINED
    assert values["model"]["subjects"] == 3
    low, high = values["model"]["intervals"]["nme_mean"]
    assert 0 < low < values["model"]["nme_mean"] < high
    assert values["against"] is values["cross_validation"] is None
    page, *charts = map(Path, values["files"])
    assert page == out / "report.html"
    assert sorted(out.iterdir()) == sorted([page, *charts])
    for chart in charts:
        with Image.open(chart) as picture:
            assert picture.format == "PNG"
    assert not any("worst" in chart.name for chart in charts)  # nobody asked for faces


def test_two_models_and_the_worst_faces(faceloop: Run, project: Path, tmp_path: Path) -> None:
    done = faceloop(
        "report", "-p", project, "-o", tmp_path / "out", "--against", "quick", "--pictures"
    )
    assert done.code == 0
    assert "quick and quick are equally good" in done.out
    assert f"measured on  {FACES - TRAINED} faces of 3 people" in done.out
    assert f"Wrote {tmp_path / 'out' / 'report.html'}" in done.out
    assert len(list((tmp_path / "out").glob("worst-*.png"))) == FACES - TRAINED
    assert "equally good" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_nothing_is_measured_on_people_that_a_model_knows(
    faceloop: Run, project: Path, tmp_path: Path
) -> None:
    """The starter was trained on the whole sample."""
    for words in (("--model", "starter"), ("--against", "starter")):
        done = faceloop("report", "-p", project, "-o", tmp_path / "out", *words)
        assert done.code == 1
        assert "trained on every person in this project" in done.err
        assert "cross-validate" in done.err
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_done_is_one_clear_error(
    faceloop: Run, project: Path, empty_project: Path, tmp_path: Path
) -> None:
    out = ("-o", tmp_path / "out")
    done = faceloop("report", "-p", project, *out, "--cross-validate", 7)
    assert done.code == 1
    assert "7 parts" in done.err
    assert "shows 6" in done.err
    assert faceloop("report", "-p", project, *out, "--cross-validate", 1).code == 2
    assert faceloop("report", "-p", project).code == 2
    done = faceloop("report", "-p", empty_project, *out)
    assert done.code == 1
    assert "no annotated face" in done.err
    done = faceloop("report", "-p", empty_project, *out, "--cross-validate", 2)
    assert done.code == 1
    assert "Traceback" not in done.err
    strange = out[1].with_name("strange.safetensors")
    model = FaceModel.starter()
    replace(model, provenance={"config": {"components": "many"}}).save(strange)
    done = faceloop("report", "-p", project, *out, "--cross-validate", 2, "--model", strange)
    assert done.code == 1
    assert "strange does not say in a usable way how it was trained" in done.err
    done = faceloop("report", "-p", project, *out, "--model", "nobody")
    assert done.code == 1
    assert "nobody" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a process")
def test_a_stopped_report_leaves_nothing(project: Path, tmp_path: Path) -> None:
    words = [COMMAND, "report", "-p", project, "-o", tmp_path / "out", "--cross-validate", "2"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "part 1 of 2: training" in line:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()
