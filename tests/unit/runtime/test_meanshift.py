from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_runtime.fit.meanshift import (
    Evidence,
    ShapeState,
    landmark_weights,
    landmarks_last,
    local_support,
    mean_shift,
    regularised_mean_shift,
    spread_and_offset,
)
from faceloop_runtime.geometry import as_complex, as_points
from faceloop_runtime.pdm import PointDistributionModel
from faceloop_runtime.responses.experts import SEARCH

HALF = SEARCH // 2
SCALE = 40.0


def shifts(seen: Evidence, points: np.ndarray, variance: float) -> np.ndarray:
    """Mean-shift vectors in IOD, of points in the crop's frame."""
    offset = (points - seen.centres) * seen.scale
    return mean_shift(seen.maps, offset, variance) / seen.scale


def bumps(peaks: np.ndarray, width: float) -> np.ndarray:
    """Maps with a Gaussian at each peak, (x, y) from the middle of the window."""
    at = np.arange(SEARCH) - HALF
    x = np.exp(-((at - peaks[:, :1]) ** 2) / (2 * width**2))
    y = np.exp(-((at - peaks[:, 1:]) ** 2) / (2 * width**2))
    maps = y[:, :, None] * x[:, None, :]
    return np.asarray(maps / maps.sum(axis=(1, 2), keepdims=True), np.float32)


def evidence(peaks: np.ndarray, centres: np.ndarray, width: float = 0.8) -> Evidence:
    maps = bumps(peaks, width)
    weights = landmark_weights(maps, np.ones(len(maps), np.float32))
    return Evidence(maps, centres, SCALE, weights)


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_a_point_climbs_to_a_known_peak(x: float, y: float) -> None:
    centre = np.array([0.3 + 0.1j])
    seen = evidence(np.array([[x, y]]), centre)
    at = centre.copy()
    for variance in (20.0, 10.0, 5.0, 2.5, 1.0, 1.0, 1.0, 1.0):
        at = at + shifts(seen, at, variance)
    found = (at - centre)[0] * SCALE
    assert found == pytest.approx(x + 1j * y, abs=0.35)


def test_a_wide_kernel_gives_the_mean_and_a_narrow_one_the_mode() -> None:
    maps = 0.7 * bumps(np.array([[-3.0, 0.0]]), 0.7) + 0.3 * bumps(np.array([[4.0, 0.0]]), 0.7)
    seen = Evidence(maps.astype(np.float32), np.zeros(1, complex), SCALE, np.ones(1))
    wide = shifts(seen, np.zeros(1, complex), 1e4)[0] * SCALE
    assert wide == pytest.approx(0.7 * -3 + 0.3 * 4, abs=0.05)
    near = shifts(seen, np.array([-2.5 / SCALE + 0j]), 1.0)[0] * SCALE - 2.5
    assert near == pytest.approx(-3.0, abs=0.25)


def test_a_sharp_response_weighs_more_than_a_flat_one() -> None:
    sharp, flat = bumps(np.zeros((1, 2)), 0.6), bumps(np.zeros((1, 2)), 5.0)
    maps = np.concatenate([sharp, flat, sharp])
    weights = landmark_weights(maps, np.array([1, 1, 0], np.float32))
    assert weights[0] > 3 * weights[1] > 0
    assert weights[2] == 0
    assert weights.mean() == pytest.approx(1)
    assert (landmark_weights(maps, np.zeros(3, np.float32)) == 0).all()


def test_settle_recovers_pose_and_shape(small_pdm: PointDistributionModel) -> None:
    b = np.array([0.5, -0.5, 0.3]) * np.sqrt(small_pdm.variances)
    turn, shift = 1.03 * np.exp(0.05j), 0.02 - 0.03j
    wanted = turn * as_complex(small_pdm.shape(b)) + shift
    centres = np.round(wanted * SCALE) / SCALE
    seen = evidence(as_points((wanted - centres) * SCALE), centres)
    start = ShapeState(1 + 0j, 0j, np.zeros(3))
    state, step = regularised_mean_shift(
        small_pdm, seen, start, [20.0, 10, 5, 2.5, 1, 1, 1, 1], noise=0.01
    )
    found = state.turn * as_complex(small_pdm.shape(state.b)) + state.shift
    assert np.abs(found - wanted).mean() * SCALE < 0.5
    assert step * SCALE < 0.2


