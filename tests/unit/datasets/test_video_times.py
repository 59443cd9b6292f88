"""When the frames of a video are shown: seconds after the first one that a player shows."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import Video
from faceloop_datasets.media.video.timing import PacketIndex

from .video_files import encode, read_number

if TYPE_CHECKING:
    from pathlib import Path

TIMES = st.lists(st.integers(-500, 5000), min_size=1, max_size=30, unique=True).map(sorted)
BASE = Fraction(1, 90)


def index(pts: list[int], keys: list[int] | None = None) -> PacketIndex:
    return PacketIndex(np.array(pts), np.array([0] if keys is None else keys), BASE)


@pytest.mark.parametrize("first", [0, 4, 250])
@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_the_first_frame_is_at_zero_whenever_the_file_begins(
    first: int, ending: str, tmp_path: Path
) -> None:
    spacing = [0, 4, 6, 20]
    video = Video(encode(tmp_path / f"v.{ending}", "mpeg4", [first + at for at in spacing]))
    np.testing.assert_allclose(video.times, np.array(spacing) / 100, atol=1e-9)
    assert [frame.time for frame in video] == list(video.times)
    assert video[0].time == 0.0
    assert [read_number(frame.gray()) for frame in video] == [0, 1, 2, 3]
    assert video.rate == pytest.approx(3 / 0.2)


@given(TIMES)
def test_times_count_from_the_first_frame(pts: list[int]) -> None:
    times = index(pts).times
    assert times[0] == 0.0
    np.testing.assert_allclose(times, [(p - pts[0]) / 90 for p in pts], rtol=1e-12)


@given(TIMES, st.integers(-500, 5000))
def test_a_frame_is_known_by_its_own_time_only(pts: list[int], time: int) -> None:
    found = index(pts).number(time)
    assert found == (pts.index(time) if time in pts else None)
    assert [index(pts).number(p) for p in pts] == list(range(len(pts)))
    assert index(pts).number(None) is None


@given(TIMES, st.data())
def test_what_lacks_its_beginning_begins_with_the_first_frame_that_can_be_shown(
    pts: list[int], data: st.DataObject
) -> None:
    keys = sorted(data.draw(st.sets(st.integers(0, len(pts) - 1))))
    first = data.draw(st.integers(0, len(pts) - 1))
    shown = index(pts, keys).begin_with(pts[first])
    assert list(shown.pts) == pts[first:]
    assert shown.times[0] == 0.0
    assert [pts[first + k] for k in shown.keys] == [pts[k] for k in keys if k >= first]


def test_a_first_frame_that_no_packet_has_leaves_all() -> None:
    for strange in (None, 7):
        shown = index([0, 10, 20], [0, 2]).begin_with(strange)
        assert (list(shown.pts), list(shown.keys)) == ([0, 10, 20], [0, 2])


class Raw:
    """A decoded frame, as far as its time goes."""

    def __init__(self, pts: int | None) -> None:
        self.pts = pts


@pytest.mark.parametrize(
    ("decoded", "in_order"),
    [
        ([0, 10, 20], True), ([10, 20], True), ([], True), ([20, 10], False), ([10, 10], False),
        ([0, 5], False), ([0, None], False),
    ],
)  # fmt: skip
def test_times_are_believed_if_the_decoder_gives_them_in_order(
    decoded: list[int | None], in_order: bool
) -> None:
    assert index([0, 10, 20]).in_order([Raw(p) for p in decoded]) == in_order  # type: ignore[misc]
