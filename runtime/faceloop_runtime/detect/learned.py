"""The detector that a model learns: linear templates of whole faces, on cells of gradients.

It knows the faces that the model was trained on, whatever they are: profiles, masks, drawings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from faceloop_runtime.geometry import Similarity

from .cells import Level, pyramid

_CANDIDATES = 40
"""Most places of a picture that are looked at closer."""
_FURTHEST = np.array([1.5, 1.5, 0.2, 0.35], np.float32)
"""Most that a face is taken to differ from its window, see `LearnedDetector.shift`."""


class FacePlace(NamedTuple):
    """A place that looks like a face.

    Parameters
    ----------
    log_odds : float
        Of a face there, against the most face-like place of a picture without one.
    pose : Similarity
        From the model frame to the picture.
    """

    log_odds: float
    pose: Similarity


@dataclass(frozen=True)
class TemplateFrame:
    """Where in the model frame the window of the templates lies.

    Parameters
    ----------
    x, y : float
        Its middle.
    cell : float
        Width of a cell, in units of the model frame.
    """

    x: float
    y: float
    cell: float

    def pose(self, window: Similarity) -> Similarity:
        """Return the pose of the face in a window.

        Parameters
        ----------
        window : Similarity
            From cells, (0, 0) being the window's middle, to the picture.
        """
        return window.after(
            Similarity(1 / self.cell, 0.0, -self.x / self.cell, -self.y / self.cell)
        )

    def window(self, pose: Similarity) -> Similarity:
        """Return the window of a face with this pose; the inverse of `pose`."""
        return pose.after(Similarity(self.cell, 0.0, self.x, self.y))


@dataclass(frozen=True, eq=False)
class LearnedDetector:
    """Linear templates on cells of gradients, one a view or kind of face.

    Parameters
    ----------
    middle, cell : ndarray of float32, shapes (2,) and (1,)
        Where the window lies in the model frame, see `TemplateFrame`.
    weights : ndarray of float32, shape (T, R, Q, C)
        Weights of the cells of a window, R high and Q wide.
    gain, bias : ndarray of float32, shape (T,)
        The log-odds of a face are gain x weighted sum + bias.
    shift : ndarray of float32, shape (T, 4, R, Q, C)
        Weights of the cells for where the face really is: columns and rows to go, in cells, the
        logarithm of its size over the window's, and its angle in radians.
    shift_bias : ndarray of float32, shape (T, 4)
        Added to them.
    """

    middle: NDArray[np.float32]
    cell: NDArray[np.float32]
    weights: NDArray[np.float32]
    gain: NDArray[np.float32]
    bias: NDArray[np.float32]
    shift: NDArray[np.float32]
    shift_bias: NDArray[np.float32]

    @property
    def frame(self) -> TemplateFrame:
        """Where the window lies in the model frame."""
        return TemplateFrame(float(self.middle[0]), float(self.middle[1]), float(self.cell[0]))

    @property
    def rows(self) -> int:
        """Height of the window, in cells."""
        return int(self.weights.shape[1])

    @property
    def columns(self) -> int:
        """Width of the window, in cells."""
        return int(self.weights.shape[2])

    @property
    def size(self) -> float:
        """Size of the window, in cells: the side of a square of the same area."""
        return float(np.sqrt(self.rows * self.columns))

    @cached_property
    def _rows(self) -> NDArray[np.float32]:
        """The templates, (Q * C, R * T): what a row of a window is multiplied by."""
        return np.ascontiguousarray(
            self.weights.transpose(2, 3, 1, 0).reshape(-1, self.rows * len(self.weights))
        )

    def log_odds(self, cells: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the log-odds of a face in each window of a map of cells.

        Parameters
        ----------
        cells : ndarray of float32, shape (H, W, C)
            From `cell_map`.

        Returns
        -------
        ndarray of float32, shape (T, H - R + 1, W - Q + 1)
            By template and the window's first cell; empty where no window fits.
        """
        room = max(0, cells.shape[0] - self.rows + 1), max(0, cells.shape[1] - self.columns + 1)
        found = np.empty((len(self.weights), *room), np.float32)
        if found.size:
            # Each row of a window, times all rows of all templates; then what belongs together.
            width = cells.shape[1] - self.columns + 1
            lines = np.lib.stride_tricks.sliding_window_view(
                cells.reshape(len(cells), -1), self.columns * cells.shape[2], axis=1
            )[:, :: cells.shape[2]]
            parts = (lines.reshape(-1, len(self._rows)) @ self._rows).reshape(
                len(cells), width, self.rows, -1
            )
            sums = parts[: len(cells) - self.rows + 1, :, 0].copy()
            for row in range(1, self.rows):
                sums += parts[row : row + len(sums), :, row]
            found[:] = sums.transpose(2, 0, 1)
            found *= self.gain[:, None, None]
            found += self.bias[:, None, None]
        return found

    def search(self, gray: NDArray[np.uint8], smallest: float, least: float) -> list[FacePlace]:
        """Look everywhere in a picture, at all sizes.

        Parameters
        ----------
        gray : ndarray of uint8, shape (H, W)
            The picture.
        smallest : float
            Least size of a window, in pixels.
        least : float
            Least log-odds of a place.

        Returns
        -------
        list of FacePlace
            The surest first. One face may be met several times, by neighbouring windows.
        """
        met = [
            (float(odds[at]), level, at)
            for level in pyramid(gray, self.size, smallest)
            for odds in (self.log_odds(level.cells),)
            for at in _peaks(odds, least)
        ]
        met.sort(key=lambda one: -one[0])
        return [FacePlace(odds, self._pose(level, *at)) for odds, level, at in met[:_CANDIDATES]]

    def _pose(self, level: Level, template: int, row: int, column: int) -> Similarity:
        """Return the pose of the face that a window shows."""
        part = level.cells[row : row + self.rows, column : column + self.columns]
        found = np.tensordot(self.shift[template], part, 3) + self.shift_bias[template]
        x, y, log_size, angle = np.clip(found, -_FURTHEST, _FURTHEST).tolist()
        middle = Similarity(1.0, 0.0, column + self.columns / 2, row + self.rows / 2)
        move = Similarity.from_polar(float(np.exp(log_size)), angle, x, y)
        return self.frame.pose(level.to_picture.after(middle).after(move))


def _peaks(odds: NDArray[np.float32], least: float) -> list[tuple[int, int, int]]:
    """Return where maps (T, H, W) are highest among their neighbours and the other maps."""
    if not odds.size:
        return []
    highest = odds.max(axis=0)
    around = cv2.dilate(highest, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero((highest >= around) & (highest >= least))
    templates = odds[:, rows, columns].argmax(axis=0)
    return [(int(t), int(r), int(c)) for t, r, c in zip(templates, rows, columns, strict=True)]
