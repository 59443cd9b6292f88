"""What can be measured on the points of a face, frame by frame. Lengths are in IOD.

The inter-ocular distance (IOD) of each frame is the unit, so that none of this depends on how large
the face is, where it is, or how it leans: moving, turning and scaling the points of a frame changes
no opening and no height. Only in-plane turns are taken out: a head that turns away has a shorter
IOD, and all lengths grow by as much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from faceloop_datasets import Scheme

    Values = NDArray[np.float64]

_EYES = ("left_eye", "right_eye")


def inter_ocular_distances(points: ArrayLike, scheme: Scheme) -> Values:
    """Size of the face in each frame, as `faceloop_datasets.Scheme.inter_ocular_distance`.

    Parameters
    ----------
    points : array_like, shape (F, N, 2)
        In pixels; NaN where missing.
    scheme : Scheme
        What they are.

    Returns
    -------
    ndarray, shape (F,)
        In pixels; NaN where it is not known.
    """
    there = _of(points, scheme.iod)
    if len(scheme.iod) == 2:
        extent = np.linalg.norm(there[:, 1] - there[:, 0], axis=-1)
    else:
        known = np.isfinite(there.sum(axis=-1))
        count = known.sum(axis=1)
        weights = known[..., None] / np.maximum(count, 1)[:, None, None]
        filled = np.where(known[..., None], there, 0.0)
        middle = (weights * filled).sum(axis=1, keepdims=True)
        spread = (weights * (filled - middle) ** 2).sum(axis=(1, 2))
        extent = np.where(2 * count > len(scheme.iod), 2.0 * np.sqrt(spread), np.nan)
    return np.asarray(extent / (scheme.size_in_iod or 1.0), dtype=np.float64)


def has_eye_line(scheme: Scheme) -> bool:
    """Whether it is known which way the face is upright: by both ends of the IOD, or both eyes."""
    return scheme.has_level_iod or all(eye in scheme.groups for eye in _EYES)


def eye_line(points: ArrayLike, scheme: Scheme) -> tuple[Values, Values]:
    """Line through the eyes, from the image's left one to the right one.

    It goes through the two points of the IOD, where these are level in an upright face (the outer
    corners of the eyes), else through the means of the groups ``left_eye`` and ``right_eye``.

    Parameters
    ----------
    points : array_like, shape (F, N, 2)
        In pixels.
    scheme : Scheme
        What they are; see `has_eye_line`.

    Returns
    -------
    start, along : ndarray, shape (F, 2)
        A point of the line, in pixels, and its direction, of length 1.
    """
    if scheme.has_level_iod:
        ends = _of(points, scheme.iod)
        left, right = ends[:, 0], ends[:, 1]
    else:
        left, right = (_of(points, scheme.groups[eye]).mean(axis=1) for eye in _EYES)
    between = right - left
    length = np.linalg.norm(between, axis=1, keepdims=True)
    return left, between / np.where(length > 0, length, np.nan)


def roll(points: ArrayLike, scheme: Scheme) -> Values:
    """How the face leans: the angle of `eye_line`, degrees; more than 0 to the picture's right."""
    _, along = eye_line(points, scheme)
    return np.asarray(np.degrees(np.arctan2(along[:, 1], along[:, 0])))


def mean_opening(points: ArrayLike, scheme: Scheme, contour: Sequence[int]) -> Values:
    """Mean height of a closed contour: its area divided by its length along the eyes, in IOD.

    ``|A| / (max(p · u) - min(p · u)) / IOD`` with the area ``A`` of the polygon (by Gauss's
    formula) and the direction ``u`` of `eye_line`. It uses all points of the contour, needs none
    to be called top or bottom, and does not change when the head turns away only in that the IOD
    does. The eye aspect ratio of Soukupová and Čech (2016) divides by the eye's own length instead.

    Parameters
    ----------
    points : array_like, shape (F, N, 2)
        In pixels.
    scheme : Scheme
        What they are.
    contour : sequence of int
        Points of the contour, in order.

    Returns
    -------
    ndarray, shape (F,)
        In IOD; NaN where a point is missing.
    """
    line = _of(points, contour)
    line = line - line.mean(axis=1, keepdims=True)  # far from the origin products lose digits
    following = np.roll(line, -1, axis=1)
    area = 0.5 * np.abs(
        (line[..., 0] * following[..., 1] - line[..., 1] * following[..., 0]).sum(1)
    )
    _, along = eye_line(points, scheme)
    place = np.einsum("fnd,fd->fn", line, along)
    length = place.max(axis=1) - place.min(axis=1)
    iod = inter_ocular_distances(points, scheme)
    return np.asarray(area / np.where(length > 0, length, np.nan) / iod)


def height_over_eyes(points: ArrayLike, scheme: Scheme, part: Sequence[int]) -> Values:
    """Mean distance of points above the line of the eyes, in IOD; less than 0 below it.

    ``mean((p - e) · n) / IOD`` with a point ``e`` of `eye_line` and its normal ``n``, which points
    to the forehead. Blinking does not change it, as the height above an eyelid would be.

    Parameters
    ----------
    points : array_like, shape (F, N, 2)
        In pixels.
    scheme : Scheme
        What they are.
    part : sequence of int
        The points, for instance those of a brow.

    Returns
    -------
    ndarray, shape (F,)
        In IOD; NaN where one is missing.
    """
    start, along = eye_line(points, scheme)
    up = np.stack([along[:, 1], -along[:, 0]], axis=1)
    middle = _of(points, part).mean(axis=1)
    return np.asarray(((middle - start) * up).sum(axis=1) / inter_ocular_distances(points, scheme))


def displacement(points: ArrayLike, scheme: Scheme, point: int) -> Values:
    """How far a point is from its usual place in the picture, in IOD.

    ``(p - median(p)) / median(IOD)``, medians over the frames: x to the right, y down. Movements
    of the head are in it.

    Parameters
    ----------
    points : array_like, shape (F, N, 2)
        In pixels.
    scheme : Scheme
        What they are.
    point : int
        Which.

    Returns
    -------
    ndarray, shape (F, 2)
        In IOD.
    """
    path = _of(points, [point])[:, 0]
    known = path[~np.isnan(path).any(axis=1)]
    if not len(known):
        return path
    return np.asarray((path - np.median(known, axis=0)) / _usual_size(points, scheme))


def speed(points: ArrayLike, times: ArrayLike, scheme: Scheme, point: int) -> Values:
    """How fast a point moves in the picture, in IOD a second.

    ``|dp/dt| / median(IOD)`` with differences between the frame after and the frame before
    (`numpy.gradient`); at the ends of the video and of gaps it is not known.

    Parameters
    ----------
    points : array_like, shape (F, N, 2)
        In pixels.
    times : array_like, shape (F,)
        Seconds.
    scheme : Scheme
        What the points are.
    point : int
        Which.

    Returns
    -------
    ndarray, shape (F,)
        In IOD a second.
    """
    path = _of(points, [point])[:, 0]
    found = np.full(len(path), np.nan)
    if len(path) > 2:
        steps = np.gradient(path, np.asarray(times, dtype=np.float64), axis=0)
        found[1:-1] = np.linalg.norm(steps[1:-1], axis=1) / _usual_size(points, scheme)
    return found


def _usual_size(points: ArrayLike, scheme: Scheme) -> float:
    sizes = inter_ocular_distances(points, scheme)
    known = sizes[~np.isnan(sizes)]
    return float(np.median(known)) if len(known) else float("nan")


def _of(points: ArrayLike, which: Sequence[int]) -> Values:
    return np.take(np.asarray(points), list(which), axis=1).astype(np.float64)
