"""Frames of a video that are worth a person's look, picked while it is tracked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets import FrameCandidate, ShotCounter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faceloop_runtime import FrameResult

POOR_ERROR = 0.06
"""A fit with a higher predicted error, in IOD, is poor."""


class PoorFrames:
    """Collect the poor fits of a video: the worst of each second, and where the face was lost.

    It holds at most one fit a second however long the video is; which of them become entries,
    and how many of a shot, the review queue decides.
    """

    def __init__(self, threshold: float = POOR_ERROR) -> None:
        self._threshold = threshold
        self._shots = ShotCounter()
        self._worst: dict[tuple[int, int], FrameCandidate] = {}
        self._lost: list[FrameCandidate] = []
        self._was_lost = False

    @property
    def candidates(self) -> list[FrameCandidate]:
        """What was collected so far."""
        return [*self._lost, *self._worst.values()]

    def add(self, result: FrameResult, gray: NDArray[np.uint8]) -> None:
        """Look at the next frame: its result and its gray picture (H, W).

        Of a time without a face only the first frame is kept: there the face was lost, later
        frames may hold none.
        """
        shot = self._shots.update(gray)
        if not result.faces:
            if not self._was_lost:
                lost = FrameCandidate(result.index, result.time, None, None, shot)
                self._lost.append(lost)
            self._was_lost = True
            return
        self._was_lost = False
        fit = max((face.fit for face in result.faces), key=lambda fit: fit.predicted_error)
        if fit.predicted_error <= self._threshold:
            return
        poor = FrameCandidate(result.index, result.time, fit.points, fit.predicted_error, shot)
        key = (shot, int(result.time))
        known = self._worst.get(key)
        if known is None or (known.predicted_error or 0.0) < fit.predicted_error:
            self._worst[key] = poor
