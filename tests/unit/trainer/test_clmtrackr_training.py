"""What clmtrackr's patch experts and score are trained on, by definition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import correlate2d

from faceloop_datasets import Conversion
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.clmtrackr import patches
from faceloop_trainer.clmtrackr.export import _independent_prior, _without_patches
from faceloop_trainer.clmtrackr.face_windows import CanvasRenderer
from faceloop_trainer.clmtrackr.patches import PATCH
from faceloop_trainer.clmtrackr.scoring import train_scoring
from faceloop_trainer.data.faces import TrainingFace

WINDOW, PLACES = PATCH + 10, 11
STARTER = FaceModel.starter()
CONVERSION = Conversion.load("face70", "clmtrackr71")
RENDERER = CanvasRenderer(_without_patches(STARTER, CONVERSION), STARTER.pdm, CONVERSION)
RNG = np.random.default_rng(0)


def face(number: int = 0) -> TrainingFace:
    record = list(sample_faces())[number]
    points, states = record.annotation.points, record.annotation.trains_patches
    picture = read_image(record.image.path, "gray")
    return TrainingFace(f"face {number}", "a", picture, points, states, states)


class TestModes:
    """clmtrackr adds a diagonal to its normal equations; a shape has to be as probable there."""

    rng = np.random.default_rng(3)
    b = rng.normal(size=(40, 12)) * 0.1
    mixing = np.eye(12) + rng.uniform(-0.2, 0.2, (12, 12))
    pdm = replace(
        STARTER.pdm,
        components=mixing @ STARTER.pdm.components[:12],
        variances=STARTER.pdm.variances[:12],
        correlation=np.corrcoef(rng.normal(size=(12, 60))),
    )

    @pytest.mark.parametrize("correlated", [True, False])
    def test_the_prior_of_every_shape_is_the_same(self, correlated: bool) -> None:
        factors = np.linspace(0.3, 4.0, 12)
        pdm = replace(self.pdm, regularisation=factors)
        pdm = pdm if correlated else replace(pdm, correlation=None)
        components, variances, free = _independent_prior(pdm)
        assert free == ()
        there, *_ = np.linalg.lstsq(components.T, pdm.components.T @ self.b.T, rcond=None)
        np.testing.assert_allclose(components.T @ there, pdm.components.T @ self.b.T, atol=1e-12)
        z = self.b / np.sqrt(pdm.variances) * np.sqrt(factors)
        matrix = np.eye(12) if pdm.correlation is None else pdm.correlation
        expected = np.einsum("mi,ij,mj->m", z, np.linalg.inv(matrix), z)
        np.testing.assert_allclose((there.T**2 / variances).sum(axis=1), expected, rtol=1e-8)

    @pytest.mark.parametrize("correlated", [True, False])
    def test_what_has_no_prior_here_has_none_there(self, correlated: bool) -> None:
        factors = np.ones(12)
        factors[[2, 7]] = 0.0
        pdm = replace(self.pdm, regularisation=factors)
        pdm = pdm if correlated else replace(pdm, correlation=None)
        components, variances, free = _independent_prior(pdm)
        assert free == ((0, 1) if correlated else (2, 7))
        # The modes without a prior span those two components, and vary as faces do.
        own = components[list(free)]
        left = pdm.components[[2, 7]]
        left = left - left @ np.linalg.pinv(own) @ own
        assert np.abs(left).max() < 1e-6
        if correlated:
            matrix = np.linalg.cholesky(self.pdm.correlation)
            drawn = np.random.default_rng(4).normal(size=(20_000, 12)) @ matrix.T
            shapes = drawn * np.sqrt(pdm.variances) @ pdm.components
            there = shapes @ np.linalg.pinv(components)
            np.testing.assert_allclose(there.var(axis=0)[:2], variances[:2], rtol=0.05)
        else:
            np.testing.assert_array_equal(variances, pdm.variances)

    def test_a_model_as_learned_keeps_its_modes(self) -> None:
        components, variances, free = _independent_prior(STARTER.pdm)
        assert components is STARTER.pdm.components
        np.testing.assert_array_equal(variances, STARTER.pdm.variances)
        assert free == ()


class TestPatches:
    windows = RNG.integers(0, 256, (3, WINDOW, WINDOW)).astype(np.uint8)
    filter = RNG.normal(size=(PATCH, PATCH))

    def test_responses_are_correlations_of_windows_scaled_to_one(self) -> None:
        rows = patches._rows(self.windows)
        found = patches._responses(rows, self.filter.ravel()).reshape(3, PLACES, PLACES)
        for window, response in zip(self.windows.astype(float), found, strict=True):
            scaled = (window - window.min()) / np.ptp(window)
            assert np.allclose(response, correlate2d(scaled, self.filter, "valid"), atol=1e-3)

    def test_the_gradient_is_the_transposed_of_the_responses(self) -> None:
        """<maps, R w> = <R' maps, w> for any maps and filter."""
        rows = patches._rows(self.windows)
        maps = RNG.normal(size=(3, PLACES * PLACES)).astype(np.float32)
        forwards = np.vdot(maps, patches._responses(rows, self.filter.ravel()))
        backwards = patches._transposed(rows, maps) @ self.filter.ravel()
        assert forwards == pytest.approx(backwards, rel=1e-4)

    def test_targets_are_gaussians_round_the_landmark_that_sum_to_one(self) -> None:
        maps = patches._targets(np.array([[1.0, -2.0], [0.3, 0.0]])).reshape(2, PLACES, PLACES)
        assert maps.sum(axis=(1, 2)) == pytest.approx([1.0, 1.0], abs=1e-6)
        row, column = np.unravel_index(maps[0].argmax(), maps[0].shape)
        assert (column - 5, row - 5) == (1, -2)
        assert maps[0][3, 7] / maps[0][3, 6] == pytest.approx(np.exp(-0.5), rel=1e-4)

    def test_an_expert_answers_where_its_mark_is(self) -> None:
        """Windows of noise, each with the same mark at its landmark."""
        rng = np.random.default_rng(2)
        offsets = rng.integers(-3, 4, (40, 2)).astype(float)
        windows = rng.integers(90, 166, (40, WINDOW, WINDOW)).astype(np.uint8)
        for window, (x, y) in zip(windows, offsets.astype(int), strict=True):
            window[13 + y : 18 + y, 13 + x : 18 + x] = 255
        weights, bias = patches._expert(windows[:30], offsets[:30])
        maps = patches._responses(patches._rows(windows[30:]), weights.ravel())
        rows, columns = np.unravel_index(maps.argmax(axis=1), (PLACES, PLACES))
        assert np.array_equal(np.stack([columns, rows], axis=1) - 5, offsets[30:])
        assert bias - 1 + maps.max() == pytest.approx(-4.0, abs=1.5)


