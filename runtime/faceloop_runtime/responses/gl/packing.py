"""How numbers lie in textures: channels, filters and response maps.

Textures are arrays of shape (height, width, 4) here, row 0 first, as OpenGL takes and
returns them. Everything of one landmark lies in one tile; tiles stand in a grid, row by
row, that is the same in every texture of a scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.responses.experts import SEARCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Texture = NDArray[np.float32]

LANES = 4
"""Numbers in a texel."""
_DIGITS = 256.0 ** -np.arange(1, LANES + 1)
"""What the four bytes of a packed number count."""


@dataclass(frozen=True)
class Grid:
    """Where the tile of each landmark stands.

    Parameters
    ----------
    count : int
        Number of landmarks.
    columns : int
        Tiles in a row.
    """

    count: int
    columns: int

    @classmethod
    def fitting(cls, count: int, width: int, limit: int) -> Grid:
        """Return the widest grid of tiles of this width within ``limit`` texels."""
        return cls(count, max(1, min(count, limit // width)))

    @property
    def rows(self) -> int:
        """Rows of tiles."""
        return -(-self.count // self.columns)

    def spread(self, tiles: Texture) -> Texture:
        """Lay tiles (N, h, w, 4) out in one texture (rows x h, columns x w, 4)."""
        _, h, w, lanes = tiles.shape
        full = np.zeros((self.rows * self.columns, h, w, lanes), np.float32)
        full[: self.count] = tiles
        grid = full.reshape(self.rows, self.columns, h, w, lanes).transpose(0, 2, 1, 3, 4)
        return np.ascontiguousarray(grid.reshape(self.rows * h, self.columns * w, lanes))

    def gather(self, texture: NDArray[np.generic], height: int) -> NDArray[np.generic]:
        """Take a texture (rows x h, columns x w, 4) apart into tiles (N, h, w, 4)."""
        total, width, lanes = texture.shape
        split = texture.reshape(total // height, height, self.columns, -1, lanes)
        tiles = split.transpose(0, 2, 1, 3, 4).reshape(-1, height, width // self.columns, lanes)
        return tiles[: self.count]


def groups(channels: int) -> int:
    """Return how many texels hold one pixel of all channels."""
    return -(-channels // LANES)


def interleave(channels: NDArray[np.float32], out: Texture) -> None:
    """Write channel maps (C, H, W) four to a texel, the groups one below the other.

    Parameters
    ----------
    channels : ndarray of float32, shape (C, H, W)
    out : ndarray of float32, shape (groups x H, W, 4)
        Lanes without a channel are made 0.
    """
    height = channels.shape[1]
    nothing = np.zeros(channels.shape[1:], np.float32) if len(channels) % LANES else None
    for k in range(groups(len(channels))):
        four = list(channels[k * LANES : (k + 1) * LANES])
        four += [nothing] * (LANES - len(four))
        cv2.merge(four, dst=out[k * height : (k + 1) * height])


def filter_tiles(weights: NDArray[np.float32], outputs: int) -> Texture:
    """Lay filters out as the shader reads them.

    Parameters
    ----------
    weights : ndarray of float32, shape (N, C, P, P)
    outputs : int
        Neighbouring places that one texel of the target holds.

    Returns
    -------
    ndarray of float32, shape (N, P, groups x (P + outputs - 1), 4)
        Each row ends in ``outputs - 1`` texels of 0, so that the shader can slide past
        its end.
    """
    n, c, patch, _ = weights.shape
    lanes = groups(c) * LANES
    padded = np.zeros((n, lanes, patch, patch + outputs - 1), np.float32)
    padded[:, :c, :, :patch] = weights
    split = padded.reshape(n, -1, LANES, patch, patch + outputs - 1)
    return np.ascontiguousarray(split.transpose(0, 3, 1, 4, 2).reshape(n, patch, -1, LANES))


def float_maps(texture: NDArray[np.generic], grid: Grid) -> NDArray[np.float32]:
    """Read maps (N, S, S) from a float target that holds four places a texel."""
    tiles = grid.gather(texture, SEARCH)
    maps = tiles.reshape(grid.count, SEARCH, -1)[:, :, :SEARCH]
    return np.ascontiguousarray(maps, dtype=np.float32)


def packed_maps(
    texture: NDArray[np.generic], grid: Grid, bounds: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Read maps (N, S, S) from a target of bytes that holds one place a texel.

    The bytes are the digits of ``(response / bound + 1) / 2`` to the base 256. That the
    driver stores ``rint(255 v)`` for v, and not 256 v, is the shader's to mind.
    """
    tiles = grid.gather(texture, SEARCH)
    unit = tiles.astype(np.float64) @ _DIGITS
    return ((2.0 * unit - 1.0) * bounds[:, None, None]).astype(np.float32)


def response_bounds(
    weights: NDArray[np.float32], channels: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return how large each landmark's response can be at most, shape (N,)."""
    largest = np.abs(channels).max(axis=(1, 2))
    bound: NDArray[np.float32] = np.abs(weights).sum(axis=(2, 3)) @ largest
    return bound
