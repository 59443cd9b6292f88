from __future__ import annotations

import numpy as np
import pytest

from faceloop_datasets import FaceloopError
from faceloop_runtime.backends import make_backend
from faceloop_runtime.backends.cpu import CpuResponses
from faceloop_runtime.channels import CHANNELS, channel_count, channel_stack
from faceloop_runtime.experts import SEARCH, PatchExperts, windows
from faceloop_runtime.model import FaceModel


def by_loops(experts: PatchExperts, channels: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The definition, spelled out."""
    half, reach = SEARCH // 2, experts.patch // 2
    maps = np.zeros((len(centres), SEARCH, SEARCH))
    for n, (cx, cy) in enumerate(centres):
        for i in range(SEARCH):
            for j in range(SEARCH):
                x, y = cx + j - half, cy + i - half
                patch = channels[:, y - reach : y + reach + 1, x - reach : x + reach + 1]
                maps[n, i, j] = (patch * experts.weights[n]).sum() + experts.bias[n]
    return maps


@pytest.mark.parametrize("patch", [5, 11])
def test_responses_agree_with_a_plain_loop(patch: int) -> None:
    rng = np.random.default_rng(0)
    one = np.ones(6, np.float32)
    weights = rng.normal(size=(6, 3, patch, patch)).astype(np.float32)
    experts = PatchExperts(30.0, weights, rng.normal(size=6).astype(np.float32), one, one)
    channels = rng.normal(size=(3, 50, 61)).astype(np.float32)
    edge = (SEARCH + patch) // 2
    inside = rng.integers(edge, [61 - edge, 50 - edge], (4, 2))
    centres = np.concatenate([inside, [[edge, edge], [60 - edge, 49 - edge]]]).astype(np.intp)
    maps = CpuResponses([experts]).responses(0, channels, centres)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, by_loops(experts, channels, centres), atol=2e-4)


def test_each_level_uses_its_own_experts(small_model: FaceModel) -> None:
    rng = np.random.default_rng(1)
    c = channel_count(small_model.channels)
    channels = rng.normal(size=(c, 80, 80)).astype(np.float32)
    centres = np.full((len(small_model.pdm), 2), 40, np.intp)
    backend = make_backend("cpu", small_model.experts)
    for level, experts in enumerate(small_model.experts):
        maps = backend.responses(level, channels, centres)
        np.testing.assert_allclose(maps, by_loops(experts, channels, centres), atol=2e-4)


def test_an_unknown_backend_is_named(small_model: FaceModel) -> None:
    with pytest.raises(FaceloopError, match="'quantum'; expected one of: auto, "):
        make_backend("quantum", small_model.experts)


def test_probabilities_sum_to_one_and_follow_the_gain() -> None:
    rng = np.random.default_rng(2)
    one = np.ones(2, np.float32)
    gain = np.array([1, 5], np.float32)
    experts = PatchExperts(30.0, np.zeros((2, 1, 5, 5), np.float32), one, gain, one)
    responses = np.repeat(rng.normal(size=(1, SEARCH, SEARCH)).astype(np.float32) * 50, 2, axis=0)
    maps = experts.probabilities(responses)
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), 1, rtol=1e-5)
    assert maps[1].max() >= maps[0].max()
    assert (maps.reshape(2, -1).argmax(axis=1) == responses.reshape(2, -1).argmax(axis=1)).all()


def test_windows_are_cut_round_their_centres() -> None:
    channels = np.arange(2 * 9 * 10, dtype=np.float32).reshape(2, 9, 10)
    cut = windows(channels, np.array([[1, 1], [8, 7]], dtype=np.intp), 3)
    np.testing.assert_array_equal(cut[:, 0], channels[:, 0:3, 0:3])
    np.testing.assert_array_equal(cut[:, 1], channels[:, 6:9, 7:10])


@pytest.mark.parametrize("family", sorted(CHANNELS))
def test_channels_hardly_depend_on_light(family: str) -> None:
    rng = np.random.default_rng(3)
    crop = rng.uniform(60, 190, (40, 50)).astype(np.float32)
    maps = channel_stack(crop, [family])
    assert maps.shape == (channel_count([family]), 40, 50)
    assert np.isfinite(maps).all()
    np.testing.assert_allclose(channel_stack(crop + 40, [family]), maps, atol=1e-3)
    brighter = channel_stack(crop * 1.3, [family])
    assert np.abs(brighter - maps).mean() < 0.1 * np.abs(maps).mean()


def test_a_flat_crop_gives_zeros() -> None:
    maps = channel_stack(np.full((30, 30), 128, np.float32), sorted(CHANNELS))
    np.testing.assert_allclose(maps, 0, atol=1e-4)
