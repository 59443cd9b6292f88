"""Natural modes: the same shapes with the same probability, and each in one place."""

from __future__ import annotations

import numpy as np

from faceloop_datasets import Scheme
from faceloop_runtime.pdm import PointDistributionModel
from faceloop_trainer.pdm.prior import sample_prior
from faceloop_trainer.pdm.varimax import varimax

SCHEME = Scheme.load("face70")


def sample_model(modes: int = 20) -> PointDistributionModel:
    """Principal modes of how the sample's faces vary, about any mean."""
    prior = sample_prior(SCHEME)
    assert prior is not None
    values, vectors = np.linalg.eigh(prior.covariance)
    mean = np.random.default_rng(0).normal(size=(len(SCHEME), 2))
    return PointDistributionModel(mean, vectors[:, ::-1][:, :modes].T, values[::-1][:modes], 1e-5)


def spread(pdm: PointDistributionModel) -> np.ndarray:
    """Covariance of the shapes."""
    return (pdm.components.T * pdm.variances) @ pdm.components


def reach(pdm: PointDistributionModel) -> float:
    """How many points a mode moves, on average: the inverse participation ratio."""
    size = (pdm.components.reshape(len(pdm.components), -1, 2) ** 2).sum(axis=2)
    return float((size.sum(axis=1) ** 2 / (size**2).sum(axis=1)).mean())


def test_no_shape_becomes_more_or_less_probable() -> None:
    pdm = sample_model()
    np.testing.assert_allclose(spread(varimax(pdm)), spread(pdm), atol=1e-12)


def test_points_are_explained_alike_with_points_missing_too() -> None:
    pdm = sample_model()
    rng = np.random.default_rng(1)
    points = 80 * pdm.shape(rng.normal(size=20) * np.sqrt(pdm.variances)) + [200.0, 150.0]
    points[rng.choice(len(SCHEME), 25, replace=False)] = np.nan
    np.testing.assert_allclose(varimax(pdm).complete(points), pdm.complete(points), atol=1e-6)


def test_each_mode_moves_fewer_points() -> None:
    pdm = sample_model()
    assert reach(varimax(pdm)) < 0.6 * reach(pdm)


def test_modes_are_of_unit_length_and_sorted() -> None:
    pdm = varimax(sample_model())
    np.testing.assert_allclose(np.linalg.norm(pdm.components, axis=1), 1.0)
    assert (np.diff(pdm.variances) <= 0).all()
