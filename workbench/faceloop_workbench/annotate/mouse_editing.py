"""What the mouse does to a face: which press, move and release mean which edit. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from faceloop_runtime.geometry import Similarity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .editor import FaceEditor

    Place = NDArray[np.float64]
    Band = tuple[Place, Place]

_STILL = 3.0  # a press that moved less, in pixels of the screen, is a click
_REACH = 10.0  # how near to a point counts as on it


@dataclass(frozen=True)
class MousePosition:
    """Where the mouse is.

    Parameters
    ----------
    xy : ndarray, shape (2,)
        In pixels of the picture.
    pixel : float
        Size of a pixel of the screen in those.
    shift, control : bool
        Keys held.
    """

    xy: Place
    pixel: float
    shift: bool = False
    control: bool = False


class MouseEditing:
    """Turns presses, moves and releases of the mouse into edits.

    ==========================  =========================================================
    drag a point                it moves, and those that nobody has placed follow
    Ctrl, drag a point          it moves alone
    drag a selected point       all selected points move
    click, Shift and click      select one; add it to the selection, or take it away
    Shift, drag                 select all points in a rectangle
    Ctrl, drag beside a point   turn and scale the selected points round their centre
    click beside the points     select nothing; on another face of the picture, go to it
    ==========================  =========================================================

    Parameters
    ----------
    editor : FaceEditor
        What to edit.

    Attributes
    ----------
    pointed : Signal(int or None)
        The mouse is on another point.
    selection_box : Signal((ndarray, ndarray) or None)
        Corners of the rectangle that is being drawn.
    clicked_beside : Signal(ndarray)
        A click beside the points, at this place of the picture.
    clicks_changed : Signal(ClickRequest or None)
        A click is waited for, the next one, or none any more.
    """

    clicked_beside = Signal(object)
    pointed = Signal(object)
    selection_box = Signal(object)
    clicks_changed = Signal(object)

    def __init__(self, editor: FaceEditor) -> None:
        self._editor = editor
        self._clicks: ClickRequest | None = None
        self._box: BoxRequest | None = None
        self._press: MousePosition | None = None
        self._moved = False
        self._on_point: int | None = None
        self._pointed_at: int | None = None
        self._does: Callable[[MousePosition], None] | None = None
        self._chosen: tuple[int, ...] = ()
        editor.loaded.connect(self._forget)

    @property
    def clicks(self) -> ClickRequest | None:
        """Clicks that are waited for."""
        return self._clicks

    def request_clicks(self, clicks: ClickRequest | None) -> None:
        """Wait for clicks on the picture; None to wait no longer."""
        self._clicks = clicks
        self.clicks_changed.emit(clicks)

    def request_box(self, box: BoxRequest) -> None:
        """Wait for a box that is dragged on the picture."""
        self._stop_clicks()
        self._box = box

    def hover(self, position: MousePosition) -> None:
        """Move without a button."""
        number = self._nearest(position)
        if number != self._pointed_at:
            self._pointed_at = number
            self.pointed.emit(number)

    def press(self, position: MousePosition) -> bool:
        """Begin; returns whether it is ours, or else the viewer's, to pan the picture with."""
        self._press, self._moved = position, False
        self._chosen = self._editor.selection
        asked = self._clicks is not None or self._box is not None
        self._on_point = None if asked else self._nearest(position)
        self._does = None if asked else self._choose(position)
        if self._box is not None:
            self._does = self._draw_box
        return self._does is not None

    def move(self, position: MousePosition) -> None:
        """Go on, with the button down."""
        if self._press is None:
            return
        if (
            not self._moved
            and np.linalg.norm(position.xy - self._press.xy) < _STILL * position.pixel
        ):
            return
        if not self._moved:
            self._moved = True
            self._begin()
        if self._does is not None:
            self._does(position)

    def release(self) -> None:
        """End, where the last move was."""
        begun, self._press = self._press, None
        if begun is None:
            return
        if not self._moved:
            self._click(begun)
        self._editor.drop()
        self.selection_box.emit(None)
        if self._moved and self._box is not None and self._box.corners is not None:
            box, self._box = self._box, None
            box.finish()

    def cancel(self) -> bool:
        """Forget what was begun; returns whether there was anything."""
        asked = self._clicks is not None or self._box is not None
        busy = asked or self._press is not None
        self._stop_clicks()
        self._press = None
        self._editor.cancel()
        self.selection_box.emit(None)
        return busy

    def _forget(self, _state: object) -> None:
        """Another face is in work: what was begun on the one before must not go on with it."""
        self._stop_clicks()
        self._press = self._pointed_at = None
        self.pointed.emit(None)
        self.selection_box.emit(None)

    def _stop_clicks(self) -> None:
        if self._clicks is not None:
            self._clicks.stop()
            self.request_clicks(None)
        if self._box is not None:
            self._box.stop()
            self._box = None

    def _nearest(self, position: MousePosition) -> int | None:
        face = self._editor.drawn
        if face is None or not face.present.any():
            return None
        distance = np.linalg.norm(face.points - position.xy, axis=1)
        number = int(np.nanargmin(distance))
        return number if distance[number] <= _REACH * position.pixel else None

    def _choose(self, position: MousePosition) -> Callable[[MousePosition], None] | None:
        """Return what moving will do; None for what the viewer does."""
        several = len(self._editor.selection) > 1
        if self._on_point is None:
            if position.shift:
                return self._draw_selection_box
            return self._turn if position.control and several else None
        if position.shift:
            return lambda _: None
        chosen = several and self._on_point in self._editor.selection
        return self._move_all if chosen and not position.control else self._drag

    def _begin(self) -> None:
        """Select the point that is dragged, so that keys act on it afterwards."""
        if self._on_point is not None and self._does == self._drag:
            self._editor.select([self._on_point])

    def _click(self, position: MousePosition) -> None:
        if self._clicks is not None:
            self._take_click(self._clicks, position.xy)
        elif self._box is not None:
            self._box.ask()  # a click is no box
        elif self._on_point is None:
            if not position.shift and not position.control:
                self._editor.select(())
                self.clicked_beside.emit(position.xy)
        elif position.shift:
            self._editor.select(set(self._editor.selection) ^ {self._on_point})
        else:
            self._editor.select([self._on_point])

    def _take_click(self, clicks: ClickRequest, xy: Place) -> None:
        if clicks.add_click(xy):
            self._stop_clicks()  # first: what is done with them may ask for more
            clicks.done(np.array(clicks.places))
        else:
            self.clicks_changed.emit(clicks)

    def _drag(self, position: MousePosition) -> None:
        before = self._editor.state
        if before is not None and self._press is not None and self._on_point is not None:
            # From where the point is, not from the pointer: a press beside it makes no jump.
            place = before.points[self._on_point] + position.xy - self._press.xy
            self._editor.drag(self._on_point, place, alone=self._press.control)

    def _move_all(self, position: MousePosition) -> None:
        if self._press is not None:
            dx, dy = position.xy - self._press.xy
            self._editor.transform(Similarity(tx=float(dx), ty=float(dy)))

    def _turn(self, position: MousePosition) -> None:
        before, press = self._editor.state, self._press
        if before is None or press is None:
            return
        centre = np.nanmean(before.points[list(self._editor.selection)], axis=0)
        start, now = press.xy - centre, position.xy - centre
        if np.linalg.norm(start) < position.pixel or np.linalg.norm(now) < position.pixel:
            return
        scale = float(np.linalg.norm(now) / np.linalg.norm(start))
        angle = float(np.arctan2(now[1], now[0]) - np.arctan2(start[1], start[0]))
        turn = Similarity.from_polar(scale, angle, 0.0, 0.0)
        shift = centre - turn.apply(centre[None])[0]
        moved = Similarity(turn.a, turn.b, float(shift[0]), float(shift[1]))
        self._editor.transform(moved, "Turn and scale")

    def _draw_box(self, position: MousePosition) -> None:
        if self._box is not None and self._press is not None:
            a, b = self._press.xy, position.xy
            self._box.corners = np.minimum(a, b), np.maximum(a, b)
            self.selection_box.emit(self._box.corners)

    def _draw_selection_box(self, position: MousePosition) -> None:
        face, press = self._editor.drawn, self._press
        if face is None or press is None:
            return
        low, high = np.minimum(press.xy, position.xy), np.maximum(press.xy, position.xy)
        inside = ((face.points >= low) & (face.points <= high)).all(axis=1)
        self._editor.select([*self._chosen, *np.flatnonzero(inside)])
        self.selection_box.emit((low, high))


