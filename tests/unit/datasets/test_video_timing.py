"""Numbers and times of frames by their definition, and what a file promises and does not hold."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceloop_datasets import InputError
from faceloop_datasets.media.video import timing
from faceloop_datasets.media.video.stream import StreamReader
from faceloop_datasets.media.video.timing import PacketIndex, Packets

from .video_files import copy_stream, encode

KEYS = {"g": "20", "bf": "3", "x264-params": "scenecut=0"}  # frames 0, 20 and 40
rising = st.lists(st.integers(-1000, 1000), min_size=1, max_size=30, unique=True).map(sorted)


def index(pts: list[int], keys: list[int], base: Fraction = Fraction(1, 90)) -> PacketIndex:
    return PacketIndex(np.array(pts, np.int64), np.array(keys, np.intp), base)


@settings(max_examples=50)
@given(rising, st.fractions(Fraction(1, 90_000), Fraction(1, 10)))
def test_times_are_seconds_after_the_first_frame(pts: list[int], base: Fraction) -> None:
    expected = [float((time - pts[0]) * base) for time in pts]
    times = index(pts, [0], base).times
    assert times[0] == 0.0
    assert times.dtype == np.float64
    np.testing.assert_allclose(times, expected, rtol=1e-12)


@given(rising, st.integers(-1100, 1100))
def test_a_frame_has_the_number_of_its_time_and_no_other(pts: list[int], time: int) -> None:
    expected = pts.index(time) if time in pts else None
    assert index(pts, [0]).number(time) == expected
    assert index(pts, [0]).number(pts[-1]) == len(pts) - 1
    assert index(pts, [0]).number(None) is None


def test_what_was_cut_off_is_left_out() -> None:
    """Key frames keep their times; those that are gone are no key frames any more."""
    whole = index([10, 13, 17, 20, 29], [0, 2, 4])
    later = whole.begin_with(17)
    assert later.pts.tolist() == [17, 20, 29]
    assert later.keys.tolist() == [0, 2]
    assert later.base == whole.base
    between = whole.begin_with(13)
    assert between.pts.tolist() == [13, 17, 20, 29]
    assert between.keys.tolist() == [1, 3]
    for nothing in (None, 11, 10):
        same = whole.begin_with(nothing)
        assert same.pts.tolist() == [10, 13, 17, 20, 29]
        assert same.keys.tolist() == [0, 2, 4]


def frames(*times: int | None) -> list[av.VideoFrame]:
    made = []
    for time in times:
        frame = av.VideoFrame(16, 16, "gray")
        frame.pts = time
        made.append(frame)
    return made


@pytest.mark.parametrize(
    ("times", "good"),
    [
        ((10, 13, 17), True),
        ((13, 29), True),
        ((10, 17, 13), False),
        ((10, 10, 13), False),
        ((10, 11, 13), False),
        ((10, None, 13), False),
        ((), True),
    ],
)
def test_decoded_frames_are_in_the_order_of_their_times(
    times: tuple[int | None, ...], good: bool
) -> None:
    assert index([10, 13, 17, 20, 29], [0]).in_order(frames(*times)) is good


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty frames at 25 a second; the packets are not in the order of their times."""
    path = tmp_path_factory.mktemp("timing") / "whole.mp4"
    return encode(path, "libx264", [4 * i for i in range(60)], **KEYS)


def packets(path: Path) -> Packets:
    with StreamReader(path) as reader:
        return Packets(reader)


def test_packets_of_a_whole_file(whole: Path) -> None:
    found = packets(whole)
    assert found.count == 60
    assert found.missing is None
    assert found.index is not None
    np.testing.assert_allclose(found.index.times, np.arange(60) / 25, atol=1e-9)
    assert found.index.keys.tolist() == [0, 20, 40]
    assert (np.diff(found.index.pts) > 0).all()


def test_frames_that_an_edit_list_hides_are_decoded_and_not_shown(
    whole: Path, tmp_path: Path
) -> None:
    cut = copy_stream(
        whole, tmp_path / "cut.mp4", keep=lambda number, _: number >= 20, shift=-26 * 0.04
    )
    found = packets(cut)
    assert found.count == 40
    assert found.index is not None
    np.testing.assert_allclose(found.index.times, np.arange(34) / 25, atol=1e-9)
    assert found.missing is None


