"""The sample's prior: which schemes have it, that it helps few faces, and that it fades."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Scheme
from faceloop_datasets.sample import sample_faces
from faceloop_trainer.cache import Cache
from faceloop_trainer.pdm.ppca import ShapePrior, fit_pdm
from faceloop_trainer.pdm.prior import sample_prior
from faceloop_trainer.pdm.procrustes import aligned, procrustes_mean

if TYPE_CHECKING:
    from pathlib import Path

SCHEME = Scheme.load("face70")


@pytest.fixture(scope="module")
def shapes() -> np.ndarray:
    return np.array([face.annotation.points for face in sample_faces()])


def others_prior(shapes: np.ndarray, weight: float) -> ShapePrior:
    """What faces of other people than those fitted say."""
    rows = aligned(shapes[200:], procrustes_mean(SCHEME, shapes[200:]))
    return ShapePrior(np.cov(rows, rowvar=False, bias=True), weight)


def off(shapes: np.ndarray, prior: ShapePrior | None, count: int) -> float:
    """How far the best shape is from unseen people's, trained on ``count`` faces; in IOD."""
    pdm = fit_pdm(SCHEME, shapes[:count], 30, prior=prior)
    rows = aligned(shapes[100:200], pdm.mean)
    rest = rows - pdm.mean.reshape(-1)
    return float(np.abs(rest - rest @ pdm.components.T @ pdm.components).mean())


def test_only_schemes_the_sample_can_be_made_into_have_it() -> None:
    assert sample_prior(Scheme.load("face70")) is not None
    clmtrackr = sample_prior(Scheme.load("clmtrackr71"))
    assert clmtrackr is not None
    assert clmtrackr.covariance.shape == (142, 142)
    assert sample_prior(Scheme.load("ibug68")) is None
    assert sample_prior(Scheme.load("muct76")) is None


def test_a_cache_keeps_it_to_the_bit(tmp_path: Path) -> None:
    made, kept = (sample_prior(SCHEME, Cache(tmp_path)) for _ in range(2))
    assert made is not None
    assert kept is not None
    assert kept.covariance is not made.covariance
    np.testing.assert_array_equal(kept.covariance, made.covariance)
    file, *others = (tmp_path / "prior").iterdir()
    assert not others
    file.write_bytes(b"damaged")
    again = sample_prior(SCHEME, Cache(tmp_path))
    assert again is not None
    np.testing.assert_array_equal(again.covariance, made.covariance)


def test_it_has_no_side_and_no_pose() -> None:
    prior = sample_prior(SCHEME)
    assert prior is not None
    flipped = prior.covariance.reshape(70, 2, 70, 2) * np.outer([-1, 1], [-1, 1])[:, None]
    order = list(SCHEME.mirror)
    np.testing.assert_allclose(
        flipped[order][:, :, order].reshape(140, 140), prior.covariance, atol=1e-4
    )
    values = np.linalg.eigvalsh(prior.covariance)
    assert values[3] < 1e-4 * values[-1]  # two shifts, size and roll


def test_few_faces_are_completed_better_with_it(shapes: np.ndarray) -> None:
    assert off(shapes, others_prior(shapes, 8.0), 8) < 0.7 * off(shapes, None, 8)


def test_it_fades_as_faces_come(shapes: np.ndarray) -> None:
    prior = others_prior(shapes, 8.0)

    def change(count: int) -> float:
        with_it, without = (fit_pdm(SCHEME, shapes[:count], 9, prior=p) for p in (prior, None))
        return float(np.abs(with_it.variances / without.variances - 1).max())

    assert change(200) < 0.1
    assert change(200) < 0.5 * change(10)


def test_hundreds_of_views_of_one_person_do_not_take_over(shapes: np.ndarray) -> None:
    people = [f"p{i // 4}" for i in range(40)]
    even = fit_pdm(SCHEME, shapes[:40], 5, people=people)
    crowd = np.concatenate([shapes[:40], np.repeat(shapes[:4], 50, axis=0)])
    names = [*people, *(["p0"] * 200)]
    weighed, plain = fit_pdm(SCHEME, crowd, 5, people=names), fit_pdm(SCHEME, crowd, 5)
    wrong = [float(np.abs(pdm.mean - even.mean).max()) for pdm in (weighed, plain)]
    assert wrong[0] < 0.3 * wrong[1]
