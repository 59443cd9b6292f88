"""A corrected frame spreads to its neighbours: they are fitted again, outward from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from faceloop_datasets.progress import Monitor
from faceloop_runtime.fit.fitter import Fitter
from faceloop_runtime.fit.schedule import FROM_NEAR
from faceloop_runtime.quality.thresholds import FAILURE, NO_FACE_ERROR, POOR_ERROR

from .acceptance import is_plausible
from .appearance import appearance_of, matched_pose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import VideoFrame
    from faceloop_datasets.progress import ProgressLike
    from faceloop_runtime.fit.result import Fit
    from faceloop_runtime.model import FaceModel

    Points = NDArray[np.float64]
    Gray = NDArray[np.uint8]

AGREE = 0.02
"""Two fits to a frame are the same if their points lie as near, in IOD, on the average: from
different starts 95 % of good fits do."""
_AGREE_GOOD = 0.035
"""The same where the old fit is good by its own account."""
_ALIKE = 3
"""Frames in a row in which old and new fit are the same, after which the old ones are right."""
_GONE = 3
"""Frames in a row without a face, after which it is gone."""
_CARRIED = 0.01
"""Mean distance, in IOD, of a correction from the model's own fit from which on it is carried."""
_CARRY = 10
"""Least number of frames that it is carried to."""
MOST = 500
"""Frames that a correction spreads to each way, at most."""


class Frames(Protocol):
    """Frames of a video by number; a `faceloop_datasets.Video` is one."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> VideoFrame: ...


@dataclass(frozen=True, eq=False)
class SpreadFrame:
    """A neighbour that was fitted again.

    Attributes
    ----------
    frame : int
        Its number.
    points : ndarray, shape (N, 2)
        In pixels: the fit, with what of the correction is carried to it.
    fit : Fit
        The fit itself.
    """

    frame: int
    points: Points
    fit: Fit


class Spreading:
    """Spreads corrections of a face.

    From the corrected frame on, each neighbour is fitted where the face has moved to: the last
    fit, shifted by how the face's small upright picture moved between the frames. It ends where
    the new fit and the old one are the same in three frames in a row, where the face is gone, at
    a frame that a person has settled, and at the end of the video.

    A model may be wrong about a person where the corrected points differ from its own fit to the
    corrected frame. That difference, in the frame of the face, is carried along, less with each
    frame to none at the end, and to ten frames where the fits agree at once.

    Parameters
    ----------
    model : FaceModel
        What to fit.
    frames : Frames
        The video.
    """

    def __init__(self, model: FaceModel, frames: Frames) -> None:
        self._fitter, self._frames = Fitter(model, "cpu"), frames

    def spread(
        self,
        at: int,
        points: NDArray[np.floating],
        old: NDArray[np.floating],
        errors: NDArray[np.floating],
        *,
        settled: NDArray[np.bool_],
        progress: ProgressLike = None,
    ) -> list[SpreadFrame]:
        """Fit the neighbours of a frame again, both ways.

        Parameters
        ----------
        at : int
            The corrected frame.
        points : ndarray, shape (N, 2)
            Its points, ``(x, y)`` in pixels; NaN where missing.
        old : ndarray, shape (F, N, 2)
            The face in all frames until now; NaN where it is lost.
        errors : ndarray, shape (F,)
            Their predicted errors, in IOD.
        settled : ndarray of bool, shape (F,)
            Frames that stay as they are and end the spreading.
        progress : Monitor or callable, optional
            Told each frame; a monitor may stop the work.

        Returns
        -------
        list of SpreadFrame
            Without the frames that agree, unless something is carried to them.

        Raises
        ------
        Cancelled
            If the monitor stopped it.
        """
        monitor = Monitor.of(progress)
        found: list[SpreadFrame] = []
        gray, placed = self._frames[at].gray(), np.asarray(points, np.float64)
        pose, b = self._fitter.model.pdm.parameters(placed)
        fit = self._fitter.fit_pose(gray, pose, b, FROM_NEAR)
        off = self._offset(placed, fit)
        for step in (-1, 1):
            walk = _Walk(self._fitter, gray, replace(fit, pose=pose, b=b))
            for frame in self._neighbours(at, step, settled):
                monitor.step(len(found) + len(walk.fits), None, "spreading the correction")
                if walk.ends(frame, self._frames[frame].gray(), old[frame], errors[frame]):
                    break
            found += _carried(walk.fits, walk.changed, off)
        return found

    def _offset(self, points: Points, fit: Fit) -> Points:
        """How far corrected points are from the model's own fit, in the model frame, (N, 2)."""
        inverse = fit.pose.inverse()
        off = np.nan_to_num(inverse.apply(points) - inverse.apply(fit.points))
        mean = float(np.linalg.norm(off, axis=1).mean())
        # a fit that ran away tells nothing of how the model sees this person
        return off if _CARRIED < mean < FAILURE else np.zeros_like(off)

    def _neighbours(self, at: int, step: int, settled: NDArray[np.bool_]) -> list[int]:
        end = len(self._frames) if step > 0 else -1
        found = []
        for frame in range(at + step, end, step)[:MOST]:
            if settled[frame]:
                break
            found.append(frame)
        return found


def _carried(fits: list[tuple[int, Fit]], changed: int, off: Points) -> list[SpreadFrame]:
    """Put what of a correction the model did not take on the fits of one side."""
    reach = min(max(changed, _CARRY), len(fits)) if off.any() else changed
    found = []
    for number, (frame, fit) in enumerate(fits[:reach], start=1):
        here = fit.pose.inverse().apply(fit.points) + off * (1 - number / (reach + 1))
        found.append(SpreadFrame(frame, fit.pose.apply(here), fit))
    return found


class _Walk:
    """The way out from a corrected frame, one way."""

    def __init__(self, fitter: Fitter, gray: Gray, start: Fit) -> None:
        self._fitter, self._last = fitter, start
        self._appearance = appearance_of(gray, start.pose)
        self._scheme = fitter.model.scheme
        self._alike = self._gone = 0
        self.fits: list[tuple[int, Fit]] = []
        """The new fits by frame."""
        self.changed = 0
        """How many of them, from the first, differ from the old ones or have others behind."""

    def ends(self, frame: int, gray: Gray, old: NDArray[np.floating], error: np.floating) -> bool:
        """Fit the next frame; returns whether this was the last."""
        pose = matched_pose(gray, self._last.pose, self._appearance)
        fit = self._fitter.fit_next(gray, pose, self._last, FROM_NEAR)
        if not is_plausible(fit, gray, NO_FACE_ERROR):
            self._gone += 1
            return self._gone >= _GONE
        self._gone = 0
        self._last, self._appearance = fit, appearance_of(gray, fit.pose)
        self.fits.append((frame, fit))
        if self._is_old_right(fit, old, good=bool(error < POOR_ERROR / 2)):
            self._alike += 1
            return self._alike >= _ALIKE and len(self.fits) >= _CARRY
        self._alike, self.changed = 0, len(self.fits)
        return False

    def _is_old_right(self, fit: Fit, old: NDArray[np.floating], *, good: bool) -> bool:
        """Whether the old points are as good as the new ones, or better."""
        if good and fit.predicted_error > POOR_ERROR:
            return True
        apart = float(np.linalg.norm(fit.points - old, axis=1).mean())
        near = _AGREE_GOOD if good else AGREE
        return apart <= near * self._scheme.inter_ocular_distance(fit.points)
