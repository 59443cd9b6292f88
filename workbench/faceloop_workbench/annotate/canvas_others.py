"""The other faces of the picture, drawn faintly, each in its colour and with its number."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from qtpy.QtCore import QTimer

from .canvas_layers import shadowed_text
from .face_colours import PROPOSED
from .point_style import PointStyle

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Points, Vectors
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    from .picture_faces import PictureFaces

    Array = NDArray[np.float64]

_LINE = 1.2  # width of a line on the screen
_FAINT, _DROPPED = 0.65, 0.25  # opacity of a face's lines; of those of one that is not to be kept
_COARSE = 1.15  # the width follows the zoom in steps of this factor
_SHADOW = 1.2
_SHADE = (0.0, 0.0, 0.0, 1.0)
_COUNT = 2  # layers
_TURN_MS = 25  # between two turns: Qt draws what changed after some milliseconds
_NAMES, _LINES = "other names", "other faces"


class _Drawn(NamedTuple):
    """What is drawn of a face."""

    points: Array
    colour: tuple[float, ...]
    text: str


class OtherFaces:
    """Draws the faces of a picture that are not in work, and those that were found in it.

    They change when a face is saved, never while a point is dragged. What napari needs long for
    is done in turns of the event loop of its own, after the face in work was drawn.

    Parameters
    ----------
    viewer : ViewerModel
        Where to draw.
    faces : PictureFaces
        What to draw.
    """

    def __init__(self, viewer: ViewerModel, faces: PictureFaces) -> None:
        self._viewer, self._faces = viewer, faces
        self._style: PointStyle | None = None
        self._lines: Vectors | None = None
        self._names: Points | None = None  # of each text its shadow, then all texts
        self._shadow_at = 0.0  # zoom that the shadows were put beside their texts for
        self._lines_of: list[_Drawn] = []
        self._names_of: list[_Drawn] = []
        self._visible = self._waits = False
        faces.changed.connect(self._draw_soon)
        viewer.scene.camera.events.zoom.connect(self._draw_soon)

    def close_down(self) -> None:
        """Leave the viewer as it was."""
        self._viewer.scene.camera.events.zoom.disconnect(self._draw_soon)
        self.use(None)

    def use(self, scheme: Scheme | None) -> None:
        """Draw faces of a landmark scheme from now on; None to remove the layers."""
        self._remove()
        self._style = None if scheme is None else PointStyle(scheme)

    def show(self, visible: bool) -> None:
        """Show them, or nothing of them."""
        if visible != self._visible:
            self._visible = visible
            self._draw_soon()

    def _wanted(self) -> list[_Drawn]:
        if not self._visible or self._style is None:
            return []
        drawn = [
            _Drawn(face.points, (*_float(face.colour), _FAINT), face.label)
            for face in self._faces.others
            if face.points is not None
        ]
        return drawn + [
            _Drawn(
                one.fit.points,
                (*_float(PROPOSED), _FAINT if one.wanted else _DROPPED),
                f"found {number + 1}" if one.wanted else "not kept",
            )
            for number, one in enumerate(self._faces.proposals)
        ]

    def _draw_soon(self, _event: object = None) -> None:
        if not self._waits:
            self._waits = True
            QTimer.singleShot(_TURN_MS, self._draw)

    def _draw(self) -> None:
        """Do what lacks most; what lacks then is for the next turn."""
        self._waits = False
        wanted = self._wanted()
        if not wanted:
            for layer in self._layers:
                _set_visible(layer, visible=False)
        elif not self._make() or self._put_lines(wanted) or self._put_names(wanted):
            self._draw_soon()
        else:
            self._scale_to_zoom()

    def _put_lines(self, wanted: list[_Drawn]) -> bool:
        """Draw the lines; returns whether they lacked."""
        assert self._style is not None  # noqa: S101
        assert self._lines is not None  # noqa: S101
        if self._lines.visible and _is_same(wanted, self._lines_of):
            return False
        each = [self._style.lines(one.points[:, ::-1]) for one in wanted]
        colours = [np.tile(one.colour, (len(a), 1)) for a, one in zip(each, wanted, strict=True)]
        # Never fewer than before: napari looks for colours of lines that are gone.
        spare = max(len(self._lines.data) - sum(map(len, each)), 0)
        lines = np.concatenate([*each, np.zeros((spare, 2, 2))])
        edges = np.concatenate([*colours, np.zeros((spare, 4))])
        _set_visible(self._lines, visible=True)
        if not _is_same(wanted, self._lines_of):
            with self._lines.events.blocker_all():
                self._lines.data = lines
                self._lines.edge_color = edges
            self._lines.refresh(extent=False, thumbnail=False, highlight=False)
            self._lines_of = wanted
        return True

    def _put_names(self, wanted: list[_Drawn]) -> bool:
        """Put the names there, the layer in a turn before them; returns whether they lacked."""
        layer = self._names
        assert layer is not None  # noqa: S101
        if not layer.visible:
            layer.visible = True  # what is hidden takes over no new number of texts
            return True
        if _is_same(wanted, self._names_of):
            return False
        inks = np.array([(*one.colour[:3], 1.0) for one in wanted])
        with layer.events.blocker_all(), layer.text.events.blocker_all():
            layer.text.string = {"constant": ""}  # a text for each of the points that were
            layer.data = self._places(wanted)
            layer.text.string = 2 * [one.text for one in wanted]
            layer.text.color = np.concatenate([np.tile(_SHADE, (len(inks), 1)), inks])
        layer.refresh(extent=False, thumbnail=False, highlight=False)
        self._names_of = wanted
        return True

    def _places(self, drawn: list[_Drawn]) -> Array:
        """Where texts are, shadows first, (2 K, 2), row before column."""
        self._shadow_at = zoom = self._viewer.scene.camera.zoom
        tops = np.array([_top(one.points) for one in drawn])[:, ::-1]
        return np.concatenate([tops + _SHADOW / zoom, tops])

    @property
    def _layers(self) -> list[Vectors | Points]:
        return [layer for layer in (self._lines, self._names) if layer is not None]

    def _make(self) -> bool:
        """Make one of the layers that lack; returns whether all are there."""
        if any(layer not in self._viewer.layers for layer in self._layers):
            self._remove()  # the person has deleted one
        if len(self._layers) == _COUNT:
            return True
        active = self._viewer.layers.selection.active
        if self._lines is None:
            made = self._lines = self._viewer.add_vectors(
                np.zeros((1, 2, 2)),
                vector_style="line",
                name=_LINES,
                edge_color="white",
                visible=False,  # to draw it the first time is work for another turn
            )
        else:
            made = self._names = self._add_texts()
        made.editable = False
        # Below the face in work, above the picture.
        self._viewer.layers.move(self._viewer.layers.index(made), len(self._layers))
        if active is not None:
            self._viewer.layers.selection.active = active
        return False

    def _add_texts(self) -> Points:
        return self._viewer.add_points(
            np.zeros((1, 2)),
            size=0.01,
            face_color="transparent",
            border_color="transparent",
            text={**shadowed_text("white"), "anchor": "center"},
            name=_NAMES,
            visible=False,
        )

    def _remove(self) -> None:
        for layer in self._layers:  # hidden first, as in `FaceLayers`
            layer.visible = False
        for layer in self._layers:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._lines = self._names = None
        self._lines_of, self._names_of = [], []

    def _scale_to_zoom(self) -> None:
        """Keep lines as wide on the screen as they should be, and shadows beside their texts."""
        assert self._lines is not None  # noqa: S101
        assert self._names is not None  # noqa: S101
        zoom = self._viewer.scene.camera.zoom
        if not 1 / _COARSE < self._lines.edge_width * zoom / _LINE < _COARSE:
            self._lines.edge_width = _LINE / zoom
        if not 1 / _COARSE < self._shadow_at / zoom < _COARSE:
            self._names.data[...] = self._places(self._names_of)
            self._names.refresh(extent=False, thumbnail=False, highlight=False)


def _set_visible(layer: Vectors | Points, *, visible: bool) -> None:
    if layer.visible != visible:
        layer.visible = visible


def _is_same(wanted: list[_Drawn], drawn: list[_Drawn]) -> bool:
    return len(wanted) == len(drawn) and all(
        (a.colour, a.text) == (b.colour, b.text)
        and np.array_equal(a.points, b.points, equal_nan=True)
        for a, b in zip(wanted, drawn, strict=True)
    )


def _top(points: Array) -> Array:
    """Place of a face's text: a little above its middle."""
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    return np.array([(low[0] + high[0]) / 2, low[1] - 0.08 * (high[1] - low[1])])


def _float(colour: tuple[int, int, int]) -> tuple[float, ...]:
    return tuple(part / 255 for part in colour)
