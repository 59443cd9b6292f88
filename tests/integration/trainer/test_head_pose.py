"""Head poses of faces that a model has not seen: from annotation to fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets.sample import sample_turns
from faceloop_runtime import Detector, FaceModel, Fitter, HeadPose
from faceloop_runtime.pdm3d import head_pose
from faceloop_trainer.data.split import fingerprint
from faceloop_trainer.train import train_faces

from .conftest import QUICK

if TYPE_CHECKING:
    from faceloop_datasets import Project, Scheme
    from faceloop_trainer import TrainingResult
    from faceloop_trainer.data.faces import TrainingFace


@pytest.fixture(scope="module")
def fits(
    trained: TrainingResult, sample_project: Project
) -> tuple[list[HeadPose], np.ndarray, np.ndarray]:
    """Poses of faces of unseen people, their true turns, and how far off the fits are."""
    detector, fitter, true = Detector(), Fitter(trained.model, "cpu"), sample_turns()
    seen = set(trained.model.provenance["training_subjects"])
    poses, turns, errors = [], [], []
    for face in sample_project.faces():
        if fingerprint(face.subject_key) in seen:
            continue
        picture = face.read_rgb()
        fit = fitter.fit(picture, detector.detect(picture)[0])
        assert fit.head_pose is not None
        poses.append(fit.head_pose)
        turns.append(true[face.name])
        errors.append(np.linalg.norm(fit.points - face.annotation.points, axis=1).mean())
    return poses, np.array(turns), np.array(errors)


def test_fits_of_unseen_people_tell_how_their_heads_are_turned(
    fits: tuple[list[HeadPose], np.ndarray, np.ndarray],
) -> None:
    poses, turns, _ = fits
    found = np.array([(pose.yaw, pose.pitch, pose.roll) for pose in poses])
    assert len(found) >= 8
    off = np.abs(found - turns)
    assert np.median(off[:, 0]) < 3.0
    assert np.median(off[:, 1]) < 6.0
    assert np.median(off[:, 2]) < 2.5
    assert np.corrcoef(found[:, 0], turns[:, 0])[0, 1] > 0.97
    assert all(1.0 < pose.error < 20.0 for pose in poses)


def test_the_report_says_what_showed_depth(trained: TrainingResult) -> None:
    about = trained.report["shape3d"]
    assert about["faces"] == trained.report["faces"]
    assert about["turn"] > 10.0
    assert about["agreement"] > 0.8
    assert "lacking" not in about


def test_the_nose_is_in_front_of_the_contour(trained: TrainingResult) -> None:
    shape = trained.model.shape3d
    assert shape is not None
    names = trained.model.scheme.names
    depth = dict(zip(names, shape.mean[:, 2], strict=True))
    assert depth["nose tip"] > depth["left eye outer"] + 0.2 > depth[names[0]] + 0.2


def test_a_model_of_few_faces_says_why_it_has_no_depth(
    few_faces: list[TrainingFace], scheme: Scheme
) -> None:
    model = train_faces(scheme, few_faces[:11], QUICK)
    assert model.shape3d is None
    assert model.pose_correction is None
    assert "11 faces are too few" in model.provenance["shape3d"]["lacking"]


def test_turns_that_are_known_exactly_teach_by_that(
    few_faces: list[TrainingFace], scheme: Scheme
) -> None:
    raised = {
        name: (yaw, pitch + 30.0, roll) for name, (yaw, pitch, roll) in sample_turns().items()
    }
    told = [replace(face, turn=raised[face.name]) for face in few_faces]
    model = train_faces(scheme, told, QUICK)
    assert model.shape3d is not None
    assert model.provenance["shape3d"]["agreement"] > 0.9
    pitch = [head_pose(model.shape3d, None, face.points, 0.02).pitch for face in few_faces]
    assert np.mean(pitch) == pytest.approx(
        np.mean([face.turn[1] for face in told if face.turn]), abs=4.0
    )


def test_without_the_network_a_pose_comes_from_points_alone(trained: TrainingResult) -> None:
    model: FaceModel = trained.model
    assert model.shape3d is not None
    points = 100.0 * model.shape3d.mean[:, :2]
    pose = head_pose(model.shape3d, None, points, 0.02)
    assert (pose.yaw, pose.pitch, pose.roll) == pytest.approx((0.0, 0.0, 0.0), abs=0.5)
