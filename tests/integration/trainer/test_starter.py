"""The bundled model finds the faces of the sample, and its command trains on rendered faces.

It takes minutes to train, and rendered faces that do not come with faceloop: here its command is
run on a few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_runtime import FaceModel
from faceloop_runtime.fit.fitter import Fitter
from faceloop_trainer import starter
from faceloop_trainer.data.perturbation import Jitter, jittered_pose
from faceloop_trainer.start_network.rendered import is_aside

if TYPE_CHECKING:
    from pathlib import Path

    from faceloop_datasets import Project
    from faceloop_trainer.data.faces import TrainingFace


@pytest.fixture(scope="module")
def bundled() -> FaceModel:
    return FaceModel.starter()


def test_the_bundled_model_finds_the_faces_it_was_made_from(
    bundled: FaceModel, unseen_faces: list[TrainingFace]
) -> None:
    fitter, rng, errors = Fitter(bundled), np.random.default_rng(0), []
    for face in unseen_faces:
        iod = bundled.scheme.inter_ocular_distance(face.points)
        pose = jittered_pose(bundled.pdm, face.points, iod, Jitter(), rng)
        assert face.picture is not None
        fit = fitter.fit_near(face.picture, pose)
        errors.append(np.linalg.norm(fit.points - face.points, axis=1).mean() / iod)
    assert np.median(errors) < 0.03
    assert max(errors) < 0.10


def test_it_was_trained_on_the_whole_sample_and_starts_from_the_network(
    bundled: FaceModel,
) -> None:
    assert bundled.scheme.name == "face70"
    assert bundled.provenance["faces"] == 400 + 1500
    assert bundled.start_map is not None
    assert bundled.detector is not None


def test_the_command_trains_on_rendered_faces_of_people_who_are_not_kept_aside(
    tmp_path: Path, sample_project: Project
) -> None:
    """The sample's own pictures stand for rendered ones; few of it, so that it is quick."""
    records = list(sample_project.faces())[:24]
    people = [name for name in map("p{}".format, range(60)) if not is_aside(name)][:12]
    aside = next(name for name in map("p{}".format, range(60)) if is_aside(name))
    rows = []
    for number, record in enumerate(records):
        points, shown = record.annotation.points, record.annotation.states == 0
        name = aside if number == 0 else people[number // 2]
        turns = ("0", "0", "0")
        places = (f"{x:.2f},{y:.2f},{int(v)}" for (x, y), v in zip(points, shown, strict=True))
        rows.append(",".join([str(record.media), name, *turns, *places]))
    columns = [f"{axis}{k:02d}" for k in range(70) for axis in "xyv"]
    head = ",".join(["file", "identity", "yaw", "pitch", "roll", *columns])
    (tmp_path / "annotations.csv").write_text("\n".join([head, *rows]))
    table = starter.RenderedTable.read(tmp_path)
    faces = starter.rendered_faces(table)
    assert len(faces) == 23
    assert {face.subject for face in faces} == {f"rendered {name}" for name in people}
    occluded = [int((face.annotation.states == 1).sum()) for face in faces]
    assert occluded == [int((record.annotation.states != 0).sum()) for record in records[1:]]