class BoxRequest:
    """A box on the picture that is asked for.

    Parameters
    ----------
    what : str
        Round what to drag it, for people.
    say : callable
        Shows a line of text.
    done : callable
        Given its upper left and lower right corner, (2,) each, when it is there.

    Attributes
    ----------
    corners : (ndarray, ndarray) or None
        Those it has so far.
    """

    def __init__(self, what: str, say: Callable[[str], None], done: Callable[[Band], None]) -> None:
        self._what, self._say, self._done = what, say, done
        self.corners: Band | None = None
        self.ask()

    def ask(self) -> None:
        """Say what is wanted."""
        self._say(f"Drag a box round {self._what}. Escape cancels.")

    def stop(self) -> None:
        """Ask no more."""
        self._say("")

    def finish(self) -> None:
        """Hand the box over."""
        if self.corners is not None:
            self._say("")
            self._done(self.corners)


@dataclass(frozen=True)
class FaceSketch:
    """A face on which places to click are shown.

    Parameters
    ----------
    points : ndarray, shape (N, 2)
        A face, in any unit; x to the right, y down.
    lines : sequence of (int, int)
        Points that lines join.
    places : ndarray, shape (K, 2)
        Where the clicks go, in that unit.
    """

    points: Place
    lines: Sequence[tuple[int, int]]
    places: Place


class ClickRequest:
    """Some clicks on the picture that are asked for one by one.

    Parameters
    ----------
    wanted : sequence of str
        What to click, for people.
    say : callable
        Shows a line of text.
    done : callable
        Given the places, (K, 2), when all are there.
    sketch : FaceSketch, optional
        Shows where they are.
    """

    def __init__(
        self,
        wanted: Sequence[str],
        say: Callable[[str], None],
        done: Callable[[Place], None],
        sketch: FaceSketch | None = None,
    ) -> None:
        self.wanted, self._say, self.done, self.sketch = tuple(wanted), say, done, sketch
        self.places: list[Place] = []
        self._ask()

    def add_click(self, xy: Place) -> bool:
        """Take the next click; returns whether it was the last."""
        self.places.append(xy)
        complete = len(self.places) == len(self.wanted)
        if not complete:
            self._ask()
        return complete

    def stop(self) -> None:
        """Ask no more."""
        self._say("")

    def _ask(self) -> None:
        count = len(self.wanted)
        step = f" ({len(self.places) + 1} of {count})" if count > 1 else ""
        self._say(f"Click the {self.wanted[len(self.places)]}{step}. Escape cancels.")
