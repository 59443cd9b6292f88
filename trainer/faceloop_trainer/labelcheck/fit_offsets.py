"""Offsets of annotations from out-of-fold fits: of the whole face, and of each part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    Points = NDArray[np.float64]
    Values = NDArray[np.float64]


def fit_offsets(
    scheme: Scheme, points: Points, visible: NDArray[np.bool_], fitted: Points
) -> tuple[Points, Points]:
    """Return how far each annotation lies from its fit, beyond what is usual, in IOD.

    Annotators place some points where patch experts do not. That is the same in all faces: the
    median offset of each point is taken off.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    points : ndarray, shape (F, N, 2)
        Annotations; NaN where missing.
    visible : ndarray of bool, shape (F, N)
        Points that count for the parts.
    fitted : ndarray, shape (F, N, 2)
        Out-of-fold fits; NaN for a face without a picture.

    Returns
    -------
    of_face : ndarray, shape (F, 2)
        Median over all points of a face; NaN for a face without a picture.
    of_parts : ndarray, shape (F, G, 2)
        Mean over the points of each group of the scheme, minus ``of_face``.
    """
    iod = np.array([scheme.inter_ocular_distance(points) for points in fitted])
    offsets = (points - fitted) / iod[:, None, None]
    known = ~np.isnan(offsets).all(axis=(0, 2))
    offsets[:, known] -= np.nanmedian(offsets[:, known], axis=0)
    of_face = np.full((len(points), 2), np.nan)
    pictured = ~np.isnan(offsets).all(axis=(1, 2))
    of_face[pictured] = np.nanmedian(offsets[pictured], axis=1)
    counted = visible & ~np.isnan(offsets).any(axis=2)
    rest = np.where(counted[..., None], offsets - of_face[:, None], 0.0)
    of_parts = [
        rest[:, list(part)].sum(axis=1) / np.maximum(counted[:, list(part)].sum(axis=1), 1)[:, None]
        for part in scheme.groups.values()
    ]
    return of_face, np.stack(of_parts, axis=1)


def relative_to_other_parts(distances: Values) -> Values:
    """Return the distance of each part (F, G) over its upper decile, if only that part is off.

    Where a second part of the face is unusual too, the distances are divided by that one's: a
    fit that has gone astray, on glasses for instance, is off in several parts.
    """
    unusual = np.nan_to_num(distances / [upper_decile(part) for part in distances.T])
    second = np.sort(unusual, axis=1)[:, -2:-1] if unusual.shape[1] > 1 else 0.0
    return np.asarray(unusual / np.maximum(second, 1.0))


def upper_decile(values: Values) -> float:
    """Return where the largest tenth of the known values begins; never 0."""
    return max(float(np.nanquantile(values, 0.9)), 1e-12)


def offset_text(points: str, where: str, offset: Values) -> str:
    """Say where points lie: "All points lie beside the face: 0.20 up, in units of the IOD"."""
    x, y = offset
    across = f"{abs(x):.2f} to the {'right' if x > 0 else 'left'}"
    along = f"{abs(y):.2f} {'down' if y > 0 else 'up'}"
    parts = [text for text, value in ((across, x), (along, y)) if abs(value) >= 0.005]
    return f"{points} lie {where}: {' and '.join(parts) or across}, in units of the IOD."
