"""Checks of a project's database: of the file, and of what its rows say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError, SchemeError
from faceloop_datasets.expressions import LONGEST, check_expression
from faceloop_datasets.schemes.scheme import Scheme
from faceloop_datasets.store import inspecting
from faceloop_datasets.store.direct import complaints
from faceloop_datasets.store.erasing import is_unfinished
from faceloop_datasets.store.migrations import VERSION

from .findings import RESTORE, Finding

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_OF_ONE = "Correct the item in the window, which saves a sound revision; or restore a backup."
_REPORT = "Nothing is lost. Please report it: faceloop never writes this."
_WITH_REASONS = 3  # the version of the tables from which on an entry has several reasons
_WITH_EXPRESSIONS = 4
_WITH_ROUNDS = 5
_APPEND_ONLY_SINCE = {
    "revisions": 1,
    "expressions": _WITH_EXPRESSIONS,
    "removals": _WITH_ROUNDS,
    "approvals": _WITH_ROUNDS,
    "blind_annotations": _WITH_ROUNDS,
}


def check_database(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Check the file itself and the version of its tables."""
    for said in complaints(connection):
        yield Finding("error", "The database is damaged", said, RESTORE)
    version = inspecting.tables_version(connection)
    if version is None or version > VERSION:
        yield Finding(
            "error",
            f"A newer faceloop made the tables, or they are damaged; known are those up to "
            f"version {VERSION}",
            f"version {version}",
            "Update faceloop, or restore a backup from before.",
        )
    elif version < VERSION:
        yield Finding(
            "note",
            f"The tables are of an older faceloop; those of today are version {VERSION}",
            f"version {version}",
            "They are brought up to date, after a backup, when the project is opened.",
        )
    guards = {
        f"{table}_no_{verb}"
        for table, since in _APPEND_ONLY_SINCE.items()
        if since <= (version or 1)
        for verb in ("delete", "update")
    }
    for guard in sorted(guards - inspecting.names_of_objects(connection)):
        yield Finding(
            "warning",
            "Nothing keeps saved annotations from being changed: a trigger is missing",
            guard,
            "Another program removed it. Restore a backup, or go on with care.",
        )
    if is_unfinished(connection):
        yield Finding(
            "error",
            "An erasure was stopped: old pages may still hold what was erased",
            "project.db",
            "Close all windows on the project and open it once; that finishes the erasure.",
        )


def stored_scheme(connection: sqlite3.Connection) -> Scheme:
    """Return the project's landmark scheme.

    Raises
    ------
    SchemeError
        If it cannot be read.
    """
    return Scheme.parse(str(inspecting.settings(connection).get("scheme")), "project.db")


