"""Frame 0 is at 0 s, and every other one at its own time, in files of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from faceloop_datasets.errors import InputError
from faceloop_datasets.media.video.reading import Video
from faceloop_datasets.media.video.stream import StreamReader

from .video_files import copy_stream, encode, numbered, read_number

KEYS = {"g": "20", "bf": "3", "x264-params": "scenecut=0"}  # frames 0, 20 and 40
COUNT = 50


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frames") / "whole.mp4"
    return encode(path, "libx264", [4 * i for i in range(COUNT)], **KEYS)


def at_rate(path: Path, rate: Fraction, count: int) -> Path:
    """A file of a constant rate."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for image in numbered(count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def check(video: Video, shown: Sequence[int], times: Sequence[float]) -> None:
    """All frames, in order and at random, with their numbers and times."""
    assert len(video) == len(shown)
    np.testing.assert_allclose(video.times, times, atol=1e-6)
    played = [(frame.index, frame.time, read_number(frame.gray())) for frame in video]
    assert [index for index, _, _ in played] == list(range(len(shown)))
    assert [time for _, time, _ in played] == video.times.tolist()
    assert [number for _, _, number in played] == list(shown)
    order = np.random.default_rng(0).permutation(len(shown))[:12].tolist()
    for i in [*order, len(shown) - 1, *range(min(3, len(shown)))]:
        frame = video[i]
        assert (frame.index, frame.time) == (i, video.times[i])
        assert read_number(frame.gray()) == shown[i]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts", "h264"])
def test_times_begin_with_zero_and_are_evenly_spaced(
    ending: str, whole: Path, tmp_path: Path
) -> None:
    """Where packets have no times (h264) frames are counted, and the rate is the header's."""
    video = Video(copy_stream(whole, tmp_path / f"a.{ending}"))
    check(video, range(COUNT), np.arange(COUNT) / 25)
    assert video.rate == pytest.approx(25)
    assert video.warning is None
    assert not video.times.flags.writeable


@pytest.mark.parametrize("shift", [3.0, 0.5])
def test_the_first_time_is_zero_where_a_file_begins_late(
    shift: float, whole: Path, tmp_path: Path
) -> None:
    late = copy_stream(whole, tmp_path / "late.mkv", shift=shift)
    check(Video(late), range(COUNT), np.arange(COUNT) / 25)


@pytest.fixture(scope="module")
def open_ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames before each key frame are made from it and from those before them."""
    options = KEYS | {"x264-params": "scenecut=0:open-gop=1:b-adapt=0"}
    path = tmp_path_factory.mktemp("frames") / "open.mp4"
    return encode(path, "libx264", [4 * i for i in range(COUNT)], **options)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_frames_that_need_those_of_two_sides_are_found(
    ending: str, open_ended: Path, tmp_path: Path
) -> None:
    video = Video(copy_stream(open_ended, tmp_path / f"a.{ending}"))
    check(video, range(COUNT), np.arange(COUNT) / 25)
    for number in (41, 17, 38, 19, 20, 18, 37, 21, 39):  # round the key frames, each by a seek
        video.close()
        assert read_number(video[number].gray()) == number


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_the_first_time_is_that_of_the_first_frame_that_can_be_decoded(
    ending: str, open_ended: Path, tmp_path: Path
) -> None:
    """Those before it lack the frames that they are made from, which a cut has taken."""
    keyed: list[int] = []
    early: list[int] = []

    def from_key(number: int, packet: av.Packet) -> bool:
        assert packet.pts is not None
        if number > 0 and packet.is_keyframe:
            keyed.append(packet.pts)
        if keyed and packet.pts < keyed[0]:
            early.append(number)
        return bool(keyed)

    video = Video(copy_stream(open_ended, tmp_path / f"cut.{ending}", keep=from_key))
    assert len(early) == 3
    check(video, range(20, COUNT), np.arange(COUNT - 20) / 25)


def test_times_of_a_variable_rate_are_its_own(tmp_path: Path) -> None:
    times = np.cumsum([0, *np.random.default_rng(5).choice([1, 2, 4, 11], 29)]).tolist()
    video = Video(encode(tmp_path / "vfr.mkv", "libx264", times, g="10", bf="2"))
    check(video, range(30), np.array(times) / 100)
    assert video.rate == pytest.approx(29 / (times[-1] / 100))
    short = Video(encode(tmp_path / "short.mkv", "libx264", [0, 10, 30]))
    assert short.rate == pytest.approx(2 / 0.3)


def test_one_frame_has_the_rate_of_the_header(tmp_path: Path) -> None:
    video = Video(at_rate(tmp_path / "one.avi", Fraction(10), 1))
    check(video, [0], [0.0])
    assert video.rate == pytest.approx(10)


def test_frames_without_times_are_spaced_by_the_header(tmp_path: Path) -> None:
    """H.264 in AVI: its packets are not in the order that frames are shown in."""
    video = Video(encode(tmp_path / "a.avi", "libx264", [4 * i for i in range(COUNT)], **KEYS))
    check(video, range(COUNT), np.arange(COUNT) / 100)  # which `encode` names in the header
    assert video.rate == pytest.approx(100)
    other = Video(at_rate(tmp_path / "b.avi", Fraction(10), 12))
    check(other, range(12), np.arange(12) / 10)
    assert other.rate == pytest.approx(10)


def test_numbers_count_from_both_ends(whole: Path) -> None:
    video = Video(whole)
    for number, shown in ((-1, COUNT - 1), (-COUNT, 0), (0, 0)):
        assert read_number(video[number].gray()) == shown
    for number in (COUNT, -COUNT - 1):
        with pytest.raises(IndexError, match=f"has {COUNT} frames; there is no frame {number}"):
            video[number]


class Decoded:
    """Packets that go into decoders, and frames that come out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.packets, self.frames = 0, 0
        known = StreamReader._decode

        def counted(reader: StreamReader, packet: av.Packet | None) -> list[av.VideoFrame]:
            found = known(reader, packet)  # type: ignore[arg-type]
            self.packets += packet is not None
            self.frames += len(found)
            return found

        monkeypatch.setattr(StreamReader, "_decode", counted)


