"""Probabilities that are shown tremble less, and begin anew where another face is."""

from __future__ import annotations

import pytest

from faceloop_workbench.services.expression_smoothing import ExpressionSmoothing

CALM, GLAD = {"calm": 1.0, "glad": 0.0}, {"calm": 0.0, "glad": 1.0}


def test_a_step_is_half_shown_after_a_while_whatever_the_rate() -> None:
    for frames in (3, 30):
        smooth = ExpressionSmoothing()
        assert smooth(0, 10.0, CALM) == CALM
        for number in range(1, frames + 1):
            shown = smooth(0, 10.0 + 0.12 * number / frames, GLAD)
        assert shown["glad"] == pytest.approx(0.5)
        assert sum(shown.values()) == pytest.approx(1)


def test_a_still_frame_shown_again_changes_nothing() -> None:
    smooth = ExpressionSmoothing()
    smooth(0, 1.0, CALM)
    first = smooth(0, 1.04, GLAD)
    assert smooth(0, 1.04, GLAD) == first


@pytest.mark.parametrize(
    ("face", "time"), [(1, 1.04), (0, 0.5), (0, 9.0)], ids=["another face", "back", "a gap"]
)
def test_it_begins_anew(face: int, time: float) -> None:
    smooth = ExpressionSmoothing()
    smooth(0, 1.0, CALM)
    assert smooth(face, time, GLAD) == GLAD


def test_another_model_has_other_names() -> None:
    smooth = ExpressionSmoothing()
    smooth(0, 1.0, CALM)
    assert smooth(0, 1.04, {"wink": 1.0}) == {"wink": 1.0}
