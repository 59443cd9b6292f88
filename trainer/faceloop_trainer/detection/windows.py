"""Windows of cells: on faces, and on everything that is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.detect.cells import CELL, PYRAMID_STEP, cell_map, pyramid
from faceloop_runtime.detect.learned import TemplateFrame
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.crop import FaceImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.detect.cells import Level
    from faceloop_runtime.detect.learned import LearnedDetector
    from faceloop_runtime.pdm import PointDistributionModel
    from faceloop_trainer.data.faces import TrainingFace

    Rows = NDArray[np.float32]
    Place = tuple[int, int, int]

_AREA = 144
"""Cells of a window, about."""
_NARROWEST = 6
"""Least cells across a window."""
_AROUND = 0.15
"""How far the window reaches beyond the mean shape on each side, as a share of its size."""
_CONTEXT = 2
"""Cells round the window that the channels' normalisation looks at."""
_OFF = 0.5
"""How far windows are off the face, in cells along each axis; the next one is one cell away. ..."""
_STRETCH, _TURN = 0.07, np.deg2rad(9.0)
"""... in the logarithm of their size, and in their angle."""
_TOUCHING = 0.3
"""Windows that overlap the face's by more (intersection over union) are no examples of else."""
_HARDEST = 4
"""Windows that a search of a scene gives for each template, ..."""
_CLEAR, _NEVER = -1.0, -10.0
"""... all above the first; what is not looked at has the second."""
_STEP = PYRAMID_STEP**2
"""Every second level of a picture is enough to learn from."""


