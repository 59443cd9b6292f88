"""The canvas: the face drawn upright and at the model's size, as a browser draws it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .model import ClmtrackrModel, Scoring

    Floats = NDArray[np.float64]
    Singles = NDArray[np.float32]
    Whole = NDArray[np.int32]

_LUMA = np.array([0.3, 0.59, 0.11])
"""clmtrackr's shares of red, green and blue in gray."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """The face upright, on the model's canvas.

    Parameters
    ----------
    pixels : ndarray, shape (H, W)
        Gray values 0..255; 0 where the canvas shows nothing of the picture. Round the canvas lies
        a margin of zeros, which a browser returns for pixels outside.
    margin : int
        Width of that margin.
    """

    pixels: Floats
    margin: int

    @classmethod
    def draw(cls, model: ClmtrackrModel, image: NDArray[np.uint8], parameters: Floats) -> Canvas:
        """Draw the picture with the pose given by the parameters undone.

        Parameters
        ----------
        model : ClmtrackrModel
            Gives the size of the canvas, and of the search windows, which reach beyond it.
        image : ndarray of uint8, shape (H, W) or (H, W, 3)
            The picture, gray or RGB.
        parameters : ndarray, shape (4 + K,)
            See `ClmtrackrModel.points`.
        """
        extra, margin = model.window - 1, model.window
        width, height = (side + extra for side in model.canvas)
        to_picture = _to_picture(parameters)
        x, y = _sample_positions(to_picture, width, height)
        drawn = _gray(image, x, y)
        # A browser also draws pixels whose middle is outside by less than a half.
        half = 0.5 * float(np.hypot(*to_picture[0, :2]))
        for place, side in ((x, image.shape[1]), (y, image.shape[0])):
            drawn[(place < -half) | (place > side + half)] = 0.0
        return cls(np.pad(drawn, margin), margin)

    def window_corners(self, points: Floats, window: int) -> NDArray[np.intp]:
        """Return the top-left pixel ``(x, y)`` of the window round each point (N, 2)."""
        corners = np.floor(points - window / 2 + 0.5).astype(np.intp) + self.margin
        height, width = self.pixels.shape
        return np.asarray(corners.clip(0, (width - window, height - window)))

    def score(self, scoring: Scoring, mean: Floats) -> float:
        """Return the probability that the canvas shows a face; 0 without any contrast.

        Parameters
        ----------
        scoring : Scoring
            The regression.
        mean : ndarray, shape (71, 2)
            See `scored_region`.
        """
        height, width = scoring.weights.shape
        seen = self.scored_region(mean, (width, height))
        if seen is None:
            return 0.0
        return float(1 / (1 + np.exp(-float((seen * scoring.weights).sum()) - scoring.bias)))

    def scored_region(self, mean: Floats, size: tuple[int, int]) -> Floats | None:
        """Return the central region of the face, the scoring's input: reduced and standardised.

        Parameters
        ----------
        mean : ndarray, shape (71, 2)
            Mean shape; the region is a share of its width and height.
        size : tuple of int
            Width and height of the result.

        Returns
        -------
        ndarray, shape (height, width), or None
            Logarithms of gray values with mean 0 and deviation 1; None without any contrast.
        """
        low, span = mean.min(axis=0), np.ptp(mean, axis=0)
        corner = np.floor([low[0] + span[0] / 4.5 + 0.5, low[1] - span[1] / 12 + 0.5])
        part = np.floor([span[0] * (1 - 2 / 4.5) + 0.5, span[1] * (1 - 1 / 12) + 0.5])
        to_canvas = np.column_stack([np.diag(part / size), corner + self.margin])
        x, y = _sample_positions(to_canvas.astype(np.float32), *size)
        logs = np.log(_bilinear(np.rint(self.pixels).astype(np.int32), x, y) + 1.0)
        deviation = float(logs.std())
        return (logs - logs.mean()) / deviation if deviation > 0 else None


def _to_picture(parameters: Floats) -> Singles:
    """Return the affine map (2, 3) from the canvas to the picture, as a browser computes it.

    clmtrackr scales, turns and shifts the canvas; the browser multiplies these in single
    precision, with the angle in degrees, and inverts the product.
    """
    p0, p1, tx, ty = parameters[:4]
    shrink = np.float32(1 / np.hypot(1 + p0, p1))
    degrees = np.float32(-np.arctan2(p1, 1 + p0) * (180 / np.pi))
    angle = float(degrees * (np.float32(np.pi) / np.float32(180)))
    c, s = np.cos(angle), np.sin(angle)
    turn = shrink * np.array([[c, -s], [s, c]]).astype(np.float32)
    shift = turn[:, 0] * np.float32(-tx) + turn[:, 1] * np.float32(-ty)
    whole = np.vstack([np.column_stack([turn, shift]), [0.0, 0.0, 1.0]])
    return np.linalg.inv(whole.astype(np.float64))[:2].astype(np.float32)


def _sample_positions(matrix: Singles, width: int, height: int) -> tuple[Singles, Singles]:
    """Return x and y, each (height, width), to which a map sends the pixels of a canvas."""
    across = np.arange(width, dtype=np.float32) + np.float32(0.5)
    down = np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5)
    x, y = (row[0] * across + (row[1] * down + row[2]) for row in matrix)
    return x, y


def _gray(image: NDArray[np.uint8], x: Singles, y: Singles) -> Floats:
    if image.ndim == 2:
        return _bilinear(image.astype(np.int32), x, y).astype(np.float64)
    planes = [_bilinear(plane.astype(np.int32), x, y) for plane in np.moveaxis(image, 2, 0)]
    return np.asarray(np.tensordot(_LUMA, np.array(planes), 1))


def _bilinear(pixels: NDArray[np.int32], x: Singles, y: Singles) -> NDArray[np.int32]:
    """Interpolate at positions for which pixel corners are integers, in browsers' fixed point.

    Skia, the renderer of Chromium and Firefox, keeps 16 bits of a position and 7 of the value
    between two columns. That matters: windows are cut at whole pixels, and a small difference may
    move a window in the next iteration.
    """
    height, width = pixels.shape
    columns, rows = (
        np.floor(place * np.float32(65536) + np.float32(0.5)).astype(np.int64) - 32768
        for place in (x, y)
    )
    left, top = columns >> 16, rows >> 16
    across, down = ((c & 0xFFFF).astype(np.int32) - 32768 for c in (columns, rows))
    left, right = left.clip(0, width - 1), (left + 1).clip(0, width - 1)
    top, low = top.clip(0, height - 1), (top + 1).clip(0, height - 1)
    upper = (_between(pixels[top, left] << 7, pixels[top, right] << 7, across) + 1) >> 1
    lower = (_between(pixels[low, left] << 7, pixels[low, right] << 7, across) + 1) >> 1
    return (_between(upper, lower, down) + 128) >> 8


def _between(one: Whole, other: Whole, share: Whole) -> Whole:
    """Return twice the value between two, for a share from -32768 (one) to 32767 (other)."""
    return one + other + ((share * (other - one) + 16384) >> 15)
