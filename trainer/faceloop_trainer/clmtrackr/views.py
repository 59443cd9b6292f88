"""Faces as clmtrackr sees them."""

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

_TURN, _STRETCH = np.deg2rad(4.0), 0.05
"""How far a canvas is from upright and from its scale while fitting (one standard deviation)."""
_OFF_CENTRE = 3.0
"""Search windows are off their landmark by up to this, in pixels of the canvas."""


@dataclass(frozen=True, eq=False)
class View:
    """The windows of a face.

    Parameters
    ----------
    windows : ndarray of uint8, shape (71, W, W)
        Gray values round each landmark.
    offsets : ndarray, shape (71, 2)
        Where the landmarks lie, against the middle of their window, in pixels of the canvas.
    use : ndarray of bool, shape (71,)
        Landmarks to learn from.
    """

    windows: NDArray[np.uint8]
    offsets: Floats
    use: NDArray[np.bool_]


class Looker:
    """Draws faces on a model's canvas.

    Parameters
    ----------
    model : ClmtrackrModel
        Its mean shape, canvas and width of windows are used.
    pdm : PointDistributionModel
        Completes faces with missing points.
    conversion : Conversion
        From the faces' scheme to clmtrackr's.
    """

    def __init__(
        self, model: ClmtrackrModel, pdm: PointDistributionModel, conversion: Conversion
    ) -> None:
        self.model, self._pdm, self._conversion = model, pdm, conversion

    def view(self, face: TrainingFace, rng: np.random.Generator) -> View:
        """Look at a face a little off its true pose, as a fit would."""
        points = self._points(face)
        angle, stretch = rng.standard_normal(2) * (_TURN, _STRETCH)
        pose = self._turned(self._pose(points), stretch, angle)
        canvas, window = self.canvas(face.picture, pose), self.model.window
        there = pose.inverse().apply(points)
        guess = there + rng.uniform(-_OFF_CENTRE, _OFF_CENTRE, there.shape)
        first = canvas.firsts(guess, window)
        views = np.lib.stride_tricks.sliding_window_view(canvas.pixels, (window, window))
        offsets = there - (first - canvas.margin + window / 2)
        sources = self._conversion.weights > 0
        known = ~(sources & ~face.trains_patches).any(axis=1)
        reach = self.model.search / 2
        return View(
            views[first[:, 1], first[:, 0]].astype(np.uint8),
            offsets,
            known & (np.abs(offsets).max(axis=1) < reach),
        )

    def middle(self, picture: NDArray[np.uint8], pose: Similarity) -> Floats | None:
        """Return what the scoring sees (22, 20) with this pose, None without any contrast."""
        return self.canvas(picture, pose).middle(self.model.mean, (20, 22))

    def near(self, face: TrainingFace, move: Similarity) -> Similarity:
        """Return the true pose of a face, moved; lengths of the move are in IOD of the canvas."""
        pose = self._pose(self._points(face))
        turned = self._turned(pose, float(np.log(move.scale)), move.angle)
        left, right = self.model.mean[list(self.model.scheme.iod)]
        reach = float(np.linalg.norm(right - left)) * pose.scale
        return Similarity(tx=move.tx * reach, ty=move.ty * reach).after(turned)

    def canvas(self, picture: NDArray[np.uint8] | None, pose: Similarity) -> Canvas:
        """Draw a picture; the pose leads from the canvas to it."""
        assert picture is not None  # noqa: S101 - callers pass faces with pictures only
        parameters = np.array([pose.a - 1, pose.b, pose.tx, pose.ty])
        return Canvas.drawn(self.model, picture, parameters)

    def _points(self, face: TrainingFace) -> Floats:
        # Half a pixel more: a browser counts from the corner of the first pixel.
        return np.asarray(self._conversion.weights @ self._pdm.complete(face.points) + 0.5)

    def _pose(self, points: Floats) -> Similarity:
        return Similarity.between(self.model.mean, points)

    def _turned(self, pose: Similarity, stretch: float, angle: float) -> Similarity:
        """Turn and stretch about the middle of the face."""
        x, y = (float(c) for c in self.model.mean.mean(axis=0))
        turn = Similarity.from_polar(float(np.exp(stretch)), float(angle), 0.0, 0.0)
        about = Similarity(tx=x, ty=y).after(turn).after(Similarity(tx=-x, ty=-y))
        return pose.after(about)