@dataclass(frozen=True)
class Window:
    """The window of the templates.

    Parameters
    ----------
    frame : TemplateFrame
        Where it lies in the model frame.
    rows, columns : int
        Its height and width, in cells.
    """

    frame: TemplateFrame
    rows: int
    columns: int

    @classmethod
    def of(cls, pdm: PointDistributionModel) -> Window:
        """Choose the window that shows the mean shape and a little of what is round it."""
        low, high = pdm.mean.min(axis=0), pdm.mean.max(axis=0)
        size = high - low
        size = size + 2 * _AROUND * max(np.sqrt(size.prod()), 0.5 * size.max())
        size = np.maximum(size, size.max() * _NARROWEST**2 / _AREA)
        cell = float(np.sqrt(size.prod() / _AREA))
        columns, rows = (int(n) for n in np.rint(size / cell))
        x, y = (low + high) / 2
        return cls(TemplateFrame(float(x), float(y), cell), rows, columns)

    @property
    def size(self) -> float:
        """The side of a square of the same area, in cells."""
        return float(np.sqrt(self.rows * self.columns))

    def on_face(
        self, mean: NDArray[np.float64], face: TrainingFace, rng: np.random.Generator, count: int
    ) -> tuple[Rows, NDArray[np.float64]]:
        """Cut windows that are a little off a face.

        Parameters
        ----------
        mean : ndarray, shape (N, 2)
            Mean shape of such faces.
        face : TrainingFace
            A face with a picture.
        rng : Generator
            Draws how far off they are.
        count : int
            How many.

        Returns
        -------
        cells : ndarray of float32, shape (count, R, Q, C)
        moves : ndarray, shape (count, 4)
            How the face differs from the window, as `LearnedDetector.shift` says it.
        """
        assert face.picture is not None  # noqa: S101 - callers pass faces with pictures only
        true = self.frame.window(Similarity.between(mean, face.points))
        across = max(self.rows, self.columns) + 2 * _CONTEXT
        image = FaceImage(face.picture, true, across / 2, CELL)
        reach = np.array([_OFF, _OFF, _STRETCH, _TURN])
        moves = rng.uniform(-reach, reach, (count, 4))
        found = []
        for x, y, log_size, angle in moves:
            move = Similarity.from_polar(float(np.exp(log_size)), float(angle), float(x), float(y))
            crop = image.crop(true.after(move.inverse()), CELL, across * CELL)
            top, left = ((across - n) * CELL // 2 for n in (self.rows, self.columns))
            top, left = top - _CONTEXT * CELL, left - _CONTEXT * CELL
            part = crop[top : len(crop) - top, left : len(crop) - left]
            found.append(cell_map(part)[_CONTEXT:-_CONTEXT, _CONTEXT:-_CONTEXT])
        return np.array(found), moves


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture that is searched for what looks like a face and is none.

    Parameters
    ----------
    levels : tuple of Level
        The picture at several scales.
    allowed : tuple of ndarray of bool, shape (H, W)
        By level, whether the window with this first cell shows no face.
    fold : int
        Who is in this fold does not learn from it.
    """

    levels: tuple[Level, ...]
    allowed: tuple[NDArray[np.bool_], ...]
    fold: int

    @classmethod
    def of(
        cls,
        window: Window,
        picture: NDArray[np.uint8],
        smallest: float,
        fold: int,
        face: Similarity | None = None,
    ) -> Scene:
        """Look at a picture.

        Parameters
        ----------
        window : Window
            What is looked for.
        picture : ndarray of uint8, shape (H, W)
            The picture.
        smallest : float
            Least size of a window, in pixels.
        fold : int
            Fold of the picture.
        face : Similarity, optional
            Window of the face that it shows.
        """
        levels = [
            level
            for level in pyramid(picture, window.size, smallest, _STEP)
            if level.cells.shape[0] >= window.rows and level.cells.shape[1] >= window.columns
        ]
        return cls(tuple(levels), tuple(_apart(window, one, face) for one in levels), fold)

    def windows(self, window: Window, places: Sequence[Place]) -> Rows:
        """Return the cells of windows at some places, shape (M, D)."""
        parts = [
            self.levels[n].cells[r : r + window.rows, c : c + window.columns].reshape(-1)
            for n, r, c in places
        ]
        return np.array(parts, np.float32)

    def at_random(self, count: int, rng: np.random.Generator) -> list[Place]:
        """Choose places, about as many of each size; fewer where there are hardly any."""
        free = [(level, np.argwhere(allowed)) for level, allowed in enumerate(self.allowed)]
        free = [(level, places) for level, places in free if len(places)]
        chosen = []
        for _ in range(count if free else 0):
            level, places = free[rng.integers(len(free))]
            row, column = places[rng.integers(len(places))].tolist()
            chosen.append((level, row, column))
        return chosen

    def hardest(self, templates: LearnedDetector) -> list[Place]:
        """Return the places that look most like a face to each template, and are not clear."""
        found: list[list[tuple[float, Place]]] = [[] for _ in templates.weights]
        for level, odds in self._odds(templates):
            for own, best in zip(odds, found, strict=True):
                peaks = (own >= cv2.dilate(own, np.ones((3, 3), np.uint8))) & (own > _CLEAR)
                rows, columns = np.nonzero(peaks)
                values = own[rows, columns]
                for k in np.argsort(-values, kind="stable")[:_HARDEST]:
                    best.append((float(values[k]), (level, int(rows[k]), int(columns[k]))))
        # Sorting is stable: of places that look the same the first one of the finest level counts.
        return [at for best in found for _, at in sorted(best, key=lambda one: -one[0])[:_HARDEST]]

    def most(self, templates: LearnedDetector) -> NDArray[np.float32]:
        """Return the greatest log-odds of each template, (T,)."""
        each = [odds.max(axis=(1, 2)) for _, odds in self._odds(templates)]
        return np.asarray(np.max(each, axis=0, initial=_NEVER))

    def _odds(self, templates: LearnedDetector) -> Iterator[tuple[int, Rows]]:
        for number, (level, allowed) in enumerate(zip(self.levels, self.allowed, strict=True)):
            yield number, np.where(allowed, templates.log_odds(level.cells), np.float32(_NEVER))


def _apart(window: Window, level: Level, face: Similarity | None) -> NDArray[np.bool_]:
    """Return which windows of a level hardly overlap a face's, by their first cell."""
    height, width = level.cells.shape[:2]
    rows, columns = height - window.rows + 1, width - window.columns + 1
    if face is None:
        return np.ones((rows, columns), bool)
    there = level.to_picture.inverse().after(face)
    high, wide = window.rows * there.scale, window.columns * there.scale
    y = _common(np.arange(rows), window.rows, there.ty - high / 2, high)
    x = _common(np.arange(columns), window.columns, there.tx - wide / 2, wide)
    common = y[:, None] * x
    union = window.rows * window.columns + high * wide - common
    return np.asarray(common < _TOUCHING * union)


def _common(
    starts: NDArray[np.intp], length: int, start: float, other: float
) -> NDArray[np.float64]:
    """Return how much of each interval lies in another one."""
    low, high = np.maximum(starts, start), np.minimum(starts + length, start + other)
    return np.asarray(np.clip(high - low, 0.0, None))
