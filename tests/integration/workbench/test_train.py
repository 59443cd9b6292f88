"""`train`, `evaluate` and `model` on the command line, on a small project."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import Project
from faceloop_datasets.sample import sample_dir, sample_faces
from faceloop_runtime import FaceModel
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.inputs import inputs_of
from faceloop_trainer.data.split import split_faces, unseen_faces
from faceloop_workbench.services.model_choice import ChosenModel
from faceloop_workbench.services.training import regularise_into, train_into
from faceloop_workbench.services.unchanged import replaced_text, unchanged_since
from faceloop_workbench.train.readiness import training_readiness

from .conftest import add_sample_faces

if TYPE_CHECKING:
    from .conftest import Run

STILL = sample_dir() / "stills" / "s0000.jpg"
COMMAND = Path(sys.executable).with_name("faceloop")
FACES = 24
CONFIG = TrainingConfig(modes="varimax")
"""Of the model that all tests share: nothing but this is other than `faceloop train` has it."""
QUICK = TrainingConfig(channels=("raw",), mirror=False, components=8)


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project of 6 people, one of whom is held out."""
    return add_sample_faces(tmp_path_factory.mktemp("annotated") / "faces", FACES, after=16)


@pytest.fixture(scope="module")
def trained(annotated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with a model."""
    folder = Path(shutil.copytree(annotated, tmp_path_factory.mktemp("trained") / "faces"))
    with Project.open(folder) as project:
        train_into(project, CONFIG)
    return folder


@pytest.fixture
def project(trained: Path, tmp_path: Path) -> Path:
    """Return a project with a model, for this test alone."""
    return Path(shutil.copytree(trained, tmp_path / "faces"))


def test_the_first_model_is_in_use(trained: Path) -> None:
    with Project.open(trained) as project:
        (record,) = project.models()
        assert project.active_model == record
        assert record.name == "face70-ridge"
        assert 0 < record.metrics["nme_mean"] < 0.1
        assert FaceModel.load(record.file).scheme.name == "face70"


def test_a_second_model_is_compared(faceloop: Run, project: Path) -> None:
    wanted = ("--seed", 1, "--limit", 12, "--experts", "mosse", "--modes", "varimax")
    done = faceloop("train", "--project", project, *wanted, "--json")
    assert done.code == 0
    result = done.json()
    assert result["model"] == "face70-mosse"
    assert Path(result["file"]).is_file()
    assert "face70-ridge" in result["because"]
    report = result["report"]
    asked = {"seed": 1, "limit": 12, "experts": "mosse", "modes": "varimax"}
    assert {name: report["config"][name] for name in asked} == asked
    (said,) = [one for one in result["warnings"] if "Expressions are learned" in one]
    learned = report.get("expressions", {}).get("names", ())
    with Project.open(project) as opened:
        assert opened.active_model is not None
        assert (opened.active_model.name == "face70-mosse") is result["in_use"]
        known = [label.label for label in opened.expressions()]
    assert all((f" {label} (" in said) == (label not in learned) for label in known)


def test_without_a_change_no_model_is_made(faceloop: Run, project: Path) -> None:
    again = ("train", "--project", project, "--modes", "varimax")
    done = faceloop(*again)
    assert done.code == 0
    assert done.out.splitlines() == [
        "Nothing that trains has changed since face70-ridge; no model made. --anyway trains again."
    ]
    assert faceloop(*again, "--json").json()["unchanged"] is True
    anyway = faceloop(*again, "--anyway")
    said = "It is in use: the training made face70-ridge once more, and no second one is kept."
    assert anyway.out.splitlines()[-1] == said
    with Project.open(project) as opened:
        assert len(opened.models()) == 1


def test_what_is_a_change(project: Path) -> None:
    """Annotations of the faces that train, their subjects, settings, pictures: nothing else."""
    config = CONFIG
    with Project.open(project) as opened:
        (record,) = opened.models()
        assert unchanged_since(opened, config) == record
        assert unchanged_since(opened, replace(config, components=49)) is None
        chosen = split_faces(opened.faces(), config)
        for face in (chosen.training[0], chosen.held_out[0]):
            head = opened.annotation(face.item_id)
            assert head is not None
            points = head.annotation.points + np.array([0.001, 0.0])
            moved = replace(head.annotation, points=points, source="manual")
            saved = opened.save(face.item_id, moved, head.id)
            trains = face is chosen.training[0]
            assert unchanged_since(opened, config) == (None if trains else record)
            opened.save(face.item_id, head.annotation, saved.id)  # as undo does
            assert unchanged_since(opened, config) == record
        opened.set_expression([face.item_id], "puzzled")  # it is held out
        opened.remove([chosen.held_out[1].item_id])
        assert unchanged_since(opened, config) == record
        face = chosen.training[0]
        opened.set_expression([face.item_id], "puzzled")
        assert unchanged_since(opened, config) is None
        opened.set_expression([face.item_id], face.expression)
        assert unchanged_since(opened, config) == record
        opened.note_model(record.id, "a note")
        opened.queue.add(face.item_id, "manual")
        assert unchanged_since(opened, config) is not None
        record.file.unlink()
        assert unchanged_since(opened, config) is None


def test_a_picture_that_goes_or_comes_back_is_a_change(small_project: Path) -> None:
    """A face without its picture trains nothing."""
    config = TrainingConfig()
    with Project.open(small_project) as opened:
        before = inputs_of(opened, config)
        (first, *_) = opened.faces()
        assert first.media is not None
        away = first.media.rename(first.media.with_name("away"))
        assert inputs_of(opened, config) != before
        away.rename(first.media)
        assert inputs_of(opened, config) == before


def test_pictures_that_were_replaced_are_a_change(project: Path) -> None:
    """Of the same size: only the times of the files tell, and what is in them."""
    with Project.open(project) as opened:
        (record,) = opened.models()
        faces = opened.faces()
        first, second, *_ = [face.media for face in faces if face.media is not None]
        about, content = first.stat(), first.read_bytes()
        first.write_bytes(content)  # changed, and the same
        assert unchanged_since(opened, CONFIG, faces) == record
        assert replaced_text(opened, faces) == []
        for file in (first, second):
            file.write_bytes(file.read_bytes()[:-1] + b"x")
            os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns + 1))  # as if copied with it
        assert unchanged_since(opened, CONFIG, faces) is None
        said = "2 pictures are not those that were annotated, and train nothing: "
        said += f"{first.name}, {second.name}."
        assert replaced_text(opened, faces) == [said]
        assert training_readiness(opened, CONFIG).warnings[0] == said


def test_a_picture_that_is_put_back_is_a_change_for_a_model_without_it(project: Path) -> None:
    with Project.open(project) as opened:
        (record,) = opened.models()
        assert record.metrics["unusable"] == 0
        (picture, *_) = [face.media for face in opened.faces() if face.media is not None]
        file = project / "lacking.safetensors"
        file.write_bytes(b"a model")
        later = opened.add_model(file, {**record.metrics, "unusable": 1})
        assert unchanged_since(opened, CONFIG) == later
        time.sleep(0.02)  # times of files are coarse
        picture.write_bytes(picture.read_bytes())
        assert unchanged_since(opened, CONFIG) is None


def test_models_are_pinned_and_deleted(
    faceloop: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = ("--project", project)
    with Project.open(project) as opened:
        for k in (2, 3, 4):
            (project / f"m{k}.safetensors").write_bytes(bytes(1_000_000 + k))
            opened.add_model(project / f"m{k}.safetensors", {})
    assert faceloop("model", "pin", "m2", *at).out == "m2 is pinned.\n"
    assert "p" in faceloop("model", "list", *at).out.splitlines()[2].split()
    for name in ("m2", "face70-ridge"):
        refused = faceloop("model", "delete", "m3", name, *at, "--yes")
        assert refused.code == 1
        assert f"Nothing was deleted: {name} is in use or pinned." in refused.err
    for said, answer in (("", "add --yes"), ("n\n", "Nothing was deleted.")):
        monkeypatch.setattr(sys, "stdin", io.StringIO(said))
        asked = faceloop("model", "delete", "m3", *at)
        assert asked.code != 0
        assert "To be deleted: m3 (1.0 MB)." in asked.err
        assert answer in asked.err
    assert faceloop("model", "delete", *at).code == 2
    assert faceloop("model", "delete", "m3", *at, "--yes").out == (
        "Deleted m3: 1.0 MB are free now.\n"
    )
    done = faceloop("model", "delete", "--others", *at, "--yes", "--json").json()
    assert done == {"deleted": ["m4"], "bytes": 1_000_004}
    assert faceloop("model", "unpin", "m2", *at, "--json").json()["pinned"] is False
    assert faceloop("model", "delete", "--others", *at, "--yes").out.startswith("Deleted m2")
    assert faceloop("model", "delete", "--others", *at).out == (
        "There is no model that is neither pinned nor in use.\n"
    )
    assert [file.name for file in (project / "models").iterdir()] == ["face70-ridge.safetensors"]


def test_too_few_faces_are_one_clear_error(faceloop: Run, small_project: Path) -> None:
    done = faceloop("train", "--project", small_project)
    assert done.code == 1
    assert "8 usable faces" in done.err
    with Project.open(small_project) as project:
        assert project.models() == []
    assert "this is the starter" in " ".join(
        faceloop("model", "show", "-p", small_project).err.split()
    )


def copied(folder: Path, pictures: int, names: int) -> Path:
    """A project of some pictures under more names than that."""
    records = list(islice(sample_faces(), 0, 4 * pictures, 4))
    named = [replace(records[i % pictures], name=f"p{i}", subject=f"p{i}") for i in range(names)]
    with Project.create(folder) as project:
        project.import_entries("sample", named, scheme="face70")
    return folder


def test_one_picture_under_many_names_is_one_clear_error(faceloop: Run, tmp_path: Path) -> None:
    done = faceloop("train", "--project", copied(tmp_path / "faces", 2, 24))
    assert done.code == 1
    (said,) = [line for line in done.err.splitlines() if "Error:" in line]
    assert "24 of 24 pictures are copies of one another, 2 different" in said
    assert "fault of faceloop" not in done.err


def test_copies_are_warned_of_wherever_they_count(faceloop: Run, tmp_path: Path) -> None:
    folder, said = copied(tmp_path / "faces", 14, 28), "28 of 28 pictures are copies"
    with Project.open(folder) as project:
        warnings = train_into(project, QUICK).warnings
    assert any(warning.startswith(said) for warning in warnings)
    shown = faceloop("evaluate", "--project", folder, "--model", "starter")
    assert shown.code == 0
    assert "28 faces of 14 people" in shown.out
    assert f"Warning: {said}" in shown.err
    with Project.open(folder) as project:
        warnings = training_readiness(project, TrainingConfig()).warnings
        assert any(warning.startswith(said) for warning in warnings)
        (record,) = project.models()
        assert record.metrics["trained_faces"] <= 14
    report = tmp_path / "report"
    done = faceloop("report", "--project", folder, "--model", "starter", "--out", report)
    assert f"Warning: {said}" in done.err
    assert said in (report / "report.html").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a process")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_a_stopped_training_leaves_the_project_as_it_was(
    annotated: Path, tmp_path: Path, number: str
) -> None:
    folder = Path(shutil.copytree(annotated, tmp_path / "faces"))
    process = subprocess.Popen(
        [COMMAND, "train", "--project", folder], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:  # until the first experts are being trained
        if "expert" in line:
            break
    process.send_signal(getattr(signal, number))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    with Project.open(folder) as project:
        assert project.models() == []
        assert project.active_model is None
        assert len(project.faces()) == FACES
    assert list((folder / "models").iterdir()) == []


def test_evaluate_reports_and_plots(faceloop: Run, project: Path, tmp_path: Path) -> None:
    plot = tmp_path / "ced.png"
    done = faceloop("evaluate", "--project", project, "--plot", plot, "--json")
    assert done.code == 0
    values = done.json()
    assert values["model"] == "face70-ridge"
    assert values["start"] == "jitter"
    assert 0 < values["nme_median"] <= values["nme_p95"]
    assert 0 <= values["auc_08"] <= 1
    assert len(values["per_point"]) == 70
    with Image.open(plot) as picture:
        assert picture.format == "PNG"
    refused = faceloop("evaluate", "--project", project, "--plot", tmp_path / "ced.txt")
    assert (refused.code, list(tmp_path.glob("*.txt"))) == (1, [])
    assert "a name that ends in .png" in refused.err


def test_evaluate_says_what_people_ask(faceloop: Run, project: Path) -> None:
    done = faceloop("evaluate", "--project", project, "--fit-start", "box")
    assert done.code == 0
    for word in (
        "start of their fits: box",
        "NME mean",
        "NME p95",
        "AUC@0.08",
        "failures",
        "part of the face",
        "mouth",
    ):
        assert word in done.out


def test_evaluate_does_not_measure_on_faces_of_the_training(faceloop: Run, project: Path) -> None:
    values = faceloop("evaluate", "--project", project, "--json").json()
    assert 0 < values["faces"] < FACES
    with Project.open(project) as opened:
        provenance = FaceModel.load(opened.models()[0].file).provenance
    assert values["faces"] + provenance["faces"] == FACES


def test_model_list_marks_the_one_in_use(faceloop: Run, project: Path) -> None:
    (model,) = faceloop("model", "list", "--project", project, "--json").json()["models"]
    assert (model["name"], model["in_use"]) == ("face70-ridge", True)
    assert "*" in faceloop("model", "list", "--project", project).out


def test_a_trained_model_starts_from_the_network_or_as_asked(faceloop: Run, project: Path) -> None:
    def start(*args: str) -> str:
        (image,) = faceloop("fit", STILL, "--project", project, "--json", *args).json()["images"]
        return str(image["faces"][0]["start"])

    assert start("--start", "network", "--detector", "cascade") == "network"
    assert start("--start", "box") == "box"
    said = faceloop("fit", STILL, "--project", project, "--start", "eyes").out
    assert "eyes and nose" in said


def test_starts_are_compared(faceloop: Run, project: Path) -> None:
    args = ("evaluate", "--project", project, "--start", "detector", "--json", "--fit-start")
    means = {}
    for start in ("network", "box"):
        values = faceloop(*args, start).json()
        assert (values["start"], values["fit_start"]) == ("detector", start)
        assert values["detector"] in {"libfacedetection", "cascade"}  # what auto became
        means[start] = values["nme_mean"]
    assert means["network"] != means["box"]


def test_model_show_says_what_it_is_made_of(faceloop: Run, project: Path) -> None:
    values = faceloop("model", "show", "--project", project, "--json").json()
    assert (values["name"], values["points"]) == ("face70-ridge", 70)
    assert values["start_map"] == "for this start network"
    assert 0 < values["start_error"] < 0.5
    starter = faceloop("model", "show", "--json").json()
    assert (starter["name"], starter["scheme"]) == ("starter", "face70")
    said = faceloop("model", "show", "starter", "--project", project).out
    assert "face70" in said
    assert max(map(len, said.splitlines())) < 120  # no list of a thousand hashes


def test_a_model_is_exported_and_used_by_name(faceloop: Run, project: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    assert faceloop("model", "export", file, "--project", project).code == 0
    with Project.open(project) as opened:
        assert file.read_bytes() == opened.models()[0].file.read_bytes()
        opened.add_model(file, {})
    assert faceloop("model", "use", "mine", "--project", project).code == 0
    with Project.open(project) as opened:
        assert opened.active_model is not None
        assert opened.active_model.name == "mine"


def test_components_are_regularised_in_a_model_of_their_own(faceloop: Run, project: Path) -> None:
    wanted = ("--component", "3=0", "--component", "5=2.5")
    made = faceloop("model", "regularise", *wanted, "--project", project, "--json").json()
    assert (made["name"], made["in_use"]) == ("face70-ridge-regularised", False)
    assert made["note"] == (
        "face70-ridge with component 3 free, component 5 held 2.5 times as firmly"
    )
    assert 0 < made["metrics"]["nme_mean"] < 0.1
    with Project.open(project) as opened:
        before, after = (FaceModel.load(record.file) for record in opened.models())
        assert opened.active_model is not None
        assert opened.active_model.name == "face70-ridge"
    assert before.pdm.regularisation is None
    assert after.pdm.regularisation is not None
    np.testing.assert_array_equal(after.pdm.regularisation[:6], [1, 1, 0, 1, 2.5, 1])
    shown = faceloop("model", "show", made["name"], "--project", project).out
    assert "regularisation.3" in shown
    again = ("model", "regularise", made["name"], "--component", "3=1", "--project", project)
    said = "face70-ridge-regularised with component 5 held 2.5 times as firmly"
    assert said in faceloop(*again).out
    for wrong, code in (("3", 2), ("3=much", 2), ("99=1", 1), ("3=11", 1)):
        done = faceloop("model", "regularise", "--component", wrong, "--project", project)
        assert done.code == code
        assert "expected" in done.err
    twice = ("--component", "3=0", "--component", "3=2")
    done = faceloop("model", "regularise", *twice, "--project", project)
    assert (done.code, "two factors of component 3" in done.err) == (2, True)
    done = faceloop("model", "regularise", "--component", "3=1", "--project", project)
    assert (done.code, "all components as learned" in " ".join(done.err.split())) == (1, True)
    with Project.open(project) as opened:
        assert len(opened.models()) == 3


@pytest.mark.parametrize("name", ["../../x", "/x", "n" * 3000])
def test_a_name_that_leads_elsewhere_is_no_path(
    name: str, empty_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models are named by schemes and by other models, which may come from a stranger."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "some" / "where"))
    (tmp_path / "some" / "where").mkdir(parents=True)
    with Project.open(empty_project) as project:
        record = regularise_into(project, ChosenModel(name, FaceModel.starter()), {1: 0.0})
    assert record.file.parent == empty_project / "models"
    assert list(tmp_path.rglob("*.safetensors")) == [record.file]
    assert not Path("/x-regularised.safetensors").exists()


def test_a_copy_is_measured_on_the_faces_of_its_original(faceloop: Run, project: Path) -> None:
    with Project.open(project) as opened:
        first = FaceModel.load(opened.models()[0].file).provenance
        opened.import_entries("more", islice(sample_faces(), 40, 44), scheme="face70")
    made = faceloop(
        "model", "regularise", "--component", "9=1.0001", "-p", project, "--json"
    ).json()
    with Project.open(project) as opened:
        others = len(unseen_faces(opened.faces(), first))
        copy = FaceModel.load(opened.models()[1].file).provenance
    assert first["config"]["modes"] == copy["config"]["modes"] == "varimax"
    kept_aside = first["metrics"]
    assert kept_aside["faces"] < others  # those that came later were not trained on either
    assert made["metrics"]["faces"] == kept_aside["faces"]
    assert made["metrics"]["nme_mean"] == pytest.approx(kept_aside["nme_mean"], rel=1e-3)
    assert copy["metrics"]["nme_mean"] == made["metrics"]["nme_mean"]
    assert copy["regularised"]["metrics_as_learned"] == kept_aside
    listed = faceloop("model", "list", "-p", project).out
    assert listed.count(f" {kept_aside['faces']} ") == 2


def test_a_model_whose_file_was_damaged_cannot_be_used(faceloop: Run, project: Path) -> None:
    with Project.open(project) as opened:
        file = opened.models()[0].file
    file.write_bytes(file.read_bytes()[:-100])
    for command in (("model", "use", "1"), ("evaluate",)):
        done = faceloop(*command, "--project", project)
        assert done.code == 1
        assert file.name in done.err
        assert "Traceback" not in done.err
