"""Training faces drawn on clmtrackr's canvas, and their search windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.clmtrackr.canvas import Canvas
from faceloop_runtime.geometry import Similarity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Conversion
    from faceloop_runtime.clmtrackr import ClmtrackrModel
    from faceloop_runtime.pdm import PointDistributionModel
    from faceloop_trainer.data.faces import TrainingFace

    Floats = NDArray[np.float64]

_ANGLE, _LOG_SCALE = np.deg2rad(4.0), 0.05
"""Errors of the pose during a fit, in radians and as log scale (one standard deviation)."""
_MOST_OFFSET = 3.0
"""Largest offset of a search window from its landmark, in pixels of the canvas."""


@dataclass(frozen=True, eq=False)
class FaceWindows:
    """The search windows of a face.

    Parameters
    ----------
    windows : ndarray of uint8, shape (71, W, W)
        Gray values round each landmark.
    offsets : ndarray, shape (71, 2)
        Landmark minus centre of its window, in pixels of the canvas.
    use : ndarray of bool, shape (71,)
        Landmarks to train on.
    """

    windows: NDArray[np.uint8]
    offsets: Floats
    use: NDArray[np.bool_]


class CanvasRenderer:
    """Draws training faces on the canvas of a clmtrackr model.

    Parameters
    ----------
    model : ClmtrackrModel
        Gives the mean shape, the canvas and the width of the windows.
    pdm : PointDistributionModel
        Completes faces with missing points.
    conversion : Conversion
        From the faces' scheme to clmtrackr's.
    """

    def __init__(
        self, model: ClmtrackrModel, pdm: PointDistributionModel, conversion: Conversion
    ) -> None:
        self.model, self._pdm, self._conversion = model, pdm, conversion

    def windows(self, face: TrainingFace, rng: np.random.Generator) -> FaceWindows:
        """Return the windows of a face at a pose a little off the true one, as during a fit."""
        points = self._points(face)
        angle, log_scale = rng.standard_normal(2) * (_ANGLE, _LOG_SCALE)
        pose = self._rotated(self._pose(points), log_scale, angle)
        canvas, window = self.canvas(face.picture, pose), self.model.window
        there = pose.inverse().apply(points)
        guess = there + rng.uniform(-_MOST_OFFSET, _MOST_OFFSET, there.shape)
        corners = canvas.window_corners(guess, window)
        every = np.lib.stride_tricks.sliding_window_view(canvas.pixels, (window, window))
        offsets = there - (corners - canvas.margin + window / 2)
        sources = self._conversion.weights > 0
        known = ~(sources & ~face.trains_patches).any(axis=1)
        reach = self.model.search / 2
        return FaceWindows(
            every[corners[:, 1], corners[:, 0]].astype(np.uint8),
            offsets,
            known & (np.abs(offsets).max(axis=1) < reach),
        )

    def scored_region(self, picture: NDArray[np.uint8], pose: Similarity) -> Floats | None:
        """Return the input of the scoring (22, 20) at this pose, None without any contrast."""
        return self.canvas(picture, pose).scored_region(self.model.mean, (20, 22))

    def moved_pose(self, face: TrainingFace, move: Similarity) -> Similarity:
        """Return the true pose of a face after a move, whose shift is in IOD."""
        pose = self._pose(self._points(face))
        rotated = self._rotated(pose, float(np.log(move.scale)), move.angle)
        left, right = self.model.mean[list(self.model.scheme.iod)]
        reach = float(np.linalg.norm(right - left)) * pose.scale
        return Similarity(tx=move.tx * reach, ty=move.ty * reach).after(rotated)

    def canvas(self, picture: NDArray[np.uint8] | None, pose: Similarity) -> Canvas:
        """Draw a picture; the pose maps the canvas to it."""
        assert picture is not None  # noqa: S101 - callers pass faces with pictures only
        parameters = np.array([pose.a - 1, pose.b, pose.tx, pose.ty])
        return Canvas.draw(self.model, picture, parameters)

    def _points(self, face: TrainingFace) -> Floats:
        # Half a pixel more: a browser has its origin at the corner of the first pixel.
        return np.asarray(self._conversion.weights @ self._pdm.complete(face.points) + 0.5)

    def _pose(self, points: Floats) -> Similarity:
        return Similarity.between(self.model.mean, points)

    def _rotated(self, pose: Similarity, log_scale: float, angle: float) -> Similarity:
        """Rotate and scale about the centre of the face."""
        x, y = (float(c) for c in self.model.mean.mean(axis=0))
        rotation = Similarity.from_polar(float(np.exp(log_scale)), float(angle), 0.0, 0.0)
        about = Similarity(tx=x, ty=y).after(rotation).after(Similarity(tx=-x, ty=-y))
        return pose.after(about)
