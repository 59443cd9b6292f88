"""From a face box to a pose: eye, eye and nose found by correlation filters."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from .backends.cpu import CpuResponses
from .channels import channel_stack
from .crop import FaceImage
from .experts import SEARCH
from .geometry import Similarity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .model import FaceModel

BOX_IOD = 0.505
"""IOD of the face in a detector's box, as a share of the box's width: the median over 750 MUCT
(.501, 16th to 84th percentile .47 to .54) and 362 sample faces (.514, .46 to .57)."""
BOX_CENTRE = (0.5, 0.446)
"""Where the mean of left eye, right eye and nose lies in the box, as shares of width and
height (same faces: .509 and .487, .445 and .447; spread .03). These three and not the centre
of all points, since every scheme has them and their centre is the same in all."""
_CANDIDATES = 4
"""Peaks of each response map that are tried together."""
_TILT, _STRETCH = np.deg2rad(8.0), 0.12
"""Usual roll and log-scale of a face against its box (one standard deviation)."""
_MISFIT = 1.0
"""Usual distance of a found place from its place in the posed mean shape, in pixels."""


def box_pose(model: FaceModel, box: NDArray[np.float64]) -> Similarity:
    """Return the pose of the mean shape in a detector's box ``(x, y, width, height)``."""
    x, y, width, height = box
    scale = float(width * BOX_IOD)
    at = model.scheme.initialisation_points(model.pdm.mean).mean(axis=0) * scale
    return Similarity(
        scale,
        0.0,
        float(x + width * BOX_CENTRE[0] - at[0]),
        float(y + height * BOX_CENTRE[1] - at[1]),
    )


def initial_pose(model: FaceModel, gray: NDArray[np.uint8], box: NDArray[np.float64]) -> Similarity:
    """Find the pose of a face in a box.

    The three filters are applied round the places that the mean shape has in the box;
    the combination of peaks that is both strong and a plausible similarity of the mean
    shape wins. Applied twice, since the first result brings the filters upright.

    Parameters
    ----------
    model : FaceModel
        Its initialiser holds the filters.
    gray : ndarray of uint8, shape (H, W)
        The picture.
    box : ndarray, shape (4,)
        ``(x, y, width, height)`` in pixels.

    Returns
    -------
    Similarity
        Model frame to image.
    """
    pose = box_pose(model, box)
    for _ in range(2):
        pose = _improve(model, gray, pose)
    return pose


def _improve(model: FaceModel, gray: NDArray[np.uint8], pose: Similarity) -> Similarity:
    filters = model.initialiser
    size = model.crop_size(filters.scale, filters.patch)
    face = FaceImage(gray, pose, model.extent, filters.scale)
    channels = channel_stack(face.crop(pose, filters.scale, size), model.channels)
    middle = (size - 1) / 2
    target = model.scheme.initialisation_points(model.pdm.mean)
    centres = np.rint(target * filters.scale + middle).astype(np.intp)
    maps = CpuResponses([filters]).responses(0, channels, centres)
    logs = np.log(filters.probabilities(maps) + 1e-9)
    peaks = [_peaks(log) for log in logs]
    best, best_pose = -np.inf, Similarity()
    for chosen in product(*peaks):
        peaks_at = np.array([(x, y) for _, x, y in chosen]) - SEARCH // 2 + centres
        found = np.asarray((peaks_at - middle) / filters.scale, dtype=np.float64)
        move = Similarity.between(target, found)
        misfit = np.linalg.norm(move.apply(target) - found, axis=1) * filters.scale
        value = (
            sum(log for log, _, _ in chosen)
            - 0.5 * float((misfit**2).sum()) / _MISFIT**2
            - 0.5 * (move.angle / _TILT) ** 2
            - 0.5 * (np.log(max(move.scale, 1e-3)) / _STRETCH) ** 2
        )
        if value > best:
            best, best_pose = value, move
    return pose.after(best_pose)


def _peaks(log: NDArray[np.float32]) -> list[tuple[float, int, int]]:
    """Return the strongest local maxima of a map, with their places ``(log, x, y)``."""
    padded = np.pad(log, 1, constant_values=-np.inf)
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).max(axis=(2, 3))
    ys, xs = np.nonzero(log >= around)
    order = np.argsort(log[ys, xs], kind="stable")[::-1][:_CANDIDATES]
    return [(float(log[ys[i], xs[i]]), int(xs[i]), int(ys[i])) for i in order]
