"""Where frames come from: a video file or a camera."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from faceloop_datasets import InputError, Video
from faceloop_datasets.media.images import to_gray

from .cameras import short_name, why_not

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]


class Frame(Protocol):
    """A picture, its number and its time; `faceloop_datasets.VideoFrame` is one."""

    @property
    def index(self) -> int:
        """Number, from 0."""

    @property
    def time(self) -> float:
        """Seconds after the first."""

    @property
    def image(self) -> Image:
        """RGB pixels, (H, W, 3)."""

    def gray(self) -> Image:
        """Gray pixels, (H, W)."""


class FrameSource(Protocol):
    """Frames by number.

    Attributes
    ----------
    name : str
        What to call it.
    path : Path or None
        The file, if it is one.
    frames : int or None
        How many there are; None for a camera.
    size : (int, int)
        Width and height in pixels.
    rate : float
        Mean frames a second.
    """

    name: str
    path: Path | None
    frames: int | None
    size: tuple[int, int]
    rate: float

    def frame(self, number: int) -> Frame:
        """Fetch a frame; of a camera always the next one.

        Raises
        ------
        InputError
            If it cannot be read.
        """

    def time(self, number: int) -> float | None:
        """When a frame is due, in seconds after the first; None if when it comes."""

    def close(self) -> None:
        """Let go of the file or device."""


class VideoSource:
    """A video file."""

    def __init__(self, path: str | Path) -> None:
        self._video = Video(path)
        self.path: Path | None = self._video.path
        self.name = self._video.path.name
        self.frames: int | None = len(self._video)
        self.size, self.rate = self._video.size, self._video.rate

    def frame(self, number: int) -> Frame:
        """Fetch a frame, exactly."""
        return self._video[number]

    def time(self, number: int) -> float | None:
        """When a frame is due."""
        return float(self._video.times[number])

    def close(self) -> None:
        """Close the file."""
        self._video.close()


@dataclass(frozen=True, eq=False)
class CameraFrame:
    """What a camera saw."""

    index: int
    time: float
    image: Image

    def gray(self) -> Image:
        """Gray pixels, (H, W)."""
        return to_gray(self.image)


class CameraSource:
    """A camera.

    Parameters
    ----------
    which : int or str
        Its number, or the address of a stream. A video file is played as a camera gives pictures:
        at its own speed, and what nobody takes in time is gone.

    Raises
    ------
    InputError
        If it cannot be opened.
    """

    path: Path | None = None
    frames: int | None = None

    def __init__(self, which: int | str) -> None:
        self.name = f"camera {short_name(which)}"
        self._device = cv2.VideoCapture(which)
        if not self._device.isOpened():
            raise InputError(f"The {self.name} cannot be opened. {why_not(which)}")
        width = int(self._device.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(self._device.get(cv2.CAP_PROP_FRAME_HEIGHT))
        self.size = width, height
        self.rate = self._device.get(cv2.CAP_PROP_FPS) or 25.0
        self._is_file = isinstance(which, str) and Path(which).is_file()
        self._taken = 0
        self._start = time.monotonic()

    def frame(self, number: int) -> Frame:
        """Wait for the next frame; the number is the one it gets."""
        if self._is_file:
            self._keep_time()
        good, bgr = self._device.read()
        if not good:
            raise InputError(self._why_none())
        self._taken += 1
        rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        return CameraFrame(number, time.monotonic() - self._start, rgb)

    def time(self, _number: int) -> float | None:
        """When it comes."""
        return None

    def close(self) -> None:
        """Let go of the device."""
        self._device.release()

    def _keep_time(self) -> None:
        """Leave out pictures that are over, and wait for the next one."""
        due = (time.monotonic() - self._start) * self.rate
        while self._taken < int(due) and self._device.grab():
            self._taken += 1
        time.sleep(max(0.0, self._start + self._taken / self.rate - time.monotonic()))

    def _why_none(self) -> str:
        if self._taken:
            return (
                f"The {self.name} gives no more pictures: it was unplugged, or another program "
                "took it. Plug it in, and choose it again."
            )
        return (
            f"The {self.name} gives no pictures. Another program probably uses it: close that one, "
            "and choose the camera again."
        )
