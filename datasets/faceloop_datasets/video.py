"""Exact video: every frame has one number and one time, however it is reached.

Seeking by frame number through a container's rate is wrong on files of variable rate, so the
presentation times of all packets are read once (no decoding, milliseconds for a short clip) and
a frame's number is its place among them. Random access seeks to the key frame before the wanted
time and decodes forward until exactly that time appears.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from fractions import Fraction
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange

from .errors import InputError
from .files import put_in_place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

# Formats whose first plane is the luma, one byte a pixel: gray needs no conversion of colours.
_LUMA_FIRST = frozenset(
    f"{family}{sampling}p" for family in ("yuv", "yuvj") for sampling in ("420", "422", "444")
) | {"gray", "nv12", "nv21"}
# Limited range codes black as 16 and white as 235 (ITU-R BT.601 and BT.709).
_FULL_FROM_LIMITED = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
_PROBED = 16  # frames decoded at opening: more than any codec reorders

VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv")
"""File names that are taken for videos."""

MAX_FRAME_PIXELS = 36_000_000
"""Larger frames are refused (8K has 33 million): a decoder keeps up to seventeen of them."""

MAX_FRAMES = 3_000_000
"""Longer videos are refused (a day at 30 frames a second is 2.6 million)."""

# Containers of one video, which name no other file and no address: a playlist would be read too,
# and what it names fetched from the network. And nothing is read but files.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,mpeg,mpegts,mpegvideo,m4v,mxf,ogg,ivf,gif,"
    "apng,h264,hevc,h263,mjpeg,mpjpeg,av1,obu,vvc,dv,yuv4mpegpipe,nut,rm"
)
_LIMITS = {"max_pixels": str(MAX_FRAME_PIXELS)}
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS, **_LIMITS}


class VideoFrame:
    """One frame. Pixels are converted when asked for, so a gray reader never pays for colour.

    Attributes
    ----------
    index : int
        Number of the frame, from 0.
    time : float
        Seconds after the first frame.
    """

    def __init__(self, index: int, time: float, raw: av.VideoFrame, turns: int = 0) -> None:
        self.index = index
        self.time = time
        self._raw = raw
        self._turns = turns

    @cached_property
    def image(self) -> Image:
        """RGB pixels, shape (H, W, 3), uint8, upright."""
        return self._upright(self._raw.to_ndarray(format="rgb24"))

    def gray(self) -> Image:
        """Luma in full range, shape (H, W), uint8, upright."""
        raw = self._raw
        if raw.format.name not in _LUMA_FIRST:
            return self._upright(raw.to_ndarray(format="gray"))
        plane = raw.planes[0]
        luma = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
            : raw.height, : raw.width
        ]
        full = raw.color_range == ColorRange.JPEG or raw.format.name.startswith(("yuvj", "gray"))
        return self._upright(luma.copy() if full else cv2.LUT(luma, _FULL_FROM_LIMITED))

    def _upright(self, pixels: NDArray[np.generic]) -> Image:
        return cast("Image", np.ascontiguousarray(np.rot90(pixels, self._turns)))


class Video:
    """Frames of a video file, streamed in order or fetched exactly by number.

    Parameters
    ----------
    path : str or Path
        The file.

    Attributes
    ----------
    times : ndarray, shape (frames,)
        Seconds after the first frame.
    rate : float
        Mean frames a second.
    size : (int, int)
        Width and height in pixels, upright.
    warning : str or None
        What is wrong with the file, so far as it is known: a damaged or truncated file says so
        here, the frames that can be decoded are still delivered.

    Raises
    ------
    InputError
        If there is no such file, it is not a video, or has no frame that can be decoded.

    Notes
    -----
    Each iteration has its own decoder and holds a few frames at a time. Files without usable
    times (raw streams, H.264 in AVI) are counted by decoding once; their frames are numbered in
    the decoder's order and spaced evenly.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.warning: str | None = None
        self._lock = threading.Lock()
        self._reader: _Reader | None = None
        if not self.path.is_file():
            raise InputError(f"There is no video file {self.path}.")
        with _Reader(self.path) as reader:
            stream, declared = reader.stream, reader.declared_frames
            guess = float(stream.average_rate or stream.guessed_rate or 25)
            index = _PacketIndex.of(reader, self.path)
            span = float((reader.container.duration or 0) / av.time_base)
            base = float(cast("Fraction", stream.time_base))
        probe = self._probe(index)
        self._turns = round((probe[0].rotation % 360) / 90) % 4
        shape = (probe[0].width, probe[0].height)
        self._coded = shape
        self.size: tuple[int, int] = shape[::-1] if self._turns % 2 else shape
        if index is None or not _in_order(probe, index):
            self._index: _PacketIndex | None = None
            self.times: NDArray[np.float64] = np.arange(self._count()) / guess
        else:
            self._index = index
            self.times = (index.pts - index.pts[0]) * base
        self.times.flags.writeable = False
        last = float(self.times[-1])
        self.rate: float = (len(self) - 1) / last if last > 0 else guess
        if declared > len(self):
            self._warn(f"its header promises {declared} frames, it holds {len(self)}")
        elif self._index is not None and span > last + 2 / self.rate + 1:
            self._warn(f"its header promises {span:.1f} s, it ends after {last:.1f} s")

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[VideoFrame]:
        """Deliver the frames in order, from the first.

        Raises
        ------
        InputError
            When the picture's size changes: points are pixels of one size. The frames before
            that have been delivered.
        """
        with _Reader(self.path) as reader:
            count = 0
            for raw in reader.frames():
                frame = self._numbered(raw, count)
                if frame is not None:
                    count = frame.index + 1
                    yield frame
            if reader.bad_packets:
                self._warn(f"{reader.bad_packets} packets cannot be decoded")
            if count < len(self):
                self._warn(f"decoding ends after {count} of {len(self)} frames")

    def __getitem__(self, number: int) -> VideoFrame:
        """Fetch one frame; asking for the next one costs one decoded frame.

        Raises
        ------
        IndexError
            If there is no frame of that number; negative numbers count from the end.
        InputError
            If the frame cannot be decoded.
        """
        wanted = number + len(self) if number < 0 else number
        if not 0 <= wanted < len(self):
            raise IndexError(f"{self.path} has {len(self)} frames; there is no frame {number}.")
        with self._lock:
            try:
                return self._fetch(wanted)
            except BaseException:
                self._drop_reader()  # its position is unknown now
                raise

    def close(self) -> None:
        """Close the decoder kept for `__getitem__`; the video can still be used."""
        with self._lock:
            self._drop_reader()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _drop_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _fetch(self, wanted: int) -> VideoFrame:
        for key in self._starts(wanted):
            frame = self._forward(self._at(key), wanted, key is not None and key > 0)
            if frame is not None:
                return frame
            self._drop_reader()
        raise InputError(
            f"Frame {wanted} of {self.path} cannot be decoded. {self.warning or ''}".strip()
        )

    def _starts(self, wanted: int) -> Iterator[int | None]:
        """Yield where to begin: None stays where the decoder is; then key frames; then frame 0."""
        keys = np.array([0]) if self._index is None else self._index.keys
        before = keys[keys <= wanted][::-1]
        if self._reader is not None and before.size and before[0] <= self._reader.at <= wanted:
            yield None
        # A container may land behind the key frame it was asked for: then the one before is tried.
        yield from (int(k) for k in before[:3] if k > 0)
        yield 0

    def _at(self, key: int | None) -> _Reader:
        if key is None and self._reader is not None:
            return self._reader
        if self._reader is None or not key:
            self._drop_reader()
            self._reader = _Reader(self.path)
        if key and self._index is not None:
            self._reader.seek(int(self._index.pts[key]))
        return self._reader

    def _forward(self, reader: _Reader, wanted: int, after_seek: bool) -> VideoFrame | None:
        # Frames in front of the first key frame after a seek lack their references.
        anchored = not after_seek
        needed = None if self._index is None else int(self._index.pts[wanted])
        for raw in reader.frames(needed):
            frame = self._numbered(raw, reader.at)
            if frame is None:
                continue
            reader.at = frame.index + 1
            anchored = anchored or bool(raw.key_frame)
            if frame.index == wanted and anchored:
                return frame
            if frame.index >= wanted:
                return None
        return None

    def _numbered(self, raw: av.VideoFrame, count: int) -> VideoFrame | None:
        number = count if self._index is None else self._index.number(raw.pts)
        if number is None or number >= len(self):
            return None
        if (raw.width, raw.height) != self._coded:
            raise InputError(
                f"The picture of {self.path} changes from {self._coded[0]}x{self._coded[1]} to "
                f"{raw.width}x{raw.height} at frame {number}. Points are pixels of one size: "
                "convert the video to a single size first."
            )
        return VideoFrame(number, float(self.times[number]), raw, self._turns)

    def _probe(self, index: _PacketIndex | None) -> list[av.VideoFrame]:
        with _Reader(self.path) as reader:
            probe = list(islice(reader.frames(), _PROBED))
        if not probe:
            found = 0 if index is None else len(index.pts)
            raise InputError(
                f"{self.path} has no frame that can be decoded ({found} packets). "
                "Expected a video of at least one frame: export or download it again."
            )
        return probe

    def _count(self) -> int:
        with _Reader(self.path) as reader:
            return sum(1 for _ in reader.frames())

    def _warn(self, what: str) -> None:
        self.warning = f"{self.path} is damaged or truncated: {what}."


