"""What is drawn beside the face in work: another state of it, faintly, and points in doubt.

As everywhere in napari's layers, row comes before column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .point_style import PointStyle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel
    from napari.layers import Points, Vectors
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    Places = NDArray[np.float64]

_WIDTH = 1.5  # of a line on the screen
_OUTLINE = (1.0, 1.0, 1.0, 0.65)
_MARK = (1.0, 0.25, 0.95, 1.0)  # unlike skin, hair and eyes for everybody; shapes tell it too
_CROSS = 13.0  # size of the cross where the other state has a point, on the screen
_SIDE, _SIDE_NOW = 22.0, 34.0  # of the squares round points in doubt, on the screen
_CLEAR = (0.0, 0.0, 0.0, 0.0)
_NO_TEXT = {"constant": ""}
_COARSE = 1.15  # sizes follow the zoom in steps of this factor: each is a new mesh


class FaintLayers:
    """Outline of another state of a face, and squares with a question mark round doubtful points.

    They are made when there is something to be seen in them.

    Parameters
    ----------
    viewer : ViewerModel
        Where to draw.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._style: PointStyle | None = None
        self._lines: Vectors | None = None
        self._squares: Points | None = None
        self._faint = False
        self._ends = np.empty((0, 2))
        self._marked: tuple[Sequence[int], int | None] = ((), None)
        self._zoom = 1.0

    def use(self, scheme: Scheme | None) -> None:
        """Draw faces of a landmark scheme from now on; None to remove the layers."""
        self._remove()
        self._style = None if scheme is None else PointStyle(scheme)

    def show(self, visible: bool) -> None:
        """Show the layers or hide them."""
        for layer, used in ((self._lines, self._faint), (self._squares, bool(self._marked[0]))):
            if layer is not None and layer.visible != (visible and used):
                layer.visible = visible and used

    def draw(self, faint: Places | None, face: Places) -> None:
        """Draw points (N, 2) ``(x, y)`` faintly, and a line to each from where the face has it."""
        if faint is None or self._style is None:
            self._faint = False
            return
        lines, _ = self._made(len(face))
        self._faint = True
        outline = self._style.lines(faint[:, ::-1])
        lines.data[: len(outline)] = outline
        ways = _ways(face[:, ::-1], faint[:, ::-1])
        lines.data[len(outline) : -2 * len(face)] = ways
        moved = np.abs(ways[:, 1]).sum(axis=1, keepdims=True) > 0
        self._ends = np.where(moved, faint[:, ::-1], np.nan)
        self._cross(lines)
        _refresh(lines)

    def mark(self, doubtful: Sequence[int], now: int | None, face: Places) -> None:
        """Put squares round points in doubt, a larger one round the one that is looked at."""
        if not doubtful and not self._marked[0]:
            return
        known = _known(face)
        chosen = [k for k in doubtful if known[k]]
        _, squares = self._made(len(face))
        if (chosen, now) != self._marked:
            self._marked = (chosen, now)
            squares.border_color[...] = _CLEAR
            squares.border_color[chosen] = _MARK
            with squares.events.blocker_all(), squares.text.events.blocker_all():
                squares.size = self._sizes(len(face))
                texts = ["?" if k in chosen else "" for k in range(len(face))]
                squares.text.string = texts if chosen else _NO_TEXT
        squares.data[...] = np.where(known[:, None], face, 0.0)[:, ::-1]
        _refresh(squares)

    def scale_to_zoom(self, zoom: float) -> None:
        """Keep lines and squares as large on the screen as they should be."""
        lines, squares, self._zoom = self._lines, self._squares, zoom
        if lines is None or squares is None:
            return
        width = _WIDTH / zoom
        if 1 / _COARSE < lines.edge_width / width < _COARSE:
            return
        lines.edge_width = width
        self._cross(lines)
        _refresh(lines)
        with squares.events.blocker_all():
            squares.size = self._sizes(len(squares.data))
        squares.text.translation = self._beside
        _refresh(squares)

    def _cross(self, lines: Vectors) -> None:
        """Put crosses where the other state has points elsewhere."""
        half, gone = 0.5 * _CROSS / self._zoom, ~_known(self._ends)[:, None]
        for part, way in enumerate(((1.0, 1.0), (1.0, -1.0))):
            arm = half * np.array(way)
            start = np.where(gone, 0.0, self._ends - arm)
            crosses = np.stack([start, np.where(gone, 0.0, 2 * arm)], axis=1)
            first = len(lines.data) - (2 - part) * len(crosses)
            lines.data[first : first + len(crosses)] = crosses

    @property
    def _beside(self) -> tuple[float, float]:
        """Where the question mark is, seen from its point: left of the square's upper corner."""
        return (-0.5 * _SIDE / self._zoom, -0.5 * _SIDE / self._zoom)

    def _sizes(self, count: int) -> NDArray[np.float64]:
        sides = np.full(count, _SIDE / self._zoom)
        if self._marked[1] is not None:
            sides[self._marked[1]] = _SIDE_NOW / self._zoom
        return sides

    def _made(self, size: int) -> tuple[Vectors, Points]:
        known = self._lines, self._squares
        if None in known or any(layer not in self._viewer.layers for layer in known):
            self._remove()
            self._add(size)
        assert self._lines is not None and self._squares is not None  # noqa: S101, PT018
        return self._lines, self._squares

    def _add(self, size: int) -> None:
        assert self._style is not None  # noqa: S101
        active = self._viewer.layers.selection.active
        outline = len(self._style.segments)
        self._lines = self._viewer.add_vectors(
            np.zeros((outline + 3 * size, 2, 2)),
            edge_color=np.array([_OUTLINE] * outline + [_MARK] * 3 * size),
            edge_width=_WIDTH / self._zoom,
            vector_style="line",
            name="another state",
        )
        self._squares = self._viewer.add_points(
            np.zeros((size, 2)),
            size=_SIDE / self._zoom,
            symbol="square",
            face_color="transparent",
            border_color="transparent",
            border_width=0.12,
            canvas_size_limits=(0.0, 10_000.0),
            text={
                "string": _NO_TEXT,
                "size": 13,
                "color": _MARK,
                "anchor": "upper_right",
                "translation": self._beside,
            },
            name="points in doubt",
        )
        for layer in (self._lines, self._squares):
            layer.editable = False
        if active is not None:
            self._viewer.layers.selection.active = active

    def _remove(self) -> None:
        # Hidden first: removing layers while they are shown crashes napari at the next draw.
        self.show(False)
        for layer in (self._lines, self._squares):
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._lines = self._squares = None
        self._faint, self._marked = False, ((), None)
        self._ends = np.empty((0, 2))


def _ways(start: Places, end: Places) -> NDArray[np.float64]:
    """Lines between points (N, 2) as start and extent, (N, 2, 2); none where one is missing."""
    gone = ~_known(start + end)[:, None]
    return np.stack([np.where(gone, 0.0, start), np.where(gone, 0.0, end - start)], axis=1)


def _known(points: Places) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = ~np.asarray(np.isnan(points).any(axis=1))
    return known


def _refresh(layer: Points | Vectors) -> None:
    layer.refresh(thumbnail=False, extent=False, highlight=False)
