"""What was found in each frame seen so far: one number a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime import FrameResult


class ErrorRecord:
    """The predicted error of every frame of a video, of its worst face.

    Written by the thread that fits, read by the one that draws; each looks at one number at a
    time, and a number drawn a moment late does no harm.

    Parameters
    ----------
    frames : int
        Frames of the video.

    Attributes
    ----------
    errors : ndarray of float32, shape (frames,)
        In IOD; NaN where no frame was seen, infinite where it had no face.
    stale : ndarray of bool, shape (frames,)
        Whether another model found it.
    """

    def __init__(self, frames: int) -> None:
        self.errors = np.full(frames, np.nan, dtype=np.float32)
        self.stale = np.zeros(frames, dtype=np.bool_)

    def put(self, result: FrameResult) -> None:
        """Note the result of a frame."""
        errors = [face.fit.predicted_error for face in result.faces]
        self.errors[result.index] = max(errors, default=np.inf)
        self.stale[result.index] = False

    def mark_stale(self) -> None:
        """Mark all there is as another model's."""
        self.stale[:] = ~np.isnan(self.errors)

    def columns(self, width: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Shrink or stretch to columns of pixels.

        Parameters
        ----------
        width : int
            How many.

        Returns
        -------
        errors : ndarray of float32, shape (width,)
            The worst of the frames of each column: one bad frame of many thousand is seen.
        stale : ndarray of bool, shape (width,)
            Whether any of them is another model's.
        """
        edges = np.arange(width) * len(self.errors) // width
        return np.fmax.reduceat(self.errors, edges), np.logical_or.reduceat(self.stale, edges)
