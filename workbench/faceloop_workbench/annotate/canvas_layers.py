"""The napari layers that a face is drawn with. They hold it row before column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .point_style import PointStyle, mark_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari.components import ViewerModel
    from napari.layers import Points, Vectors
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    from .face_state import FaceState

    Corners = tuple[NDArray[np.float64], NDArray[np.float64]]

_LINE = 1.3  # width of a line on the screen
_SMALLEST = 0.6  # of the size that marks have on the screen; they shrink with the face
_RIM = 8.0  # how much larger than a mark the ring round a selected point is
_SHADOW = 1.2  # how far a text's shadow lies beside it on the screen
_WHITE = (1.0, 1.0, 1.0, 1.0)
_CLEAR = (0.0, 0.0, 0.0, 0.0)
_NO_TEXT = {"constant": ""}
_NO_LIMITS = (0.0, 10_000.0)
_BAND = 4  # sides of the rectangle that selects, drawn by the last lines of the layer
_COARSE = 1.15  # sizes follow the zoom in steps of this factor: each is a new mesh


class FaceLayers:
    """Points, lines between them, and rings and names round some, in a viewer.

    They are made when the first face is drawn, and again if the person deletes one. What moves is
    written in place: assigning ``data`` runs every handler twice, too slow for a drag, and
    assigning a colour draws the whole layer anew.

    Parameters
    ----------
    viewer : ViewerModel
        Where to draw.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._style: PointStyle | None = None
        self._points: Points | None = None
        self._rings: Points | None = None
        self._lines: Vectors | None = None
        self._states = b""
        self._named: dict[int, str] = {}
        self._ringed: tuple[int, ...] = ()
        self._size, self._zoom, self._largest = 6.0, 1.0, 9.0
        self._face: FaceState | None = None

    def use(self, scheme: Scheme | None) -> None:
        """Draw faces of a landmark scheme from now on; None to remove the layers."""
        self._remove()
        self._style = None if scheme is None else PointStyle(scheme)

    def show(self, visible: bool) -> None:
        """Show the layers or hide them."""
        for layer in (self._lines, self._points, self._rings):
            if layer is not None and layer.visible != visible:
                layer.visible = visible

    def draw(self, face: FaceState) -> None:
        """Draw a face; what of it is as before costs nothing."""
        if self._style is None:
            return
        points, lines = self._make(face)
        if face is self._face:
            return
        self._face = face
        places = np.where(face.present[:, None], face.points, 0.0)[:, ::-1]
        states = face.states.tobytes()
        if states != self._states:
            self._states = states
            marks = self._style.marks(face)
            with points.events.blocker_all():
                points.symbol = list(marks.symbols)
            points.face_color[...], points.border_color[...] = marks.faces, marks.edges
        self._size = mark_size(face.points)
        self._resize()
        points.data[...] = places
        lines.data[:-_BAND] = self._style.lines(face.points[:, ::-1])
        _refresh(points)
        _refresh(lines)
        if self._rings is not None and (self._ringed or self._named):
            self._rings.data[...] = places
            _refresh(self._rings)

    def mark_selected(
        self, selected: Iterable[int], named: Mapping[int, str], face: FaceState
    ) -> None:
        """Put rings round selected points, and texts beside others."""
        points, rings = self._points, self._rings
        chosen = tuple(k for k in selected if face.present[k])
        if points is None or rings is None or (chosen, named) == (self._ringed, self._named):
            return
        size = len(rings.data)
        rings.border_color[...] = _CLEAR
        rings.border_color[list(chosen)] = _WHITE
        with rings.events.blocker_all(), rings.text.events.blocker_all():
            if named != self._named:
                # One empty text is laid out faster than one for each point.
                texts = [named.get(k, "") for k in range(size)] if named else _NO_TEXT
                rings.text.string = points.text.string = texts
        self._ringed, self._named = chosen, dict(named)
        rings.data[...] = np.where(face.present[:, None], face.points, 0.0)[:, ::-1]
        _refresh(rings)

    def draw_selection_box(self, corners: Corners | None) -> None:
        """Draw the rectangle that selects; None to take it away."""
        if self._lines is None:
            return
        sides = np.zeros((_BAND, 2, 2))
        if corners is not None:
            (left, top), (right, bottom) = corners
            sides[:, 0] = [[top, left], [top, right], [bottom, right], [bottom, left]]
            sides[:, 1] = np.roll(sides[:, 0], -1, axis=0) - sides[:, 0]
        self._lines.data[-_BAND:] = sides
        _refresh(self._lines)

    def set_size(self, pixels: float) -> None:
        """Make marks at most so large on the screen."""
        if pixels != self._largest:
            self._largest = pixels
            self.scale_to_zoom(self._zoom)

    def scale_to_zoom(self, zoom: float) -> None:
        """Keep lines and marks as large on the screen as they should be."""
        lines, points, rings = self._lines, self._points, self._rings
        self._zoom = zoom
        if lines is None or points is None or rings is None:
            return
        width = _LINE / zoom
        if not 1 / _COARSE < lines.edge_width / width < _COARSE:
            lines.edge_width = width
            points.text.translation = _SHADOW / zoom
        if self._resize():
            _refresh(points)
            _refresh(rings)

    def _resize(self) -> bool:
        """Give marks and rings a size that suits face and zoom; returns whether it changed.

        Here and not by napari's limits for sizes on the screen: at those the rims grow fat.
        """
        changed = False
        mark = self._size * self._zoom
        mark = float(np.clip(mark, _SMALLEST * self._largest, self._largest))
        for layer, wish in ((self._points, mark), (self._rings, mark + _RIM)):
            size = wish / self._zoom
            if layer is not None and not 1 / _COARSE < layer.size[0] / size < _COARSE:
                with layer.events.blocker_all():
                    layer.size = size
                changed = True
        return changed

    def _make(self, face: FaceState) -> tuple[Points, Vectors]:
        known = self._points, self._lines, self._rings
        if None in known or any(layer not in self._viewer.layers for layer in known):
            self._remove()
            self._add(len(face.points))
        assert self._points is not None and self._lines is not None  # noqa: S101, PT018
        return self._points, self._lines

    def _add(self, size: int) -> None:
        assert self._style is not None  # noqa: S101
        active = self._viewer.layers.selection.active
        colours = np.vstack([self._style.line_colours, np.tile(_WHITE, (_BAND, 1))])
        self._lines = self._viewer.add_vectors(
            np.zeros((len(colours), 2, 2)),
            edge_color=colours,
            vector_style="line",
            name="face lines",
        )
        self._points = self._viewer.add_points(
            np.zeros((size, 2)),
            size=6.0,
            border_width=0.14,
            canvas_size_limits=_NO_LIMITS,
            text=shadowed_text("black"),
            name="face points",
        )
        self._rings = self._viewer.add_points(
            np.zeros((size, 2)),
            size=10.0,
            face_color="transparent",
            border_color="transparent",
            border_width=0.09,
            canvas_size_limits=_NO_LIMITS,
            text=shadowed_text("white"),
            name="face names",
        )
        for layer in (self._lines, self._points, self._rings):
            layer.editable = False
        self.scale_to_zoom(self._viewer.scene.camera.zoom)
        if active is not None:
            self._viewer.layers.selection.active = active

    def _remove(self) -> None:
        # Hidden first: removing the three while they are shown crashes napari at the next draw.
        self.show(False)
        for layer in (self._lines, self._points, self._rings):
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._lines = self._points = self._rings = None
        self._face = None
        self._states, self._named, self._ringed = b"", {}, ()


def shadowed_text(colour: str) -> dict[str, object]:
    """Return napari's properties of a text, of which another is the shadow.

    White alone is lost on a bright picture.
    """
    return {"string": _NO_TEXT, "size": 10, "color": colour, "anchor": "lower_left"}


def _refresh(layer: Points | Vectors) -> None:
    layer.refresh(thumbnail=False, extent=False, highlight=False)