def check_rows(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Check the scheme and every item, revision, entry and model against each other."""
    settings = inspecting.settings(connection)
    try:
        size = len(stored_scheme(connection))
    except SchemeError as error:
        yield Finding("error", "The landmark scheme cannot be read", str(error), RESTORE)
        return
    revisions: dict[int, int] = {}
    for row in inspecting.revisions(connection):
        found = _Revision(*row)
        yield from found.check(size, revisions)
        revisions[found.id] = found.item
    yield from _check_items(connection, revisions)
    yield from _check_queue(connection, size)
    yield from _check_expressions(connection)
    yield from _check_rounds(connection, size)
    stored = inspecting.models(connection)
    models = {str(number) for number, *_ in stored}
    if settings.get("active_model", next((str(n) for n, *_ in stored), None)) not in {
        *models,
        None,
    }:
        where = f"model {settings['active_model']}"
        yield Finding(
            "error", "The model in use is not there", where, "Choose one: faceloop model use."
        )
    for _, name, _, _, metrics in stored:
        if not _is_json(metrics):
            yield Finding("error", "What was measured of a model cannot be read", name, RESTORE)


@dataclass(frozen=True)
class _Revision:
    id: int
    item: int
    based_on: int | None
    points: Any
    states: Any
    created: Any

    def check(self, size: int, before: dict[int, int]) -> Iterator[Finding]:
        """Check it, knowing the items of the revisions before it."""
        where = f"revision {self.id}, item {self.item}"
        if self.based_on is not None and before.get(self.based_on) != self.item:
            yield Finding(
                "error",
                "A revision is based on none of the item's earlier ones",
                f"{where}, based on {self.based_on}",
                RESTORE,
            )
        if not self.is_sound(size):
            yield Finding(
                "error", f"A saved annotation does not decode to {size} points", where, _OF_ONE
            )
        if not _is_time(self.created):
            yield Finding("warning", "When a revision was saved cannot be read", where, _REPORT)

    def is_sound(self, size: int) -> bool:
        """Whether points and states are those of as many points as the scheme has."""
        sizes = _sizes(self.points, self.states)
        if sizes != (16 * size, size):
            return False
        states = np.frombuffer(self.states, np.uint8)
        finite = np.isfinite(np.frombuffer(self.points, "<f8").reshape(-1, 2)).all(axis=1)
        missing = states == PointState.MISSING
        return bool((states <= max(PointState)).all() and (finite == ~missing).all())


def _check_items(connection: sqlite3.Connection, revisions: dict[int, int]) -> Iterator[Finding]:
    saved = set(revisions.values())
    for number, name, frame, head, kind, frames in inspecting.items(connection):
        where = f"item {number} ({name})"
        if head is None and number in saved:
            yield Finding("error", "None of an item's revisions counts", where, _OF_ONE)
        if head is not None and revisions.get(head) != number:
            what = "The revision that counts is not one of the item's"
            yield Finding("error", what, f"{where}, revision {head}", RESTORE)
        if (kind == "video") != (frame is not None) and kind is not None:
            yield Finding("error", "A frame belongs to videos, and to each of them", where, _REPORT)
        elif frame is not None and frames is not None and not 0 <= frame < frames:
            yield Finding("error", "A frame is not in its video", f"{where}, {frame}", _REPORT)


def _check_queue(connection: sqlite3.Connection, size: int) -> Iterator[Finding]:
    for number, item, points in inspecting.queued_fits(connection):
        if points is not None and not _is_fit(points, size):
            yield Finding(
                "error",
                f"A fit in the queue has not {size} finite points",
                f"entry {number}, item {item}",
                "Skip the entry: faceloop queue skip; or restore a backup.",
            )
    if (inspecting.tables_version(connection) or 0) < _WITH_REASONS:
        return
    for number, item, points in inspecting.queue_reasons(connection):
        where = f"entry {number}, item {item}"
        if points is None:
            what = "An entry of the queue has no reason"
            yield Finding("error", what, where, RESTORE)
        elif not _are_landmarks(points, size):
            what = f"A reason in the queue is about points that are none of the {size}"
            yield Finding("error", what, where, RESTORE)


def _check_expressions(connection: sqlite3.Connection) -> Iterator[Finding]:
    if (inspecting.tables_version(connection) or 0) < _WITH_EXPRESSIONS:
        return
    for number, item, label, created in inspecting.expressions(connection):
        where = f"label {number}, item {item}"
        if not _is_label(label):
            what = f"A label of an expression is no text of at most {LONGEST} characters"
            yield Finding(
                "warning", what, where, "Give the face another: faceloop expressions set."
            )
        if not _is_time(created):
            yield Finding("warning", "When a label was given cannot be read", where, _REPORT)


def _check_rounds(connection: sqlite3.Connection, size: int) -> Iterator[Finding]:
    """Check what was taken out, what was said to be right, and what was annotated blind."""
    if (inspecting.tables_version(connection) or 0) < _WITH_ROUNDS:
        return
    for item in inspecting.unlike_their_removals(connection):
        what = "Whether a face is taken out is not what was said last"
        yield Finding("warning", what, f"item {item}", "Take it out, or bring it back, once more.")
    for number, item, points in inspecting.approvals(connection):
        if not _are_landmarks(points, size):
            what = f"What was said to be right are none of the {size} points"
            yield Finding("error", what, f"approval {number}, item {item}", RESTORE)
    for number, item, points, states, created in inspecting.blind_annotations(connection):
        found = _Revision(number, item, None, points, states, created)
        if not found.is_sound(size):
            what = f"A blind annotation does not decode to {size} points"
            yield Finding("error", what, f"blind annotation {number}, item {item}", RESTORE)


def _is_label(label: Any) -> bool:
    try:
        return bool(check_expression(label) == label)
    except (AttributeError, InputError):  # it may be of any type
        return False


def _are_landmarks(points: Any, size: int) -> bool:
    whole = isinstance(points, bytes) and len(points) % 2 == 0
    return whole and bool((np.frombuffer(points, "<u2") < size).all())


def _sizes(*values: Any) -> tuple[int, ...]:
    return tuple(len(value) if isinstance(value, bytes) else -1 for value in values)


def _is_fit(points: Any, size: int) -> bool:
    return _sizes(points) == (16 * size,) and bool(np.isfinite(np.frombuffer(points, "<f8")).all())


def _is_time(text: Any) -> bool:
    try:
        datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return False
    return True


def _is_json(text: Any) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (TypeError, ValueError, RecursionError):
        return False
