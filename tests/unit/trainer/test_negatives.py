"""Negative examples of the validator are no faces, and of the right fold."""

from __future__ import annotations

import numpy as np

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces, sample_negatives
from faceloop_runtime import FaceModel
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.data.faces import TrainingFace
from faceloop_trainer.data.negatives import (
    _features_at,
    background_features,
    misplaced_face_features,
)

STARTER = FaceModel.starter()
PDM, CHANNELS = STARTER.pdm, STARTER.channels


def face(number: int, backgrounds: int = 0) -> TrainingFace:
    record = list(sample_faces())[number]
    every = np.ones(70, bool)
    rng = np.random.default_rng(number)
    own = tuple(rng.integers(0, 256, (96, 96)).astype(np.uint8) for _ in range(backgrounds))
    picture = read_image(record.image.path, "gray")
    return TrainingFace("a", "a", picture, record.annotation.points, every, every, own)


def test_the_validator_believes_a_face_at_its_pose_and_at_none_of_the_wrong_ones() -> None:
    for number in (0, 40):
        one = face(number)
        assert one.picture is not None
        wrong = misplaced_face_features(PDM, CHANNELS, one, np.random.default_rng(number))
        assert wrong.shape[0] == 3
        true = _features_at(PDM, CHANNELS, one.picture, Similarity.between(PDM.mean, one.points))
        assert STARTER.validator.logit(true) > 0
        assert max(STARTER.validator.logit(row) for row in wrong) < 0


def test_wrong_poses_are_the_same_for_the_same_seed_only() -> None:
    seeds = (1, 1, 2)
    one, same, other = (
        misplaced_face_features(PDM, CHANNELS, face(0), np.random.default_rng(s)) for s in seeds
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_backgrounds_come_from_the_bundled_pictures_and_by_fold_from_the_faces() -> None:
    faces = [face(0, backgrounds=2), face(4), face(8, backgrounds=1)]
    general, own = background_features(PDM, CHANNELS, faces, np.array([1, 0, 2]))
    assert len(general) == 12 * len(list(sample_negatives()))
    assert [len(rows) for rows in own] == [0, 2, 1]
    assert {rows.shape[1] for rows in (*own, general)} == {general.shape[1]}
