"""Fits of the starter model, which was trained on none of the project's annotations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime import FaceModel, Fitter
from faceloop_runtime.detect.detector import Detector
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.quality import VALIDATOR_SCALE, whole_face
from faceloop_runtime.quality.thresholds import NO_FACE_ERROR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from faceloop_runtime.fit.result import Fit
    from faceloop_runtime.geometry import Similarity

    Points = NDArray[np.float64]
    Gray = NDArray[np.uint8]

CLEAR_ERROR = 0.05
"""A face that was fitted with a smaller predicted error need not be searched for again."""
_MOST_FITS = 3
"""Of many starting positions, so many are fitted: those that look most like a face."""


@dataclass(frozen=True, eq=False)
class ReferenceFit:
    """A fit of the starter model to a picture.

    Parameters
    ----------
    points : ndarray, shape (M, 2)
        The starter model's points, in pixels of the picture.
    pose : Similarity
        From the model frame, in which the IOD is 1, to the picture.
    error : float
        The predicted error of the fit, in IOD.
    """

    points: Points
    pose: Similarity
    error: float

    @classmethod
    def from_fit(cls, fit: Fit) -> ReferenceFit:
        """Keep what is needed of a fit."""
        return cls(fit.points, fit.pose, fit.predicted_error)

    @property
    def reliable(self) -> bool:
        """Whether the fit is on a face."""
        return self.error < NO_FACE_ERROR

    def transformed(self, by: Similarity) -> ReferenceFit:
        """Return the same fit in other pixel coordinates."""
        return ReferenceFit(by.apply(self.points), by.after(self.pose), self.error)


class ReferenceFitter:
    """Fits the starter model to pictures. It may be shared by threads."""

    def __init__(self) -> None:
        self.model = FaceModel.starter()
        self._fitter = Fitter(self.model, "cpu")
        self._detector = Detector()

    def from_points(self, gray: Gray, start: Points) -> ReferenceFit | None:
        """Fit from points (M, 2), NaN where unknown; None where they define no pose."""
        if not _define_pose(start):
            return None
        return ReferenceFit.from_fit(self._fitter.fit_pose(gray, *self.model.pdm.parameters(start)))

    def from_best_start(self, gray: Gray, starts: Iterable[Points]) -> ReferenceFit | None:
        """Fit from those starts (M, 2) that look most like a face; None if there is no face."""
        poses = [self.model.pdm.parameters(start) for start in starts if _define_pose(start)]
        poses.sort(key=lambda pose_and_b: -self._face_logit(gray, pose_and_b[0]))
        best: ReferenceFit | None = None
        for pose, b in poses[:_MOST_FITS]:
            fit = ReferenceFit.from_fit(self._fitter.fit_pose(gray, pose, b))
            if best is None or fit.error < best.error:
                best = fit
            if best.error < CLEAR_ERROR:
                break
        return best if best is not None and best.reliable else None

    def from_detector(self, gray: Gray) -> ReferenceFit | None:
        """Fit to the faces, upright ones, that the detector finds; None if there is no face."""
        boxes = self._detector.detect(gray)
        fits = [ReferenceFit.from_fit(self._fitter.fit(gray, box)) for box in boxes]
        best = min(fits, key=lambda fit: fit.error, default=None)
        return best if best is not None and best.reliable else None

    def _face_logit(self, gray: Gray, pose: Similarity) -> float:
        """Return the validator's log-odds that the picture shows a face at this pose."""
        if not 1.0 < pose.scale < 2.0 * max(gray.shape):
            return -np.inf
        face = FaceImage(gray, pose, self.model.extent, VALIDATOR_SCALE)
        crop = face.crop(pose, VALIDATOR_SCALE, self.model.crop_size(VALIDATOR_SCALE, 1))
        features = whole_face(crop, self.model.channels)
        return self.model.validator.logit(features)


def _define_pose(points: Points) -> bool:
    """Whether there are two known points more than a pixel apart."""
    known = points[~np.isnan(points).any(axis=1)]
    return len(known) > 1 and bool(np.ptp(known, axis=0).max() > 1.0)
