"""The sound of a video file, carried into another one as it is coded."""

from __future__ import annotations

import io
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, cast

import av

from faceloop_datasets.errors import InputError

from .sound_header import without_comments
from .stream import open_container

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet

_TRIED = 2.0
"""Seconds of a sound that are copied to see whether it fits."""


class Sound:
    """The sound of a video file, all its tracks, packet by packet.

    Packets are copied, not coded anew: they hold the same bytes. What else a file holds, such as
    titles, chapters and cover pictures, is not; nor are the comments in the header of a codec.

    Parameters
    ----------
    path : Path
        The file.
    start : float
        Time at which its first frame is shown, in seconds of its own clock.

    Raises
    ------
    InputError
        If it cannot be read.
    """

    def __init__(self, path: Path, start: float) -> None:
        self._path, self._start = path, start
        self._source = open_container(path)
        self._tracks: list[AudioStream] = [
            track
            for track in self._source.streams.audio
            # None, which PyAV's types leave out, where nothing decodes it.
            if cast("object", track.codec_context) is not None
        ]
        self._copies: dict[int, AudioStream] = {}
        self._began: dict[int, int] = {}
        self._packets = self._read()
        self._next: Packet[Any] | None = None

    def check_fits(self, target: Path) -> None:
        """Refuse a file that cannot hold this sound, before any work is done.

        Raises
        ------
        InputError
            If a format of that ending does not hold what the sound is coded in.
        """
        if not self._tracks:
            return
        nowhere = io.BytesIO()
        nowhere.name = f"sound{target.suffix}"  # what the format is known by
        try:
            # Packets too: some formats refuse a track only when they come to its end.
            with closing(Sound(self._path, self._start)) as first, av.open(nowhere, "w") as trial:
                first.begin(trial)
                trial.start_encoding()
                first.copy_until(trial, _TRIED)
        except (av.FFmpegError, ValueError) as error:
            raise InputError(
                f"The sound of {self._path} is {self._codecs}, which a file {target.suffix} cannot "
                "hold. Choose a name that ends in .mkv, or leave the sound out."
            ) from error

    @property
    def _codecs(self) -> str:
        return " and ".join(sorted({track.codec_context.name for track in self._tracks}))

    def begin(self, target: OutputContainer) -> None:
        """Make the tracks in a file that has none of its packets yet.

        Raises
        ------
        InputError
            If the header of one is damaged.
        """
        for track in self._tracks:
            copy = self._copies[track.index] = target.add_stream_from_template(track)
            header = track.codec_context.extradata
            if header is not None:
                copy.codec_context.extradata = self._without_comments(track, header)
        self._next = next(self._packets, None)

    def _without_comments(self, track: AudioStream, header: bytes) -> bytes:
        try:
            return without_comments(track.codec_context.name, header)
        except InputError as error:
            raise InputError(
                f"The sound of {self._path} cannot be copied: {error}. Leave the sound out."
            ) from error

    def copy_until(self, target: OutputContainer, seconds: float) -> None:
        """Copy the packets that begin before a time, in seconds after the first frame."""
        while self._next is not None:
            packet, base = self._next, float(self._next.time_base)
            if packet.dts is not None and packet.dts * base - self._start >= seconds:
                return
            self._next = next(self._packets, None)
            shift = round(self._start / base)
            packet.duration = packet.duration or self._duration(packet)
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            packet.stream = self._copies[packet.stream_index]
            target.mux(packet)

    def _duration(self, packet: Packet[Any]) -> int:
        """Return how long the packet before it lasted: a last one of no length is not played."""
        if packet.dts is None:
            return 0
        before = self._began.get(packet.stream_index, packet.dts)
        self._began[packet.stream_index] = packet.dts
        return max(packet.dts - before, 0)

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def _read(self) -> Iterator[Packet[Any]]:
        """Yield the packets so far as they can be read: a truncated file ends in an error."""
        with suppress(av.FFmpegError, OSError, IndexError):
            for packet in self._source.demux(self._tracks) if self._tracks else ():
                if packet.size:
                    yield packet
