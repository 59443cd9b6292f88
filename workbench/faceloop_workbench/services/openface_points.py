"""The 68 points of OpenFace's tables, made of a model's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    Floats = NDArray[np.float64]

_COUNT = 68
_SAME = {
    **dict(zip((36, 39, 42, 45), (23, 25, 30, 28), strict=True)),  # corners of the eyes
    **dict(zip(range(31, 36, 2), (36, 37, 38), strict=True)),  # base of the nose
    **{48 + k: 43 + k for k in range(12)},  # outer edge of the mouth
    **dict(zip((61, 62, 63, 65, 66, 67), (60, 59, 58, 57, 56, 55), strict=True)),  # its inner edge
}
"""Points of ibug68 that are one of face70's."""
_LINES = (
    (range(17), range(15)),  # contour
    (range(17, 22), (19, 20, 21, 22)),  # brow on the left of the picture
    (range(22, 27), (18, 17, 16, 15)),
    (range(27, 31), (33, 61)),  # back of the nose
)
"""Points that lie along a line of others, in steps of one share of it."""
_BETWEEN = {
    **dict(zip((37, 38, 40, 41), ((62, 24), (63, 24), (64, 26), (65, 26)), strict=True)),
    **dict(zip((43, 44, 46, 47), ((67, 29), (66, 29), (69, 31), (68, 31)), strict=True)),
}
"""Points of the lids, at thirds of them: two parts of a quarter point, one of the middle."""


def openface_weights(scheme: Scheme) -> Floats:
    """Return of which points of a scheme those in a table of OpenFace are made.

    Parameters
    ----------
    scheme : Scheme
        ``face70`` is brought to ibug68, whose points OpenFace has. The points of any other scheme
        are its own.

    Returns
    -------
    ndarray, shape (M, N)
        Each point of the table as a weighted sum of the scheme's.
    """
    own = np.eye(len(scheme))
    if not scheme.has_points_of("face70"):
        return own
    made = np.zeros((_COUNT, len(scheme)))
    for target, source in _SAME.items():
        made[target] = own[source]
    for targets, sources in _LINES:
        made[list(targets)] = _along(own[list(sources)], len(targets))
    for target, (quarter, middle) in _BETWEEN.items():
        made[target] = (2 * own[quarter] + own[middle]) / 3
    made[[32, 34]] = (made[[31, 35]] + made[33]) / 2
    made[60] = 0.75 * own[43] + 0.125 * (own[55] + own[60])  # where the lips meet
    made[64] = 0.75 * own[49] + 0.125 * (own[57] + own[58])
    return made


def _along(rows: Floats, count: int) -> Floats:
    """Return so many points along a line of points."""
    at = np.linspace(0, len(rows) - 1, count)
    below = np.minimum(at.astype(int), len(rows) - 2)
    share = (at - below)[:, None]
    return np.asarray((1 - share) * rows[below] + share * rows[below + 1])
