"""Each kind of filter finds a planted pattern, and ridge is what it says it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from faceloop_runtime.responses.experts import SEARCH, windows
from faceloop_trainer.experts.channel_basis import ChannelBasis
from faceloop_trainer.experts.filters import PATCH, classifier_filters, mosse_filters, ridge_filters
from faceloop_trainer.experts.moments import RADIUS, MomentGatherer, Moments, target_response

CHANNELS = 2
WIDTH = 2 * RADIUS + 1
PLAIN = ChannelBasis.plain(CHANNELS, PATCH)


def scene(rng: np.random.Generator, size: int, x: int, y: int) -> np.ndarray:
    """Strong, smooth surroundings and a fixed pattern at (x, y), (CHANNELS, size, size).

    A plain template answers to the surroundings; a filter has to have learned to ignore them.
    """
    pattern = np.random.default_rng(99).normal(0, 1.5, (CHANNELS, 7, 7))
    maps = rng.normal(0, 0.3, (CHANNELS, size, size))
    for c in range(CHANNELS):
        maps[c] += cv2.GaussianBlur(rng.normal(0, 30.0, (size, size)), (0, 0), 3.0)
    maps[:, y - 3 : y + 4, x - 3 : x + 4] += pattern
    return maps.astype(np.float32)


def gathered(faces: int, used: tuple[bool, bool] = (True, True)) -> Moments:
    """Moments of two landmarks that show the same pattern."""
    rng = np.random.default_rng(0)
    gatherer = MomentGatherer(2, CHANNELS)
    for _ in range(faces):
        offset = rng.integers(-2, 3, (2, 2))
        maps = [scene(rng, WIDTH, RADIUS + x, RADIUS + y) for x, y in offset]
        gatherer.add(np.stack(maps, axis=1), offset.astype(float), np.array(used))
    return gatherer.sums


def explicit_ridge(faces: int, strength: float) -> np.ndarray:
    """Ridge regression with one row for every shift of the patch over the padded window."""
    rng = np.random.default_rng(0)
    normal = np.zeros((CHANNELS * PATCH**2,) * 2)
    right = np.zeros(CHANNELS * PATCH**2)
    for _ in range(faces):
        offset = rng.integers(-2, 3, (2, 2))
        maps = [scene(rng, WIDTH, RADIUS + x, RADIUS + y) for x, y in offset]
        wanted = target_response(offset[:1].astype(float))[0]
        pad = PATCH - 1
        padded = np.pad(maps[0].astype(float), ((0, 0), (pad, pad), (pad, pad)))
        target = np.pad(wanted.astype(float), pad // 2)
        views = np.lib.stride_tricks.sliding_window_view(padded, (PATCH, PATCH), axis=(1, 2))
        rows = views.transpose(1, 2, 0, 3, 4).reshape(-1, len(right))
        normal += rows.T @ rows
        right += rows.T @ target.ravel()
    scale = faces * WIDTH**2
    normal, right = normal / scale, right / scale
    normal[np.diag_indices_from(normal)] += strength * np.trace(normal) / len(normal)
    return np.linalg.solve(normal, right).reshape(CHANNELS, PATCH, PATCH)


def test_ridge_from_moments_is_the_dense_shift_ridge() -> None:
    weights = ridge_filters(gathered(6), PLAIN)[0]
    expected = explicit_ridge(6, 0.02)
    np.testing.assert_allclose(weights, expected, atol=2e-3 * np.abs(expected).max())


def peak(weights: np.ndarray, maps: np.ndarray) -> tuple[int, int]:
    """Where the filter's correlation is largest, (x, y)."""
    views = np.lib.stride_tricks.sliding_window_view(maps, (PATCH, PATCH), axis=(1, 2))
    response = np.einsum("cyxij,cij->yx", views, weights)
    y, x = np.unravel_index(response.argmax(), response.shape)
    return int(x) + PATCH // 2, int(y) + PATCH // 2


@pytest.mark.parametrize("train", [ridge_filters, mosse_filters])
def test_correlation_filters_peak_at_the_pattern(train: object) -> None:
    weights = train(gathered(20), PLAIN)  # type: ignore[operator]
    rng = np.random.default_rng(7)
    for x, y in rng.integers(10, 31, (20, 2)):
        maps = scene(rng, 41, int(x), int(y))
        assert peak(weights[0], maps) == (x, y)


@pytest.mark.parametrize("train", [ridge_filters, mosse_filters])
def test_a_landmark_without_examples_has_no_filter(train: object) -> None:
    weights = train(gathered(3, (True, False)), PLAIN)  # type: ignore[operator]
    assert weights.dtype == np.float32
    assert weights[0].any()
    assert not weights[1].any()


@pytest.mark.parametrize("kind", ["svm", "logistic"])
def test_classifiers_tell_the_pattern_from_its_surroundings(kind: str) -> None:
    rng = np.random.default_rng(3)
    patches, labels = [], []
    for _ in range(60):
        maps = scene(rng, 41, 20, 20)
        beside = 20 + rng.choice([-6, -4, -3, 3, 4, 6], (4, 2))
        places = np.concatenate([[[20, 20]], beside])
        patches.append(windows(maps, places, PATCH).transpose(1, 0, 2, 3))
        labels.append([True, False, False, False, False])
    rows, truth = np.concatenate(patches).astype(np.float16), np.concatenate(labels)
    weights, bias = classifier_filters(kind, rows, truth, 0)  # type: ignore[arg-type]
    assert weights.shape == (CHANNELS, PATCH, PATCH)
    fresh = scene(np.random.default_rng(8), 41, 17, 24)
    assert peak(weights, fresh) == (17, 24)
    decision = rows.astype(float).reshape(len(rows), -1) @ weights.ravel() + bias
    assert decision[truth].min() > decision[~truth].max()


def test_the_patch_and_the_search_window_fit_the_training_window() -> None:
    # Response maps of a fit look at SEARCH + PATCH - 1 pixels; training sees as many.
    assert SEARCH + PATCH - 1 <= WIDTH


@pytest.mark.parametrize("train", [ridge_filters, mosse_filters])
def test_a_landmark_that_is_always_flat_has_no_filter(train: object) -> None:
    rng = np.random.default_rng(0)
    gatherer = MomentGatherer(2, CHANNELS)
    for _ in range(3):
        maps = scene(rng, WIDTH, RADIUS, RADIUS)
        both = np.stack([maps, np.zeros_like(maps)], axis=1)
        gatherer.add(both, np.zeros((2, 2)), np.array([True, True]))
    weights = train(gatherer.sums, PLAIN)  # type: ignore[operator]
    assert np.isfinite(weights).all()
    assert weights[0].any()
    assert not weights[1].any()
