"""One open decoder of a video file."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import av
from av.stream import Disposition

from faceloop_datasets.errors import InputError
from faceloop_datasets.faults import in_words
from faceloop_datasets.media.images import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv")
"""File names that are taken for videos."""

MAX_FRAME_PIXELS = 36_000_000
"""Larger frames are refused (8K has 33 million): a decoder keeps up to seventeen of them."""

# Containers of one video, which name no other file and no address: a playlist would be read too,
# and what it names fetched from the network. And nothing is read but files.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,mpeg,mpegts,mpegvideo,m4v,mxf,ogg,ivf,gif,"
    "apng,h264,hevc,h263,mjpeg,mpjpeg,av1,obu,vvc,dv,yuv4mpegpipe,nut,rm"
)
_LIMITS = {"max_pixels": str(MAX_FRAME_PIXELS)}
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS, **_LIMITS}
# A title that is no UTF-8 is no reason to refuse a video; since 19 PyAV needs not be told.
_ANY_TITLE: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)
_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails  # covers, and chapters' stills


class StreamReader:
    """One open decoder. Broken packets are counted and passed over.

    Parameters
    ----------
    path : Path
        The file.
    threads : bool
        Whether several frames are decoded at once. It is faster; but where the last frames of a
        file are damaged, whole ones that are decoded at the same time are lost with them.

    most : int
        Threads, each of which holds a frame; 0 is as many as FFmpeg chooses, by the cores.

    Raises
    ------
    InputError
        If it is no video that can be read.
    """

    def __init__(self, path: Path, *, threads: bool = True, most: int = 0) -> None:
        self.path = path
        self.at = 0  # number of the next frame, kept by who reads
        self.bad_packets = 0
        self._decoded: deque[av.VideoFrame] = deque()
        self.container = open_container(path)
        try:
            self.stream: VideoStream = self._best_stream()
        except InputError:
            self.container.close()
            raise
        self.stream.codec_context.options = _LIMITS
        self.stream.thread_type = "AUTO" if threads else "NONE"
        self.stream.codec_context.thread_count = most

    def _best_stream(self) -> VideoStream:
        streams = self.container.streams.video
        moving = [stream for stream in streams if not stream.disposition & _PICTURES]
        if not moving:
            found = "only a cover picture and no video" if streams else "no video stream"
            raise InputError(f"{self.path} holds {found}. Expected a video file.")
        best = max(moving, key=_worth)
        context = _codec_of(best)
        if context is None:
            problem = "is coded in a way that is not known here. Convert it to H.264"
        elif context.width * context.height > MAX_FRAME_PIXELS:
            problem = (
                f"has frames of {context.width}x{context.height}, more than the "
                f"{MAX_FRAME_PIXELS / 1e6:.0f} million pixels that are read. Scale it down first"
            )
        else:
            return best
        raise InputError(f"{self.path} {problem}.")

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """Yield the packets of the video, so far as they can be read."""
        # A truncated container ends in an error; what came before is good. IndexError: at the end
        # PyAV looks for a stream that came up too late for it.
        with suppress(av.FFmpegError, OSError, IndexError):
            for packet in self.container.demux(self.stream):
                if packet.size:
                    yield packet

    def end_of_all(self) -> float:
        """Read the file once more, its sound too, and return when the last of it ends, in s."""
        end = 0.0
        with StreamReader(self.path) as again, suppress(av.FFmpegError, OSError, IndexError):
            for packet in again.container.demux():
                if packet.pts is not None:
                    last = (packet.pts + (packet.duration or 0)) * packet.time_base
                    end = max(end, float(last))
        return end

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
        """Go to the key frame before a presentation time, or near it."""
        self._decoded.clear()
        with suppress(av.FFmpegError):  # where it really landed shows in the next frame
            self.container.seek(pts, stream=self.stream)

    def close(self) -> None:
        """Close the file."""
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


def open_container(path: Path) -> InputContainer:
    """Open a video file, and nothing that it names.

    Raises
    ------
    InputError
        If it is no video that can be read.
    """
    try:
        # absolute, so that a colon in the name makes no address of it
        opened: InputContainer = av.open(str(path.absolute()), options=_OPTIONS, **_ANY_TITLE)
    except (av.FFmpegError, OSError, ValueError) as error:
        if path.suffix.lower() in IMAGE_SUFFIXES:
            raise InputError(f"{path} is a picture. Expected a video file.") from error
        raise InputError(
            f"{path} cannot be read as a video ({in_words(error)}). Expected a video file such as "
            "MP4, WebM, MOV, MKV or AVI; a download that broke off must be repeated."
        ) from error
    return opened


def _codec_of(stream: VideoStream) -> VideoCodecContext | None:
    """Return what decodes a stream; None, which PyAV's types leave out, if nothing does."""
    return stream.codec_context


def _worth(stream: VideoStream) -> tuple[bool, bool, bool, int, bool]:
    """Order the videos of one file: what a person means by the video is the greatest.

    One that says that it has a single frame is a picture; a dependent one only adds to another.
    """
    context = _codec_of(stream)
    return (
        context is not None,
        stream.frames != 1,
        not stream.disposition & Disposition.dependent,
        0 if context is None else context.width * context.height,
        bool(stream.disposition & Disposition.default),
    )
