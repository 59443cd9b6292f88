"""The picture in the viewer, which the tabs take turns with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from faceloop_datasets import PictureDisplay

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Layer
    from numpy.typing import ArrayLike, NDArray

_BLANK = (64, 64, 3)
_LARGE = 10.0
"""Pixels of the screen a pixel of the picture, from which on its pixels are shown as squares: by
then one looks at them, and below, a smooth picture shows more of an edge."""


class PictureLayer:
    """One image layer that is never removed while others stand on it, and the camera.

    napari can crash when an image layer is removed and another added in one turn of the event
    loop, so a new picture is new data of the same layer.

    The picture, and with it every layer, can be turned. Cameras and mouse events are then in
    coordinates of the turned picture, napari's world: `to_world` and `to_picture` convert.

    Attributes
    ----------
    owner_changed : Signal(str)
        Another tab has the picture: ``annotate`` or ``live``. A tab draws only while it has it.
    """

    owner_changed = Signal(str)

    def __init__(self, viewer: ViewerModel) -> None:
        self.viewer = viewer
        self._owner = "annotate"
        self._layer: Image | None = None
        self._cleared = False
        self._shown: NDArray[np.uint8] | None = None  # read-only, so still what the layer has
        self._display = PictureDisplay()
        self._affine = np.eye(3)  # of (row, column), as napari has them
        viewer.layers.events.inserted.connect(self._turn_new)
        viewer.scene.camera.events.zoom.connect(self._smooth)

    def close_down(self) -> None:
        """Leave the viewer's layers and camera alone."""
        self.viewer.layers.events.inserted.disconnect(self._turn_new)
        self.viewer.scene.camera.events.zoom.disconnect(self._smooth)

    @property
    def owner(self) -> str:
        """The tab that has the picture."""
        return self._owner

    def give_to(self, owner: str) -> None:
        """Give the picture to a tab."""
        if owner != self._owner:
            self.show_as(PictureDisplay())
            self._owner = owner
            self.owner_changed.emit(owner)

    @property
    def layer(self) -> Image:
        """The image layer; made when it is first needed, and again if the person deleted it."""
        if self._layer is None or self._layer not in self.viewer.layers:
            blank = np.zeros(_BLANK, dtype=np.uint8)
            self._layer = self.viewer.add_image(blank, rgb=True, name="picture")
            self._shown = None
            self.viewer.layers.move(self.viewer.layers.index(self._layer), 0)
            self._layer.help = ""  # napari's tells of keys that are ours while the dock is open
            self._smooth()
        return self._layer

    def show(self, pixels: NDArray[np.uint8]) -> None:
        """Show a colour picture, (H, W, 3).

        One of the size of the last is written in place, the fast way for video.
        """
        layer = self.layer
        if self._cleared:
            layer.visible, self._cleared = True, False
        if pixels is self._shown:  # another face of the same picture
            return
        self._shown = None if pixels.flags.writeable else pixels
        if layer.data.shape == pixels.shape:
            layer.data[...] = pixels
            layer.refresh(thumbnail=False, extent=False, highlight=False)
        else:
            layer.data = pixels.copy()

    def clear(self) -> None:
        """Show nothing."""
        if self._layer is not None:
            self.show(np.zeros(_BLANK, dtype=np.uint8))
            self._layer.visible, self._cleared = False, True

    def look_at(self, points: NDArray[np.float64], margin: float = 0.25) -> None:
        """Move the camera so that points (N, 2), in pixels, fill the canvas.

        Parameters
        ----------
        points : ndarray, shape (N, 2)
            NaN where missing; nothing happens if all are.
        margin : float
            Room on each side, as a share of the larger extent of the points.
        """
        known = self.to_world(points[~np.isnan(points).any(axis=1)])
        if not len(known):
            return
        low, high = known.min(axis=0), known.max(axis=0)
        room = (high - low) + 2 * margin * max(float((high - low).max()), 8.0)
        canvas_height, canvas_width = self.viewer.canvas.size
        centre = (low + high) / 2
        camera = self.viewer.scene.camera
        camera.center = (0.0, float(centre[1]), float(centre[0]))
        camera.zoom = float(min(canvas_width / room[0], canvas_height / room[1]))

    def centre_on(self, xy: ArrayLike) -> None:
        """Move the camera so that a place of the picture is in the middle."""
        x, y = self.to_world(xy)
        self.viewer.scene.camera.center = (0.0, float(y), float(x))

    def is_seen(self, xy: ArrayLike) -> bool:
        """Whether a place of the picture is on the canvas, and not at its very edge."""
        camera = self.viewer.scene.camera
        centre = np.asarray(camera.center, dtype=float)[-2:]
        half = np.asarray(self.viewer.canvas.size, dtype=float) / 2 / camera.zoom
        return bool((np.abs(self.to_world(xy)[::-1] - centre) <= 0.95 * half).all())

    def look_at_all(self) -> None:
        """Show the whole picture."""
        height, width = self.layer.data.shape[:2]
        self.look_at(np.array([[0.0, 0.0], [width, height]]), margin=0.02)

    # How it is shown

    @property
    def display(self) -> PictureDisplay:
        """Contrast, gamma and turn of what is shown now."""
        return self._display

    def show_as(self, display: PictureDisplay) -> None:
        """Show the picture with another contrast, gamma or turn; what is in the middle stays."""
        if display == self._display == PictureDisplay():
            return
        layer = self.layer
        layer.contrast_limits, layer.gamma = (display.low, display.high), display.gamma
        turned = display.turn != self._display.turn
        self._display = display
        if turned or display.turn:
            self._turn()

    def to_world(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Where places (..., 2) of the picture are for napari's camera, in pixels, as x and y."""
        places = np.asarray(xy, dtype=np.float64)[..., ::-1]
        return (places @ self._affine[:2, :2].T + self._affine[:2, 2])[..., ::-1]

    def to_picture(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Places of the picture, (..., 2), of what napari's camera and mouse call these."""
        places = np.asarray(xy, dtype=np.float64)[..., ::-1] - self._affine[:2, 2]
        return (places @ self._affine[:2, :2])[..., ::-1]  # the inverse of a turn

    def along_screen(self, step: ArrayLike) -> NDArray[np.float64]:
        """Step of the picture, (2,), that goes so far to the right and down on the screen."""
        return self.to_picture(step) - self.to_picture((0.0, 0.0))

    def _turn(self) -> None:
        """Turn all layers round the middle of the picture, and look at the same place."""
        camera = self.viewer.scene.camera
        looked_at = self.to_picture(np.asarray(camera.center, dtype=float)[-2:][::-1])
        angle = np.deg2rad(self._display.turn)
        cosine, sine = np.cos(angle), np.sin(angle)
        turn = np.array([[cosine, sine], [-sine, cosine]])  # of (row, column): clockwise
        middle = (np.array(self.layer.data.shape[:2]) - 1) / 2
        self._affine = np.eye(3)
        self._affine[:2, :2], self._affine[:2, 2] = turn, middle - turn @ middle
        for layer in self.viewer.layers:
            if layer.ndim == len(self._affine) - 1:
                layer.affine = self._affine
        self.centre_on(looked_at)

    def _turn_new(self, event: object) -> None:
        layer: Layer = event.value  # type: ignore[attr-defined]
        if self._display.turn and layer.ndim == len(self._affine) - 1:
            layer.affine = self._affine

    def _smooth(self, _event: object = None) -> None:
        """Show pixels as squares where they are large, and a smooth picture elsewhere."""
        if self._layer is not None:
            kind = "nearest" if self.viewer.scene.camera.zoom >= _LARGE else "linear"
            if self._layer.interpolation2d != kind:
                self._layer.interpolation2d = kind
