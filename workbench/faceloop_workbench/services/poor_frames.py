"""Frames of a video with poor fits, collected while it is tracked."""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import TYPE_CHECKING

from faceloop_datasets import FrameCandidate, ShotCounter
from faceloop_runtime.quality.thresholds import POOR_ERROR

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faceloop_runtime import FrameResult


class PoorFrames:
    """Collect the poor fits of a video: the worst of each second, and where the face was lost.

    It holds at most one fit a second however long the video is; which of them become entries,
    and how many of a shot, the review queue decides. Frames may come with jumps, and again: the
    shots are known by the number of their first frame.

    Parameters
    ----------
    threshold : float
        A fit with a higher predicted error, in IOD, is poor.
    """

    def __init__(self, threshold: float = POOR_ERROR) -> None:
        self.threshold = threshold
        self._shots = _Shots()
        self._worst: dict[tuple[int, int], FrameCandidate] = {}
        self._lost: dict[int, FrameCandidate] = {}
        self._was_lost = False
        self._next: int | None = None

    @property
    def candidates(self) -> list[FrameCandidate]:
        """What was collected so far."""
        return [*self._lost.values(), *self._worst.values()]

    def forget(self) -> None:
        """Begin to collect anew, for instance with another model; the shots stay known."""
        self._worst.clear()
        self._lost.clear()

    def add(self, result: FrameResult, gray: NDArray[np.uint8], *, judged: bool = False) -> None:
        """Look at a frame: its result and its gray picture (H, W).

        A frame that a person has judged is none to ask about: one whose face was rejected is no
        place where it was lost, nor are those without a face that follow.

        Of a time without a face only the first frame is kept: there the face was lost, later
        frames may hold none. After a jump there is no face to lose before one is found.
        """
        jumped = self._next not in (None, result.index)
        self._next = result.index + 1
        self._was_lost = self._was_lost or jumped
        shot = self._shots.number(result.index, gray, jumped=jumped)
        if not result.faces:
            if not self._was_lost and not judged:
                lost = FrameCandidate(result.index, result.time, None, None, shot)
                self._lost[result.index] = lost
            self._was_lost = True
            return
        self._was_lost = False
        fit = max((face.fit for face in result.faces), key=lambda fit: fit.predicted_error)
        if judged or fit.predicted_error <= self.threshold:
            return
        poor = FrameCandidate(result.index, result.time, fit.points, fit.predicted_error, shot)
        key = (shot, int(result.time))
        known = self._worst.get(key)
        if known is None or (known.predicted_error or 0.0) < fit.predicted_error:
            self._worst[key] = poor


class _Shots:
    """Numbers shots by their first frame, so that a part played twice has the same numbers."""

    def __init__(self) -> None:
        self._starts = [0]
        self._counter = ShotCounter()

    def number(self, index: int, gray: NDArray[np.uint8], *, jumped: bool) -> int:
        if jumped:
            self._counter = ShotCounter()  # what a jump skips is no cut
        before = self._counter.shot
        if self._counter.update(gray) != before and index not in self._starts:
            insort(self._starts, index)
        return self._starts[bisect_right(self._starts, index) - 1]
