"""Which frames of a video come back as the next thing to correct."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_runtime import FrameResult, TrackedFace
from faceloop_runtime.quality.thresholds import POOR_ERROR
from faceloop_workbench.services.poor_frames import PoorFrames

from .fits import make_fit

GRAY = np.full((48, 64), 90, np.uint8)


def frame(index: int, *errors: float) -> FrameResult:
    faces = tuple(
        TrackedFace(number, make_fit(predicted_error=error), 0.9)
        for number, error in enumerate(errors)
    )
    return FrameResult(index, index / 10, faces)


def collect(*results: FrameResult) -> PoorFrames:
    poor = PoorFrames()
    for result in results:
        poor.add(result, GRAY)
    return poor


def test_good_fits_are_no_candidates() -> None:
    assert collect(frame(0, 0.02), frame(1, POOR_ERROR)).candidates == []


def test_the_worst_fit_of_each_second_is_kept() -> None:
    errors = [0.07, 0.09, 0.08] + [0.01] * 8 + [0.07]
    poor = collect(*(frame(i, error) for i, error in enumerate(errors)))
    assert [(c.frame, c.predicted_error) for c in poor.candidates] == [(1, 0.09), (11, 0.07)]


def test_the_moment_of_a_loss_is_kept_once() -> None:
    poor = collect(frame(0, 0.02), frame(1), frame(2), frame(3, 0.02), frame(4))
    assert [(c.frame, c.reason, c.points) for c in poor.candidates] == [
        (1, "lost-track", None),
        (4, "lost-track", None),
    ]


def test_judged_frames_are_no_candidates_and_lose_no_face() -> None:
    """Frame 1 was rejected, so that it shows no face; frame 4 was accepted as it is."""
    poor = PoorFrames()
    for index, errors in enumerate([[0.02], [], [], [0.02], [0.09], []]):
        poor.add(frame(index, *errors), GRAY, judged=index in (1, 4))
    assert [(c.frame, c.reason) for c in poor.candidates] == [(5, "lost-track")]


def test_of_several_faces_the_worst_counts() -> None:
    (candidate,) = collect(frame(0, 0.02, 0.09)).candidates
    assert candidate.predicted_error == pytest.approx(0.09)


def test_shots_are_told_apart() -> None:
    poor = PoorFrames()
    half = GRAY.copy()
    half[:, :32] = 255
    poor.add(frame(0, 0.09), half)
    poor.add(frame(1, 0.08), half[:, ::-1].copy())
    assert [c.shot for c in poor.candidates] == [0, 1]


def test_a_shot_played_again_has_the_same_number() -> None:
    poor = PoorFrames()
    other = GRAY.copy()
    other[:, :32] = 255
    for index in (0, 1, 2, 3, 1, 2, 3):
        poor.add(frame(index, 0.09), GRAY if index < 2 else other)
    poor.add(frame(20, 0.09), other)
    assert {c.frame: c.shot for c in poor.candidates} == {0: 0, 2: 2, 20: 2}


def test_a_jump_is_no_cut_and_loses_no_face() -> None:
    poor = PoorFrames()
    other = GRAY.copy()
    other[:, :32] = 255
    poor.add(frame(0, 0.09), GRAY)
    poor.add(frame(50), other)
    poor.add(frame(51, 0.09), other)
    poor.add(frame(52), other)
    assert [(c.frame, c.shot) for c in poor.candidates] == [(52, 0), (0, 0), (51, 0)]


def test_what_was_collected_can_be_forgotten_and_the_shots_stay_known() -> None:
    poor = PoorFrames()
    other = GRAY.copy()
    other[:, :32] = 255
    poor.add(frame(0, 0.09), GRAY)
    poor.add(frame(1, 0.09), other)
    poor.forget()
    assert poor.candidates == []
    poor.add(frame(2, 0.09), other)
    assert [c.shot for c in poor.candidates] == [1]


def test_a_long_video_holds_one_fit_a_second() -> None:
    poor = collect(*(frame(i, 0.07 + i * 1e-6) for i in range(3000)))
    assert len(poor.candidates) == 300
