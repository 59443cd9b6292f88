"""Modes whose parameters correlate: the same shapes, with the same probability, in other words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_runtime.fit.meanshift import Evidence, ShapePrior, ShapeState, regularised_mean_shift
from faceloop_runtime.geometry import as_complex
from faceloop_runtime.pdm import PointDistributionModel
from faceloop_runtime.responses.experts import SEARCH

seeds = st.integers(0, 2**32 - 1)


def mixed(pdm: PointDistributionModel, seed: int) -> tuple[PointDistributionModel, np.ndarray]:
    """Other modes of the same span, of unit length, and how parameters become theirs."""
    rng = np.random.default_rng(seed)
    mixing = np.eye(3) + rng.uniform(-0.3, 0.3, (3, 3))
    modes = mixing @ pdm.components
    length = np.linalg.norm(modes, axis=1)
    becomes = np.linalg.inv(mixing) * length
    covariance = becomes.T @ np.diag(pdm.variances) @ becomes
    deviations = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviations, deviations)
    same = replace(
        pdm,
        components=modes / length[:, None],
        variances=deviations**2,
        correlation=correlation,
    )
    return same, becomes


def spread(pdm: PointDistributionModel) -> np.ndarray:
    """Covariance of the shapes."""
    deviations = np.diag(np.sqrt(pdm.variances))
    correlation = np.eye(len(deviations)) if pdm.correlation is None else pdm.correlation
    return pdm.components.T @ deviations @ correlation @ deviations @ pdm.components


@given(seeds)
def test_independent_modes_are_the_principal_ones(
    small_pdm: PointDistributionModel, seed: int
) -> None:
    same, _ = mixed(small_pdm, seed)
    assert small_pdm.independent is small_pdm
    found = same.independent
    assert found.correlation is None
    np.testing.assert_allclose(spread(same), spread(small_pdm), atol=1e-12)
    np.testing.assert_allclose(spread(found), spread(small_pdm), atol=1e-12)
    np.testing.assert_allclose(found.components @ found.components.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(found.variances, small_pdm.variances, atol=1e-12)
    assert same.extent == pytest.approx(small_pdm.extent)


@given(seeds, st.sets(st.integers(0, 57), max_size=40))
def test_points_have_the_same_posterior_and_completion(
    small_pdm: PointDistributionModel, seed: int, unknown: set[int]
) -> None:
    same, becomes = mixed(small_pdm, seed)
    rng = np.random.default_rng(seed)
    b = rng.normal(size=3) * np.sqrt(small_pdm.variances)
    points = 60 * small_pdm.shape(b) + rng.normal(0, 0.5, (len(small_pdm), 2)) + [150.0, 90.0]
    points[sorted(unknown)] = np.nan
    (pose, found), (pose_again, found_again) = small_pdm.parameters(points), same.parameters(points)
    np.testing.assert_allclose(found_again, found @ becomes, atol=1e-8)
    np.testing.assert_allclose(pose_again.matrix(), pose.matrix(), atol=1e-6)
    np.testing.assert_allclose(same.complete(points), small_pdm.complete(points), atol=1e-5)


def blurred(pdm: PointDistributionModel, b: np.ndarray, seed: int) -> Evidence:
    """Responses that pull each point of a shape its own way."""
    rng = np.random.default_rng(seed)
    maps = rng.random((len(pdm), SEARCH, SEARCH), np.float32) ** 8
    maps /= maps.sum(axis=(1, 2), keepdims=True)
    return Evidence(maps, as_complex(pdm.shape(b)), 36.0, rng.uniform(0.2, 1.8, len(pdm)))


@given(seeds)
def test_a_fit_ends_at_the_same_points(small_pdm: PointDistributionModel, seed: int) -> None:
    same, becomes = mixed(small_pdm, seed)
    b = np.array([0.5, -0.4, 0.3]) * np.sqrt(small_pdm.variances)
    seen = blurred(small_pdm, b, seed)
    prior = ShapePrior(0.5 * b, small_pdm.variances, small_pdm.fit_precision)
    prior_again = ShapePrior(0.5 * b @ becomes, same.variances, same.fit_precision)
    found = [
        regularised_mean_shift(pdm, seen, ShapeState(1, 0, at), [20, 5, 2.5], noise=3.0, prior=one)
        for pdm, at, one in ((small_pdm, b, prior), (same, b @ becomes, prior_again))
    ]
    (state, step), (state_again, step_again) = found
    np.testing.assert_allclose(state_again.b, state.b @ becomes, atol=1e-8)
    np.testing.assert_allclose(same.shape(state_again.b), small_pdm.shape(state.b), atol=1e-8)
    assert state_again.turn == pytest.approx(state.turn, abs=1e-8)
    assert step_again == pytest.approx(step, abs=1e-8)


def test_a_free_mode_goes_where_the_evidence_is(small_pdm: PointDistributionModel) -> None:
    """A large noise lets the prior win, but for the mode that has none."""
    wanted = np.array([1.0, 1.0, 1.0]) * np.sqrt(small_pdm.variances)
    maps = np.zeros((len(small_pdm), SEARCH, SEARCH), np.float32)
    maps[:, SEARCH // 2, SEARCH // 2] = 1.0
    seen = Evidence(maps, as_complex(small_pdm.shape(wanted)), 8.0, np.ones(len(small_pdm)))
    ends = [
        regularised_mean_shift(
            replace(small_pdm, regularisation=factors),
            seen,
            ShapeState(1, 0, np.zeros(3)),
            [50.0] * 8,
            noise=1e3,
        )[0].b
        / wanted
        for factors in (None, np.ones(3), np.array([1.0, 0.0, 1.0]), np.array([1.0, 1.0, 50.0]))
    ]
    learned, ones, free, held = ends
    np.testing.assert_array_equal(ones, learned)
    assert learned[1] < 0.5
    assert free[1] > 0.9
    assert abs(held[2]) < 0.2 * abs(learned[2])


def test_factors_change_no_completion(small_pdm: PointDistributionModel) -> None:
    points = 60 * small_pdm.shape(np.sqrt(small_pdm.variances))
    points[:20] = np.nan
    held = replace(small_pdm, regularisation=np.array([0.0, 5.0, 1.0]))
    np.testing.assert_array_equal(held.complete(points), small_pdm.complete(points))
