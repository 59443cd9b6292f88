"""What a decoder of sound is told before the first packet, without what people may be told.

The header of most codecs has nothing but numbers. Vorbis is three packets, of which the second
holds titles, names and places (Vorbis I specification, 5); FLAC's begins with a block of numbers,
which others may follow that hold the same.
"""

from __future__ import annotations

from itertools import accumulate, pairwise

from faceloop_datasets.errors import InputError

_MARKS = (b"\x01vorbis", b"\x03vorbis", b"\x05vorbis")
"""How the three packets begin: identification, comments, setup."""
_NO_COMMENTS = _MARKS[1] + bytes(8) + b"\x01"
"""No vendor, no comments, and the bit that ends them."""
_IDENTIFICATION = 30
"""Length of the first packet, in bytes."""
_STREAMINFO = 34
"""The same of the block of numbers of FLAC."""


def without_comments(codec: str, header: bytes) -> bytes:
    """Return the header of a codec, as FFmpeg calls it, without titles, names and places.

    Raises
    ------
    InputError
        If it is damaged.
    """
    if codec == "flac":
        return header[:_STREAMINFO]
    if codec not in ("vorbis", "libvorbis"):
        return header
    first, comments, setup = _packets(header)
    if not all(p.startswith(m) for p, m in zip((first, comments, setup), _MARKS, strict=True)):
        raise InputError("the header of its Vorbis sound is damaged")
    return b"\x02" + _laced(len(first)) + _laced(len(_NO_COMMENTS)) + first + _NO_COMMENTS + setup


def _packets(header: bytes) -> list[bytes]:
    """Return the three packets: each with its length, or with those of the first two before all."""
    if header[:2] == _IDENTIFICATION.to_bytes(2, "big"):
        found, rest = [], header
        for _ in _MARKS:
            length = int.from_bytes(rest[:2], "big")
            found.append(rest[2 : 2 + length])
            rest = rest[2 + length :]
        return found
    at, lengths = 1, []
    for _ in _MARKS[1:]:
        length = 0
        while header[at : at + 1] == b"\xff":
            length, at = length + 255, at + 1
        lengths.append(length + int.from_bytes(header[at : at + 1], "big"))
        at += 1
    ends = [*accumulate([at, *lengths]), len(header)]
    return [header[start:end] for start, end in pairwise(ends)]


def _laced(length: int) -> bytes:
    full, rest = divmod(length, 255)
    return b"\xff" * full + bytes([rest])
