"""Small pictures of faces, made in a thread when the list shows them. Without Qt."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import cv2
import numpy as np
from psygnal import Signal

from faceloop_datasets import FaceloopError, Project
from faceloop_workbench.services.picture_cache import PictureCache

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import ItemSummary

SIZE = 96
"""Width and height in pixels: sharp on screens of double density too."""

_KEPT = 2000  # 55 MB
_WAITING = 40  # a screen full: what was scrolled past is not made
_MARGIN = 0.3  # room around the points, as a share of their extent

NOTHING: NDArray[np.uint8] = np.zeros((0, 0, 3), dtype=np.uint8)
"""Stands for a face whose picture cannot be read."""


class Thumbnails:
    """Makes thumbnails of one project's faces, the last asked for first, and keeps them.

    Parameters
    ----------
    folder : str
        The project's address.

    Attributes
    ----------
    made : Signal(int)
        The thumbnail of an item is there; emitted in the thread that made it.
    """

    made = Signal(int)

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._kept: OrderedDict[int, tuple[bool, NDArray[np.uint8]]] = OrderedDict()
        self._waiting: OrderedDict[int, ItemSummary] = OrderedDict()
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="faceloop thumbnails", daemon=True)
        self._thread.start()

    def get(self, row: ItemSummary) -> NDArray[np.uint8] | None:
        """Thumbnail of a face, (SIZE, SIZE, 3) or `NOTHING`; None until it is made."""
        with self._wake:
            labelled, pixels = self._kept.get(row.item_id, (None, None))
            if labelled != row.labelled:  # with points, it is cut out by them
                self._waiting[row.item_id] = row
                self._waiting.move_to_end(row.item_id)
                while len(self._waiting) > _WAITING:
                    self._waiting.popitem(last=False)
                self._wake.notify()
            return pixels

    def forget(self) -> None:
        """Make all of them again: pictures may have been found."""
        with self._wake:
            self._kept.clear()

    def close(self) -> None:
        """Stop the thread and wait for its end."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            project = Project.open(self._folder)
        except FaceloopError:
            return  # a list without pictures; whoever opens the project is told why
        with project:
            pictures = PictureCache(project)
            while (row := self._next()) is not None:
                self._keep(row, _make(project, pictures, row))
                self.made.emit(row.item_id)
            pictures.close()

    def _next(self) -> ItemSummary | None:
        with self._wake:
            self._wake.wait_for(lambda: self._closed or self._waiting)
            return None if self._closed else self._waiting.popitem()[1]

    def _keep(self, row: ItemSummary, pixels: NDArray[np.uint8]) -> None:
        with self._wake:
            self._kept[row.item_id] = (row.labelled, pixels)
            self._kept.move_to_end(row.item_id)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)


def _make(project: Project, pictures: PictureCache, row: ItemSummary) -> NDArray[np.uint8]:
    try:
        pixels = pictures.get(project.item(row.item_id))
        return cut_out(pixels, _points(project, row))
    except FaceloopError:
        return NOTHING


def _points(project: Project, row: ItemSummary) -> NDArray[np.float64] | None:
    if row.labelled:
        revision = project.annotation(row.item_id)
        return None if revision is None else revision.annotation.points
    entry = None if row.entry_id is None else project.queue.get(row.entry_id)
    return None if entry is None or entry.fit is None else entry.fit.points


def cut_out(pixels: NDArray[np.uint8], points: NDArray[np.float64] | None) -> NDArray[np.uint8]:
    """Cut a square around points out of a picture and scale it down to `SIZE`.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W, 3)
        The picture.
    points : ndarray, shape (N, 2), or None
        ``(x, y)`` in pixels, NaN where missing. The middle of the picture without any.
    """
    height, width = pixels.shape[:2]
    known = np.empty((0, 2)) if points is None else points[np.isfinite(points).all(axis=1)]
    side, centre = float(min(height, width)), np.array([width, height]) / 2
    if len(known):
        low, high = known.min(axis=0), known.max(axis=0)
        centre = (low + high) / 2
        side = min(side, max(float((high - low).max()) * (1 + 2 * _MARGIN), 8.0))
    whole = max(1, round(side))
    left, top = (
        int(np.clip(round(middle - whole / 2), 0, limit - whole))
        for middle, limit in zip(centre, (width, height), strict=True)
    )
    square = pixels[top : top + whole, left : left + whole]
    method = cv2.INTER_AREA if whole >= SIZE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (SIZE, SIZE), interpolation=method), dtype=np.uint8)
