"""When the frames of a video are due."""

from __future__ import annotations

import time

_BEHIND = 0.1
"""Seconds behind its time after which a video goes on slower instead of catching up."""


class Clock:
    """When the next frame is due; starts anew with the first frame it is told."""

    def __init__(self) -> None:
        self._wall: float | None = None
        self._video = 0.0

    def start(self) -> None:
        """Count from the next frame on."""
        self._wall = None

    def tick(self, video: float, speed: float) -> None:
        """Note that the frame of this time was shown."""
        if self._wall is None or self.delay(video, speed) < -_BEHIND:
            self._wall, self._video = time.monotonic(), video

    def delay(self, video: float | None, speed: float) -> float:
        """Seconds until the frame of this time is due."""
        wall = self._wall  # another thread may start it anew
        if wall is None or video is None:
            return 0.0
        return wall + (video - self._video) / speed - time.monotonic()

    def due(self, video: float | None, speed: float) -> bool:
        """Whether the frame of this time is due."""
        return self.delay(video, speed) <= 0
