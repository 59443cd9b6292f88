"""The history of a face in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Annotation, PointState, Revision, Scheme
from faceloop_workbench.services.history_text import (
    done_text,
    history_lines,
    history_steps,
    when_text,
    who_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEME = Scheme.load("face70")
NOW = datetime(2026, 3, 5, 15, 0, tzinfo=UTC)


class History:
    """Revisions of a face, one a call."""

    def __init__(self) -> None:
        self.revisions: list[Revision] = []
        self.points = np.arange(140.0).reshape(70, 2)
        self.states = np.full(70, PointState.ESTIMATED, np.uint8)
        self.now = NOW

    def save(
        self, action: str, moved: Sequence[int] = (), author: str = "ann", after: float = 1
    ) -> None:
        """Save a change of points, so many minutes after the last."""
        self.points, self.states = self.points.copy(), self.states.copy()
        self.points[list(moved)] += 1
        self.states[list(moved)] = PointState.VISIBLE
        self.now += timedelta(minutes=after)
        number = len(self.revisions) + 1
        annotation = Annotation("face70", self.points, self.states, "manual+fit:starter")
        self.revisions.append(
            Revision(
                number, 1, number - 1 or None, annotation, author, self.now, is_head=True,
                action=action,
            )
        )  # fmt: skip

    def lines(self) -> list[str]:
        """Return the lines, newest first."""
        steps = history_steps(self.revisions[::-1], SCHEME)
        return [line.words for line in history_lines(steps)]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("Move chin", "moved chin"),
        ("Occlude 3 points", "occluded 3 points"),
        ("Uncover 3 points", "uncovered 3 points"),
        ("Turn and scale the face", "turned and scaled the face"),
        ("Fit by starter", "fit by starter"),
        ("Three clicks", "three clicks"),
        ("Accept", "accepted"),
        ("Undo: Move chin", "undo: moved chin"),
        ("Redo: Undo: Accept", "redo: undo: accepted"),
        ("Go back to: Fit by m2", "went back to: fit by m2"),
        ("Mend labels: 3 turned", "mended labels: 3 turned"),
        ("Acceptance of all", "acceptance of all"),  # a word that only begins like one we know
        ("Undo: ", "undo: saved"),
        ("", "saved"),
    ],
)
def test_what_was_done_in_words(action: str, words: str) -> None:
    assert done_text(action) == words


def test_what_does_not_say_what_was_done_says_where_it_comes_from() -> None:
    assert done_text("", "import:muct") == "imported from muct"
    assert done_text("Undo: " * 20_000) == "undo: " * 20_000 + "saved"  # a project may be hostile


def test_moves_in_one_part_of_the_face_are_one_line_that_holds_them_all() -> None:
    history = History()
    history.save("Fit by starter")
    for number in (43, 44, 45, 46):
        history.save(f"Move {SCHEME.names[number]}", [number])
    history.save("Move chin", [7])
    history.save("Move chin", [7])
    history.save("Move 2 points", [7, 44])  # of two parts: on its own
    history.save("Move 2 points", [7, 44])
    assert history.lines() == [
        "moved 2 points",
        "moved 2 points",
        "moved chin, 2 times",
        "moved mouth, 4 times",
        "fit by starter",
    ]
    steps = history_steps(history.revisions[::-1], SCHEME)
    assert [step.changed for step in steps][:3] == [2, 2, 1]
    mouth = history_lines(steps)[3]
    assert [s.words.removeprefix("moved ") for s in mouth.steps] == [
        SCHEME.names[k] for k in (46, 45, 44, 43)
    ]


@pytest.mark.parametrize(
    "other", [{"author": "bob"}, {"after": 6.0}, {"action": "Confirm chin"}, {"moved": [43]}]
)
def test_another_person_a_pause_another_deed_or_another_part_begin_a_line(other: dict) -> None:
    history = History()
    history.save("Fit by starter")
    history.save("Move chin", [7])
    history.save(**{"action": "Move chin", "moved": [7], **other})
    assert len(history.lines()) == 3


def test_what_was_taken_back_in_a_row_is_one_line() -> None:
    history = History()
    history.save("Fit by starter")
    history.save("Undo: Move chin", [7])
    history.save("Undo: Move left pupil", [27])
    history.save("Redo: Move left pupil", [27])
    assert history.lines() == ["redo: moved left pupil", "undo, 2 times", "fit by starter"]


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=5, seconds=59), "5 minutes ago"),
        (timedelta(minutes=60), "1 hour ago"),
        (timedelta(hours=5, minutes=59), "5 hours ago"),
        (timedelta(days=300), f"{(NOW - timedelta(days=300)).astimezone().day} May 2025"),
        (timedelta(seconds=-30), "just now"),  # the clocks of two computers differ
    ],
)
def test_when_it_was(before: timedelta, text: str) -> None:
    assert when_text(NOW - before, NOW) == text


def test_yesterday_is_the_day_before_whatever_the_hour() -> None:
    evening = datetime(2026, 3, 4, 23, 30).astimezone()
    assert when_text(evening, datetime(2026, 3, 5, 12, 0).astimezone()) == "yesterday 23:30"
    assert when_text(evening, datetime(2026, 3, 5, 1, 0).astimezone()) == "1 hour ago"


def test_the_reader_is_you() -> None:
    assert (who_text("ann", "ann"), who_text("bob", "ann")) == ("you", "bob")
    assert who_text("import:muct", "ann") == ""  # the words say that it was imported
