"""Modes that are held or let go by hand, on the starter model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceloop_datasets import InputError
from faceloop_runtime import FaceModel
from faceloop_workbench.services.model_choice import ChosenModel
from faceloop_workbench.services.regularising import MOST, factors_of, factors_text, regularised
from faceloop_workbench.train.factor_steps import STEPS, factor_text, nearest_step

STARTER = ChosenModel("starter", FaceModel.starter())


def test_given_factors_are_taken_and_the_others_stay() -> None:
    first = regularised(STARTER, {1: 0.0, 5: 2.5})
    found = factors_of(first.model.pdm)
    np.testing.assert_array_equal(found[[0, 1, 4]], [0.0, 1.0, 2.5])
    again = factors_of(regularised(first, {5: 4.0}).model.pdm)
    np.testing.assert_array_equal(again[[0, 1, 4]], [0.0, 1.0, 4.0])
    assert STARTER.model.pdm.regularisation is None
    assert first.model.experts is STARTER.model.experts
    assert not first.kept


def test_the_model_says_what_was_changed() -> None:
    made = regularised(STARTER, {1: 0.0, 5: 2.5})
    assert factors_text(made.model) == "component 1 free, component 5 held 2.5 times as firmly"
    assert made.model.provenance["regularised"] == {
        "from": "starter",
        "what": "component 1 free, component 5 held 2.5 times as firmly",
    }
    assert made.model.summary()["regularisation"] == {"1": 0.0, "5": 2.5}
    one = regularised(made, {1: 1.0}).model
    assert factors_text(one) == "component 5 held 2.5 times as firmly"
    # All as learned again is a model as it was.
    back = regularised(made, {1: 1.0, 5: 1.0}).model
    assert back.pdm.regularisation is None
    assert back.provenance == STARTER.model.provenance
    assert back.summary() == STARTER.model.summary()
    assert factors_text(back) == "all components as learned"


def test_what_was_measured_of_a_model_is_not_its_copys() -> None:
    metrics = {"nme_mean": 0.03}
    model = replace(STARTER.model, provenance={**STARTER.model.provenance, "metrics": metrics})
    made = regularised(ChosenModel("mine", model), {1: 0.0})
    assert made.model.provenance["metrics"] == {}
    assert made.model.provenance["regularised"]["metrics_as_learned"] == metrics
    again = regularised(made, {2: 0.0})
    assert again.model.provenance["regularised"]["metrics_as_learned"] == metrics
    assert regularised(again, {1: 1.0, 2: 1.0}).model.provenance == model.provenance


@pytest.mark.parametrize(
    ("number", "factor", "said"),
    [
        (0, 1.0, "has no component 0; expected a number from 1 to 40"),
        (41, 1.0, "has no component 41"),
        (1, -0.1, "factor -0.1 of component 1 is out of range"),
        (1, MOST + 0.1, "factor 10.1 of component 1"),
        (1, float("nan"), "factor nan"),
    ],
)
def test_what_cannot_be_is_refused(number: int, factor: float, said: str) -> None:
    with pytest.raises(InputError, match=said):
        regularised(STARTER, {number: factor})


def test_steps_go_from_free_over_as_learned_to_the_largest_factor() -> None:
    assert STEPS[0] == 0.0
    assert STEPS[-1] == MOST
    assert 1.0 in STEPS
    assert list(STEPS) == sorted(set(STEPS))
    ratios = np.diff(np.log(STEPS[1:]))
    assert ratios.max() < 1.3 * ratios.mean()
    for step, factor in enumerate(STEPS):
        assert nearest_step(factor) == step
    assert STEPS[nearest_step(2.45)] == 2.5
    assert nearest_step(1e-9) == 1  # held a little is not free
    assert nearest_step(900.0) == len(STEPS) - 1
    assert [factor_text(f) for f in (0.0, 1.0, 0.25)] == ["free", "1 x", "0.25 x"]
