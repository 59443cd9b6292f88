"""Intervals hold what they promise, also where the faces of one person are alike."""

from __future__ import annotations

import math

import numpy as np
import pytest

from faceloop_trainer.evaluation.bootstrap import (
    bootstrap,
    group_intervals,
    metric_intervals,
    point_intervals,
)

from .evaluations import SCHEME, evaluation, people


def mean_of(values: np.ndarray):
    return lambda weights: (weights @ values / weights.sum(axis=1))[None]


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    """Faces drawn one by one instead of people would hold it in less than half of the cases."""
    rng, held, trials = np.random.default_rng(0), 0, 120
    for seed in range(trials):
        errors, subjects = people(30, 8, spread=0.006, noise=0.002, rng=rng)
        (interval,) = bootstrap(subjects, mean_of(errors), seed)
        held += interval.low <= 0.03 <= interval.high
    assert 0.88 * trials < held < trials


def test_as_many_faces_of_fewer_people_say_less() -> None:
    rng = np.random.default_rng(1)
    widths = []
    for count, faces in ((80, 2), (8, 20)):
        errors, subjects = people(count, faces, spread=0.006, noise=0.002, rng=rng)
        (interval,) = bootstrap(subjects, mean_of(errors))
        widths.append(interval.high - interval.low)
    assert widths[1] > 1.8 * widths[0]


def test_the_interval_of_equal_people_is_that_of_the_textbook() -> None:
    """One face a person: the interval of a mean by the normal distribution."""
    errors, subjects = people(400, 1, spread=0.0, noise=0.005, rng=np.random.default_rng(2))
    (interval,) = bootstrap(subjects, mean_of(errors))
    half = 1.96 * errors.std() / math.sqrt(400)
    assert interval.value == pytest.approx(errors.mean())
    assert interval.low == pytest.approx(errors.mean() - half, abs=0.15 * half)
    assert interval.high == pytest.approx(errors.mean() + half, abs=0.15 * half)


def test_the_intervals_are_of_the_figures_that_are_shown() -> None:
    errors, subjects = people(20, 3, spread=0.01, noise=0.01, rng=np.random.default_rng(3))
    errors = np.abs(errors)
    errors[[3, 17]] = 0.2, np.inf
    found = evaluation(errors, subjects)
    metrics = found.metrics()
    for name, interval in metric_intervals(found).items():
        assert interval.value == pytest.approx(metrics[name], abs=1e-12), name
        assert interval.low <= interval.value <= interval.high, name
        assert interval.low < interval.high, name
    for name, interval in group_intervals(found).items():
        assert interval.value == pytest.approx(found.per_group[name])
    points = point_intervals(found)
    assert [p.value for p in points] == pytest.approx(
        found.per_point["error"].to_numpy(), nan_ok=True
    )
    assert not points[4].known
    assert all(p.known for i, p in enumerate(points) if i != 4)


def test_the_same_seed_gives_the_same_interval() -> None:
    found = evaluation(np.linspace(0.01, 0.05, 20))
    one, same, other = (metric_intervals(found, seed) for seed in (0, 0, 1))
    assert one == same
    assert one != other


def test_no_failure_among_few_people_promises_little() -> None:
    rates = [metric_intervals(evaluation([0.02] * n))["failure_rate"] for n in (4, 200)]
    assert [r.value for r in rates] == [0.0, 0.0]
    assert rates[0].high == pytest.approx(1 - 0.025 ** (1 / 2))  # two people
    assert rates[1].high < 0.04


def test_one_person_says_nothing_about_others() -> None:
    found = evaluation([0.02, 0.03], ["anna", "anna"])
    for interval in (*metric_intervals(found).values(), *group_intervals(found).values()):
        assert np.isfinite(interval.value)
        assert not interval.known


def test_equal_errors_leave_no_doubt_about_their_mean() -> None:
    interval = metric_intervals(evaluation([0.02] * 12))["nme_mean"]
    assert (interval.low, interval.high) == pytest.approx((0.02, 0.02))


def test_a_group_without_any_point_is_left_out() -> None:
    group = next(iter(SCHEME.groups))
    found = evaluation([0.02, 0.03, 0.04, 0.05], unknown=SCHEME.groups[group])
    assert set(group_intervals(found)) == set(SCHEME.groups) - {group}
