"""Repeated views of one person count for less than as many people."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_trainer.pdm.weights import intraclass_correlation, repeated_measures_weights


def views(people: int, each: int, between: float, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Rows of unit variance, of which the share ``between`` is the person's."""
    rng = np.random.default_rng(seed)
    own = np.repeat(rng.normal(size=(people, 60)), each, axis=0) * np.sqrt(between)
    rows = own + rng.normal(size=own.shape) * np.sqrt(1 - between)
    return rows, [f"p{i // each}" for i in range(len(rows))]


@pytest.mark.parametrize("between", [0.1, 0.5, 0.9])
def test_the_share_between_people_is_found(between: float) -> None:
    rows, names = views(80, 5, between)
    _, person, counts = np.unique(names, return_inverse=True, return_counts=True)
    assert intraclass_correlation(rows, person, counts) == pytest.approx(between, abs=0.05)


def test_people_seen_once_count_in_full() -> None:
    rows, names = views(20, 1, 0.5)
    np.testing.assert_array_equal(repeated_measures_weights(rows, names), 1.0)


def test_one_person_counts_once_however_often_seen() -> None:
    rows, names = views(1, 30, 0.5)
    assert repeated_measures_weights(rows, names).sum() == pytest.approx(1.0)


def test_equal_views_add_nothing_and_unlike_ones_count_in_full() -> None:
    same, names = views(30, 6, 1.0)
    assert repeated_measures_weights(same, names).sum() == pytest.approx(30, rel=1e-6)
    unlike, names = views(30, 6, 0.0)
    assert repeated_measures_weights(unlike, names).sum() > 0.95 * 180
