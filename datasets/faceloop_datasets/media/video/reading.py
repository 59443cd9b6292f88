"""Exact video: every frame has one number and one time, however it is reached.

Seeking by frame number through a container's rate is wrong on files of variable rate, so the
presentation times of all packets are read once (no decoding, milliseconds for a short clip) and
a frame's number is its place among them. Random access seeks to the key frame before the wanted
time and decodes forward until exactly that time appears.
"""

from __future__ import annotations

import threading
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from av.video.reformatter import ColorRange

from faceloop_datasets.errors import InputError
from faceloop_datasets.wording import counted

from .player_view import PlayerView
from .stream import MAX_FRAME_PIXELS, StreamReader
from .timing import Packets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    import av
    from numpy.typing import NDArray

    from .timing import PacketIndex

    Image = NDArray[np.uint8]

# Formats whose first plane is the luma, one byte a pixel: gray needs no conversion of colours.
_LUMA_FIRST = frozenset(
    f"{family}{sampling}p" for family in ("yuv", "yuvj") for sampling in ("420", "422", "444")
) | {"gray", "nv12", "nv21"}
# Limited range codes black as 16 and white as 235 (ITU-R BT.601 and BT.709).
_FULL_FROM_LIMITED = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
_PROBED = 16  # frames decoded at opening: more than any codec reorders


class VideoFrame:
    """One frame. Pixels are converted when asked for, so a gray reader never pays for colour.

    Attributes
    ----------
    index : int
        Number of the frame, from 0.
    time : float
        Seconds after the first frame.
    """

    def __init__(self, index: int, time: float, raw: av.VideoFrame, view: PlayerView) -> None:
        self.index = index
        self.time = time
        self._raw = raw
        self._view = view

    @cached_property
    def image(self) -> Image:
        """RGB pixels, shape (H, W, 3), uint8, as a player shows them."""
        return self._view.show(self._converted("rgb24"))

    def gray(self) -> Image:
        """Luma in full range, shape (H, W), uint8, as a player shows it."""
        raw = self._raw
        if raw.format.name not in _LUMA_FIRST:
            return self._view.show(self._converted("gray"))
        plane = raw.planes[0]
        luma = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
            : raw.height, : raw.width
        ]
        full = raw.color_range == ColorRange.JPEG or raw.format.name.startswith(("yuvj", "gray"))
        table = luma.copy() if full else cv2.LUT(luma, _FULL_FROM_LIMITED)
        return self._view.show(np.asarray(table, dtype=np.uint8))

    def _converted(self, pixels: str) -> Image:
        return np.ascontiguousarray(self._raw.to_ndarray(format=pixels), dtype=np.uint8)


