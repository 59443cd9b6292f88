"""What the strip under a video shows."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_runtime import FrameResult, TrackedFace
from faceloop_workbench.live.colours import error_colours, error_word
from faceloop_workbench.live.record import ErrorRecord

from .fits import make_fit


def result(index: int, *errors: float) -> FrameResult:
    faces = tuple(
        TrackedFace(number, make_fit(predicted_error=error), 0.9)
        for number, error in enumerate(errors)
    )
    return FrameResult(index, index / 25, faces)


def test_the_worst_face_of_a_frame_counts() -> None:
    record = ErrorRecord(3)
    record.put(result(1, 0.02, 0.09))
    record.put(result(2))
    assert np.isnan(record.errors[0])
    assert record.errors[1:].tolist() == pytest.approx([0.09, np.inf])


def test_one_bad_frame_of_twenty_thousand_is_seen() -> None:
    record = ErrorRecord(20_000)
    record.errors[:] = 0.02
    record.errors[13_377] = 0.12
    errors, _ = record.columns(350)
    bad = 13_377 * 350 // 20_000
    assert errors[bad] == pytest.approx(0.12)
    assert (np.delete(errors, bad) < 0.03).all()


def test_unseen_frames_do_not_hide_those_beside_them() -> None:
    record = ErrorRecord(100)
    record.put(result(57, 0.04))
    errors, _ = record.columns(10)
    assert errors[5] == pytest.approx(0.04)
    assert np.isnan(np.delete(errors, 5)).all()


def test_a_short_video_is_stretched() -> None:
    record = ErrorRecord(2)
    record.put(result(1, 0.03))
    errors, _ = record.columns(6)
    assert np.isnan(errors[:3]).all()
    assert errors[3:] == pytest.approx([0.03] * 3)


def test_results_of_the_model_before_are_stale_until_they_are_made_anew() -> None:
    record = ErrorRecord(4)
    record.put(result(0, 0.02))
    record.put(result(1, 0.02))
    record.mark_stale()
    record.put(result(1, 0.01))
    assert record.stale.tolist() == [True, False, False, False]
    assert record.columns(2)[1].tolist() == [True, False]


def test_colours_go_from_green_over_yellow_to_red() -> None:
    good, limit, bad = error_colours([0.01, 0.06, 0.2], threshold=0.06).astype(int)
    assert good[1] > good[0] + 100
    assert abs(limit[0] - limit[1]) < 20
    assert limit[2] < 100
    assert bad[0] > bad[1] + 100


def test_colours_differ_in_lightness_for_those_who_see_no_red_and_green() -> None:
    weights = np.array([0.2126, 0.7152, 0.0722])  # of luminance, ITU-R BT.709
    kinds = error_colours([0.02, 0.06, 0.2, np.inf]) @ weights
    assert np.diff(np.sort(kinds)).min() > 15


def test_unknown_is_gray_and_stale_is_faded() -> None:
    unknown, fresh, stale = error_colours([np.nan, 0.02, 0.02], [False, False, True]).astype(int)
    assert len(set(unknown.tolist())) == 1
    assert np.ptp(stale) < np.ptp(fresh) / 2


@pytest.mark.parametrize(
    ("error", "word"),
    [(np.nan, "not seen"), (np.inf, "no face"), (0.02, "good"), (0.05, "fair"), (0.07, "poor")],
)
def test_errors_have_words(error: float, word: str) -> None:
    assert error_word(error, 0.06) == word
