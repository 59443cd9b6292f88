"""Lengths of faces that annotators can be compared on, whatever the scheme."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    Floats = NDArray[np.float64]

SIZE = "distance between the eyes"
"""The one length that is told in pixels; the others are told in per cent of it."""


def group_ends(scheme: Scheme, shape: Floats) -> dict[str, tuple[int, int]]:
    """Return, by group of points, the two points that are farthest apart on a mean shape (N, 2)."""
    ends = {}
    for name, members in scheme.groups.items():
        known = [k for k in members if np.isfinite(shape[k]).all()]
        if len(known) > 1:
            apart = np.linalg.norm(shape[known][:, None] - shape[known], axis=2)
            a, b = np.unravel_index(int(apart.argmax()), apart.shape)
            ends[name] = (known[min(a, b)], known[max(a, b)])
    return ends


def lengths(scheme: Scheme, points: Floats, shape: Floats) -> dict[str, Floats]:
    """Measure faces.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    points : ndarray, shape (A, F, N, 2)
        Of A people and F faces, in pixels; NaN where unknown.
    shape : ndarray, shape (N, 2)
        A mean shape.

    Returns
    -------
    dict of str to ndarray, shape (A, F)
        `SIZE` in pixels; the width of each group of points in per cent of the face's size, which
        is the mean of all people's, so that nobody's eyes count in other lengths.
    """
    people, faces = points.shape[:2]
    flat = points.reshape(-1, *points.shape[2:])
    size = np.array([scheme.inter_ocular_distance(face) for face in flat]).reshape(people, faces)
    unit = face_sizes(size)
    found = {SIZE: size}
    for name, (a, b) in group_ends(scheme, shape).items():
        width = np.linalg.norm(points[:, :, a] - points[:, :, b], axis=2)
        found[f"{name.replace('_', ' ')} ({a} to {b})"] = 100.0 * width / unit
    return found


def face_sizes(size: Floats) -> Floats:
    """Return each face's size (F,): the mean of what all people say, (A, F); NaN if nobody does."""
    known = np.isfinite(size)
    total = np.where(known, size, 0.0).sum(axis=0)
    return np.asarray(np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan))