def test_without_any_evidence_a_shape_stays(small_pdm: PointDistributionModel) -> None:
    n = len(small_pdm)
    maps = np.full((n, SEARCH, SEARCH), 1 / SEARCH**2, np.float32)
    seen = Evidence(maps, as_complex(small_pdm.mean) + 0.1, SCALE, np.zeros(n))
    start = ShapeState(1.1 + 0.1j, 0.2j, np.zeros(3))
    state, step = regularised_mean_shift(small_pdm, seen, start, [5.0], noise=1.0)
    assert state.turn == pytest.approx(start.turn)
    assert state.shift == pytest.approx(start.shift)
    assert step == pytest.approx(0)


def test_the_prior_keeps_the_shape_near_the_mean(small_pdm: PointDistributionModel) -> None:
    b = 2.0 * np.sqrt(small_pdm.variances)
    wanted = as_complex(small_pdm.shape(b))
    seen = evidence(np.zeros((len(wanted), 2)), wanted)
    start = ShapeState(1 + 0j, 0j, np.zeros(3))
    loose, _ = regularised_mean_shift(small_pdm, seen, start, [5.0] * 3, noise=0.01)
    tight, _ = regularised_mean_shift(small_pdm, seen, start, [5.0] * 3, noise=1e4)
    assert np.linalg.norm(tight.b) < 0.2 * np.linalg.norm(loose.b)
    far = evidence(np.zeros((len(wanted), 2)), as_complex(small_pdm.shape(10 * b)))
    pulled, _ = regularised_mean_shift(small_pdm, far, start, [20.0] * 5, noise=0.01)
    assert (np.abs(pulled.b) <= 3 * np.sqrt(small_pdm.variances) + 1e-12).all()


def uneven(count: int, seed: int = 0) -> Evidence:
    """Maps of random numbers, windows anywhere, and no two landmarks of the same weight."""
    rng = np.random.default_rng(seed)
    maps = rng.gamma(0.3, 1.0, (count, SEARCH, SEARCH)).astype(np.float32)
    maps /= maps.sum(axis=(1, 2), keepdims=True)
    centres = rng.normal(size=count) + 1j * rng.normal(size=count)
    return Evidence(maps, centres, SCALE, rng.uniform(0.1, 3.0, count))


def nearby(seen: Evidence, points: np.ndarray, variance: float) -> tuple[np.ndarray, np.ndarray]:
    """The definition, spelled out: mass under the kernel, and the mean-shift vector in pixels."""
    masses, vectors = [], []
    for probability, centre, point in zip(seen.maps, seen.centres, points, strict=True):
        at = (point - centre) * seen.scale
        total, moment = 0.0, 0j
        for row in range(SEARCH):
            for column in range(SEARCH):
                place = complex(column - HALF, row - HALF)
                kernel = np.exp(-(abs(place - at) ** 2) / (2 * variance))
                total += kernel * float(probability[row, column])
                moment += kernel * float(probability[row, column]) * place
        masses.append(total)
        vectors.append(moment / total - at)
    return np.array(masses), np.array(vectors)


@pytest.mark.parametrize("variance", [20.0, 2.5])
def test_mean_shift_is_the_mean_of_the_places_under_a_kernel(variance: float) -> None:
    seen = uneven(5)
    points = seen.centres + np.array([0, 2 - 1j, -3.5 + 0.25j, 4j, 5 + 5j]) / SCALE
    mass, vector = nearby(seen, points, variance)
    np.testing.assert_allclose(shifts(seen, points, variance) * SCALE, vector, atol=1e-5)
    found, pull = local_support(seen, points, variance)
    np.testing.assert_allclose(found, mass, rtol=1e-5)
    np.testing.assert_allclose(pull, np.abs(vector), atol=1e-5)


def test_a_point_far_from_its_window_stays() -> None:
    """No place is near enough to have a mass: there is no mean of nothing."""
    seen = uneven(1)
    far = seen.centres + 1000 / SCALE
    pulled = shifts(seen, far, 2.5) * SCALE
    assert pulled == pytest.approx(-1000, abs=1e-3)  # to the middle of its window


def by_axis(probability: np.ndarray) -> tuple[complex, float]:
    """Mean and variance along an axis of a map, spelled out."""
    places = [complex(c - HALF, r - HALF) for r in range(SEARCH) for c in range(SEARCH)]
    shares = [float(share) for share in probability.reshape(-1)]
    mean = sum(share * place for share, place in zip(shares, places, strict=True))
    spread = sum(s * abs(p - mean) ** 2 for s, p in zip(shares, places, strict=True))
    return mean, spread / 2


