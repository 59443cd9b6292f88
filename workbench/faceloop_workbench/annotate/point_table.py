"""The points of the face in work as a table, what can be typed there, and the clipboard.

Without Qt: `faceloop_workbench.annotate.panel_points` shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from faceloop_datasets import FaceloopError, PointState
from faceloop_datasets.wording import counted
from faceloop_workbench.services.queue_reasons import reason_lines

from .blind import blind_reason
from .shape_pasting import aligned_points
from .shape_text import FARTHEST, STATE_WORDS, CopiedPoints, coordinate, parse_points, points_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import QueueEntry, Scheme
    from faceloop_workbench.session import Session

    from .editor import FaceEditor
    from .face_state import FaceState

_PASTED = "pasted points"  # stands for the model's name where points are nobody's yet


class PointRow(NamedTuple):
    """One point.

    Parameters
    ----------
    number : int
        Its number in the scheme.
    name : str
        What the scheme calls it.
    x, y : float
        In pixels of the picture; NaN where missing.
    state : PointState
        What is known about it.
    doubt : str
        Why it is doubtful, a line a reason; empty if it is not.
    """

    number: int
    name: str
    x: float
    y: float
    state: PointState
    doubt: str


class PointTable:
    """Reads the face in work as rows, and makes what is typed a change that can be undone.

    Parameters
    ----------
    session : Session
        The project, and where errors are told.
    editor : FaceEditor
        The face.
    """

    def __init__(self, session: Session, editor: FaceEditor) -> None:
        self._session, self._editor = session, editor
        self._half: dict[int, dict[int, float]] = {}  # typed of missing points: one of x and y
        self._doubts: dict[int, str] = {}
        editor.loaded.connect(self._forget)

    def read_doubts(self) -> None:
        """Read why the face is in the review queue, and which points that is about."""
        project, item = self._session.project, self._editor.item
        entry = None
        if project is not None and item is not None and not blind_reason(self._session):
            entry = project.queue.of_item(item.id)
        self._doubts = doubts_of(entry)

    def rows(self) -> list[PointRow]:
        """Points of the face as it is drawn; none if no face is in work."""
        face, project = self._editor.drawn, self._session.project
        if face is None or project is None:
            return []
        names, states = project.scheme.names, face.states.tolist()
        return [
            PointRow(k, names[k], *self._place(k, xy), PointState(state), self._doubts.get(k, ""))
            for k, (xy, state) in enumerate(zip(face.points.tolist(), states, strict=True))
        ]

    def type_coordinate(self, number: int, axis: int, text: str) -> bool:
        """Move a point to where somebody typed, alone; returns whether that could be.

        A missing point is placed when both its coordinates are there.

        Parameters
        ----------
        number : int
            The point.
        axis : int
            0 for x, 1 for y.
        text : str
            Pixels; decimals may have a comma.
        """
        state, value = self._editor.state, coordinate(text)
        if state is None:
            return False
        if value is None:
            self._session.tell(
                f"{'xy'[axis]} of {self._scheme.names[number]}: {text!r:.40} is no number of "
                f"pixels; expected one from -{FARTHEST:.0f} to {FARTHEST:.0f}.",
                "error",
            )
            return False
        typed = {**self._half.pop(number, {}), axis: value}
        xy = [typed.get(k, float(state.points[number, k])) for k in (0, 1)]
        if np.isnan(xy).any():
            self._half[number] = typed
            return True
        self._editor.drag(number, np.array(xy), alone=True)
        return self._editor.drop() is not None

    def set_state(self, numbers: Sequence[int], wanted: PointState) -> None:
        """Give points a state. Missing ones have no place: they are left out, which is told."""
        state = self._editor.state
        if state is None or not numbers:
            return
        there = [k for k in numbers if state.present[k]]
        if there:
            model = self._editor.help.model() if wanted == PointState.ESTIMATED else None
            who = "model" if model is None else model.name
            what = f"{STATE_WORDS[wanted].capitalize()}: {self._named(there)}"
            self._editor.change(lambda face: face.with_state(there, wanted, who), what)
        left = [k for k in numbers if not state.present[k]]
        if left and wanted != PointState.MISSING:
            self._session.tell(
                f"{self._named(left)}: missing, so there is no place that could be "
                f"{STATE_WORDS[wanted]}. Type x and y first.",
                "warning",
            )

    def copy(self) -> str:
        """Return the selected points, or all, as text; empty if there is no face with points."""
        state = self._editor.state
        if state is None or not state.present.any():
            return ""
        chosen = self._editor.selection or tuple(range(len(state.points)))
        copied = CopiedPoints(chosen, state.points[list(chosen)], state.states[list(chosen)])
        self._session.tell(f"Copied {counted(len(chosen), 'point')}.")
        return points_text(self._scheme, copied)

    def paste(self, text: str, *, aligned: bool) -> bool:
        """Put points of a text on the face; returns whether it had any, and they could be saved.

        At the same coordinates they keep their states. Aligned ones are where a similarity takes
        them, which is a guess: they are estimated, and train nothing until somebody confirms them.
        """
        if self._editor.state is None or not self._editor.may_edit():
            return False
        try:
            copied = parse_points(text, self._scheme)
            saved = self._align(copied) if aligned else self._put(copied)
        except FaceloopError as error:
            self._session.tell(str(error), "error")
            return False
        self._editor.select(copied.numbers)
        how = ", aligned; look at them and confirm" if aligned else ""
        self._session.tell(f"Pasted {counted(len(copied.numbers), 'point')}{how}.")
        return saved

    def _put(self, copied: CopiedPoints) -> bool:
        def put(face: FaceState) -> FaceState:
            return face.pasted(copied.numbers, copied.points, copied.states, _PASTED)

        return self._editor.change(put, f"Paste {self._named(copied.numbers)}") is not None

    def _align(self, copied: CopiedPoints) -> bool:
        state = self._editor.state
        assert state is not None  # noqa: S101 - `paste` has looked
        points = aligned_points(self._scheme, copied, state)
        what = f"Paste {self._named(copied.numbers)} aligned"
        return self._editor.fill(points, _PASTED, what) is not None

    @property
    def _scheme(self) -> Scheme:
        return self._session.need_project().scheme

    def _named(self, numbers: Sequence[int]) -> str:
        if len(numbers) == 1:
            return self._scheme.names[numbers[0]]
        return counted(len(numbers), "point")

    def _place(self, number: int, xy: list[float]) -> tuple[float, float]:
        typed = self._half.get(number, {})
        x, y = (typed.get(axis, xy[axis]) for axis in (0, 1))
        return x, y

    def _forget(self, _state: object) -> None:
        self._half.clear()
        self._doubts.clear()


def doubts_of(entry: QueueEntry | None) -> dict[int, str]:
    """Why points are doubtful, by number: the reasons of an entry that waits, in words."""
    if entry is None or entry.status not in ("open", "claimed"):
        return {}
    found: dict[int, str] = {}
    for why in entry.reasons:
        (line,) = reason_lines([why])
        for point in why.points:
            found[point] = "\n".join(filter(None, (found.get(point, ""), line)))
    return found
