"""Figures of a model that a stranger's project holds."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceloop_datasets import Scheme
from faceloop_datasets.plain import is_count, is_deep, is_number
from faceloop_trainer.evaluation.weak_spots import WeakSpot
from faceloop_workbench.services.comparison import Comparison, ModelErrors
from faceloop_workbench.services.meaning import meaning_text, weak_spots_text
from faceloop_workbench.services.stage_times import Stage, expected_stages
from faceloop_workbench.train.checked_metrics import checked_metrics
from faceloop_workbench.train.model_list import ListedModel

FACE70 = Scheme.load("face70")
MEASURED = ModelErrors(np.array([0.03, np.inf]), np.array([0.02, np.nan, 0.04]), {"failures": 1})
GOOD: dict[str, Any] = json.loads(
    json.dumps(
        {
            "nme_mean": 0.03,
            "faces": 2,
            "subjects": 1,
            "trained_faces": 9,
            "settings": {"components": 6, "channels": ["raw"]},
            "stages": [Stage("reading", 1.5, ((0.0, 0.0), (1.0, 1.0))).to_dict()],
            "inputs": "5f",
            "training_inputs": "6a",
            "pixels": 2.0,
            "baseline": 0.04,
            "weak_spots": [WeakSpot("pose", "looking up", 0.06, 0.03, 4, 1).to_dict()],
            "comparison": Comparison(MEASURED, None, "", 1, True, "it is the first").to_dict(),
            "note of a later version": {"x": [1]},
        }
    )
)
WRONG: list[Any] = [None, 5, "x", [], {}, [5], {"x": 1}, float("nan"), 10**400, True, -1.0]


def test_what_a_training_writes_is_believed() -> None:
    assert checked_metrics(GOOD, 3) == GOOD


def test_varimax_components_by_their_name_of_before() -> None:
    """Projects of before call them natural: they count, and can be trained so again."""
    made = checked_metrics({**GOOD, "settings": {"modes": "natural", "components": 6}}, 3)
    assert made["settings"] == {"modes": "varimax", "components": 6}
    assert made["trained_faces"] == 9
    assert made["stages"] == GOOD["stages"]


@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize("key", GOOD)
def test_what_is_not_as_it_should_be_is_left_out(key: str, value: Any) -> None:
    use(checked_metrics({**GOOD, key: value}, 3))
    use(checked_metrics({key: value}, 3))


@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize(
    "path",
    [
        ("comparison", "new"),
        ("comparison", "people"),
        ("comparison", "new", "errors"),
        ("comparison", "new", "points"),
        ("comparison", "new", "figures"),
        ("comparison", "new", "figures", "failures"),
        ("settings", "components"),
        ("settings", "unknown"),
        ("stages", 0),
        ("stages", 0, "seconds"),
        ("stages", 0, "marks"),
        ("weak_spots", 0),
        ("weak_spots", 0, "kind"),
        ("weak_spots", 0, "name"),
        ("weak_spots", 0, "error"),
        ("weak_spots", 0, "trained"),
    ],
    ids=str,
)
def test_parts_of_it_too(path: tuple[Any, ...], value: Any) -> None:
    metrics = json.loads(json.dumps(GOOD))
    inner = metrics
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    use(checked_metrics(metrics, 3))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD]), inner),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(metrics=st.dictionaries(st.sampled_from([*GOOD]), JSON))
def test_any_json(metrics: dict[str, Any]) -> None:
    use(checked_metrics(metrics, 3))


def use(metrics: dict[str, Any]) -> None:
    """Use metrics as the window does."""
    listed = ListedModel(1, "m", None, None, "", False, metrics)
    assert listed.measured_on
    assert listed.nme is None or f"{listed.nme:.4f}"
    assert str(listed.faces)
    assert ("On average" in meaning_text(metrics, FACE70)) is (listed.nme is not None)
    assert isinstance(
        weak_spots_text([WeakSpot(**spot) for spot in metrics.get("weak_spots", [])]), str
    )
    if listed.comparison is not None and listed.comparison.new is not None:
        assert len(listed.comparison.new.points) == 3
        assert format(listed.comparison.new.figures.get("failures", 0), "d")
    if listed.trained_here:
        assert isinstance(metrics["settings"], dict)
        plans = expected_stages([metrics], 4)
        assert all(stage.seconds >= 0 for plan in plans for stage in plan)


def test_plain_values() -> None:
    assert is_number(1.5)
    assert is_count(0)
    others = [True, float("nan"), float("inf"), 10**400, "1", None]
    assert not any(is_number(value) for value in others)
    assert not any(is_count(value) for value in [*others, -1, 1.0])
    nest: Any = 1
    for _ in range(20):
        nest = {"x": [nest]}
    assert is_deep(nest)
    assert not is_deep(GOOD)
