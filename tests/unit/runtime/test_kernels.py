"""The compiled kernels compute what NumPy does, whatever the sizes and the numbers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceloop_runtime.fit.meanshift import (
    Evidence,
    ShapePrior,
    ShapeState,
    landmark_weights,
    regularised_mean_shift,
)
from faceloop_runtime.imaging.channels import CHANNELS, CropChannels
from faceloop_runtime.kernels import compiled, describe, library
from faceloop_runtime.pdm import PointDistributionModel
from faceloop_runtime.responses.cpu import CpuResponses
from faceloop_runtime.responses.experts import SEARCH, PatchExperts

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(compiled() is None, reason=describe())

FAMILIES = st.lists(st.sampled_from(sorted(CHANNELS)), min_size=1, max_size=3, unique=True)
SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=40, deadline=None)


def by_numpy(call: Callable[[], Any]) -> Any:
    """Call with the kernels switched off."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "switched_off", True)
        assert compiled() is None
        return call()


def both(call: Callable[[], Any]) -> tuple[Any, Any]:
    """What the kernels make of it, and what NumPy does."""
    assert compiled() is not None
    return call(), by_numpy(call)


def crops(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return noise beside something flat."""
    crop = rng.uniform(0, 255, (height, width)).astype(np.float32)
    crop[: height // 3] = 128.0
    return crop


@few
@given(FAMILIES, st.integers(2, 40), st.integers(2, 40), SEEDS)
def test_planes(families: list[str], height: int, width: int, seed: int) -> None:
    crop = crops(np.random.default_rng(seed), height, width)
    found, expected = both(lambda: CropChannels(crop, families).planes)
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("stretch", [1, 2])
def test_planes_of_a_part_of_a_picture(stretch: int) -> None:
    picture = crops(np.random.default_rng(0), 90, 120)
    part = picture[10:70:stretch, 20:90]
    found, expected = both(lambda: CropChannels(part, sorted(CHANNELS)).planes)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def experts_of(rng: np.random.Generator, landmarks: int, channels: int, patch: int) -> PatchExperts:
    weights = rng.normal(0, 0.1, (landmarks, channels, patch, patch)).astype(np.float32)
    bias, gain = rng.normal(size=(2, landmarks)).astype(np.float32)
    return PatchExperts(24.0, weights, bias, gain, rng.uniform(0, 1, landmarks).astype(np.float32))


@few
@given(
    st.integers(1, 80),
    FAMILIES,
    st.sampled_from([1, 3, 5, 11, 13, 15, 21, 25]),
    st.integers(0, 30),
    SEEDS,
)
def test_responses(landmarks: int, families: list[str], patch: int, more: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = SEARCH + patch + 2 + more
    channels = CropChannels(crops(rng, size, size + 3), families)
    experts = experts_of(rng, landmarks, len(channels), patch)
    experts.weights[:, rng.integers(len(channels))] = 0.0
    border = (SEARCH + patch) // 2
    centres = rng.integers(border, size - border, (landmarks, 2))
    backend = CpuResponses([experts])
    found, expected = both(lambda: backend.responses(0, channels, centres))
    np.testing.assert_allclose(found, expected, atol=2e-5 * patch)
    found, expected = both(lambda: backend.responses(0, channels.maps, centres))
    np.testing.assert_allclose(found, expected, atol=2e-5 * patch)


def test_responses_far_outside_the_picture_read_nothing_else() -> None:
    rng = np.random.default_rng(0)
    maps, experts = rng.normal(size=(2, 40, 50)).astype(np.float32), experts_of(rng, 5, 2, 11)
    far = np.array([[-1000, 20], [20, -1000], [1000, 20], [20, 1000], [2**63 - 1, -(2**63)]])
    found = CpuResponses([experts]).responses(0, maps, far)
    np.testing.assert_array_equal(found, np.broadcast_to(experts.bias[:, None, None], found.shape))


def test_responses_of_other_maps_than_the_experts_are_refused() -> None:
    rng = np.random.default_rng(0)
    backend = CpuResponses([experts_of(rng, 5, 2, 11)])
    with pytest.raises(ValueError, match=r"\(3, 40, 40\)"):
        backend.responses(0, np.zeros((3, 40, 40), np.float32), np.full((5, 2), 20))


@few
@given(st.integers(1, 150), st.sampled_from([0.0, 1.0, 30.0]), SEEDS)
def test_probabilities_and_weights(landmarks: int, gain: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    experts = experts_of(rng, landmarks, 1, 1)
    experts.gain[:] = gain
    experts.reliability[rng.uniform(size=landmarks) < 0.3] = 0.0
    responses = rng.normal(size=(landmarks, SEARCH, SEARCH)).astype(np.float32)
    maps, expected = both(lambda: experts.probabilities(responses))
    np.testing.assert_allclose(maps, expected, rtol=1e-4)
    found, expected = both(lambda: landmark_weights(maps, experts.reliability))
    np.testing.assert_allclose(found, expected, rtol=2e-5)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_probabilities_of_what_is_no_number(odd: float) -> None:
    rng = np.random.default_rng(0)
    experts = experts_of(rng, 40, 1, 1)
    responses = rng.normal(size=(40, SEARCH, SEARCH)).astype(np.float32)
    responses[7, 3, 4] = odd
    with np.errstate(invalid="ignore", over="ignore"):
        found, expected = both(lambda: experts.probabilities(responses))
    np.testing.assert_allclose(found, expected, rtol=2e-5)


def search_of(
    rng: np.random.Generator, landmarks: int, modes: int, context: float
) -> tuple[PointDistributionModel, Evidence, ShapeState, ShapePrior]:
    components = np.linalg.qr(rng.normal(size=(2 * landmarks, modes)))[0].T.copy()
    variances = 0.1 / np.arange(1, modes + 1) ** 2
    mean = rng.uniform(-1, 1, (landmarks, 2))
    pdm = PointDistributionModel(mean, components, variances, 1e-4, context)
    responses = rng.normal(size=(landmarks, SEARCH, SEARCH)).astype(np.float32)
    maps = experts_of(rng, landmarks, 1, 1).probabilities(responses)
    centres = mean @ [1, 1j] + 0.02 * rng.normal(size=landmarks)
    trust = rng.uniform(0, 1, landmarks) * (rng.uniform(size=landmarks) < 0.7)
    start = ShapeState(1 + 0.1j, 0.02 - 0.01j, rng.normal(size=modes) * np.sqrt(variances))
    correlation = np.linalg.inv(np.corrcoef(rng.normal(size=(modes, 5 * modes))).reshape(modes, -1))
    prior = ShapePrior(0.1 * start.b, 2 * variances, correlation)
    return pdm, Evidence(maps, centres, 40.0, trust), start, prior


@few
@given(
    st.integers(2, 90),
    st.integers(1, 30),
    st.sampled_from([0.0, 1.2]),
    st.lists(st.floats(0.5, 30.0), max_size=5),
    SEEDS,
)
def test_mean_shift(
    landmarks: int, modes: int, context: float, variances: list[float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pdm, seen, start, prior = search_of(rng, landmarks, min(modes, landmarks), context)
    call = partial(regularised_mean_shift, pdm, seen, start, variances, noise=3.0, prior=prior)
    (state, step), (expected, expected_step) = both(call)
    at = np.concatenate([[state.turn, state.shift], state.b])
    there = np.concatenate([[expected.turn, expected.shift], expected.b])
    # Where no landmark is trusted, pose and rounding are all that is left.
    assert np.abs(at - there).max() <= 2e-4 * max(1.0, np.abs(there).max())
    assert step == pytest.approx(expected_step, abs=2e-4)


def test_no_landmark_is_trusted() -> None:
    pdm, seen, start, prior = search_of(np.random.default_rng(0), 70, 20, 0.0)
    blind = Evidence(seen.maps, seen.centres, seen.scale, np.zeros(70))
    state, _ = regularised_mean_shift(pdm, blind, start, [5.0, 2.0], noise=3.0, prior=prior)
    assert state.turn == pytest.approx(start.turn)
    assert state.shift == pytest.approx(start.shift)
    np.testing.assert_allclose(state.b, prior.mean, atol=1e-9)


@pytest.mark.parametrize("where", ["maps", "centres"])
def test_what_is_no_number_stays_none(where: str) -> None:
    pdm, seen, start, prior = search_of(np.random.default_rng(0), 10, 4, 0.0)
    seen.weights[:] = 1.0
    getattr(seen, where)[0] = np.nan
    call = partial(regularised_mean_shift, pdm, seen, start, [5.0], noise=3.0, prior=prior)
    for state, step in both(call):
        assert np.isnan(step)
        assert np.isnan(state.b).all()
        assert np.isnan(state.turn)


def test_equations_without_a_solution_are_told() -> None:
    pdm, seen, start, prior = search_of(np.random.default_rng(0), 10, 4, 0.0)
    seen.weights[:] = -1.0
    call = partial(regularised_mean_shift, pdm, seen, start, [5.0], noise=1e-9, prior=prior)
    for one in (call, lambda: by_numpy(call)):
        with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
            one()


def moved(array: np.ndarray, by: int) -> np.ndarray:
    """Copy to a place in memory that lies so many numbers behind one a cache line begins at."""
    memory = np.empty(array.size + 64, array.dtype)
    first = -(memory.ctypes.data // array.itemsize) % 16 + by
    copy = memory[first : first + array.size].reshape(array.shape)
    copy[...] = array
    return copy


def test_results_do_not_depend_on_where_arrays_lie() -> None:
    rng = np.random.default_rng(0)
    pdm, seen, start, prior = search_of(rng, 70, 20, 0.0)
    crop, experts = crops(rng, 61, 61), experts_of(rng, 70, 8, 11)
    backend, centres = CpuResponses([experts]), rng.integers(11, 50, (70, 2))

    def results(by: int) -> list[np.ndarray]:
        maps = moved(seen.maps.transpose(1, 2, 0), by).transpose(2, 0, 1)
        evidence = Evidence(maps, seen.centres, seen.scale, moved(seen.weights, by))
        planes = CropChannels(moved(crop, by), sorted(CHANNELS)).planes
        return [
            planes.copy(),
            backend.responses(0, moved(planes, by), centres),
            experts.probabilities(maps),
            landmark_weights(maps, experts.reliability),
            regularised_mean_shift(pdm, evidence, start, [5.0], noise=3.0, prior=prior)[0].b,
        ]

    expected = results(0)
    for by in range(1, 17):
        assert all(map(np.array_equal, results(by), expected))


def test_threads_do_not_disturb_each_other() -> None:
    rng = np.random.default_rng(0)
    experts = experts_of(rng, 70, 10, 11)
    backend = CpuResponses([experts])
    pictures = [crops(rng, 60, 60) for _ in range(8)]
    pdm, _, start, _ = search_of(rng, 70, 20, 0.0)

    def searched(picture: np.ndarray) -> np.ndarray:
        channels = CropChannels(picture, ("gradient", "lbp"))
        maps = experts.probabilities(backend.responses(0, channels, np.full((70, 2), 30)))
        weights = landmark_weights(maps, experts.reliability)
        seen = Evidence(maps, pdm.mean @ [1, 1j], 40.0, weights)
        return regularised_mean_shift(pdm, seen, start, [9.0, 3.0], noise=3.0)[0].b

    expected = [searched(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert np.array_equal(list(pool.map(searched, pictures)), expected)