class Video:
    """Frames of a video file, streamed in order or fetched exactly by number.

    Parameters
    ----------
    path : str or Path
        The file.
    threads : int
        Threads that decode when it is iterated, each of which holds a frame; 0 is as many as
        FFmpeg chooses, by the cores. Where other processes keep these busy, two are enough.

    Attributes
    ----------
    times : ndarray, shape (frames,)
        Seconds after the first frame.
    start : float
        Time of the first frame, in seconds of the file's own clock, which its sound goes by; 0 for
        a file without usable times.
    rate : float
        Mean frames a second.
    size : (int, int)
        Width and height in pixels, as a player shows it: stretched to square pixels, its height
        kept, then turned and mirrored as the file says.
    mirrored : bool
        Whether the file says that it is to be mirrored.
    warning : str or None
        What is wrong with the file, so far as it is known: a damaged or truncated file says so
        here, the frames that can be decoded are still delivered.

    Raises
    ------
    InputError
        If there is no such file, it is not a video, or has no frame that can be decoded.

    Notes
    -----
    Of several videos in one file it is the greatest, and never a cover picture. Frames that an
    edit list hides are not there, nor are those at the beginning that a cut left without the
    frames they are made from: what plays first is frame 0.

    Each iteration has its own decoder and holds a few frames at a time. Files without usable
    times (raw streams, H.264 in AVI) are counted by decoding once; their frames are numbered in
    the decoder's order and spaced evenly.
    """

    def __init__(self, path: str | Path, *, threads: int = 0) -> None:
        self.path, self._threads = Path(path), threads
        self.warning: str | None = None
        self._lock = threading.Lock()
        self._reader: StreamReader | None = None
        if not self.path.is_file():
            raise InputError(f"There is no video file {self.path}.")
        with StreamReader(self.path) as reader:
            guess = float(reader.stream.average_rate or reader.stream.guessed_rate or 25)
            aspect = reader.stream.sample_aspect_ratio
            packets = Packets(reader)
        probe = self._probe(packets.count)
        self._view = PlayerView.of(probe[0], aspect)
        self._check_size()
        self.size, self.mirrored = self._view.size, self._view.mirrored
        self._index: PacketIndex | None = None
        if packets.index is not None and packets.index.in_order(probe):
            self._index = packets.index.begin_with(probe[0].pts)
            self.times: NDArray[np.float64] = self._index.times
        else:
            self.times = np.arange(self._count(packets.count)) / guess
        self.start = 0.0 if self._index is None else float(self._index.pts[0] * self._index.base)
        self.times.flags.writeable = False
        last = float(self.times[-1])
        self.rate: float = (len(self) - 1) / last if last > 0 else guess
        if packets.missing is not None:
            self._warn(packets.missing)

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
        count = 0
        with StreamReader(self.path, most=self._threads) as reader:
            for frame in self._from(reader, 0):
                count = frame.index + 1
                yield frame
            bad = reader.bad_packets
        if count < len(self):
            for frame in self._tail(count):
                count = frame.index + 1
                yield frame
        if bad:
            self._warn(f"{bad} packets cannot be decoded")
        if count < len(self):
            self._warn(f"decoding ends after {count} of {len(self)} frames")

    def _from(self, reader: StreamReader, first: int) -> Iterator[VideoFrame]:
        """Decode on from where a reader stands, and deliver from a frame on."""
        needed = None if self._index is None else int(self._index.pts[first])
        at = 0
        for raw in reader.frames(needed):
            frame = self._numbered(raw, at)
            if frame is not None:
                at = frame.index + 1
                if frame.index >= first:
                    yield frame

    def _tail(self, first: int) -> Iterator[VideoFrame]:
        """Decode the last frames anew: several at once are lost with the damaged one among them."""
        for key in self._keys_before(first):
            with StreamReader(self.path, threads=False) as reader:
                if key and self._index is not None:
                    reader.seek(int(self._index.pts[key]))
                found = False
                for frame in self._from(reader, first):
                    found = True
                    yield frame
            if found:
                return

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
            raise IndexError(
                f"{self.path} has {counted(len(self), 'frame')}; there is no frame {number}."
            )
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
        for key, threads in self._starts(wanted):
            frame = self._forward(self._at(key, threads), wanted, key is not None and key > 0)
            if frame is not None:
                return frame
            self._drop_reader()
        raise InputError(
            f"Frame {wanted} of {self.path} cannot be decoded. {self.warning or ''}".strip()
        )

    def _starts(self, wanted: int) -> Iterator[tuple[int | None, bool]]:
        """Yield where to begin, and whether in threads.

        None stays where the decoder is; then key frames; then frame 0; then, without what else
        is decoded at the same time, all this again.
        """
        before = self._keys_before(wanted)
        if self._reader is not None and before and before[0] <= self._reader.at <= wanted:
            yield None, True
        for threads in (True, False):
            yield from ((key, threads) for key in before if key > 0)
            yield 0, threads

    def _keys_before(self, number: int) -> list[int]:
        """Key frames from which a frame can be reached, the nearest first.

        A container may land behind the one it was asked for: then one before it is tried.
        """
        if self._index is None:
            return [0]
        keys = self._index.keys
        before: list[int] = keys[keys <= number][::-1][:3].tolist()
        return before

    def _at(self, key: int | None, threads: bool) -> StreamReader:
        if key is None and self._reader is not None:
            return self._reader
        if self._reader is None or not key:
            self._drop_reader()
            self._reader = StreamReader(self.path, threads=threads)
        if key and self._index is not None:
            self._reader.seek(int(self._index.pts[key]))
        return self._reader

    def _forward(self, reader: StreamReader, wanted: int, after_seek: bool) -> VideoFrame | None:
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
        width, height = self._view.stored
        if (raw.width, raw.height) != (width, height):
            raise InputError(
                f"The picture of {self.path} changes from {width}x{height} to "
                f"{raw.width}x{raw.height} at frame {number}. Points are pixels of one size: "
                "convert the video to a single size first."
            )
        return VideoFrame(number, float(self.times[number]), raw, self._view)

    def _check_size(self) -> None:
        width, height = self._view.size
        if width * height > MAX_FRAME_PIXELS:
            raise InputError(
                f"{self.path} is shown as {width}x{height}, more than the "
                f"{MAX_FRAME_PIXELS / 1e6:.0f} million pixels that are read: its pixels are not "
                "square. Scale it down first."
            )

    def _probe(self, packets: int) -> list[av.VideoFrame]:
        for threads in (True, False):
            with StreamReader(self.path, threads=threads) as reader:
                probe = list(islice(reader.frames(), _PROBED))
            if probe:
                return probe
        raise InputError(
            f"{self.path} has no frame that can be decoded ({packets} packets). "
            "Expected a video of at least one frame: export or download it again."
        )

    def _count(self, packets: int) -> int:
        counts: list[int] = []
        for threads in (True, False):
            if not counts or counts[0] < packets:
                with StreamReader(self.path, threads=threads) as reader:
                    counts.append(sum(1 for _ in reader.frames()))
        return max(counts)

    def _warn(self, what: str) -> None:
        self.warning = f"{self.path} is damaged or truncated: {what}."
