"""Where copied points go on a face: the same place, or that part of the other face. Without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import InputError
from faceloop_runtime.geometry import Similarity, has_extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    from .face_state import FaceState
    from .shape_text import CopiedPoints

    Points = NDArray[np.float64]
    Mask = NDArray[np.bool_]


def aligned_points(scheme: Scheme, copied: CopiedPoints, state: FaceState) -> Points:
    """Move copied points as the face they come from has to be moved to lie on another.

    The similarity takes what measures a face (the eye corners, `Scheme.iod`) of one to the other's,
    by least squares; where either lacks it, all points that both have.

    Parameters
    ----------
    scheme : Scheme
        The points of both.
    copied : CopiedPoints
        Points of the other face, in its picture's pixels.
    state : FaceState
        The face to lie on.

    Returns
    -------
    ndarray, shape (N, 2)
        All points of the face, in its picture's pixels: copied ones, where they have a position,
        and the face's own.

    Raises
    ------
    InputError
        If the two have no two points in common that lie apart.
    """
    theirs = copied.spread(len(scheme))
    both: Mask = np.asarray(np.isfinite(theirs + state.points).all(axis=1))
    measured: Mask = np.zeros(len(both), dtype=np.bool_)
    measured[list(scheme.iod)] = True
    whole = both[list(scheme.iod)].all()
    base = measured if whole and _lie_apart(theirs, state, measured) else both
    if not _lie_apart(theirs, state, base):
        raise InputError(
            "The copied points and this face have no two points in common to align by; expected "
            f"the points that measure a face, as {scheme.names[scheme.iod[0]]!r}. Start the face "
            "first, or paste at the same coordinates."
        )
    there: Mask = np.asarray(np.isfinite(theirs).all(axis=1))
    turn = Similarity.between(theirs[base], state.points[base])
    moved = np.where(there[:, None], np.nan_to_num(theirs), 0.0)
    return np.where(there[:, None], turn.apply(moved), state.points)


def _lie_apart(theirs: Points, state: FaceState, base: Mask) -> bool:
    return has_extent(theirs[base]) and has_extent(state.points[base])