class _PacketIndex:
    """Presentation times of all frames, and which of them are key frames."""

    def __init__(self, pts: NDArray[np.int64], keys: NDArray[np.intp]) -> None:
        self.pts = pts
        self.keys = keys

    @classmethod
    def of(cls, reader: _Reader, path: Path) -> _PacketIndex | None:
        """Read the index; None if a packet has no time of its own."""
        kept = ((p.pts, p.is_keyframe) for p in reader.packets() if not p.is_discard)
        packets = list(islice(kept, MAX_FRAMES + 1))
        if len(packets) > MAX_FRAMES:
            raise InputError(
                f"{path} has more than {MAX_FRAMES:,} frames. Cut it into parts first."
            )
        if not packets:
            raise InputError(f"{path} has no frames. Expected a video of at least one frame.")
        if any(pts is None for pts, _ in packets):
            return None
        times = np.array([pts for pts, _ in packets], dtype=np.int64)
        order = np.argsort(times, kind="stable")
        pts = times[order]
        if (np.diff(pts) == 0).any():
            return None
        return cls(pts, np.flatnonzero(np.array([key for _, key in packets])[order]))

    def number(self, pts: int | None) -> int | None:
        """Find the frame shown at a time; None if no packet has it."""
        if pts is None:
            return None
        at = int(np.searchsorted(self.pts, pts))
        return at if at < len(self.pts) and self.pts[at] == pts else None