class TestWindows:
    def test_the_offset_says_where_the_landmark_is_in_its_window(self) -> None:
        """On a picture that is dark but for a spot at each of a few landmarks."""
        one = face()
        mapped = CONVERSION.weights @ STARTER.pdm.complete(one.points)
        y, x = np.mgrid[: one.picture.shape[0], : one.picture.shape[1]]  # type: ignore[union-attr]
        for n in (7, 37, 62):
            spot = 255 * np.exp(-((x - mapped[n, 0]) ** 2 + (y - mapped[n, 1]) ** 2) / 8)
            lit = TrainingFace("a", "a", spot.astype(np.uint8), one.points, *[one.measured] * 2)
            found = RENDERER.windows(lit, np.random.default_rng(n))
            weights = found.windows[n].astype(float)
            assert weights.max() > 150
            rows, columns = np.mgrid[: len(weights), : len(weights)] + 0.5 - len(weights) / 2
            centre = np.array([(weights * columns).sum(), (weights * rows).sum()]) / weights.sum()
            assert np.allclose(centre, found.offsets[n], atol=0.15)
            assert np.abs(found.offsets).max() < 3.6

    def test_a_landmark_of_hidden_points_is_not_trained_on(self) -> None:
        one = face()
        hidden = np.where(np.arange(70) == 10, False, one.trains_patches)
        covered = TrainingFace("a", "a", one.picture, one.points, hidden, hidden)
        found = [RENDERER.windows(f, np.random.default_rng(0)).use for f in (one, covered)]
        assert np.flatnonzero(found[0] & ~found[1]).tolist() == [10]

    def test_a_moved_pose_is_shifted_in_iod_and_turned_about_the_face(self) -> None:
        one, model = face(), RENDERER.model
        true = RENDERER.moved_pose(one, Similarity())
        moved = RENDERER.moved_pose(one, Similarity.from_polar(1.5, 0.3, 0.2, -0.1))
        assert moved.scale / true.scale == pytest.approx(1.5)
        assert moved.angle - true.angle == pytest.approx(0.3)
        centre = model.mean.mean(axis=0, keepdims=True)
        left, right = true.apply(model.mean[list(model.scheme.iod)])
        shift = (moved.apply(centre) - true.apply(centre))[0] / np.linalg.norm(right - left)
        assert np.allclose(shift, [0.2, -0.1])


def test_the_score_tells_a_face_it_was_not_trained_on_from_places_beside_it() -> None:
    scoring = train_scoring(RENDERER, [face(n) for n in range(0, 32, 4)], seed=0)
    assert scoring.weights.shape == (22, 20)
    one = face(60)
    poses = [RENDERER.moved_pose(one, Similarity(tx=x)) for x in (0.0, 0.7, -0.7)]
    scores = [
        RENDERER.canvas(one.picture, pose).score(scoring, RENDERER.model.mean) for pose in poses
    ]
    assert scores[0] > 0.5 > max(scores[1:])
