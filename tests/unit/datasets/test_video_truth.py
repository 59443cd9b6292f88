"""Whole files are not called damaged, damaged ones lose no frame, and the video is the video."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from faceloop_datasets import InputError, Video

from .video_files import copy_stream, encode, numbered, read_number

ENDINGS = ["mp4", "mov", "mkv"]
KEYS = {"g": "20", "bf": "3", "x264-params": "scenecut=0"}  # frames 0, 20 and 40
OPEN = KEYS | {"x264-params": "scenecut=0:open-gop=1:b-adapt=0"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("truth") / "whole.mp4"
    return encode(path, "libx264", [4 * i for i in range(60)], **KEYS)


@pytest.fixture(scope="module")
def open_ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Before each key frame some are shown that are made from those before it."""
    path = tmp_path_factory.mktemp("truth") / "open.mp4"
    return encode(path, "libx264", [4 * i for i in range(60)], **OPEN)


def check(path: Path, first: int) -> None:
    """Frames from one number to 59, in order and by number, and nothing wrong with the file."""
    video = Video(path)
    shown = list(range(first, 60))
    assert [read_number(f.gray()) for f in video] == shown
    assert [f.index for f in video] == list(range(len(shown)))
    assert len(video) == len(shown)
    for i in (0, len(shown) - 1, len(shown) // 2, 0):
        assert read_number(video[i].gray()) == shown[i]
        assert video[i].time == pytest.approx(0.04 * i)
    assert video.warning is None


@pytest.mark.parametrize("ending", ["mp4", "mov"])
@pytest.mark.parametrize("kind", ["whole", "open_ended"])
def test_an_edit_list_hides_frames(
    kind: str, ending: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Cut at frame 26 without encoding: from the key frame on it is in the file, but not shown."""
    source: Path = request.getfixturevalue(kind)
    key = {"whole": 20, "open_ended": 17}[kind]  # place of its packet: three that need it follow
    cut = copy_stream(
        source, tmp_path / f"cut.{ending}", keep=lambda number, _: number >= key, shift=-26 * 0.04
    )
    check(cut, 26)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_cut_may_leave_frames_without_those_they_are_made_from(
    ending: str, open_ended: Path, tmp_path: Path
) -> None:
    keyed: list[int] = []

    def from_key(number: int, packet: av.Packet) -> bool:
        if number > 0 and packet.is_keyframe:
            keyed.append(number)
        return bool(keyed)

    check(copy_stream(open_ended, tmp_path / f"cut.{ending}", keep=from_key), 20)


@pytest.mark.parametrize("ending", ENDINGS)
def test_sound_may_be_longer_than_pictures(ending: str, whole: Path, tmp_path: Path) -> None:
    check(copy_stream(whole, tmp_path / f"long.{ending}", sound=8), 0)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("sound", [None, 8.0])
def test_pictures_may_begin_late(
    sound: float | None, ending: str, whole: Path, tmp_path: Path
) -> None:
    check(copy_stream(whole, tmp_path / f"late.{ending}", shift=4, sound=sound), 0)


def test_a_long_last_frame_is_no_missing_end(tmp_path: Path) -> None:
    times = [4 * i for i in range(59)] + [1000]
    video = Video(encode(tmp_path / "gap.mkv", "libx264", times))
    assert len(list(video)) == 60
    assert video.warning is None


def plain(path: Path) -> int:
    """Frames that FFmpeg's decoder gives, one packet at a time and in one thread."""
    count = 0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        packets = container.demux(stream)
        while (packet := next(packets, None)) is not None:
            try:
                count += len(stream.codec_context.decode(packet if packet.size else None))
            except EOFError:
                break
            except av.FFmpegError:
                continue
    return count


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five frames a second, so that a part is missing that shows."""
    path = tmp_path_factory.mktemp("truth") / "slow.mp4"
    return encode(path, "libx264", [20 * i for i in range(90)], **KEYS, crf="1")


@pytest.mark.parametrize("share", [0.62, 0.73, 0.88])
@pytest.mark.parametrize(
    ("ending", "options"),
    [
        ("mp4", {"movflags": "faststart"}),
        ("mp4", {"movflags": "frag_keyframe+empty_moov"}),
        ("mkv", {}),
        ("ts", {}),
        ("h264", {}),
    ],
)
def test_a_truncated_file_loses_no_frame_that_can_be_decoded(
    ending: str, options: dict[str, str], share: float, slow: Path, tmp_path: Path
) -> None:
    body = copy_stream(slow, tmp_path / f"whole.{ending}", **options).read_bytes()
    cut = tmp_path / f"cut.{ending}"
    cut.write_bytes(body[: int(len(body) * share)])
    video = Video(cut)
    frames = [(f.index, read_number(f.gray())) for f in video]
    assert len(frames) == plain(cut) > 15
    # the last ones were not written in the order they are shown in, and one may be half a picture
    assert all(index == number for index, number in frames[:-4])
    assert video[frames[-1][0]].index == frames[-1][0]
    if options.get("movflags") == "faststart" or ending == "mkv":  # the others promise nothing
        assert video.warning is not None


def test_damage_at_the_very_end_takes_no_others_along(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", "libx264", [4 * i for i in range(60)], bf="0")
    with av.open(str(path)) as container:
        last = [p for p in container.demux(video=0) if p.size][-3]
        start = last.pos
    body = bytearray(path.read_bytes())
    body[start : start + 20] = bytes(b"\xff" * 20)
    path.write_bytes(body)
    assert len(list(Video(path))) == plain(path) >= 58


def streams(path: Path, sizes: list[tuple[int, int]], pictures: list[int], count: int = 3) -> Path:
    """Several videos in one file; those listed are cover pictures, of one frame."""
    with av.open(str(path), "w") as container:
        added = []
        for number, (width, height) in enumerate(sizes):
            cover = number in pictures
            stream = container.add_stream("png" if cover else "libx264", rate=25)
            stream.width, stream.height = width, height
            stream.pix_fmt = "rgb24" if cover else "yuv420p"
            if cover:
                stream.disposition = av.stream.Disposition.attached_pic
            added.append(stream)
        for number, stream in enumerate(added):
            size = sizes[number]
            for image in numbered(1 if number in pictures else count, size):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("ending", "sizes", "pictures"),
    [
        ("mkv", [(64, 48), (128, 96)], []),
        ("mp4", [(64, 48), (128, 96), (96, 64)], []),
        ("mp4", [(256, 192), (128, 96)], [0]),
        ("mp4", [(128, 96), (256, 192)], [1]),
    ],
)
def test_the_greatest_of_several_videos_and_never_a_cover(
    ending: str, sizes: list[tuple[int, int]], pictures: list[int], tmp_path: Path
) -> None:
    video = Video(streams(tmp_path / f"a.{ending}", sizes, pictures))
    assert video.size == (128, 96)
    assert [read_number(f.gray()) for f in video] == [0, 1, 2]
    assert video.warning is None


def test_a_cover_that_does_not_say_that_it_is_one(tmp_path: Path) -> None:
    """A picture beside the video, as a video of one frame."""
    path = tmp_path / "a.mov"
    with av.open(str(path), "w") as container:
        picture = container.add_stream("png", rate=25)
        picture.width, picture.height, picture.pix_fmt = 256, 192, "rgb24"
        moving = container.add_stream("libx264", rate=25)
        moving.width, moving.height, moving.pix_fmt = 128, 96, "yuv420p"
        cover = av.VideoFrame.from_ndarray(numbered(1, (256, 192))[0], format="rgb24")
        container.mux(picture.encode(cover))
        for image in numbered(3, (128, 96)):
            container.mux(moving.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(picture.encode(None))
        container.mux(moving.encode(None))
    assert Video(path).size == (128, 96)
    assert len(Video(path)) == 3


def test_a_cover_and_sound_are_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        speaker = container.add_stream("aac", rate=8000)
        picture = container.add_stream("png", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "rgb24"
        picture.disposition = av.stream.Disposition.attached_pic
        quiet = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        quiet.sample_rate = 8000
        container.mux(speaker.encode(quiet))
        container.mux(speaker.encode(None))
        cover = av.VideoFrame.from_ndarray(numbered(1, (64, 48))[0], format="rgb24")
        container.mux(picture.encode(cover))
        container.mux(picture.encode(None))
    with pytest.raises(InputError, match="only a cover picture and no video"):
        Video(path)
