"""What a face looks like, as a small upright picture: where it moved, and which face it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.kernels import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Appearance = NDArray[np.float32]

_SCALE = 12.0
"""IOD of the picture, in pixels."""
_SIDE = 24
"""Its width: from brow to mouth and from cheek to cheek, with little behind the face."""
_REACH = 8
"""How far a face is sought each way, in pixels: .67 IOD."""


def appearance_of(gray: Gray, pose: Similarity) -> Appearance:
    """Cut out the face at a pose, shape (24, 24)."""
    return _cut(gray, pose, _SIDE)


def correlation(one: Appearance, other: Appearance) -> float:
    """Normalised correlation of two faces, -1 to 1."""
    return float(cv2.matchTemplate(one, other, cv2.TM_CCOEFF_NORMED)[0, 0])


def matched_pose(gray: Gray, pose: Similarity, appearance: Appearance) -> Similarity:
    """Where a face is that was at ``pose`` a frame ago: shifted, neither turned nor scaled.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        The picture.
    pose : Similarity
        Where the face was, or is expected.
    appearance : ndarray, shape (24, 24)
        The face as `appearance_of` cut it out.
    """
    around = _cut(gray, pose, _SIDE + 2 * _REACH)
    match = _correlations(around, appearance)
    row, column = divmod(int(match.argmax()), match.shape[1])
    dx = column + _between(match[row].tolist(), column) - _REACH
    dy = row + _between(match[:, column].tolist(), row) - _REACH
    return pose.after(Similarity(tx=dx / _SCALE, ty=dy / _SCALE))


def _correlations(around: Appearance, appearance: Appearance) -> Appearance:
    """Return the normalised correlation at each place, (S, S)."""
    found = _compiled_correlations(around, appearance)
    if found is None:
        found = np.asarray(cv2.matchTemplate(around, appearance, cv2.TM_CCOEFF_NORMED), np.float32)
    return found


def _compiled_correlations(around: Appearance, appearance: Appearance) -> Appearance | None:
    """Return the same by the kernel, None if there is none or it cannot."""
    function, places = kernel("correlations", "nnaaa"), len(around) - len(appearance) + 1
    if function is None:
        return None
    match = np.empty((places, places), np.float32)
    return match if function(len(around), len(appearance), around, appearance, match) else None


def _cut(gray: Gray, pose: Similarity, side: int) -> Appearance:
    # Not a FaceImage: for one small crop its pyramid takes longer than all the rest.
    part, by, to_part = _surroundings(gray, pose, 0.75 * side / _SCALE)
    middle = (side - 1) / 2
    from_cut = to_part.after(pose).after(
        Similarity(1 / _SCALE, 0.0, -middle / _SCALE, -middle / _SCALE)
    )
    crop = _compiled_crop(part, by, from_cut.matrix(), side)
    return _crop(part, by, from_cut.matrix(), side) if crop is None else crop


def _crop(part: Gray, by: int, matrix: NDArray[np.float64], side: int) -> Appearance:
    """Reduce a part of a picture by a whole number and warp it, shape (side, side)."""
    if by > 1:
        size = part.shape[1] // by, part.shape[0] // by
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    crop = cv2.warpAffine(
        part.astype(np.float32),
        matrix,
        (side, side),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(crop, dtype=np.float32)


def _compiled_crop(
    part: Gray, by: int, matrix: NDArray[np.float64], side: int
) -> Appearance | None:
    """Return the same by the kernel, None if there is none or it cannot."""
    function = kernel("reduced_crop", "annnnana")
    # Of a picture that is mirrored, or a view of every second pixel, the bytes lie otherwise.
    if function is None or part.strides[1] != 1 or part.strides[0] < 0:
        return None
    crop = np.empty((side, side), np.float32)
    down, across = part.shape[0] // by, part.shape[1] // by
    made = function(part, part.strides[0], by, down, across, matrix, side, crop)
    return crop if made else None


def _surroundings(gray: Gray, pose: Similarity, reach: float) -> tuple[Gray, int, Similarity]:
    """Return the picture up to ``reach`` (IOD) from the face, and how it is to be reduced.

    By a whole number, because that is several times as fast; and always on the same grid of
    the picture, so that a pose that differs by nothing gives nothing else.
    """
    far, by = reach * pose.scale, max(1, int(pose.scale / _SCALE))
    if min(gray.shape) < by:
        by = 1
    x0, across = _span(pose.tx - far, pose.tx + far, gray.shape[1] // by, by)
    y0, down = _span(pose.ty - far, pose.ty + far, gray.shape[0] // by, by)
    part = gray[y0 * by : (y0 + down) * by, x0 * by : (x0 + across) * by]
    shift = 0.5 / by - 0.5
    return part, by, Similarity(1 / by, 0.0, shift - x0, shift - y0)


def _span(low: float, high: float, count: int, by: int) -> tuple[int, int]:
    """First cell and number of cells, of ``count`` cells of ``by`` pixels."""
    first = min(max(int(low // by), 0), count - 1)
    return first, min(max(int(high // by) + 1, first + 1), count) - first


def _between(values: list[float], top: int) -> float:
    """Offset of the peak of the parabola through the highest value and its neighbours."""
    if not 0 < top < len(values) - 1:
        return 0.0
    before, at, after = values[top - 1 : top + 2]
    bend = before - 2 * at + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