def test_the_spread_of_a_response_is_its_variance_along_an_axis() -> None:
    seen = uneven(6, seed=1)
    points = seen.centres + (1.5 - 0.5j) / SCALE
    variance, offset = spread_and_offset(seen, points)
    expected = [by_axis(probability) for probability in seen.maps]
    np.testing.assert_allclose(variance, [spread for _, spread in expected], rtol=1e-4)
    np.testing.assert_allclose(offset, [abs(m - (1.5 - 0.5j)) for m, _ in expected], rtol=1e-4)


def test_weights_are_inverse_variances_with_a_floor_of_a_pixel() -> None:
    seen = uneven(6, seed=2)
    trust = np.linspace(0.1, 1.0, 6).astype(np.float32)
    spreads = np.array([by_axis(probability)[1] for probability in seen.maps])
    expected = trust / (spreads + 1.0)
    weights = landmark_weights(seen.maps, trust)
    assert weights.dtype == np.float64
    np.testing.assert_allclose(weights, expected / expected.mean(), rtol=1e-5)


def test_maps_with_the_landmarks_last_are_the_same_maps() -> None:
    maps = uneven(4).maps
    last = landmarks_last(maps)
    for landmark in range(4):
        np.testing.assert_array_equal(last[:, landmark].reshape(SEARCH, SEARCH), maps[landmark])


def moved_points(
    pdm: PointDistributionModel, state: ShapeState, step: np.ndarray, tangent_at: np.ndarray
) -> np.ndarray:
    """Points in the crop after a step of pose and shape, linear in the step."""
    base, mode = as_complex(pdm.shape(tangent_at)), (step[4:] @ pdm.components).reshape(-1, 2)
    change = (step[0] + 1j * step[1]) * base + step[2] + 1j * step[3] + as_complex(mode)
    here = state.turn * as_complex(pdm.shape(state.b)) + state.shift
    return np.asarray(here + state.turn * change)


def solved(
    pdm: PointDistributionModel,
    seen: Evidence,
    state: ShapeState,
    variance: float,
    prior: float,
    *,
    tangent_at: np.ndarray,
) -> np.ndarray:
    """One update by its definition (Saragih et al., eq. 16): dense normal equations.

    Least are the weighted squares of what is left of the mean-shift vectors, in the model's frame
    and in pixels over the variance of a response, and the shape parameters' own squared distance
    from the mean, each of them longer by the root of its factor; of few points also those of the
    pose against the crop's.
    """
    count, modes = len(pdm), len(pdm.variances)
    nothing = np.zeros(4 + modes)
    here = moved_points(pdm, state, nothing, tangent_at)
    size = abs(state.turn)
    columns = [
        as_points(moved_points(pdm, state, unit, tangent_at) - here).reshape(-1) / size
        for unit in np.eye(4 + modes)
    ]
    jacobian = np.stack(columns, axis=1)
    wanted = as_points(nearby(seen, here, variance)[1] / seen.scale).reshape(-1) / size
    weight = np.zeros((2 * count, 2 * count))
    for landmark in range(count):
        weight[2 * landmark, 2 * landmark] = seen.weights[landmark]
        weight[2 * landmark + 1, 2 * landmark + 1] = seen.weights[landmark]
    stiff = np.zeros((4 + modes, 4 + modes))
    factors = np.ones(modes) if pdm.regularisation is None else pdm.regularisation
    correlation = np.eye(modes) if pdm.correlation is None else pdm.correlation
    deviations = np.diag(np.sqrt(pdm.variances))
    spread = np.linalg.inv(deviations @ correlation @ deviations)
    for one in range(modes):
        for other in range(modes):
            factor = np.sqrt(factors[one] * factors[other])
            stiff[4 + one, 4 + other] = factor * spread[one, other] * prior / seen.scale**2
    if pdm.context:  # of few points the pose has a prior too
        for number in range(4):
            stiff[number, number] = prior / seen.scale**2 / 0.1**2
    turn, shift = state.turn - 1, state.shift
    parameters = np.array([turn.real, turn.imag, shift.real, shift.imag, *state.b])
    normal = jacobian.T @ weight @ jacobian + stiff
    return np.linalg.solve(normal, jacobian.T @ weight @ wanted - stiff @ parameters)


def taken(pdm: PointDistributionModel, state: ShapeState, step: np.ndarray) -> ShapeState:
    limit = 3 * np.sqrt(pdm.variances)
    return ShapeState(
        state.turn * (1 + step[0] + 1j * step[1]),
        state.shift + state.turn * (step[2] + 1j * step[3]),
        np.clip(state.b + step[4:], -limit, limit),
    )