@pytest.mark.parametrize("number", [45, 40, 41])
def test_a_frame_is_decoded_from_the_key_frame_before_it(
    number: int, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder takes up to 16 packets more than it shows, one for each of its threads."""
    path = encode(whole.with_stem("long"), "libx264", [4 * i for i in range(100)], **KEYS)
    video = Video(path)
    done = Decoded(monkeypatch)
    frame = video[number + 40]
    assert read_number(frame.gray()) == number + 40
    assert done.packets <= number - 40 + 1 + 3 + 16  # of 100, and three that are made from later


def test_frames_on_the_way_that_nothing_is_made_from_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"g": "100", "bf": "3", "x264-params": "scenecut=0:b-adapt=0:b-pyramid=none"}
    video = Video(encode(tmp_path / "a.mp4", "libx264", [4 * i for i in range(80)], **options))
    done = Decoded(monkeypatch)
    assert read_number(video[60].gray()) == 60
    assert done.frames < 40  # three of four are made from others only


def damaged(path: Path, target: Path, *numbers: int) -> Path:
    """A copy in which some packets, in the order of the file, hold nothing that can be decoded."""
    body = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    for number in numbers:
        start = packets[number].pos
        body[start : start + packets[number].size] = bytes(packets[number].size)
    target.write_bytes(body)
    return target


def test_damaged_frames_keep_the_numbers_of_the_others(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", "libx264", [4 * i for i in range(COUNT)], g="10", bf="0")
    video = Video(damaged(path, tmp_path / "b.mp4", 24))
    played = [(frame.index, read_number(frame.gray())) for frame in video]
    assert len(played) >= COUNT - 7  # up to the next key frame, which some decoders also leave out
    assert all(index == number for index, number in played if not 24 <= index < 31)
    assert video.warning is not None
    assert "damaged or truncated: 1 packets cannot be decoded" in video.warning
    assert read_number(video[35].gray()) == 35
    if 24 not in {index for index, _ in played}:
        with pytest.raises(InputError, match=r"Frame 24 of .* cannot be decoded"):
            video[24]
    assert read_number(video[10].gray()) == 10


def test_a_truncated_file_says_what_is_missing(whole: Path, tmp_path: Path) -> None:
    path = copy_stream(whole, tmp_path / "a.mkv")
    with av.open(str(path)) as container:
        end = [p.pos for p in container.demux(video=0) if p.size][10]
    path.write_bytes(path.read_bytes()[:end])
    video = Video(path)
    assert video.warning is not None
    assert video.warning.startswith(f"{path} is damaged or truncated: its header promises 2.0 s")
    assert [frame.index for frame in video] == list(range(len(video)))


def test_pictures_of_another_size_are_refused_with_their_number(tmp_path: Path) -> None:
    parts = []
    for size in ((96, 64), (128, 64)):
        path = tmp_path / f"{size[0]}.h264"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"bf": "0"})
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            for image in numbered(20, size):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode(None))
        parts.append(path.read_bytes())
    both = tmp_path / "both.h264"
    both.write_bytes(b"".join(parts))
    shown = []
    with pytest.raises(InputError, match="changes from 96x64 to 128x64 at frame 20"):
        shown.extend(frame.index for frame in Video(both))
    assert shown == list(range(20))
