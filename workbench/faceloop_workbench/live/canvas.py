"""The picture while the tab Live has it: frames, and on a still one the fit to look at closely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from faceloop_workbench.services.overlay import AXIS_COLOURS, LINE_COLOUR, confidence_colours

from .layer_data import affine, axis_segments, nearest, segments

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Image, Layer, Points, Vectors
    from napari.utils.events import Event
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_runtime import Fit
    from faceloop_workbench.widgets.picture_layer import PictureLayer

    from .player import ShownFrame

_NEAR = 14.0  # pixels of the screen within which a click means a point
_CLEAR, _SHADE, _WHITE = (0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.6), (1.0, 1.0, 1.0, 1.0)
_LINES, _POINTS, _RESPONSES = "fit lines", "fit points", "response map"
_AXES = "head axes"


class LiveCanvas:
    """Draws frames, and the fits on them.

    While frames move, the fits are in the picture already: one layer to upload. A still frame is
    clean, and the fits lie on it as layers, which stay sharp however near one looks.

    Parameters
    ----------
    picture_layer : PictureLayer
        The picture.

    Attributes
    ----------
    picked : Signal(int, int)
        A click on a still frame meant this point of this face.
    shown : ShownFrame or None
        What was drawn last.
    """

    picked = Signal(int, int)

    def __init__(self, picture_layer: PictureLayer) -> None:
        self.shown: ShownFrame | None = None
        self._picture_layer = picture_layer
        self._layers: dict[str, Layer] = {}
        self._face, self._point = 0, -1
        self._with_responses, self._with_axes = False, True
        self._size: tuple[int, ...] = ()
        self._whole: tuple[float, ...] = ()  # camera that showed the whole picture
        picture_layer.viewer.mouse_drag_callbacks.append(self._pressed)
        picture_layer.viewer.canvas.events.size.connect(self._resized)

    def close_down(self) -> None:
        """Leave mouse and camera to napari."""
        self._picture_layer.viewer.canvas.events.size.disconnect(self._resized)
        callbacks = self._picture_layer.viewer.mouse_drag_callbacks
        if self._pressed in callbacks:
            callbacks.remove(self._pressed)

    def show(self, shown: ShownFrame) -> None:
        """Draw a frame."""
        before, self.shown = self.shown, shown
        if before is None or before.image is not shown.image:
            self._picture_layer.show(shown.image)
        if shown.image.shape[:2] != self._size:
            self._size = shown.image.shape[:2]
            self._look_at_all()
        if not shown.moving:
            self._draw()
        elif before is None or not before.moving:
            self.hide()

    def enter(self) -> None:
        """Draw again what was shown last."""
        # A click must not reach the points of another tab.
        self._picture_layer.viewer.layers.selection.active = self._picture_layer.layer
        shown, self.shown = self.shown, None
        self._size = ()
        if shown is None:
            self._picture_layer.clear()
        else:
            self.show(shown)

    def hide(self) -> None:
        """Take away what lies on the picture."""
        for name in self._layers:
            self._set_visible(name, visible=False)

    def clear(self) -> None:
        """Show nothing."""
        self.shown = None
        self.hide()
        if self._picture_layer.owner == "live":
            self._picture_layer.clear()

    def select(self, face: int, point: int) -> None:
        """Mark a point."""
        self._face, self._point = face, point
        self._redraw()

    def show_responses(self, *, wanted: bool) -> None:
        """Show the response map of the marked point on still frames, or no longer."""
        self._with_responses = wanted
        self._redraw()

    def show_axes(self, *, wanted: bool) -> None:
        """Show how heads are turned on still frames, or no longer."""
        self._with_axes = wanted
        self._redraw()

    def _look_at_all(self) -> None:
        self._picture_layer.look_at_all()
        self._whole = self._camera

    def _resized(self, _event: object) -> None:
        """Show the whole picture in more or less room, unless the person looks at a part of it."""
        seen = self.shown is not None and self._picture_layer.owner == "live"
        if seen and self._whole and np.allclose(self._whole, self._camera, rtol=1e-3):
            self._look_at_all()

    @property
    def _camera(self) -> tuple[float, ...]:
        camera = self._picture_layer.viewer.scene.camera
        return (*camera.center, camera.zoom)

    def _redraw(self) -> None:
        if self._picture_layer.owner == "live" and self.shown is not None and not self.shown.moving:
            self._draw()

    def _draw(self) -> None:
        fits = self._fits()
        if not fits or self.shown is None or self.shown.chosen is None:
            self.hide()
            return
        scheme = self.shown.chosen.model.scheme
        size = max(scheme.inter_ocular_distance(fit.points) for fit in fits)
        self._draw_lines(fits, scheme, size)
        self._draw_axes(fits, scheme, size)
        self._draw_responses()
        self._draw_points(fits, size)

    def _draw_lines(self, fits: list[Fit], scheme: Scheme, size: float) -> None:
        layer: Vectors = self._layer(_LINES, _new_lines)
        lines = np.concatenate([segments(fit.points, scheme) for fit in fits])
        _set_lines(layer, lines, max(size / 150, 0.2))
        self._set_visible(_LINES, visible=True)

    def _draw_axes(self, fits: list[Fit], scheme: Scheme, size: float) -> None:
        lines = axis_segments(fits, scheme)
        if not self._with_axes or not len(lines):
            self._set_visible(_AXES, visible=False)
            return
        layer: Vectors = self._layer(_AXES, _new_axes)
        more = len(layer.data) != len(lines)
        _set_lines(layer, lines, max(size / 40, 0.6))
        if more:
            layer.edge_color = _axis_colours(len(lines) // 3)
        self._set_visible(_AXES, visible=True)

    def _draw_points(self, fits: list[Fit], size: float) -> None:
        layer: Points = self._layer(_POINTS, _new_points)
        confidence = np.concatenate([fit.confidence for fit in fits])
        selected = self._face * len(fits[0].points) + self._point if self._point >= 0 else -1
        chosen = np.arange(len(confidence)) == selected
        with layer.events.blocker_all():
            layer.data = np.concatenate([fit.points for fit in fits])[:, ::-1]
            layer.selected_data = set()
            layer.size = np.where(chosen, 2.0, 1.0) * max(size / 32, 0.8)
            layer.face_color = np.where(chosen[:, None], _CLEAR, _opaque(confidence))
            layer.border_color = np.where(chosen[:, None], _WHITE, _SHADE)
            layer.border_width = np.where(chosen, 0.2, 0.12)
        _redraw_layer(layer)
        self._set_visible(_POINTS, visible=True)

    def _draw_responses(self) -> None:
        responses = () if self.shown is None else self.shown.responses
        if not self._with_responses or self._point < 0 or self._face >= len(responses):
            self._set_visible(_RESPONSES, visible=False)
            return
        maps = responses[self._face]
        layer: Image = self._layer(_RESPONSES, _new_responses)
        layer.data = maps.maps[self._point]
        layer.affine = affine(maps.to_picture[self._point])
        layer.contrast_limits = (0.0, float(layer.data.max()))
        self._set_visible(_RESPONSES, visible=True)

    def _fits(self) -> list[Fit]:
        shown = self.shown
        if shown is None or shown.result is None or shown.drawn_over:
            return []
        return [face.fit for face in shown.result.faces]

    def _layer(self, name: str, make: Callable[[ViewerModel], Layer]) -> Layer:
        """Return a layer; made when it is first needed, and again if the person deleted it."""
        viewer = self._picture_layer.viewer
        if self._layers.get(name) not in viewer.layers:
            active = viewer.layers.selection.active
            self._layers[name] = make(viewer)
            viewer.layers.selection.active = active
        return self._layers[name]

    def _set_visible(self, name: str, *, visible: bool) -> None:
        layer = self._layers.get(name)
        if layer is not None and layer.visible != visible:
            layer.visible = visible

    def _pressed(self, _viewer: ViewerModel, event: Event) -> None:
        if self._picture_layer.owner != "live" or self.shown is None or self.shown.moving:
            return
        row, column = event.position[-2:]
        reach = _NEAR / self._picture_layer.viewer.scene.camera.zoom
        found = nearest(self._fits(), (column, row), reach)
        if found is not None:
            self.picked.emit(*found)


def _new_lines(viewer: ViewerModel) -> Vectors:
    colour = np.array(LINE_COLOUR) / 255
    return viewer.add_vectors(
        np.zeros((1, 2, 2)), name=_LINES, edge_color=colour, vector_style="line", ndim=2
    )


def _new_axes(viewer: ViewerModel) -> Vectors:
    return viewer.add_vectors(
        np.zeros((3, 2, 2)), name=_AXES, edge_color=_axis_colours(1), vector_style="line", ndim=2
    )


def _axis_colours(faces: int) -> NDArray[np.float64]:
    return np.tile(np.array(AXIS_COLOURS) / 255, (faces, 1))


def _set_lines(layer: Vectors, lines: NDArray[np.float64], width: float) -> None:
    with layer.events.blocker_all():
        layer.data = lines
    if abs(layer.edge_width - width) > 0.1 * width:
        layer.edge_width = width  # draws all of them anew
    else:
        _redraw_layer(layer)


def _redraw_layer(layer: Layer) -> None:
    """Draw what changed; its thumbnail and the reach of its marks nobody looks at."""
    layer.refresh(thumbnail=False, extent=False, highlight=False)


def _new_points(viewer: ViewerModel) -> Points:
    return viewer.add_points(np.zeros((1, 2)), name=_POINTS, ndim=2)


def _new_responses(viewer: ViewerModel) -> Image:
    layer = viewer.add_image(
        np.zeros((2, 2), dtype=np.float32),
        name=_RESPONSES,
        colormap="inferno",
        blending="additive",
        opacity=0.8,
        gamma=0.5,  # shows the flanks of a sharp peak
        interpolation2d="nearest",
    )
    viewer.layers.move(viewer.layers.index(layer), 1)  # on the picture, below the points
    return layer


def _opaque(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    colours = confidence_colours(confidence) / 255
    return np.concatenate([colours, np.ones((len(colours), 1))], axis=1)
