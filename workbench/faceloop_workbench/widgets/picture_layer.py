"""The picture in the viewer, which the tabs take turns with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image
    from numpy.typing import NDArray

_BLANK = (64, 64, 3)


class PictureLayer:
    """One image layer that is never removed while others stand on it, and the camera.

    napari can crash when an image layer is removed and another added in one turn of the event
    loop, so a new picture is new data of the same layer.

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

    @property
    def owner(self) -> str:
        """The tab that has the picture."""
        return self._owner

    def give_to(self, owner: str) -> None:
        """Give the picture to a tab."""
        if owner != self._owner:
            self._owner = owner
            self.owner_changed.emit(owner)

    @property
    def layer(self) -> Image:
        """The image layer; made when it is first needed, and again if the person deleted it."""
        if self._layer is None or self._layer not in self.viewer.layers:
            blank = np.zeros(_BLANK, dtype=np.uint8)
            self._layer = self.viewer.add_image(blank, rgb=True, name="picture")
            self.viewer.layers.move(self.viewer.layers.index(self._layer), 0)
        return self._layer

    def show(self, pixels: NDArray[np.uint8]) -> None:
        """Show a colour picture, (H, W, 3).

        One of the size of the last is written in place, the fast way for video.
        """
        layer = self.layer
        if self._cleared:
            layer.visible, self._cleared = True, False
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
        known = points[~np.isnan(points).any(axis=1)]
        if not len(known):
            return
        low, high = known.min(axis=0), known.max(axis=0)
        room = (high - low) + 2 * margin * max(float((high - low).max()), 8.0)
        canvas_height, canvas_width = self.viewer.canvas.size
        centre = (low + high) / 2
        camera = self.viewer.scene.camera
        camera.center = (0.0, float(centre[1]), float(centre[0]))
        camera.zoom = float(min(canvas_width / room[0], canvas_height / room[1]))

    def look_at_all(self) -> None:
        """Show the whole picture."""
        height, width = self.layer.data.shape[:2]
        self.look_at(np.array([[0.0, 0.0], [width, height]]), margin=0.02)
