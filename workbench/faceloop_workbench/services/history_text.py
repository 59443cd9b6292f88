"""The history of a face in words: what was done, by whom and when; similar changes as one line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import PointState
from faceloop_datasets.wording import counted

from .annotation_source import IMPORT, MANUAL, source_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Annotation, Revision, Scheme

    Mask = NDArray[np.bool_]

UNDO, REDO, BACK = "Undo: ", "Redo: ", "Go back to: "
"""How actions begin that bring the state before, or after, another action back."""
_BROUGHT_BACK = {UNDO: "undo: ", REDO: "redo: ", BACK: "went back to: "}
_TO_POINTS = {
    "Turn and scale": "turned and scaled",
    "Move": "moved",
    "Occlude": "occluded",
    "Uncover": "uncovered",
    "Remove": "removed",
    "Bring back": "brought back",
    "Confirm": "confirmed",
    "Release": "released",
}
"""What is done to points, as actions say it, and what a history calls it afterwards."""
_TO_THE_FACE = {"Accept": "accepted", "Fit": "fit", "Mirror": "mirrored", "Mend": "mended"}
_SOON = timedelta(minutes=5)
"""Similar changes that follow each other faster are one line."""
_GOING_BACK = ("undo", "redo")
_ALIKE = (*_GOING_BACK, *_TO_POINTS.values())
_WHOLE = "the face"


@dataclass(frozen=True)
class HistoryStep:
    """One revision in words.

    Parameters
    ----------
    revision : Revision
        What it tells of.
    words : str
        What was done: "moved chin".
    verb : str
        The kind of it: "moved".
    part : str
        The group of points that it was done to, "the face" for all; empty for points of several.
    changed : int
        How many points it tells differently than the revision before.
    """

    revision: Revision
    words: str
    verb: str
    part: str
    changed: int

    @classmethod
    def of(cls, revision: Revision, before: Revision | None, scheme: Scheme) -> HistoryStep:
        """Describe a revision, given the one it was made from."""
        words = done_text(revision.action, revision.source)
        verb = next((v for v in _ALIKE if words.startswith((f"{v} ", f"{v}:"))), "")
        changed = _changed(before, revision)
        by_hand = changed & (revision.annotation.states != PointState.ESTIMATED)
        part = "" if verb in _GOING_BACK else _part(np.flatnonzero(by_hand).tolist(), scheme)
        return cls(revision, words, verb, part, int(changed.sum()) if before else 0)


@dataclass(frozen=True)
class HistoryLine:
    """Changes of the same kind, in the same part of the face, by one author in a few minutes.

    Parameters
    ----------
    steps : tuple of HistoryStep
        At least one, the newest first.
    """

    steps: tuple[HistoryStep, ...]

    @property
    def newest(self) -> HistoryStep:
        """The last of the changes."""
        return self.steps[0]

    @property
    def words(self) -> str:
        """What was done, and how often."""
        if len(self.steps) == 1:
            return self.newest.words
        said = {step.words for step in self.steps}
        of_part = f"{self.newest.verb} {self.newest.part}".strip()
        return f"{said.pop() if len(said) == 1 else of_part}, {len(self.steps)} times"

    def preceded_by(self, step: HistoryStep) -> HistoryLine | None:
        """Return the line with an older change added; None if that belongs on one of its own."""
        last = self.steps[-1]
        alike = all(
            getattr(step, name) == getattr(last, name) and getattr(last, name) != ""
            for name in (("verb",) if last.verb in _GOING_BACK else ("verb", "part"))
        )
        by_same = step.revision.author == last.revision.author
        soon = last.revision.created - step.revision.created <= _SOON
        return HistoryLine((*self.steps, step)) if alike and by_same and soon else None


def history_steps(revisions: Iterable[Revision], scheme: Scheme) -> list[HistoryStep]:
    """Describe the revisions of a face, in the order given."""
    found = list(revisions)
    known = {revision.id: revision for revision in found}
    return [HistoryStep.of(r, known.get(r.based_on or 0), scheme) for r in found]


def history_lines(steps: Sequence[HistoryStep]) -> list[HistoryLine]:
    """Join similar changes; steps and lines have the newest first."""
    lines: list[HistoryLine] = []
    for step in steps:
        joined = lines[-1].preceded_by(step) if lines else None
        if joined is None:
            lines.append(HistoryLine((step,)))
        else:
            lines[-1] = joined
    return lines


def done_text(action: str, source: str = MANUAL) -> str:
    """Say what was done: "moved chin" of the action "Move chin", "undo: moved chin" of its undo."""
    said = ""
    while begin := next((b for b in _BROUGHT_BACK if action.startswith(b)), ""):
        said, action = said + _BROUGHT_BACK[begin], action.removeprefix(begin)
    if not action:
        return said + ("saved" if source == MANUAL else source_text(source))
    for verb, past in (_TO_POINTS | _TO_THE_FACE).items():
        if action == verb or action.startswith(f"{verb} "):
            return said + past + action.removeprefix(verb)
    return said + action[0].lower() + action[1:]


def who_text(author: str, reader: str) -> str:
    """Name an author for a reader: "you" if they are the same, nobody if an import did it."""
    return "you" if author == reader else "" if author.startswith(IMPORT) else author


def when_text(moment: datetime, now: datetime | None = None) -> str:
    """Say when something was: "5 minutes ago", "yesterday 14:03", "12 Nov 2025"."""
    now = now or datetime.now(UTC)
    minutes = int((now - moment).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{counted(minutes, 'minute')} ago"
    here, today = moment.astimezone(), now.astimezone()
    days = (today.date() - here.date()).days
    if days == 0 or minutes < 6 * 60:
        return f"{counted(minutes // 60, 'hour')} ago"
    if days == 1:
        return f"yesterday {here:%H:%M}"
    return f"{here.day} {here:%b %Y}"


def _changed(before: Revision | None, after: Revision) -> Mask:
    """Points that two revisions tell differently, shape (N,); all of them without one before."""
    if before is None:
        return np.ones(len(after.annotation), dtype=bool)
    return changed_points(before.annotation, after.annotation)


def changed_points(before: Annotation, after: Annotation) -> Mask:
    """Points that two annotations tell differently, shape (N,)."""
    a, b = before.points, after.points
    same = ((a == b) | (np.isnan(a) & np.isnan(b))).all(axis=1)
    found: Mask = ~same | (before.states != after.states)
    return found


def _part(points: Sequence[int], scheme: Scheme) -> str:
    """Name the group of a scheme that holds some points; "the face" if they are all."""
    if len(points) == len(scheme):
        return _WHOLE
    chosen = set(points)
    holding = (name for name, members in scheme.groups.items() if chosen <= set(members))
    return next(holding, "").replace("_", " ") if chosen else ""
