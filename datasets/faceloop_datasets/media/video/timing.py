"""When each frame is shown, and whether a file holds all that it promises."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, cast

import av
import numpy as np

from faceloop_datasets.errors import InputError

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from .stream import StreamReader

MAX_FRAMES = 3_000_000
"""Longer videos are refused (a day at 30 frames a second is 2.6 million)."""

_SLACK = 1.0  # seconds that a header may promise too much: it counts sound, and rounds


class PacketIndex:
    """Presentation times of all frames, and which of them are key frames.

    Parameters
    ----------
    pts : ndarray of int64, shape (frames,)
        Presentation times in units of ``base``, rising.
    keys : ndarray of int, shape (keys,)
        Numbers of the frames that need no other.
    base : Fraction
        Seconds.
    """

    def __init__(self, pts: NDArray[np.int64], keys: NDArray[np.intp], base: Fraction) -> None:
        self.pts = pts
        self.keys = keys
        self.base = base

    @property
    def times(self) -> NDArray[np.float64]:
        """Seconds after the first frame, shape (frames,)."""
        return np.asarray((self.pts - self.pts[0]) * float(self.base))

    def number(self, pts: int | None) -> int | None:
        """Find the frame shown at a time; None if no packet has it."""
        if pts is None:
            return None
        at = int(np.searchsorted(self.pts, pts))
        return at if at < len(self.pts) and self.pts[at] == pts else None

    def begin_with(self, pts: int | None) -> PacketIndex:
        """Leave out what comes before a time: it lacks frames that have been cut off."""
        number = self.number(pts) or 0
        keys = self.keys - number
        return PacketIndex(self.pts[number:], keys[keys >= 0], self.base)

    def in_order(self, probe: list[av.VideoFrame]) -> bool:
        """Whether the decoder gives frames at these times, and in this order."""
        numbers = [self.number(raw.pts) for raw in probe]
        known = [n for n in numbers if n is not None]
        return len(known) == len(numbers) and known == sorted(set(known))


class Packets:
    """What the packets of a video say, read once without decoding.

    Parameters
    ----------
    reader : StreamReader
        Stands at the beginning; it is at the end then.

    Attributes
    ----------
    count : int
        How many there are to decode.
    index : PacketIndex or None
        None if a packet has no time of its own.
    missing : str or None
        What the file promises and does not hold.

    Raises
    ------
    InputError
        If there are none, or more than `MAX_FRAMES`.
    """

    def __init__(self, reader: StreamReader) -> None:
        shown: list[tuple[int | None, bool]] = []
        self.count, self._end, self._cut_off = 0, 0, False
        for packet in islice(reader.packets(), MAX_FRAMES + 1):
            self.count += 1
            self._cut_off = packet.is_corrupt
            self._end = max(self._end, (packet.pts or 0) + (packet.duration or 0))
            if not packet.is_discard:  # an edit list shows a part, which needs more to be decoded
                shown.append((packet.pts, packet.is_keyframe))
        if self.count > MAX_FRAMES:
            raise InputError(
                f"{reader.path} has more than {MAX_FRAMES:,} frames. Cut it into parts first."
            )
        if not shown:
            raise InputError(
                f"{reader.path} has no frames. Expected a video of at least one frame."
            )
        base = cast("Fraction", reader.stream.time_base)
        self.index = _index(shown, base)
        self.missing = self._missing(reader, base)

    def _missing(self, reader: StreamReader, base: Fraction) -> str | None:
        if self._cut_off:
            return "its last packet is cut off"
        if "mp4" in reader.container.format.name:
            # After the edit list: the header also counts what that leaves out.
            listed = len(reader.stream.index_entries)
            if listed > self.count:
                return f"its header promises {listed} frames, it holds {self.count}"
            return None
        if self.index is None:
            return None
        promised = (reader.container.duration or 0) / av.time_base - _SLACK
        first, end = float(int(self.index.pts[0]) * base), float(self._end * base)
        held = max(end, end - first)  # some count from the first frame, others from zero
        if held < promised and (held := max(held, reader.end_of_all())) < promised:
            return f"its header promises {promised + _SLACK:.1f} s, it ends after {held:.1f} s"
        return None


def _index(packets: list[tuple[int | None, bool]], base: Fraction) -> PacketIndex | None:
    if any(pts is None for pts, _ in packets):
        return None
    times = np.array([pts for pts, _ in packets], dtype=np.int64)
    order = np.argsort(times, kind="stable")
    pts = times[order]
    if (np.diff(pts) == 0).any():
        return None
    return PacketIndex(pts, np.flatnonzero(np.array([key for _, key in packets])[order]), base)
