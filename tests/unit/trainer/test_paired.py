"""Two models on the same faces: what is real is told from what is chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from faceloop_datasets import TrainingError
from faceloop_trainer import compare_models

from .evaluations import evaluation, people


def two(shift: float, spread: float, seed: int, count: int = 20, faces: int = 4):
    """Two models that differ by ``shift``, and from person to person by ``spread``."""
    rng = np.random.default_rng(seed)
    errors, subjects = people(count, faces, spread=0.005, noise=0.002, rng=rng)
    away, _ = people(count, faces, spread=spread, noise=0.0005, rng=rng)
    return evaluation(errors, subjects), evaluation(errors + away - 0.03 + shift, subjects)


def test_a_real_difference_is_found() -> None:
    first, second = two(shift=0.003, spread=0.001, seed=0)
    found = compare_models(first, second)
    assert found.difference.value == pytest.approx(-0.003, abs=0.0007)
    assert found.difference.low < found.difference.value < found.difference.high < 0
    assert found.p_value < 0.001
    assert not found.could_be_chance
    assert (found.faces, found.people, found.left_out) == (80, 20, 0)
    assert len(found.by_subject) == 20
    assert all(i.high < 0 for i in found.by_group.values())
    said = found.sentence("new", "old")
    assert said.startswith("new is better than old by 0.00")
    assert "95 % CI 0.00" in said
    assert "hardly" in said
    turned = compare_models(second, first)
    assert turned.p_value == pytest.approx(found.p_value, abs=0.001)
    assert turned.sentence("old", "new").split("(")[0] == said.split("(")[0]


def test_chance_alone_is_rarely_taken_for_real() -> None:
    """A test on single faces would take it for real in more than a third of the cases."""
    trials = 40
    wrong = sum(
        not compare_models(*two(0.0, spread=0.004, seed=s, count=12)).could_be_chance
        for s in range(trials)
    )
    assert wrong <= 0.13 * trials
    naive = sum(
        stats.ttest_rel(*(e.errors for e in two(0.0, spread=0.004, seed=s, count=12))).pvalue < 0.05
        for s in range(trials)
    )
    assert naive > 0.25 * trials


def test_all_flips_of_few_people_are_tried() -> None:
    first, second = two(shift=0.01, spread=0.0, seed=0, count=5)
    found = compare_models(first, second)
    assert found.p_value == pytest.approx(2 / 2**5)
    assert found.could_be_chance
    said = found.sentence("new", "old")
    assert "could be chance: p = 0.062" in said
    assert "5 people are too few to tell" in said


def test_one_person_decides_nothing() -> None:
    first, second = two(shift=0.01, spread=0.0, seed=0, count=1)
    found = compare_models(first, second)
    assert found.p_value == 1.0
    assert not found.difference.known
    assert "CI" not in found.sentence("new", "old")


def test_a_model_is_as_good_as_itself() -> None:
    first, _ = two(0.0, 0.0, seed=0)
    found = compare_models(first, first)
    assert found.p_value == 1.0
    assert found.sentence("new", "old").startswith("new and old are equally good")


def test_faces_that_one_did_not_find_are_left_out_and_counted() -> None:
    first, second = two(shift=0.003, spread=0.001, seed=0)
    lost = second.errors.copy()
    lost[:3] = np.inf
    points = np.where(np.isinf(lost)[:, None], np.nan, second.point_errors)
    found = compare_models(first, replace(second, errors=lost, point_errors=points))
    assert (found.faces, found.left_out) == (77, 3)
    assert np.isfinite(found.difference.value)
    nothing = replace(second, errors=np.full(80, np.inf))
    with pytest.raises(TrainingError, match="no face that both"):
        compare_models(first, nothing)


def test_only_the_same_faces_can_be_compared() -> None:
    first, second = two(0.0, 0.001, seed=0)
    with pytest.raises(TrainingError, match="measure both together"):
        compare_models(first, replace(second, names=second.names[::-1]))
