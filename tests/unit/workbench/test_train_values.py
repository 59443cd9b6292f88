"""Values of the tab Train: comparisons, curves, axes, messages, settings."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from faceloop_datasets import Progress, TrainingError
from faceloop_trainer import TrainingConfig
from faceloop_trainer.labelcheck import CheckedLabel, Correction
from faceloop_workbench.services.comparison import Comparison, ModelErrors, cumulative
from faceloop_workbench.services.label_check import LabelCheck
from faceloop_workbench.services.messages import (
    CheckLabels,
    ImportModel,
    Log,
    Outcome,
    Step,
    Train,
    WriteReport,
    finite,
    from_line,
    to_line,
    with_tuples,
)
from faceloop_workbench.train.axes import Scale, label, room_above, round_ticks
from faceloop_workbench.train.curve import ValidationCurve
from faceloop_workbench.train.setting_fields import SETTING_FIELDS, check, defaults


class TestComparison:
    def test_json_brings_it_back_with_lost_faces_and_unknown_points(self) -> None:
        errors, points = np.array([0.02, np.inf, 0.031234567]), np.array([0.01, np.nan])
        one = ModelErrors(errors, points, {"nme_mean": 0.025})
        before = Comparison(one, None, "", 3, True, "it is the first")
        after = Comparison.from_dict(json.loads(json.dumps(before.to_dict(), allow_nan=False)))
        assert after.new is not None
        np.testing.assert_allclose(after.new.errors, errors, atol=1e-5)
        np.testing.assert_allclose(after.new.points, points, atol=1e-5)
        assert (after.old, after.people, after.use) == (None, 3, True)
        assert after.because == "it is the first"

    def test_the_cumulative_curve_counts_lost_faces(self) -> None:
        x, share = cumulative(np.array([0.02, 0.05, np.inf, 0.3]), 0.1)
        np.testing.assert_allclose(x, [0, 0.02, 0.02, 0.05, 0.05, 0.1])
        np.testing.assert_allclose(share, [0, 0, 0.25, 0.25, 0.5, 0.5])

    def test_the_cumulative_curve_of_nothing_is_flat(self) -> None:
        x, share = cumulative(np.zeros(0), 0.1)
        assert (x.tolist(), share.tolist()) == ([0, 0.1], [0, 0])


class TestCurve:
    def test_each_stage_has_its_running_mean(self) -> None:
        curve = ValidationCurve()
        curve.add_step(Step(Progress(1, 9, "training patch experts")))
        curve.add_step(Step(Progress(2, 9, "learning corrections"), (0.04, 0.02)))
        curve.add_step(Step(Progress(3, 9, "learning corrections"), (0.03,)))
        curve.add_step(Step(Progress(1, 2, "measuring fits"), (0.01,)))
        (experts, first), (held_out, last) = curve.curves()
        assert (experts, held_out) == ("patch experts alone", "people held out")
        np.testing.assert_allclose(first, [0.04, 0.03, 0.03])
        assert last.tolist() == [0.01]

    def test_measuring_again_for_the_comparison_is_not_drawn(self) -> None:
        curve = ValidationCurve()
        for error in (0.01, 0.5):
            curve.add_step(Step(Progress(0, 2, "measuring fits")))
            curve.add_step(Step(Progress(2, 2, "measuring fits"), (error,)))
        ((_, errors),) = curve.curves()
        assert errors.tolist() == [0.01]


class TestAxes:
    @pytest.mark.parametrize(
        ("low", "high", "most", "ticks"),
        [
            (0.0, 1.0, 6, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            (0.0, 0.1, 3, [0, 0.05, 0.1]),
            (0.0, 320.0, 5, [0, 100, 200, 300]),
            (3.0, 3.0, 5, [3.0]),
        ],
    )
    def test_ticks_are_round(self, low: float, high: float, most: int, ticks: list[float]) -> None:
        assert round_ticks(low, high, most) == pytest.approx(ticks)

    @pytest.mark.parametrize("high", [0.0007, 0.013, 1.0, 7.0, 99.0, 12345.0])
    @pytest.mark.parametrize("most", [2, 3, 5, 8])
    def test_there_are_never_too_many(self, high: float, most: int) -> None:
        ticks = round_ticks(0.0, high, most)
        assert 1 <= len(ticks) <= most
        assert ticks[-1] <= high

    def test_labels_have_the_digits_they_need(self) -> None:
        assert [label(0.02, 0.02), label(0.5, 0.5), label(100.0, 50.0)] == ["0.02", "0.5", "100"]

    def test_values_beyond_the_ends_stay_at_the_ends(self) -> None:
        scale = Scale(0.0, 2.0, 100.0, 0.0)
        assert [scale(v) for v in (-1.0, 0.5, 9.0)] == [100.0, 75.0, 0.0]

    def test_room_above_is_round_and_enough(self) -> None:
        assert room_above([0.031, float("nan")], 0.01) == pytest.approx(0.04)
        assert room_above([], 0.02) == pytest.approx(0.02)
        assert room_above([0.95], 0.02) == pytest.approx(1.0)


class TestMessages:
    @pytest.mark.parametrize(
        "message",
        [
            Train("/a b/faces", {"channels": ["raw"], "holdout": 0.2}, scheduler="local:2"),
            WriteReport("/a b/faces", ("new", "starter")),
            ImportModel("/a b/faces", "theirs.safetensors"),
            CheckLabels("/a b/faces"),
            Step(Progress(3, 9, "learning corrections"), (0.02, 0.5)),
            Step(Progress(0, None, "reading")),
            Log("reading faces: 3.1 s"),
            Outcome("done", "face70-ridge is in use.", 3),
            Outcome("done", "It is in use.", 3, warnings=("Copies.", "Few people.")),
        ],
    )
    def test_a_line_brings_it_back(self, message: Step) -> None:
        line = to_line(message)
        assert "\n" not in line
        assert from_line(line) == message

    def test_a_label_check_keeps_its_points_bit_for_bit_and_what_is_missing(self) -> None:
        points = np.array([[1 / 3, np.nan], [np.nan, np.nan], [1e-17, 2e5]])
        points[0, 1] = 2 / 7
        mend = Correction(7, points, np.array([0, 3, 1], dtype=np.uint8))
        doubt = CheckedLabel(4, "a", 2.5, "They look mirrored.", "mirrored", (0, 2), mend)
        back = from_line(to_line(LabelCheck(9, 2, 1, (doubt,))))
        assert isinstance(back, LabelCheck)
        assert (back.faces, back.doubtful, back.queued) == (9, 2, 1)
        (again,) = back.mendable
        assert replace(again, mend=None) == replace(doubt, mend=None)
        assert again.mend is not None
        assert again.mend.revision_id == 7
        assert again.mend.states.dtype == np.uint8
        assert np.array_equal(again.mend.states, mend.states)
        assert np.array_equal(again.mend.points, points, equal_nan=True)

    @pytest.mark.parametrize("line", ["Segmentation fault", "[1, 2]", "{}", "3", ""])
    def test_anything_else_is_a_line_of_the_log(self, line: str) -> None:
        assert from_line(line + "\n") == Log(line)

    def test_faces_that_were_not_found_have_no_error(self) -> None:
        assert finite([0.1, float("inf"), float("nan"), 0.2]) == (0.1, 0.2)


class TestSettings:
    def test_the_form_offers_the_defaults_and_they_can_be_used(self) -> None:
        values = defaults()
        assert TrainingConfig(**values) == TrainingConfig()
        check(values)

    def test_every_option_is_one_that_the_trainer_takes(self) -> None:
        for field in SETTING_FIELDS:
            for value, _ in field.options:
                check({field.name: (value,) if field.kind == "some" else value})

    def test_what_cannot_be_used_is_named(self) -> None:
        with pytest.raises(TrainingError, match="channels"):
            check({"channels": ()})

    def test_json_does_not_change_them(self) -> None:
        values = defaults()
        assert with_tuples(json.loads(json.dumps(values))) == values
