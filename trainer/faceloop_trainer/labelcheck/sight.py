"""Where the starter model sees the face of a picture: a witness that none of the labels taught."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime import FaceModel, Fitter
from faceloop_runtime.detect.detector import Detector
from faceloop_runtime.imaging.channels import channel_stack
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.quality import VALIDATOR_SCALE, whole_face_features
from faceloop_runtime.quality.thresholds import NO_FACE_ERROR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from faceloop_runtime.fit.result import Fit
    from faceloop_runtime.geometry import Similarity

    Points = NDArray[np.float64]
    Gray = NDArray[np.uint8]

CLEAR = 0.05
"""A face that is seen with less error than this need not be looked for again."""
_TRIED = 3
"""Starts that are searched from, the most face-like of many."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A face that was seen in a picture.

    Parameters
    ----------
    points : ndarray, shape (M, 2)
        The starter model's points, in pixels of the picture.
    pose : Similarity
        From the model frame, with the eyes' distance 1, to the picture.
    error : float
        Its expected error, in IOD.
    """

    points: Points
    pose: Similarity
    error: float

    @classmethod
    def of(cls, fit: Fit) -> Seen:
        """Take over a fit."""
        return cls(fit.points, fit.pose, fit.predicted_error)

    @property
    def sure(self) -> bool:
        """Whether there is a face."""
        return self.error < NO_FACE_ERROR

    def moved(self, by: Similarity) -> Seen:
        """Return the same in another frame."""
        return Seen(by.apply(self.points), by.after(self.pose), self.error)


class Sight:
    """Sees faces by the starter model. Threads may share it."""

    def __init__(self) -> None:
        self.model = FaceModel.starter()
        self._fitter = Fitter(self.model, "cpu")
        self._detector = Detector()

    def at(self, gray: Gray, marks: Points) -> Seen | None:
        """Search from where marks (M, 2) are; None where they say too little."""
        if not _tells(marks):
            return None
        return Seen.of(self._fitter.fit_pose(gray, *self.model.pdm.parameters(marks)))

    def first_of(self, gray: Gray, starts: Iterable[Points]) -> Seen | None:
        """Search from the starts (M, 2) that look most like a face; None if no face is seen."""
        poses = [self.model.pdm.parameters(marks) for marks in starts if _tells(marks)]
        likely = sorted(poses, key=lambda found: -self._likeness(gray, found[0]))
        best: Seen | None = None
        for pose, b in likely[:_TRIED]:
            seen = Seen.of(self._fitter.fit_pose(gray, pose, b))
            if best is None or seen.error < best.error:
                best = seen
            if best.error < CLEAR:
                break
        return best if best is not None and best.sure else None

    def anywhere(self, gray: Gray) -> Seen | None:
        """Search the whole picture for an upright face; None if none is seen."""
        fits = [Seen.of(self._fitter.fit(gray, box)) for box in self._detector.detect(gray)]
        best = min(fits, key=lambda seen: seen.error, default=None)
        return best if best is not None and best.sure else None

    def _likeness(self, gray: Gray, pose: Similarity) -> float:
        if not 1.0 < pose.scale < 2.0 * max(gray.shape):
            return -np.inf
        face = FaceImage(gray, pose, self.model.extent, VALIDATOR_SCALE)
        crop = face.crop(pose, VALIDATOR_SCALE, self.model.crop_size(VALIDATOR_SCALE, 1))
        features = whole_face_features(channel_stack(crop, self.model.channels))
        return self.model.validator.logit(features)


def _tells(marks: Points) -> bool:
    known = marks[~np.isnan(marks).any(axis=1)]
    return len(known) > 1 and bool(np.ptp(known, axis=0).max() > 1.0)
