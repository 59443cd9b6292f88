"""Headers of sound without what people are told in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import InputError
from faceloop_datasets.media.video.sound_header import without_comments

FIRST = b"\x01vorbis" + bytes(range(23))
CLEAN = b"\x03vorbis" + bytes(8) + b"\x01"


def laced(*packets: bytes) -> bytes:
    """Each length but the last in bytes of 255 and a rest, then the packets."""
    lengths = [b"\xff" * (len(p) // 255) + bytes([len(p) % 255]) for p in packets[:-1]]
    return bytes([len(packets) - 1]) + b"".join(lengths) + b"".join(packets)


def each_with_its_length(*packets: bytes) -> bytes:
    return b"".join(len(p).to_bytes(2, "big") + p for p in packets)


@given(st.binary(max_size=2000), st.binary(max_size=2000), st.booleans())
def test_comments_of_vorbis_go_and_the_rest_stays(said: bytes, books: bytes, other: bool) -> None:
    packets = FIRST, b"\x03vorbis" + said, b"\x05vorbis" + books
    header = each_with_its_length(*packets) if other else laced(*packets)
    assert without_comments("vorbis", header) == laced(FIRST, CLEAN, packets[2])


@given(st.binary(max_size=200))
def test_a_damaged_header_of_vorbis_is_refused(header: bytes) -> None:
    with pytest.raises(InputError, match="damaged"):
        without_comments("vorbis", header)


def test_only_the_numbers_of_flac_are_kept() -> None:
    assert without_comments("flac", bytes(34) + b"somebody") == bytes(34)


def test_others_have_no_comments() -> None:
    assert without_comments("opus", b"OpusHead...") == b"OpusHead..."
