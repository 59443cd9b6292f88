"""What searches needed to be corrected by, and how they are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import TrainingError
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.pdm import PointDistributionModel
from faceloop_runtime.regressor import regression_features
from faceloop_trainer.cache import Cache
from faceloop_trainer.correction_regression import CorrectionRegression
from faceloop_trainer.crossfit.correction_targets import correction_regression, required_updates
from faceloop_trainer.crossfit.fit_store import FitStore, OutOfFoldFit

POINTS, MODES = 20, 5


@pytest.fixture(params=["principal", "oblique"])
def pdm(request: pytest.FixtureRequest) -> PointDistributionModel:
    """A model with modes that are orthogonal, or are not, as rotated and sparse ones."""
    rng = np.random.default_rng(0)
    mean = rng.normal(0, 0.5, (POINTS, 2))
    columns = rng.normal(size=(2 * POINTS, MODES)) + 0.3
    modes = np.linalg.qr(columns)[0] if request.param == "principal" else columns
    modes = (modes / np.linalg.norm(modes, axis=0)).T
    return PointDistributionModel(mean - mean.mean(axis=0), modes, np.full(MODES, 0.01), 1e-4)


def searches(count: int, error: float = 0.03, seed: int = 0) -> list[OutOfFoldFit]:
    rng = np.random.default_rng(seed)
    return [
        OutOfFoldFit(
            cells=rng.normal(size=POINTS * 3).astype(np.float32),
            whole_face=rng.normal(size=7).astype(np.float32),
            pose=np.array([1.0, 0.0, 5.0, 5.0]),
            shape=rng.normal(0, 0.5, (POINTS, 2)),
            error=np.array(error),
        )
        for _ in range(count)
    ]


def test_steps_are_least_squares_in_the_tangent_of_each_shape(pdm: PointDistributionModel) -> None:
    rng = np.random.default_rng(1)
    found = rng.normal(0, 0.1, (6, MODES))
    truth = np.array([pdm.shape(b) for b in found]) + rng.normal(0, 0.05, (6, POINTS, 2))
    for b, goal, step in zip(found, truth, required_updates(pdm, found, truth), strict=True):
        missing = (goal - pdm.shape(b)).reshape(-1)
        expected, *_ = np.linalg.lstsq(pdm.tangent(b).T, missing, rcond=None)
        np.testing.assert_allclose(step, expected, atol=1e-10)


def test_a_correction_is_learned_from_what_was_seen_and_what_was_missing(
    pdm: PointDistributionModel,
) -> None:
    """By definition: rows of features, and the updates that bring each fit to its true points."""
    rng = np.random.default_rng(2)
    fits, points, truth, shapes = [], [], [], []
    for number, fit in enumerate(searches(12)):
        pose = Similarity.from_polar(50.0 + number, 0.1 * number, 200.0, 150.0 - number)
        b = rng.normal(0, 0.1, MODES)
        where = pose.apply(pdm.shape(b) + rng.normal(0, 0.02, (POINTS, 2)))
        where[number] = np.nan
        parts = np.array([pose.a, pose.b, pose.tx, pose.ty])
        fits.append(replace(fit, pose=parts, shape=pdm.shape(b)))
        points.append(where)
        truth.append(pose.inverse().apply(pdm.complete(where)))
        shapes.append(b)
    folds, blocks = np.arange(12) % 2, (POINTS * 3, 7, MODES)
    rows = np.array(
        [
            regression_features(fit.cells, fit.whole_face, b, pdm.deviations)
            for fit, b in zip(fits, shapes, strict=True)
        ]
    )
    expected = CorrectionRegression(
        rows,
        required_updates(pdm, np.array(shapes), np.array(truth)),
        folds,
        blocks,
        pdm.tangent(np.zeros(MODES)),
    )
    found = correction_regression(pdm, points, fits, folds)
    for one, other in (
        (found.whole(1.0), expected.whole(1.0)),
        (found.without(1, 4.0), expected.without(1, 4.0)),
    ):
        assert np.isfinite(other.weights).all()
        np.testing.assert_allclose(one.weights, other.weights, atol=1e-6)
        np.testing.assert_allclose(one.offset, other.offset, atol=1e-6)


def test_searches_that_ended_far_off_teach_nothing(pdm: PointDistributionModel) -> None:
    """From an error of 0.15 on; and half of them at least have to be nearer."""
    points, folds = [pdm.mean] * 40, np.arange(40) % 2
    far = [*searches(10, error=0.5, seed=1), *searches(10, error=0.15, seed=2)]
    alone = correction_regression(pdm, points[:20], searches(20, error=0.149), folds[:20])
    both = correction_regression(pdm, points, [*searches(20, error=0.149), *far], folds)
    assert np.isfinite(alone.whole(1.0).weights).all()
    np.testing.assert_array_equal(alone.whole(1.0).weights, both.whole(1.0).weights)
    with pytest.raises(TrainingError, match="check the annotations"):
        correction_regression(pdm, points[:39], [*searches(19), *far], folds[:39])


def test_what_was_kept_is_there_the_next_time(tmp_path: Path) -> None:
    cache, made = Cache(tmp_path), searches(4)
    store = FitStore(cache, "experts")
    assert store.missing(["a", "b"]) == ["a", "b"]
    store.add({"a": made[0], "b": made[1]})
    FitStore(cache, "experts").add({"c": made[2]})
    later = FitStore(cache, "experts")
    assert later.missing(["a", "b", "c", "d"]) == ["d"]
    back = later.take(["c", "a"])
    for one, expected in zip(back, (made[2], made[0]), strict=True):
        for name, array in vars(expected).items():
            np.testing.assert_array_equal(getattr(one, name), array)
    assert FitStore(cache, "other experts").missing(["a"]) == ["a"]


@pytest.mark.parametrize("count", [1, 5])
def test_the_first_are_kept_in_one_file_and_later_ones_in_a_file_each(
    tmp_path: Path, count: int
) -> None:
    """A thousand files would take longer to read; one file would be written anew for each."""
    fits = dict(zip("abcde", searches(5), strict=True))
    store = FitStore(Cache(tmp_path), "experts")
    store.add({name: fits[name] for name in "abcde"[:count]})
    assert len(list(tmp_path.rglob("*.bin"))) == 1
    store.add({"f": searches(1)[0], "g": searches(1)[0]})
    assert len(list(tmp_path.rglob("*.bin"))) == 3
    again = FitStore(Cache(tmp_path), "experts")
    assert again.missing("abcdefg") == list("abcde"[count:])
