"""What faces express from frame to frame: without what is always the same in a person's face."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np

from faceloop_datasets import Video
from faceloop_datasets.sample import sample_clip
from faceloop_runtime import FaceModel, Tracker
from faceloop_runtime.expressions import ExpressionClassifier, landmark_pairs, person_share

NAMES = ("calm", "glad", "wink")


def knowing(starter: FaceModel, typical: np.ndarray) -> FaceModel:
    """The starter with a classifier of chance numbers, the same whatever is typical."""
    rng = np.random.default_rng(0)
    cells = starter.point_predictor.typical.size  # type: ignore[union-attr]
    shapes = [(len(landmark_pairs(starter.pdm.mean)), 3), (cells, 3), (3,)]
    arrays = (rng.normal(0, 0.05, shape).astype(np.float32) for shape in shapes)
    classifier = ExpressionClassifier(*arrays, typical.astype(np.float32))
    return replace(starter, expressions=classifier, expression_names=NAMES)


def shares(starter: FaceModel, typical: np.ndarray, count: int) -> np.ndarray:
    """Probabilities of the first frames of the clip, a row a frame."""
    tracker = Tracker(knowing(starter, typical), backend="cpu")
    found = [one.faces[0].fit for one in islice(tracker.track(sample_clip()), count)]
    return np.array([list((fit.expressions or {}).values()) for fit in found])


def test_a_tracker_learns_what_is_a_persons_own(starter: FaceModel) -> None:
    typical = np.random.default_rng(1).normal(0, 2, (3, 3))
    ours, others = shares(starter, typical, 3), shares(starter, np.zeros((3, 3)), 3)
    np.testing.assert_allclose(ours[:2], others[:2])  # nothing is known of the person
    times = [frame.time for frame in islice(Video(sample_clip()), 3)]
    weight = person_share(times[1] - times[0])
    apart = np.log(ours[2]) - np.log(others[2])
    expected = weight * (ours[1] @ typical)
    np.testing.assert_allclose(
        apart - apart.mean(), expected - expected.mean(), rtol=1e-3, atol=1e-5
    )
