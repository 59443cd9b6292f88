from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from faceloop_datasets import FaceloopError
from faceloop_runtime.imaging.channels import (
    CHANNELS,
    CropChannels,
    channel_count,
    channel_stack,
    plane_count,
    terms,
)
from faceloop_runtime.model import FaceModel
from faceloop_runtime.responses import make_backend
from faceloop_runtime.responses.cpu import CpuResponses
from faceloop_runtime.responses.experts import SEARCH, PatchExperts, windows


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


@pytest.mark.parametrize("patch", [5, 11])
@pytest.mark.parametrize("families", [("gradient", "lbp"), ("lbp", "raw"), ("raw",)])
def test_responses_to_planes_are_responses_to_channels(
    patch: int, families: tuple[str, ...]
) -> None:
    rng = np.random.default_rng(4)
    crop = rng.uniform(0, 255, (45, 52)).astype(np.float32)
    count = channel_count(families)
    weights = rng.normal(size=(5, count, patch, patch)).astype(np.float32)
    one = np.ones(5, np.float32)
    experts = PatchExperts(30.0, weights, one, one, one)
    # As near to every edge as a window may come: planes are looked at one pixel beyond.
    edge = (SEARCH + patch) // 2 - 1
    right, bottom = 51 - edge, 44 - edge
    corners = [[edge, edge], [right, edge], [edge, bottom], [right, bottom], [26, 22]]
    centres = np.array(corners, dtype=np.intp)
    maps = CpuResponses([experts]).responses(0, CropChannels(crop, families), centres)
    expected = by_loops(experts, channel_stack(crop, families), centres)
    np.testing.assert_allclose(maps, expected, atol=2e-4)


def test_responses_stay_when_others_are_computed(small_model: FaceModel) -> None:
    rng = np.random.default_rng(5)
    backend = CpuResponses(small_model.experts)
    centres = np.full((len(small_model.pdm), 2), 40, np.intp)
    crops = [CropChannels(noise(rng), small_model.channels) for _ in range(8)]
    expected = [CpuResponses(small_model.experts).responses(1, c, centres) for c in crops]
    for threads in (1, 4):
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda c: backend.responses(1, c, centres), crops * 10))
        for i, maps in enumerate(found):
            np.testing.assert_array_equal(maps, expected[i % len(crops)])


def test_a_backend_takes_crops_of_any_size_in_turn(small_model: FaceModel) -> None:
    rng = np.random.default_rng(9)
    backend = CpuResponses(small_model.experts)
    centres = np.full((len(small_model.pdm), 2), 40, np.intp)
    for shape in ((80, 80), (90, 71), (90, 71), (80, 80)):
        crop = CropChannels(rng.uniform(0, 255, shape).astype(np.float32), small_model.channels)
        expected = CpuResponses(small_model.experts).responses(0, crop, centres)
        np.testing.assert_array_equal(backend.responses(0, crop, centres), expected)


def noise(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0, 255, (80, 80)).astype(np.float32)


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


def test_no_probability_is_too_small_to_compute_with() -> None:
    one = np.ones(1, np.float32)
    experts = PatchExperts(30.0, np.zeros((1, 1, 5, 5), np.float32), one, 200 * one, one)
    responses = np.linspace(0, 1, SEARCH**2, dtype=np.float32).reshape(1, SEARCH, SEARCH)
    maps = experts.probabilities(responses)
    assert maps.min() > np.finfo(np.float32).tiny
    assert maps.min() < 1e-12
    assert maps.max() == maps[0, -1, -1] > 0.8


def test_windows_are_cut_round_their_centres() -> None:
    channels = np.arange(2 * 9 * 10, dtype=np.float32).reshape(2, 9, 10)
    cut = windows(channels, np.array([[1, 1], [8, 7]], dtype=np.intp), 3)
    np.testing.assert_array_equal(cut[:, 0], channels[:, 0:3, 0:3])
    np.testing.assert_array_equal(cut[:, 1], channels[:, 6:9, 7:10])


@pytest.mark.parametrize("families", [("gradient", "lbp"), ("lbp", "raw", "gradient")])
def test_planes_make_the_channels(families: tuple[str, ...]) -> None:
    crop = np.random.default_rng(6).uniform(0, 255, (30, 40)).astype(np.float32)
    channels = CropChannels(crop, families)
    assert len(channels.planes) == plane_count(families) < len(channels) == len(channels.maps)
    made = np.zeros_like(channels.maps)
    for term in terms(families):
        moved = np.roll(channels.planes[term.plane], (-term.dy, -term.dx), axis=(0, 1))
        made[term.channel] += term.share * moved
    np.testing.assert_allclose(made, channels.maps, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 3), (15, 16)])
def test_channels_of_a_crop_of_any_size(shape: tuple[int, int]) -> None:
    crop = np.random.default_rng(7).uniform(0, 255, shape).astype(np.float32)
    channels = CropChannels(crop, sorted(CHANNELS))
    for maps in (channels.maps, channels.planes):
        assert maps.shape[1:] == shape
        assert np.isfinite(maps).all()


def test_channels_of_a_part_of_a_picture() -> None:
    picture = np.random.default_rng(8).uniform(0, 255, (60, 70)).astype(np.float32)
    part = picture[10:40, 20:61]
    families = sorted(CHANNELS)
    view, copy = CropChannels(part, families), CropChannels(part.copy(), families)
    np.testing.assert_array_equal(view.maps, copy.maps)
    np.testing.assert_array_equal(view.planes, copy.planes)


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
