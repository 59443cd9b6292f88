"""What one iteration of clmtrackr is made of, by definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import correlate2d

from faceloop_runtime.clmtrackr import ClmtrackrFitter, ClmtrackrModel, MossePatches, SvmPatches
from faceloop_runtime.clmtrackr.canvas import Canvas
from faceloop_runtime.clmtrackr.iteration import ClmtrackrState, _mean_shift, _tangent, _updated
from faceloop_runtime.clmtrackr.model import Scoring
from faceloop_runtime.clmtrackr.responses import make_responses
from faceloop_runtime.geometry import Similarity

RNG = np.random.default_rng(0)
MODES, SEARCH, PATCH = 3, 11, 5


def model(patches: SvmPatches | MossePatches | None = None) -> ClmtrackrModel:
    """Random numbers, right in every shape."""
    rng = np.random.default_rng(1)
    if patches is None:
        weights = {"raw": rng.normal(size=(71, PATCH, PATCH))}
        patches = SvmPatches(weights, {"raw": rng.normal(size=71)})
    modes, _ = np.linalg.qr(rng.normal(size=(142, MODES)))
    return ClmtrackrModel(
        mean=rng.uniform(20, 80, (71, 2)),
        modes=modes,
        variances=np.array([9.0, 4.0, 1.0]),
        free=(1,),
        patches=patches,
        canvas=(100, 90),
        scoring=None,
    )


PARAMETERS = np.array([0.1, -0.05, 12.0, 7.0, 1.0, -0.5, 0.2])


def test_the_tangent_is_how_the_points_move_with_each_parameter() -> None:
    one, step = model(), 1e-6
    for k, column in enumerate(_tangent(one, PARAMETERS).T):
        nudge = step * (np.arange(len(PARAMETERS)) == k)
        moved = one.points(PARAMETERS + nudge) - one.points(PARAMETERS - nudge)
        assert np.allclose(moved.ravel() / (2 * step), column, atol=1e-6)


def test_an_update_minimises_the_squared_error_plus_the_prior() -> None:
    one, weight = model(), 5.0
    shift = np.random.default_rng(2).normal(0, 0.3, (71, 2))
    found = _updated(one, PARAMETERS, shift, weight)
    tangent = _tangent(one, PARAMETERS)
    # As one least-squares problem: rows for the points, and rows for the prior of the modes.
    root = np.sqrt(weight * np.array([0, 0, 0, 0, 1 / 9, 1e-7, 1.0]))
    rows = np.vstack([tangent, np.diag(root)])
    step, *_ = np.linalg.lstsq(rows, np.concatenate([shift.ravel(), -root * PARAMETERS]))
    assert np.allclose(found, PARAMETERS + step, atol=1e-8)


def test_modes_stay_within_three_standard_deviations() -> None:
    one = model()
    found = _updated(one, PARAMETERS, 100 * one.modes[:, 0].reshape(71, 2), 1e-9)
    assert found[4] == pytest.approx(9.0)


def test_a_mean_shift_is_the_mean_of_the_window_weighted_by_response_and_kernel() -> None:
    maps, variance = RNG.uniform(size=(71, SEARCH, SEARCH)), 4.0
    points = RNG.uniform(-1, 1, (71, 2))
    grid = np.arange(SEARCH) - SEARCH // 2
    windows = np.broadcast_to(grid.astype(float), (71, 2, SEARCH))
    found = _mean_shift(maps, windows, points, variance)
    for n in (0, 35, 70):
        y, x = np.meshgrid(grid, grid, indexing="ij")
        squared = (x - points[n, 0]) ** 2 + (y - points[n, 1]) ** 2
        weights = maps[n] * np.exp(-squared / (2 * variance))
        mean = np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()
        assert np.allclose(found[n], mean - points[n])
    assert np.array_equal(_mean_shift(0 * maps, windows, points, variance), np.zeros((71, 2)))


def test_the_prediction_goes_on_with_nine_tenths_of_the_last_movement() -> None:
    before, last = PARAMETERS, PARAMETERS + 1.0
    state = ClmtrackrState(last, np.zeros((71, 2)), (before, last))
    assert np.allclose(state.predicted(), last + 0.9)
    alone = ClmtrackrState(last, np.zeros((71, 2)), (last,))
    assert np.array_equal(alone.predicted(), last)


class TestCanvas:
    picture = np.random.default_rng(3).integers(0, 256, (140, 160)).astype(np.uint8)

    def drawn(self, *parameters: float) -> Canvas:
        return Canvas.draw(model(), self.picture, np.array([*parameters, 0, 0, 0]))

    def test_a_shift_by_whole_pixels_copies_the_picture(self) -> None:
        canvas = self.drawn(0, 0, 20, 10)
        inner = canvas.pixels[canvas.margin : -canvas.margin, canvas.margin : -canvas.margin]
        height, width = inner.shape
        assert np.array_equal(inner, self.picture[10 : 10 + height, 20 : 20 + width])

    def test_outside_the_picture_there_is_nothing(self) -> None:
        assert not self.drawn(0, 0, 1000, 0).pixels.any()

    def test_colours_are_weighed_as_clmtrackr_does(self) -> None:
        colour = np.zeros((140, 160, 3), np.uint8) + np.array([100, 200, 50], np.uint8)
        canvas = Canvas.draw(model(), colour, np.array([0, 0, 20.0, 10.0, 0, 0, 0]))
        assert canvas.pixels[60, 60] == pytest.approx(0.3 * 100 + 0.59 * 200 + 0.11 * 50)

    def test_windows_are_cut_round_their_points(self) -> None:
        canvas, points = self.drawn(0, 0, 20, 10), np.array([[50.5, 40.5], [-999.0, 9999.0]])
        (x, y), far = canvas.window_corners(points, 15)
        window = canvas.pixels[y : y + 15, x : x + 15]
        assert window[7, 7] == self.picture[10 + 40, 20 + 50]
        height, width = canvas.pixels.shape
        assert far.tolist() == [0, height - 15]
        assert width > 15

    def test_the_score_is_the_logistic_function_of_the_weighted_region(self) -> None:
        canvas, mean = self.drawn(0, 0, 20, 10), model().mean
        scoring = Scoring(np.random.default_rng(4).normal(0, 0.05, (22, 20)), 0.3)
        region = canvas.scored_region(mean, (20, 22))
        assert region is not None
        assert (region.mean(), region.std()) == pytest.approx((0.0, 1.0))
        logit = (region * scoring.weights).sum() + 0.3
        assert canvas.score(scoring, mean) == pytest.approx(1 / (1 + np.exp(-logit)))
        assert self.drawn(0, 0, 1000, 0).score(scoring, mean) == 0.0


class TestResponses:
    picture = np.random.default_rng(5).integers(0, 256, (140, 160)).astype(np.uint8)

    def scaled(self, response: np.ndarray) -> np.ndarray:
        """To 0..1, where the limits are taken to be at least 1 and 0."""
        low = min(response.min(), 1.0)
        return (response - low) / (max(response.max(), 0.0) - low)

    def test_linear_patches_are_correlated_with_windows_scaled_to_one(self) -> None:
        one = model()
        assert isinstance(one.patches, SvmPatches)
        canvas = Canvas.draw(one, self.picture, np.array([0, 0, 20.0, 10.0, 0, 0, 0]))
        maps = make_responses(one)(canvas, one.mean)
        corners = canvas.window_corners(one.mean, one.window)
        for n in (0, 40, 70):
            x, y = corners[n]
            window = canvas.pixels[y : y + one.window, x : x + one.window]
            window = (window - window.min()) / np.ptp(window)
            logits = correlate2d(window, one.patches.weights["raw"][n], "valid")
            logits += one.patches.bias["raw"][n] - 1
            assert np.allclose(maps[n], self.scaled(1 / (1 + np.exp(-logits))), atol=1e-9)

    def test_correlation_filters_multiply_the_spectrum_of_a_faded_window(self) -> None:
        rng = np.random.default_rng(6)
        transfer = rng.normal(size=(71, 16, 16)) + 1j * rng.normal(size=(71, 16, 16))
        one = model(MossePatches(transfer))
        canvas = Canvas.draw(one, self.picture, np.array([0, 0, 20.0, 10.0, 0, 0, 0]))
        maps = make_responses(one)(canvas, one.mean)
        x, y = canvas.window_corners(one.mean, 16)[12]
        window = np.log(canvas.pixels[y : y + 16, x : x + 16] + 1)
        window = (window - window.mean()) / np.linalg.norm(window - window.mean())
        sine = np.sin(np.pi * np.arange(16) / 15)
        window *= np.minimum(sine[:, None], sine[None])
        response = np.fft.ifft2(np.fft.fft2(window) * transfer[12]).real
        assert np.allclose(maps[12], self.scaled(response), atol=1e-9)

    def test_a_window_without_contrast_has_the_same_response_everywhere(self) -> None:
        one = model()
        flat = np.full((140, 160), 90, np.uint8)
        canvas = Canvas.draw(one, flat, np.array([0, 0, 20.0, 10.0, 0, 0, 0]))
        middle = np.full((71, 2), 45.0)
        assert np.array_equal(make_responses(one)(canvas, middle), np.ones((71, SEARCH, SEARCH)))


def test_the_start_of_a_pose_puts_the_mean_shape_half_a_pixel_further_than_ours() -> None:
    fitter = ClmtrackrFitter(model())
    pose = Similarity.from_polar(60.0, 0.1, 70.0, 65.0)
    expected = pose.apply(fitter.centred_mean()) + 0.5
    assert np.allclose(fitter.start(pose).points, expected)
    left, right = fitter.centred_mean()[list(fitter.model.scheme.iod)]
    assert np.linalg.norm(right - left) == pytest.approx(1.0)
