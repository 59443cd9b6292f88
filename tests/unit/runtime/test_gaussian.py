"""Gaussian conditioning, against the inverse of the joint covariance and the plain formulas."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_runtime.pdm.gaussian import (
    condition,
    explain,
    latent_mean,
    marginal_distance,
    observe,
    prior_penalty,
    residual_of_rest,
)

D = 9
KNOWN = np.array([True, False, True, True, False, True, False, True, True])


@pytest.fixture(scope="module")
def covariance() -> np.ndarray:
    root = np.random.default_rng(3).normal(size=(D, D))
    return root @ root.T + 0.1 * np.eye(D)


@pytest.fixture(scope="module")
def deviations() -> np.ndarray:
    return np.random.default_rng(4).normal(size=int(KNOWN.sum()))


def test_conditioning_is_the_inverse_of_the_precisions_block(
    covariance: np.ndarray, deviations: np.ndarray
) -> None:
    precision = np.linalg.inv(covariance)
    gain, remaining = condition(covariance, KNOWN)
    # Bishop, eqs. 2.73 and 2.75: covariance P_uu^-1, mean -P_uu^-1 P_uk x_k.
    block = np.linalg.inv(precision[np.ix_(~KNOWN, ~KNOWN)])
    np.testing.assert_allclose(remaining, block, atol=1e-10)
    expected = -block @ precision[np.ix_(~KNOWN, KNOWN)] @ deviations
    np.testing.assert_allclose(deviations @ gain, expected, atol=1e-10)


def test_an_explanation_has_the_conditional_mean_and_the_density(
    covariance: np.ndarray, deviations: np.ndarray
) -> None:
    found = explain(covariance, KNOWN, deviations)
    np.testing.assert_allclose(found.mean[KNOWN], deviations, atol=1e-10)
    gain, _ = condition(covariance, KNOWN)
    np.testing.assert_allclose(found.mean[~KNOWN], deviations @ gain, atol=1e-10)
    own = covariance[np.ix_(KNOWN, KNOWN)]
    assert found.distance == pytest.approx(deviations @ np.linalg.inv(own) @ deviations)
    assert found.log_determinant == pytest.approx(np.linalg.slogdet(own)[1])


def test_an_observation_conditions_the_joint_of_coordinates_and_observations(
    covariance: np.ndarray,
) -> None:
    observation = np.random.default_rng(5).normal(size=(3, D))
    across = covariance @ observation.T
    own = observation @ across + 0.2 * np.eye(3)
    joint = np.block([[covariance, across], [across.T, own]])
    gain, _ = condition(joint, np.arange(D + 3) >= D)
    np.testing.assert_allclose(observe(covariance, observation, 0.2), gain.T, atol=1e-10)


def test_the_latent_mean_conditions_the_joint_of_latent_variables_and_coordinates(
    deviations: np.ndarray,
) -> None:
    basis = np.random.default_rng(6).normal(size=(4, len(deviations)))
    variances, noise = np.array([3.0, 1.0, 0.5, 0.1]), 0.05
    correlation = np.eye(4) + (1 - np.eye(4)) * np.linspace(-0.2, 0.2, 4)
    correlation = (correlation + correlation.T) / 2
    prior = correlation * np.sqrt(np.outer(variances, variances))
    joint = np.block(
        [[prior, prior @ basis], [basis.T @ prior, basis.T @ prior @ basis + noise * np.eye(6)]]
    )
    gain, _ = condition(joint, np.arange(10) >= 4)
    expected = deviations @ gain
    penalty = prior_penalty(np.linalg.inv(correlation), variances, noise)
    found = latent_mean(basis, penalty, deviations)
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_the_distance_of_a_part_is_that_of_its_own_covariance(
    covariance: np.ndarray, deviations: np.ndarray
) -> None:
    own = covariance[np.ix_(KNOWN, KNOWN)]
    expected = deviations @ np.linalg.inv(own) @ deviations
    found = marginal_distance(np.linalg.inv(covariance), KNOWN, deviations)
    assert found == pytest.approx(expected)


def test_the_residual_is_what_conditioning_on_the_rest_leaves(covariance: np.ndarray) -> None:
    precision, x = np.linalg.inv(covariance), np.random.default_rng(7).normal(size=D)
    block = slice(4, 6)
    rest = np.ones(D, bool)
    rest[block] = False
    gain, _ = condition(covariance, rest)
    found = residual_of_rest(precision[block, block], precision[block] @ x)
    np.testing.assert_allclose(found, x[block] - x[rest] @ gain, atol=1e-9)
