"""The frame that faces are sampled in hardly changes, and completed points do not either."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_runtime import FaceModel
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.pdm import PointDistributionModel, face_extent
from faceloop_trainer.data.completion import CompletedFace, ReferenceFrame
from faceloop_trainer.data.faces import TrainingFace

PDM = FaceModel.starter().pdm


def moved(seed: int, far: float) -> PointDistributionModel:
    """The starter's shape model with another mean, but the eye corners."""
    mean = PDM.mean + np.random.default_rng(seed).uniform(-far, far, PDM.mean.shape)
    mean[[23, 28]] = PDM.mean[[23, 28]]
    return PointDistributionModel(mean, PDM.components, PDM.variances, PDM.noise)


def face(points: np.ndarray) -> TrainingFace:
    every = np.ones(len(points), bool)
    return TrainingFace("a", "a", np.zeros((9, 9), np.uint8), points, every, every)


@given(st.integers(0, 2**32 - 1))
def test_the_frame_is_a_coarse_grid_scaled_to_the_mean_shape(seed: int) -> None:
    pdm = moved(seed, 0.05)
    frame = ReferenceFrame.of(pdm)
    grid = np.rint(pdm.mean / 0.25)
    factors = frame.shape[grid != 0] / (0.25 * grid[grid != 0])
    assert np.allclose(factors, factors[0])  # one scale for all
    assert factors[0] / 0.02 == pytest.approx(round(factors[0] / 0.02))
    assert Similarity.between(frame.shape, pdm.mean).scale == pytest.approx(1.0, abs=0.012)
    assert 0 <= frame.extent - face_extent(pdm) < 0.1


def test_a_small_change_of_the_mean_shape_leaves_the_frame_as_it_is() -> None:
    before = ReferenceFrame.of(PDM)
    margin = np.abs(np.abs(PDM.mean / 0.25 % 1) - 0.5).min() * 0.25
    after = ReferenceFrame.of(moved(1, min(margin, 1e-4) / 2))
    assert np.array_equal(before.shape, after.shape)


def test_unknown_points_are_the_shape_models_in_whole_pixels_and_known_ones_stay() -> None:
    points = Similarity.from_polar(80.0, 0.1, 120.3, 110.7).apply(PDM.mean)
    points[[3, 40]] = np.nan
    completed = CompletedFace.of(PDM, face(points))
    known = ~np.isnan(points).any(axis=1)
    assert np.array_equal(completed.points[known], points[known])
    assert np.array_equal(completed.points[~known], np.rint(PDM.complete(points)[~known]))
    whole = CompletedFace.of(PDM, face(PDM.mean))
    assert whole.points is whole.original.points


def test_a_face_has_a_key_and_random_numbers_of_its_own() -> None:
    one, same = (CompletedFace.of(PDM, face(100 * PDM.mean)) for _ in range(2))
    other = CompletedFace.of(PDM, face(100 * PDM.mean + 1e-9))
    assert one.key == same.key != other.key
    draws = [c.rng(purpose).random() for c, purpose in ((one, 1), (same, 1), (other, 1), (one, 2))]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3
