"""What of a face's shape is its own, so that it can be left out of what is drawn over it.

An average face in somebody's own shape is still somebody: a recogniser finds one of forty in a
fifth of the cases. What stays the same over the frames is who it is; what changes, how it moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.geometry import Similarity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.track.results import TrackedFace

    Points = NDArray[np.float64]


class OwnShapes:
    """The usual shapes of the faces of a video.

    Parameters
    ----------
    model : FaceModel
        What they are fitted with.
    """

    def __init__(self, model: FaceModel) -> None:
        self._pdm, self._scheme = model.pdm, model.scheme
        self._features = features(model.scheme, model.pdm.mean)
        self._sums: dict[int, tuple[NDArray[np.float64], int]] = {}

    def add(self, faces: Iterable[TrackedFace]) -> None:
        """Take the faces of another frame."""
        for face in faces:
            total, count = self._sums.get(face.id, (np.zeros_like(face.fit.b), 0))
            self._sums[face.id] = total + face.fit.b, count + 1

    def without(self, face: TrackedFace) -> Points:
        """Return landmarks (N, 2) of a face as they were, had its usual shape been the mean shape.

        Only what is the same on both sides is left out: the rest is mostly how the head is turned.
        Eyes and mouth are moved, turned and scaled as wholes, so they open and shut as they do.
        """
        total, count = self._sums[face.id]
        change = (-total / count @ self._pdm.components).reshape(-1, 2)
        if self._scheme.mirror:
            change = (change + change[list(self._scheme.mirror)] * (-1.0, 1.0)) / 2
        now = (self._pdm.mean.ravel() + face.fit.b @ self._pdm.components).reshape(-1, 2)
        drawn = now + change
        for feature in self._features:
            usual = self._pdm.mean[feature] - change[feature]
            whole = Similarity.between(usual, self._pdm.mean[feature])
            drawn[feature] = whole.apply(now[feature])
        return np.asarray(face.fit.points + face.fit.pose.apply(drawn) - face.fit.pose.apply(now))


def features(scheme: Scheme, mean: Points) -> list[NDArray[np.intp]]:
    """Return the points of each eye and of the mouth: those in a closed line of a mean shape."""
    found: list[NDArray[np.intp]] = []
    lines = [list(line.points) for line in scheme.contours if line.closed and len(line.points) > 2]
    for line in sorted(lines, key=len, reverse=True):
        hull = cv2.convexHull(mean[line].astype(np.float32))
        inside = [cv2.pointPolygonTest(hull, p, True) > -1e-4 for p in mean.tolist()]
        feature = np.union1d(np.flatnonzero(inside), line).astype(np.intp)
        if not any(np.isin(feature, other).any() for other in found):
            found.append(feature)
    return found