def _in_order(probe: list[av.VideoFrame], index: _PacketIndex) -> bool:
    numbers = [index.number(raw.pts) for raw in probe]
    known = [n for n in numbers if n is not None]
    return len(known) == len(numbers) and known == sorted(set(known))


class _Reader:
    """One open decoder. Broken packets are counted and passed over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at = 0  # number of the next frame, kept by who reads
        self.bad_packets = 0
        self._decoded: deque[av.VideoFrame] = deque()
        try:
            # absolute, so that a colon in the name makes no address of it
            self.container: InputContainer = av.open(
                str(path.absolute()),
                options=_OPTIONS,
                metadata_errors="replace",
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            raise InputError(
                f"{path} cannot be read as a video ({error}). Expected a video file such as "
                "MP4, WebM, MOV, MKV or AVI; a download that broke off must be repeated."
            ) from error
        if not self.container.streams.video:
            self.container.close()
            raise InputError(f"{path} holds no video stream. Expected a video file.")
        self.stream: VideoStream = self.container.streams.video[0]
        self._check_stream()
        self.stream.codec_context.options = _LIMITS
        self.stream.thread_type = "AUTO"

    def _check_stream(self) -> None:
        context = self.stream.codec_context
        if context is None:
            problem = "is coded in a way that is not known here. Convert it to H.264"
        elif context.width * context.height > MAX_FRAME_PIXELS:
            problem = (
                f"has frames of {context.width}x{context.height}, more than the "
                f"{MAX_FRAME_PIXELS / 1e6:.0f} million pixels that are read. Scale it down first"
            )
        else:
            return
        self.container.close()
        raise InputError(f"{self.path} {problem}.")

    @property
    def declared_frames(self) -> int:
        """Frames by the header, 0 if it does not say so reliably (AVI counts gaps)."""
        return self.stream.frames if "mp4" in self.container.format.name else 0

    def packets(self) -> Iterator[Packet[VideoStream]]:
        # A truncated container ends in an error; what came before is good.
        with suppress(av.FFmpegError, OSError):
            for packet in self.container.demux(self.stream):
                if packet.size:
                    yield packet

    def frames(self, needed: int | None = None) -> Iterator[av.VideoFrame]:
        """Decode on from where the reader stands; may be left and begun again at any frame.

        Parameters
        ----------
        needed : int, optional
            Presentation time before which only frames are decoded that others are made from.
        """
        yield from self._taken()
        for packet in self.packets():
            early = needed is not None and packet.pts is not None and packet.pts < needed
            self.stream.codec_context.skip_frame = "NONREF" if early else "DEFAULT"
            self._decoded += self._decode(packet)
            yield from self._taken()
        self._decoded += self._decode(None)  # the frames the decoder still holds
        yield from self._taken()

    def _taken(self) -> Iterator[av.VideoFrame]:
        while self._decoded:
            yield self._decoded.popleft()

    def _decode(self, packet: Packet[VideoStream] | None) -> list[av.VideoFrame]:
        try:
            return self.stream.codec_context.decode(packet)
        except EOFError:
            return []
        except av.FFmpegError:
            self.bad_packets += 1
            return []

    def seek(self, pts: int) -> None:
        self._decoded.clear()
        with suppress(av.FFmpegError):  # where it really landed shows in the next frame
            self.container.seek(pts, stream=self.stream)

    def close(self) -> None:
        self.container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class ShotCounter:
    """Number the shots of a video as its frames go by.

    A cut is a frame whose thumbnail shares little with the one before: the mean absolute
    difference is large and the correlation is low. A fast movement or a change of light fails
    one of the two.

    Parameters
    ----------
    difference : float
        Least mean absolute difference of a cut, in gray levels.
    correlation : float
        Greatest correlation of a cut.
    """

    _SIZE = (32, 24)

    def __init__(self, difference: float = 20.0, correlation: float = 0.5) -> None:
        self._difference = difference
        self._correlation = correlation
        self._last: NDArray[np.float32] | None = None
        self.shot = 0

    def update(self, gray: Image) -> int:
        """Return the number, from 0, of the shot that the next frame, gray (H, W), belongs to."""
        thumb = cv2.resize(gray, self._SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
        if self._last is not None and self._is_cut(self._last, thumb):
            self.shot += 1
        self._last = thumb
        return self.shot

    def _is_cut(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
        if float(np.abs(a - b).mean()) < self._difference:
            return False
        a, b = a - a.mean(), b - b.mean()
        norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
        return norm == 0 or float((a * b).sum()) / norm < self._correlation


class VideoWriter:
    """Write RGB frames to an H.264 file that appears under its name when it is closed.

    A context manager: leaving it in any way, an interruption too, completes the file with the
    frames written so far, except after a failed write. Without a frame no file is left.

    Parameters
    ----------
    path : str or Path
        The file to make; an existing one is replaced at the end.
    rate : float
        Frames a second.

    Raises
    ------
    InputError
        If the file cannot be written.
    """

    def __init__(self, path: str | Path, rate: float) -> None:
        self.path = Path(path)
        self._partial = self.path.with_name(f".{self.path.stem}.partial{self.path.suffix}")
        self._rate = Fraction(rate).limit_denominator(1001)
        self._shape: tuple[int, ...] | None = None
        self._stream: VideoStream | None = None
        self._container: OutputContainer | None = None

    def write(self, image: Image) -> None:
        """Append one frame, RGB, shape (H, W, 3), all of one size.

        An odd height or width is made even, as the codec needs it, by repeating the last row or
        column.
        """
        if self._shape is None:
            self._open(image.shape)
        if image.shape != self._shape or self._stream is None:
            raise InputError(
                f"Expected frames of shape {self._shape} for {self.path} but got {image.shape}."
            )
        even = np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)), "edge")
        self._encode(av.VideoFrame.from_ndarray(even, format="rgb24"))

    def close(self) -> None:
        """Complete the file and give it its name."""
        if self._container is None:
            return
        try:
            self._encode(None)
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
        stream.options = {"crf": "18", "preset": "veryfast"}
        self._stream, self._shape = stream, shape

    def _encode(self, frame: av.VideoFrame | None) -> None:
        if self._container is None or self._stream is None:
            raise InputError(f"The video {self.path} is closed.")
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> InputError:
        """Give up: what is unfinished goes, and never gets the name; what has it stays."""
        container, self._container = self._container, None
        with suppress(av.FFmpegError, OSError):
            if container is not None:
                container.close()
        with suppress(OSError):
            self._partial.unlink()
        return InputError(
            f"Cannot write the video {self.path} ({error}). Choose a folder that exists, can be "
            "written and has room, and a name that ends in .mp4, .mkv or .mov."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def write_video(path: str | Path, frames: Iterable[Image], rate: float) -> int:
    """Write RGB frames, each (H, W, 3) uint8, to a video; return how many.

    See `VideoWriter` for what happens on interruption.
    """
    count = 0
    with VideoWriter(path, rate) as writer:
        for image in frames:
            writer.write(image)
            count += 1
    return count
