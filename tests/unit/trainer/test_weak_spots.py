"""Where a model errs most, on errors that are written down by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from faceloop_datasets import Scheme
from faceloop_runtime import FaceModel
from faceloop_runtime.pdm3d.rotation import rotations
from faceloop_trainer.data.faces import TrainingFace
from faceloop_trainer.evaluation.result import Evaluation
from faceloop_trainer.evaluation.weak_spots import is_turned, turns, weak_spots, weak_subject

Floats = NDArray[np.float64]
SCHEME = Scheme.load("face70")
STARTER = FaceModel.starter()


def turned(yaw: float, pitch: float = 0.0) -> Floats:
    """The starter's mean face in space as it is seen turned, (70, 2), in pixels."""
    assert STARTER.shape3d is not None
    rotation = rotations(np.array([yaw, pitch, 0.0]))
    return np.asarray(100.0 * (STARTER.shape3d.mean @ rotation.T)[:, :2])


def faces(angles: list[float]) -> list[TrainingFace]:
    none = np.zeros(70, bool)
    return [TrainingFace(f"f{k}", "s", None, turned(a), none, none) for k, a in enumerate(angles)]


def evaluation(point_errors: Floats, subjects: list[str]) -> Evaluation:
    count = len(point_errors)
    return Evaluation(
        scheme=SCHEME,
        items=tuple(range(count)),
        names=tuple(f"f{k}" for k in range(count)),
        subjects=tuple(subjects),
        errors=np.nanmean(point_errors, axis=1),
        point_errors=point_errors,
        predicted=np.full(count, 0.03),
        fitted=np.zeros((count, 70, 2)),
        start="jitter",
    )


@pytest.mark.parametrize("yaw", [-40.0, -10.0, 0.0, 25.0])
def test_a_turn_is_read_off_the_points(yaw: float) -> None:
    uncorrected = replace(STARTER, pose_correction=None)
    found = turns(uncorrected, turned(yaw, 5.0)[None])
    np.testing.assert_allclose(found, [[yaw, 5.0]], atol=2.0)


def test_faces_of_too_few_points_are_not_turned() -> None:
    points = np.full((70, 2), np.nan)
    points[:5] = turned(0.0)[:5]
    found = turns(STARTER, points[None])
    assert np.isnan(found).all()
    assert not is_turned(found, "turned to the left").any()


def test_an_error_that_is_alike_everywhere_has_no_weak_spot() -> None:
    found = evaluation(np.full((8, 70), 0.03), ["a"] * 4 + ["b"] * 4)
    assert weak_spots(STARTER, found, faces([0.0] * 8), []) == []


def test_part_and_pose_are_found() -> None:
    errors = np.full((8, 70), 0.03)
    errors[:, list(SCHEME.groups["contour"])] = 0.06
    errors[4:] *= 2  # those that are turned to the left
    held = faces([0.0] * 4 + [-40.0] * 4)
    group, pose = weak_spots(STARTER, evaluation(errors, ["b"] * 8), held, faces([-40.0, 0.0]))
    assert (group.kind, group.name, group.faces) == ("points", "contour", 8)
    assert group.error == pytest.approx(1.5 * 0.06)  # half of the faces are twice as bad
    assert group.rest == pytest.approx(1.5 * 0.03)
    assert (pose.kind, pose.name, pose.faces, pose.trained) == ("pose", "turned to the left", 4, 1)
    assert pose.error == pytest.approx(2 * pose.rest)


def test_whom_it_errs_on_most_is_found() -> None:
    people = ["b", "b", "b", "b", "anna", "anna", "anna", "anna"]
    person = weak_subject([0.03] * 4 + [0.09, 0.09, 0.12, np.inf], people)
    assert person is not None
    # Who was not found counts for no mean.
    assert (person.kind, person.name, person.faces) == ("subject", "anna", 4)
    assert (person.error, person.rest) == (pytest.approx(0.1), pytest.approx(0.03))
    assert weak_subject([0.03] * 8, people) is None


def test_two_faces_are_no_reason_to_name_a_person() -> None:
    assert weak_subject([0.03] * 6 + [0.09] * 2, ["b"] * 6 + ["anna"] * 2) is None
