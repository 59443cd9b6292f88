"""Sparse modes: some coordinates exactly still, and the parameters' own covariance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from faceloop_runtime.model.layout import LEAST_EIGENVALUE
from faceloop_runtime.pdm import PointDistributionModel
from faceloop_trainer.pdm.sparse import sparse

from .test_varimax import reach, sample_model

PDM = sample_model()
SPARSE = sparse(PDM)


def principal(pdm: PointDistributionModel) -> np.ndarray:
    """Covariance of shapes by a principal model: noise in all other directions."""
    modes, count = pdm.components, pdm.components.shape[1]
    rest = np.eye(count) - modes.T @ modes
    return np.asarray(modes.T @ np.diag(pdm.variances) @ modes + pdm.noise * rest)


def covariance(pdm: PointDistributionModel) -> np.ndarray:
    """Covariance of the parameters."""
    assert pdm.correlation is not None
    return np.asarray(pdm.correlation * np.sqrt(np.outer(pdm.variances, pdm.variances)))


def test_most_coefficients_are_zero_and_little_is_lost() -> None:
    zeros = (SPARSE.components == 0).mean()
    assert zeros > 0.5
    assert (PDM.components == 0).mean() < 0.01
    shown = np.trace(SPARSE.components.T @ covariance(SPARSE) @ SPARSE.components)
    assert shown > 0.995 * PDM.variances.sum()
    assert reach(SPARSE) < 0.6 * reach(PDM)


def test_modes_are_of_unit_length_and_sorted() -> None:
    np.testing.assert_allclose(np.linalg.norm(SPARSE.components, axis=1), 1.0)
    assert (np.diff(SPARSE.variances) <= 0).all()
    largest = np.abs(SPARSE.components).argmax(axis=1)
    assert (SPARSE.components[np.arange(len(largest)), largest] > 0).all()


def test_parameters_vary_as_those_nearest_to_shapes_do() -> None:
    shapes = np.random.default_rng(0).multivariate_normal(
        np.zeros(PDM.components.shape[1]), principal(PDM), 40_000
    )
    found, *_ = np.linalg.lstsq(SPARSE.components.T, shapes.T, rcond=None)
    np.testing.assert_allclose(found.var(axis=1), SPARSE.variances, rtol=0.05)
    assert SPARSE.correlation is not None
    np.testing.assert_allclose(np.corrcoef(found), SPARSE.correlation, atol=0.03)
    left = shapes.T - SPARSE.components.T @ found
    each = (left**2).sum(axis=0).mean() / (len(left) - len(found))
    assert each == pytest.approx(SPARSE.noise, rel=0.05)


def test_hardly_sparse_modes_are_the_same_model() -> None:
    """Of the same span, they give every shape the same probability."""
    same = sparse(PDM, 1e-9)
    np.testing.assert_allclose(
        same.components.T @ covariance(same) @ same.components,
        PDM.components.T @ np.diag(PDM.variances) @ PDM.components,
        atol=1e-7,
    )
    assert same.noise == pytest.approx(PDM.noise, rel=1e-2)
    points = 80 * PDM.shape(np.sqrt(PDM.variances)) + [200.0, 150.0]
    points[::3] = np.nan
    np.testing.assert_allclose(same.complete(points), PDM.complete(points), atol=1e-3)


def test_the_same_faces_give_the_same_modes() -> None:
    again = sparse(PDM)
    np.testing.assert_array_equal(again.components, SPARSE.components)
    np.testing.assert_array_equal(again.correlation, SPARSE.correlation)


def test_what_a_face_is_measured_in_does_not_matter() -> None:
    """The strength is relative to the faces' variation."""
    larger = sparse(replace(PDM, variances=PDM.variances * 9.0, noise=PDM.noise * 9.0))
    np.testing.assert_allclose(larger.components, SPARSE.components, atol=1e-6)
    np.testing.assert_allclose(larger.variances, SPARSE.variances * 9.0, rtol=1e-6)


@settings(max_examples=8, deadline=None)
@given(st.integers(3, 12), st.integers(1, 8), st.floats(0.5, 6.0), st.integers(0, 2**31))
@example(points=6, modes=5, falling=4.58, seed=351)  # two that are nearly one
def test_a_model_file_can_hold_whatever_comes_out(
    points: int, modes: int, falling: float, seed: int
) -> None:
    """Of few points or many, of modes of one size or of very different ones."""
    rng = np.random.default_rng(seed)
    modes = min(modes, 2 * points - 4)
    basis = np.linalg.qr(rng.normal(size=(2 * points, modes)))[0].T
    variances = np.exp(-falling * np.arange(modes))
    noise = float(variances[-1] * rng.uniform(1e-3, 1.0))
    mean = rng.normal(size=(points, 2))
    found = sparse(PointDistributionModel(mean, basis, variances, noise))
    assert found.correlation is not None
    assert 1 <= len(found.components) <= modes
    np.testing.assert_array_equal(found.correlation, found.correlation.T)
    assert (found.correlation.diagonal() == 1).all()
    assert np.linalg.eigvalsh(found.correlation)[0] > 9 * LEAST_EIGENVALUE
    assert found.noise > 0
