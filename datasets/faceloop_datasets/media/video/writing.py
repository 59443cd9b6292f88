"""Frames on their way into a video file."""

from __future__ import annotations

import math
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from faceloop_datasets.errors import InputError
from faceloop_datasets.faults import in_words
from faceloop_datasets.files import part_of, put_in_place

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from av.container import OutputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from .sound import Sound

    Image = NDArray[np.uint8]


_TICKS = Fraction(90_000)
"""Times a second that can be said: MPEG's, of which every usual rate takes a whole number."""


class VideoWriter:
    """Write RGB frames to an H.264 file that appears under its name when it is closed.

    A context manager: leaving it in any way, an interruption too, completes the file with the
    frames written so far, except after a failed write. Without a frame no file is left.

    Parameters
    ----------
    path : str or Path
        The file to make; an existing one is replaced at the end.
    rate : float
        Mean frames a second, and the time of frames that are written without one.
    sound : Sound, optional
        Sound to copy beside the frames, to its own end.
    name : Path, optional
        What messages call the file; ``path`` by default.

    Raises
    ------
    InputError
        If the file cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        rate: float,
        sound: Sound | None = None,
        *,
        name: Path | None = None,
    ) -> None:
        self.path, self._sound = Path(path), sound
        self._name = self.path if name is None else name
        self._partial = part_of(self.path)
        self._rate = Fraction(rate).limit_denominator(1001)
        self._shape: tuple[int, ...] | None = None
        self._count, self._last = 0, -1
        self._stream: VideoStream | None = None
        self._container: OutputContainer | None = None

    def write(self, image: Image, time: float | None = None) -> None:
        """Append one frame, RGB, shape (H, W, 3), all of one size and with square pixels.

        An odd height or width is made even, as the codec needs it, by repeating the last row or
        column.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W, 3)
            The frame.
        time : float, optional
            When it is shown, in seconds and later than the one before; by default one interval
            of the rate later than the first frame for each that was written.
        """
        if self._shape is None:
            self._open(image.shape)
        if image.shape != self._shape or self._stream is None:
            raise InputError(
                f"Expected frames of shape {self._shape} for {self._name} but got {image.shape}."
            )
        even = np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)), "edge")
        frame = av.VideoFrame.from_ndarray(even, format="rgb24")
        seconds = self._count / self._rate if time is None else time
        self._count += 1
        # Two frames of one time would be one: the second is shown as shortly after as can be said.
        self._last = frame.pts = max(round(seconds * _TICKS), self._last + 1)
        frame.time_base, frame.duration = 1 / _TICKS, round(_TICKS / self._rate)
        self._encode(frame)
        self._copy_sound(float(self._last / _TICKS))

    def close(self) -> None:
        """Complete the file and give it its name."""
        if self._container is None:
            return
        try:
            self._encode(None)
            self._copy_sound(math.inf)
            self._container.close()
            put_in_place(self._partial, self.path)
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from error
        finally:
            self._container = None

    def _open(self, shape: tuple[int, ...]) -> None:
        if len(shape) != 3 or shape[2] != 3:
            raise InputError(f"Expected RGB frames of shape (H, W, 3) but got {shape}.")
        try:
            self._container = container = av.open(str(self._partial), "w")
            stream = container.add_stream("libx264", rate=self._rate)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._failed(error) from error
        stream.width, stream.height = shape[1] + shape[1] % 2, shape[0] + shape[0] % 2
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = 1 / _TICKS
        stream.options = {"crf": "18", "preset": "veryfast"}
        if self._sound is not None:
            self._sound.begin(container)
        self._stream, self._shape = stream, shape

    def _copy_sound(self, seconds: float) -> None:
        if self._sound is None or self._container is None:
            return
        try:
            self._sound.copy_until(self._container, seconds)
        except (av.FFmpegError, OSError, ValueError) as error:
            self._give_up()
            raise InputError(
                f"The sound cannot be copied into {self._name} ({_reason(error)}). Choose a "
                "name that ends in .mkv, or leave the sound out."
            ) from error

    def _encode(self, frame: av.VideoFrame | None) -> None:
        if self._container is None or self._stream is None:
            raise InputError(f"The video {self._name} is closed.")
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> InputError:
        self._give_up()
        return InputError(
            f"Cannot write the video {self._name} ({_reason(error)}). Choose a folder that exists, "
            "can be written and has room, and a name that ends in .mp4, .mkv or .mov."
        )

    def _give_up(self) -> None:
        """Remove what is unfinished: it never gets the name; what has it stays."""
        container, self._container = self._container, None
        with suppress(av.FFmpegError, OSError):
            if container is not None:
                container.close()
        with suppress(OSError):
            self._partial.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _reason(error: Exception) -> str:
    """Return what went wrong, without the name of an unfinished file."""
    return in_words(error)


def write_video(path: str | Path, frames: Iterable[Image], rate: float) -> int:
    """Write RGB frames, each (H, W, 3) uint8, to a video; return how many.

    See `VideoWriter` for what happens on interruption.

    Parameters
    ----------
    path : str or Path
        The file; its suffix says which container.
    frames : iterable of ndarray of uint8, shape (H, W, 3)
        All of one size.
    rate : float
        Frames per second.
    """
    count = 0
    with VideoWriter(path, rate) as writer:
        for image in frames:
            writer.write(image)
            count += 1
    return count
