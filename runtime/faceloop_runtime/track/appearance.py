"""What a face looks like, as a small upright picture: where it moved, and which face it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.geometry import Similarity

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
    match = cv2.matchTemplate(around, appearance, cv2.TM_CCOEFF_NORMED)
    row, column = divmod(int(match.argmax()), match.shape[1])
    dx = column + _between(match[row].tolist(), column) - _REACH
    dy = row + _between(match[:, column].tolist(), row) - _REACH
    return pose.after(Similarity(tx=dx / _SCALE, ty=dy / _SCALE))


def _cut(gray: Gray, pose: Similarity, side: int) -> Appearance:
    # Not a FaceImage: for one small crop its pyramid takes longer than all the rest.
    part, to_part = _surroundings(gray, pose, 0.75 * side / _SCALE)
    middle = (side - 1) / 2
    from_cut = to_part.after(pose).after(
        Similarity(1 / _SCALE, 0.0, -middle / _SCALE, -middle / _SCALE)
    )
    return cv2.warpAffine(
        part,
        from_cut.matrix(),
        (side, side),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)


def _surroundings(gray: Gray, pose: Similarity, reach: float) -> tuple[Gray, Similarity]:
    """Return the picture up to ``reach`` (IOD) from the face, reduced by a whole number.

    Whole, because OpenCV averages areas five times as fast then; and always on the same grid of
    the picture, so that a pose that differs by nothing gives nothing else.
    """
    far, by = reach * pose.scale, max(1, int(pose.scale / _SCALE))
    if min(gray.shape) < by:
        by = 1
    (x0, across), (y0, down) = (
        _span(at - far, at + far, count // by, by)
        for at, count in zip((pose.tx, pose.ty), gray.shape[::-1], strict=True)
    )
    part = gray[y0 * by : (y0 + down) * by, x0 * by : (x0 + across) * by]
    if by > 1:
        part = np.asarray(
            cv2.resize(part, (across, down), interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
    shift = 0.5 / by - 0.5
    to_grid = Similarity(1 / by, 0.0, shift - x0, shift - y0)
    return part, to_grid


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
