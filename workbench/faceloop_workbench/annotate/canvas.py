"""The face on the picture: what is drawn of it, where the camera looks, and the mouse on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer

from .canvas_layers import FaceLayers
from .faint_layers import FaintLayers
from .mouse_editing import MouseEditing, MousePosition
from .point_style import place_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari.components import ViewerModel

    from faceloop_datasets import Scheme
    from faceloop_workbench.widgets.picture_layer import PictureLayer

    from .editor import FaceEditor

_LEFT_BUTTON = 1


class FaceCanvas:
    """Shows the face in work, and lets the mouse edit it.

    Parameters
    ----------
    picture_layer : PictureLayer
        The picture; the face is drawn while this tab has it.
    editor : FaceEditor
        The face.

    Attributes
    ----------
    mouse : MouseEditing
        What the mouse does.
    shown : Signal(bool)
        Whether faces are drawn now.
    ready : bool
        Whether the picture that is shown is the face's own: points are never drawn on another.
    """

    shown = Signal(bool)

    def __init__(self, picture_layer: PictureLayer, editor: FaceEditor) -> None:
        self._picture_layer, self._editor = picture_layer, editor
        self.mouse = MouseEditing(editor)
        self._layers = FaceLayers(picture_layer.viewer)
        self._faint = FaintLayers(picture_layer.viewer)
        self._doubts: tuple[tuple[int, ...], int | None] = ((), None)
        self._pointed: int | None = None
        self._names: tuple[str, ...] = ()
        self._dragged = self._clicked_twice = False
        self._all_names = self._hidden = False
        self.ready = False
        editor.shown.connect(self._draw)
        editor.selected.connect(self._mark)
        self.mouse.pointed.connect(self._point_at)
        self.mouse.selection_box.connect(self._layers.draw_selection_box)
        picture_layer.owner_changed.connect(self._owner_changed)
        picture_layer.viewer.scene.camera.events.zoom.connect(self._scale_to_zoom)
        self._callbacks = (
            (picture_layer.viewer.mouse_drag_callbacks, self._press),
            (picture_layer.viewer.mouse_move_callbacks, self._hover),
        )
        for callbacks, ours in self._callbacks:
            callbacks.append(ours)
        # napari would zoom when somebody clicks twice on a point: ours sees first where it was.
        self._double_clicks = list(picture_layer.viewer.mouse_double_click_callbacks)
        picture_layer.viewer.mouse_double_click_callbacks[:] = [self._double_click]

    def close_down(self) -> None:
        """Leave the viewer as it was."""
        for callbacks, ours in self._callbacks:
            callbacks.remove(ours)
        self._picture_layer.viewer.mouse_double_click_callbacks[:] = self._double_clicks
        self._picture_layer.viewer.scene.camera.events.zoom.disconnect(self._scale_to_zoom)
        self._picture_layer.owner_changed.disconnect(self._owner_changed)
        self._layers.use(None)
        self._faint.use(None)

    def use(self, scheme: Scheme | None) -> None:
        """Draw faces of a landmark scheme."""
        self._layers.use(scheme)
        self._faint.use(scheme)
        self._names = () if scheme is None else scheme.names

    def refresh(self) -> None:
        """Draw the face, or nothing if there is none or its picture is not there yet."""
        self._draw()
        self._mark()

    def set_size(self, pixels: float) -> None:
        """Make points at most so large on the screen."""
        self._layers.set_size(pixels)

    def hide(self, hidden: bool) -> None:
        """Hide the overlay for a while."""
        self._hidden = hidden
        self._show()

    def mark_doubts(self, points: Sequence[int], now: int | None) -> None:
        """Mark points in doubt, and the one of them that is looked at."""
        self._doubts = (tuple(points), now)
        self._draw()

    def toggle_names(self) -> None:
        """Show the names of all points, or only of the one pointed at."""
        self._all_names = not self._all_names
        self._mark()

    def look_at(self, indices: tuple[int, ...] | None = None) -> None:
        """Move the camera to the face, or to some of its points."""
        face = self._editor.drawn
        if face is None or not face.present.any():
            self._picture_layer.look_at_all()
            return
        chosen = face.points if indices is None else face.points[list(indices)]
        self._picture_layer.look_at(chosen if not np.isnan(chosen).all() else face.points)

    def bring_into_view(self, index: int) -> None:
        """Move the camera to a point if it is off the screen."""
        face = self._editor.drawn
        if face is None or not face.present[index]:
            return
        if not self._picture_layer.is_seen(face.points[index]):
            self._picture_layer.centre_on(face.points[index])

    def centre_on(self, index: int) -> None:
        """Move the camera so that a point is in the middle; nothing happens if it is missing."""
        face = self._editor.drawn
        if self._ours and face is not None and face.present[index]:
            self._picture_layer.centre_on(face.points[index])

    @property
    def _zoom(self) -> float:
        return float(self._picture_layer.viewer.scene.camera.zoom)

    @property
    def _visible(self) -> bool:
        return self._ours and not self._hidden and self._editor.drawn is not None

    @property
    def _ours(self) -> bool:
        return self._picture_layer.owner == "annotate" and self.ready

    def _draw(self, _face: object = None) -> None:
        face = self._editor.drawn
        if face is not None and self._ours:
            self._layers.draw(face)
            if not (self._dragged and self._editor.dragging):
                self._mark()
            self._dragged = self._editor.dragging
            self._faint.draw(self._editor.faint, face.points)
            self._faint.mark(*self._doubts, face.points)
        self._show()

    def _show(self) -> None:
        if self._picture_layer.owner == "annotate" and not self.ready:
            # The picture of another face may be there before this turn of the event loop is over:
            # to hide layers and show them again takes napari long.
            QTimer.singleShot(0, self._show_now)
        else:
            self._show_now()

    def _show_now(self) -> None:
        self._layers.show(self._visible)
        self.shown.emit(self._visible)
        self._faint.show(self._visible)

    def _mark(self, _selected: object = None) -> None:
        face = self._editor.drawn
        if face is None or not self._ours:
            return
        selection = self._editor.selection
        first = [self._pointed, *(selection if len(selection) == 1 else ())]
        wanted = [k for k in first if k is not None]
        if self._all_names:
            wanted += [k for k in range(len(face.points)) if k not in wanted]
        # Not while a point is dragged: a text would cover what the person looks at.
        there = [k for k in wanted if face.present[k] and not self._editor.dragging]
        texts = place_labels(face.points, self._names, there, 1.0 / self._zoom)
        self._layers.mark_selected(selection, texts, face)

    def _point_at(self, number: int | None) -> None:
        self._pointed = number
        self._mark()

    def _owner_changed(self, _owner: str) -> None:
        self.refresh()

    def _scale_to_zoom(self, _event: object) -> None:
        self._layers.scale_to_zoom(self._zoom)
        self._faint.scale_to_zoom(self._zoom)
        if self._all_names:
            self._mark()

    # The mouse. Generators are napari's way: press, then one step for each move, then release.

    def _press(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        if not self._ours or event.button != _LEFT_BUTTON or "Alt" in event.modifiers:
            return
        event.handled = self.mouse.press(self._mouse_position(viewer, event))
        yield
        while event.type == "mouse_move":
            self.mouse.move(self._mouse_position(viewer, event))
            yield
        self.mouse.release()

    def _hover(self, viewer: ViewerModel, event: Any) -> None:
        if not self._ours:
            return
        position = self._mouse_position(viewer, event)
        if not self._clicked_twice:
            self.mouse.hover(position)
        elif _LEFT_BUTTON in event.buttons:
            self.mouse.move(position)
        else:
            self._clicked_twice = False
            self.mouse.release()

    def _double_click(self, viewer: ViewerModel, event: Any) -> None:
        """See to the second press of two quick ones, which napari tells as a click only.

        On a point it may begin a drag, whose moves and end come as moves without one.
        """
        if self._ours and self.mouse.clicks is not None:
            return
        if self._ours and self.mouse.press(self._mouse_position(viewer, event)):
            self._clicked_twice = True
            return
        for callback in self._double_clicks:
            callback(viewer, event)

    def _mouse_position(self, viewer: ViewerModel, event: Any) -> MousePosition:
        xy = self._picture_layer.to_picture(event.position[-2:][::-1])
        keys = event.modifiers
        pixel = 1.0 / float(viewer.scene.camera.zoom)
        return MousePosition(xy, pixel, "Shift" in keys, "Control" in keys)