def started(pdm: PointDistributionModel, b: np.ndarray) -> tuple[ShapeState, Evidence]:
    """A turned and shifted shape, and windows up to three pixels off its points."""
    state = ShapeState(1.2 * np.exp(0.6j), 0.1 - 0.2j, b)
    seen = uneven(len(pdm), seed=3)
    rng = np.random.default_rng(4)
    off = rng.uniform(-3, 3, len(pdm)) + 1j * rng.uniform(-3, 3, len(pdm))
    points = state.turn * as_complex(pdm.shape(b)) + state.shift
    return state, Evidence(seen.maps, points + off / SCALE, SCALE, seen.weights)


CORRELATED = {"correlation": np.array([[1, 0.6, -0.3], [0.6, 1, 0.2], [-0.3, 0.2, 1]])}
HELD = {"regularisation": np.array([0.0, 4.0, 0.5])}


@pytest.mark.parametrize(
    ("prior", "context"), [(0.3, 0.0), (3.0, 0.0), (300.0, 0.0), (0.3, 1.1), (3.0, 1.1)]
)
@pytest.mark.parametrize("variances", [(20.0,), (5.0,), (20.0, 5.0, 2.5)])
@pytest.mark.parametrize("parts", [{}, CORRELATED, HELD, CORRELATED | HELD])
def test_an_update_solves_the_normal_equations(
    small_pdm: PointDistributionModel,
    prior: float,
    variances: tuple[float, ...],
    context: float,
    parts: dict[str, np.ndarray],
) -> None:
    """Their matrix is that of the first update: it hardly changes within a crop."""
    small_pdm = replace(small_pdm, context=context, **parts)
    start, seen = started(small_pdm, np.array([0.4, -0.3, 0.2]) * np.sqrt(small_pdm.variances))
    expected, step = start, np.zeros(7)
    for variance in variances:
        step = solved(small_pdm, seen, expected, variance, prior, tangent_at=start.b)
        expected = taken(small_pdm, expected, step)
    state, moved = regularised_mean_shift(small_pdm, seen, start, variances, noise=prior)
    assert state.turn == pytest.approx(expected.turn, abs=1e-6)
    assert state.shift == pytest.approx(expected.shift, abs=1e-6)
    np.testing.assert_allclose(state.b, expected.b, atol=1e-6)
    upright = ShapeState(1 + 0j, 0j, start.b)
    change = moved_points(small_pdm, upright, step, start.b) - as_complex(small_pdm.shape(start.b))
    assert moved == pytest.approx(np.abs(change).mean(), abs=1e-6)


@pytest.mark.parametrize("sign", [-1, 1])
def test_shape_parameters_stay_within_three_deviations(
    small_pdm: PointDistributionModel, sign: int
) -> None:
    """Where the evidence wants more, it is just these; where it wants less, it is what it wants."""
    limit = 3 * np.sqrt(small_pdm.variances)
    wanted = as_complex(small_pdm.shape(sign * limit * [2.0, 0.5, 2.0]))
    seen = evidence(np.zeros((len(wanted), 2)), wanted)
    start = ShapeState(1 + 0j, 0j, sign * limit * [0.9, 0.4, 0.9])
    state, _ = regularised_mean_shift(small_pdm, seen, start, [20.0] * 10, noise=1e-6)
    np.testing.assert_allclose(state.b[[0, 2]], sign * limit[[0, 2]], rtol=1e-12)
    assert abs(state.b[1]) < 0.9 * limit[1]


def test_no_update_leaves_everything_as_it_is(small_pdm: PointDistributionModel) -> None:
    start, seen = started(small_pdm, np.array([0.1, 0.1, 0.1]))
    state, step = regularised_mean_shift(small_pdm, seen, start, [], noise=3.0)
    assert state is start
    assert step == 0


def test_weights_below_zero_are_refused(small_pdm: PointDistributionModel) -> None:
    start, seen = started(small_pdm, np.zeros(3))
    broken = Evidence(seen.maps, seen.centres, SCALE, -seen.weights)
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        regularised_mean_shift(small_pdm, broken, start, [5.0], noise=3.0)


def test_points_are_complex_numbers_and_back() -> None:
    points = np.arange(12.0).reshape(3, 4)[:, ::2]  # not one after the other in memory
    numbers = as_complex(points)
    np.testing.assert_array_equal(numbers, [0 + 2j, 4 + 6j, 8 + 10j])
    np.testing.assert_array_equal(as_points(numbers), points)
    np.testing.assert_array_equal(as_points(numbers[::2]), points[::2])
