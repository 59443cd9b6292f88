"""From a face box to a pose: eye, eye and nose found by correlation filters."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.geometry import Similarities, Similarity
from faceloop_runtime.imaging.channels import CropChannels
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.responses.cpu import CpuResponses
from faceloop_runtime.responses.experts import SEARCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.detect.boxes import FaceBox
    from faceloop_runtime.model import FaceModel

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


def box_pose(model: FaceModel, box: FaceBox) -> Similarity:
    """Return the pose of the mean shape in a found face's box, tilted as the box is."""
    scale = box.width * BOX_IOD
    at = model.scheme.initialisation_points(model.pdm.mean).mean(axis=0) * scale
    # From the upright face round the middle of its box to the picture.
    turn = Similarity.from_polar(1.0, float(np.deg2rad(box.roll)), *box.centre)
    right, down = box.width * (BOX_CENTRE[0] - 0.5), box.height * (BOX_CENTRE[1] - 0.5)
    return turn.after(Similarity(scale, 0.0, float(right - at[0]), float(down - at[1])))


class Initialiser:
    """Finds the pose of a face in a box.

    The three filters are applied round the places that the mean shape has in the box;
    the combination of peaks that is both strong and a plausible similarity of the mean
    shape wins. Applied twice, since the first result brings the filters upright.

    Parameters
    ----------
    model : FaceModel
        Its initialiser holds the filters.
    """

    def __init__(self, model: FaceModel) -> None:
        self._model, self._filters = model, model.initialiser
        self._responses = CpuResponses([model.initialiser])
        self._target = model.scheme.initialisation_points(model.pdm.mean)
        self._size = model.crop_size(self._filters.scale, self._filters.patch)
        places = self._target * self._filters.scale + (self._size - 1) / 2
        self._centres = np.rint(places).astype(np.intp)

    def __call__(self, gray: NDArray[np.uint8], box: FaceBox) -> Similarity:
        """Return the pose, from the model frame to the image.

        Parameters
        ----------
        gray : ndarray of uint8, shape (H, W)
            The picture.
        box : FaceBox
            Where the face is.
        """
        pose = box_pose(self._model, box)
        for _ in range(2):
            pose = pose.after(self._move(gray, pose))
        return pose

    def _move(self, gray: NDArray[np.uint8], pose: Similarity) -> Similarity:
        """Return how the face differs from where the pose has it."""
        scale = self._filters.scale
        face = FaceImage(gray, pose, self._model.extent, scale)
        channels = CropChannels(face.crop(pose, scale, self._size), self._model.channels)
        maps = self._responses.responses(0, channels, self._centres)
        logs = np.log(self._filters.probabilities(maps) + 1e-9)
        strengths, places = zip(*(_peaks(log) for log in logs), strict=True)
        chosen = np.array(list(product(*(range(len(s)) for s in strengths))))
        strength = sum(s[i] for s, i in zip(strengths, chosen.T, strict=True))
        at = np.stack([p[i] for p, i in zip(places, chosen.T, strict=True)], axis=1)
        found = (at + (self._centres - (self._size - 1) / 2)) / scale
        moves = Similarities.of(self._target, found)
        misfit = np.linalg.norm(moves.apply(self._target) - found, axis=(1, 2))
        turn = moves.turn
        value = (
            strength
            - 0.5 * (misfit * scale / _MISFIT) ** 2
            - 0.5 * (np.angle(turn) / _TILT) ** 2
            - 0.5 * (np.log(np.maximum(np.abs(turn), 1e-3)) / _STRETCH) ** 2
        )
        best = int(value.argmax())
        a, t = complex(turn[best]), complex(moves.shift[best])
        return Similarity(a.real, a.imag, t.real, t.imag)


def _peaks(log: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the strongest local maxima of a map (M,) and their offsets (x, y) (M, 2)."""
    around = cv2.dilate(log, np.ones((3, 3), np.uint8))
    ys, xs = np.nonzero(log >= around)
    order = np.argsort(log[ys, xs], kind="stable")[::-1][:_CANDIDATES]
    ys, xs = ys[order], xs[order]
    return log[ys, xs], np.stack([xs, ys], axis=1) - SEARCH // 2