def test_packets_without_times_have_no_index(whole: Path, tmp_path: Path) -> None:
    found = packets(copy_stream(whole, tmp_path / "raw.h264"))
    assert found.count == 60
    assert found.index is None
    assert found.missing is None


def test_two_frames_of_one_time_have_no_index(whole: Path, tmp_path: Path) -> None:
    """Nobody could tell which of them is meant."""

    def twice(number: int, packet: av.Packet) -> bool:
        if number == 30:
            assert packet.pts is not None
            packet.pts += round(Fraction(1, 25) / packet.time_base)
        return True

    found = packets(copy_stream(whole, tmp_path / "twice.mkv", keep=twice))
    assert found.count == 60
    assert found.index is None


def test_a_file_of_too_many_frames_is_refused(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "MAX_FRAMES", 60)
    assert packets(whole).count == 60
    monkeypatch.setattr(timing, "MAX_FRAMES", 59)
    with pytest.raises(InputError, match="more than 59 frames"):
        packets(whole)


def truncated(path: Path, share: float) -> Path:
    cut = path.with_stem("cut")
    cut.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return cut


def test_an_mp4_says_how_many_frames_it_should_have(whole: Path, tmp_path: Path) -> None:
    path = copy_stream(whole, tmp_path / "a.mp4", movflags="faststart")
    with av.open(str(path)) as container:
        sizes = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    kept = 25
    path.write_bytes(path.read_bytes()[: sizes[kept - 1][0] + sizes[kept - 1][1]])
    found = packets(path)
    assert found.count == kept
    assert found.missing == f"its header promises 60 frames, it holds {kept}"


def test_a_last_packet_may_be_cut_off(whole: Path, tmp_path: Path) -> None:
    path = copy_stream(whole, tmp_path / "a.mp4", movflags="faststart")
    with av.open(str(path)) as container:
        last = [p for p in container.demux(video=0) if p.size][25]
        end = last.pos + last.size // 2
    path.write_bytes(path.read_bytes()[:end])
    assert packets(path).missing == "its last packet is cut off"


def test_other_containers_say_how_long_they_should_be(tmp_path: Path) -> None:
    """Also where the first frame is not at zero, which some count from and others do not."""
    source = encode(tmp_path / "a.mp4", "libx264", [4 * i for i in range(250)], **KEYS)
    path = copy_stream(source, tmp_path / "a.mkv")
    later = copy_stream(source, tmp_path / "later.mkv", shift=3.0)
    assert packets(path).missing is packets(later).missing is None
    for file, promised in ((path, 10.0), (later, 13.0)):
        found = packets(truncated(file, 0.6))
        assert found.index is not None
        end = float(found.index.pts[-1] * found.index.base) + 0.04
        assert found.missing is not None
        said, ends = (float(word) for word in found.missing.split() if word[0].isdigit())
        assert said == pytest.approx(promised, abs=0.06)
        assert ends == pytest.approx(end, abs=0.06)
        assert found.missing == f"its header promises {said:.1f} s, it ends after {ends:.1f} s"


@pytest.mark.parametrize(("gone", "noticed"), [(23, False), (27, True)])
def test_a_second_may_be_missing(gone: int, noticed: bool, tmp_path: Path) -> None:
    """Headers count sound, and round."""
    times = [4 * i for i in range(100)]
    path = encode(tmp_path / "a.mkv", "libx264", times, bf="0", g="50")
    with av.open(str(path)) as container:
        last = [p for p in container.demux(video=0) if p.size][-gone]
    path.write_bytes(path.read_bytes()[: last.pos])
    assert (packets(path).missing is not None) is noticed


def test_sound_that_ends_later_is_not_missing(whole: Path, tmp_path: Path) -> None:
    found = packets(copy_stream(whole, tmp_path / "long.mkv", sound=8))
    assert found.count == 60
    assert found.missing is None
