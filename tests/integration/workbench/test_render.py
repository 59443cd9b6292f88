"""`render`: what is drawn over faces, and that nobody's face is left bare."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import Cancelled, InputError, Monitor, Video, VideoWriter, write_video
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import (
    sample_clip,
    sample_clip_truth,
    sample_dir,
    sample_faces,
    sample_negatives,
)
from faceloop_runtime import Detector, FaceModel
from faceloop_runtime.render.cover.hide import pixelated_whole
from faceloop_runtime.render.cover.plan import Footage, plan_cover, plan_covers
from faceloop_runtime.render.mesh import FaceMesh
from faceloop_workbench.services.render_choice import Rendering
from faceloop_workbench.services.rendering import render

if TYPE_CHECKING:
    from faceloop_datasets import Progress

    from .conftest import Run

STILL = sample_dir() / "stills" / "s0000.jpg"
LEAVES = range(156, 206, 2)
"""Frames of the sample clip in which the face goes out at the right and comes back."""
TALKS = range(20, 44, 2)
BLACK = range(4, 8)
"""Frames of a part that talks in which nothing is to be seen."""


def part_of_clip(path: Path, frames: range, hide: range = range(0)) -> Path:
    video = Video(sample_clip())
    images = [video[k].image for k in frames]
    for k in hide:
        images[k] = np.zeros_like(images[k])
    write_video(path, images, 25 / frames.step)
    return path


@pytest.fixture(scope="module")
def starter() -> FaceModel:
    return FaceModel.starter()


@pytest.fixture(scope="module")
def leaving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return part_of_clip(tmp_path_factory.mktemp("clip") / "leaves.mp4", LEAVES)


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return part_of_clip(tmp_path_factory.mktemp("clip") / "talks.mp4", TALKS)


def covers_of(starter: FaceModel, path: Path, *, draw_over: bool = True):
    video = Video(path)
    footage = Footage(video.rate, video.size)
    return plan_covers(starter, Detector(), footage, video, draw_over=draw_over)


def bare_points(starter: FaceModel, cover, points: np.ndarray) -> int:
    """How many of these points are in no place of a cover, and on no head that is drawn over."""
    hidden = np.zeros(len(points), bool)
    for place in cover.places:
        hidden |= (points >= place[:2]).all(axis=1) & (points <= place[2:]).all(axis=1)
    head = FaceMesh.of(starter.scheme, starter.pdm.mean, 1.2)
    for face in cover.faces:
        line = cv2.convexHull(head.ring_of(face).astype(np.float32))
        hidden |= [cv2.pointPolygonTest(line, p, False) >= 0 for p in points.tolist()]
    return int((~hidden).sum())


def seen_points(frame: int) -> np.ndarray:
    truth = sample_clip_truth()
    return truth.points[frame][truth.visible[frame]]


def test_a_face_that_leaves_and_returns_is_never_bare(starter: FaceModel, leaving: Path) -> None:
    covers = covers_of(starter, leaving)
    assert len(covers) == len(LEAVES)
    for number, frame in enumerate(LEAVES):
        assert bare_points(starter, covers[number], seen_points(frame)) == 0, frame
    assert sum(bool(cover.faces) for cover in covers.values()) >= 6


def test_a_face_that_cannot_be_found_for_a_while_is_never_bare(
    starter: FaceModel, tmp_path: Path
) -> None:
    """Detector and tracker see nothing there, but a person may be in the picture."""
    covers = covers_of(starter, part_of_clip(tmp_path / "dark.mp4", TALKS, BLACK))
    for number, frame in enumerate(TALKS):
        cover = covers[number]
        assert bare_points(starter, cover, seen_points(frame)) == 0, frame
        assert bool(cover.faces) == (number not in BLACK)


def test_a_face_is_covered_before_it_is_found(starter: FaceModel, tmp_path: Path) -> None:
    path = part_of_clip(tmp_path / "late.mp4", TALKS, range(5))
    covers = covers_of(starter, path, draw_over=False)
    for number, frame in enumerate(TALKS):
        assert not covers[number].faces
        assert bare_points(starter, covers[number], seen_points(frame)) == 0, frame


def test_all_faces_of_a_picture_are_covered(starter: FaceModel) -> None:
    records = list(sample_faces())[:8:4]
    stills = [read_image(record.image.path, "rgb") for record in records]
    crowd = np.concatenate(stills, axis=1)
    cover = plan_cover(starter, Detector(), crowd, draw_over=True)
    for k, record in enumerate(records):
        points = record.annotation.points + np.array([384 * k, 0])
        assert bare_points(starter, cover, points) == 0
    assert not plan_cover(
        starter, Detector(), read_image(sample_negatives()[0], "rgb"), draw_over=True
    )


def test_pixels_leave_nothing_that_a_detector_takes_for_the_face(
    starter: FaceModel, talking: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    summary = render(starter, talking, out, Rendering("anonymise", cover="pixels"))
    assert (summary.frames, summary.drawn) == (len(TALKS), len(TALKS))
    detector = Detector()
    for frame in Video(out):
        for box in detector.detect(frame.image, wanted=0):
            away = np.linalg.norm(seen_points(TALKS[frame.index]).mean(axis=0) - box.centre)
            assert away > box.width


def test_an_anonymised_video_has_the_frames_and_times_and_nothing_else(
    faceloop: Run, tmp_path: Path
) -> None:
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    video = Video(sample_clip())
    times = [0.0, 0.04, 0.12, 0.2, 0.5]
    with VideoWriter(source, 25) as writer:
        for k, time in enumerate(times):
            writer.write(video[k].image, time)
    titled = tmp_path / "titled.mkv"
    with av.open(str(source)) as old, av.open(str(titled), "w") as new:
        new.metadata["title"] = "somebody"
        copy = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux():
            if packet.size:
                packet.stream = copy
                new.mux(packet)
    done = faceloop("render", titled, "--mode", "anonymise", "--out", out, "--json")
    assert done.code == 0
    assert (done.json()["frames"], done.json()["drawn"]) == (5, 5)
    assert np.allclose(Video(out).times, times, atol=1e-3)
    assert b"somebody" not in out.read_bytes()
    assert len(av.open(str(out)).streams) == 1


def with_sound(path: Path, clip: Path, codec: str, delay: float) -> list[bytes]:
    """Write a clip with a tone that begins ``delay`` seconds late; return the tone's packets."""
    sent: list[bytes] = []
    with av.open(str(clip)) as old, av.open(str(path), "w") as new:
        video = new.add_stream_from_template(old.streams.video[0])
        layout = "stereo" if codec == "pcm_s16le" else "mono"
        audio = new.add_stream(codec, rate=48000, layout=layout)
        for packet in old.demux():
            if packet.size:
                packet.stream = video
                packet.pts += round(3 / packet.time_base)  # its clock does not begin at 0
                packet.dts += round(3 / packet.time_base)
                new.mux(packet)
        size = audio.codec_context.frame_size or 1024
        for k in range(40):
            tone = np.sin(np.arange(k * size, (k + 1) * size) / 20)
            kind, samples = ("fltp", tone.astype(np.float32))
            if codec in ("pcm_s16le", "alac"):
                kind, samples = "s16p", (tone * 20000).astype(np.int16)
            if layout == "stereo":
                kind, samples = "s16", np.repeat(samples, 2)
            frame = av.AudioFrame.from_ndarray(samples[None], format=kind, layout=layout)
            frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
            frame.pts = k * size + round((3 + delay) * 48000)
            new.mux(audio.encode(frame))
        new.mux(audio.encode(None))
    with av.open(str(path)) as again:
        sent += [bytes(p) for p in again.demux(audio=0) if p.size]
    return sent


def sound_of(path: Path) -> tuple[list[bytes], float]:
    """Packets, and how long after the first frame they begin."""
    with av.open(str(path)) as container:
        first = min(p.pts * p.time_base for p in container.demux(video=0) if p.size)
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(audio=0) if p.size]
        return [bytes(p) for p in packets], float(packets[0].pts * packets[0].time_base - first)


@pytest.mark.parametrize(
    ("codec", "endings"),
    [
        ("aac", (".mp4", ".mp4")),
        ("pcm_s16le", (".mkv", ".mkv")),
        ("libopus", (".mkv", ".mkv")),
        ("alac", (".mkv", ".mov")),  # packets of no length of their own
    ],
)
def test_the_sound_is_kept_bit_for_bit(
    faceloop: Run, talking: Path, tmp_path: Path, codec: str, endings: tuple[str, str]
) -> None:
    source, out = (
        tmp_path / f"{name}{end}" for name, end in zip(("in", "out"), endings, strict=True)
    )
    sent = with_sound(source, talking, codec, 0.25)
    assert faceloop("render", source, "--mode", "mesh", "--out", out).code == 0
    packets, begins = sound_of(out)
    assert packets == sent
    assert begins == pytest.approx(sound_of(source)[1], abs=0.002)
    if codec == "aac":
        quiet = tmp_path / "quiet.mp4"
        faceloop("render", source, "--mode", "mesh", "--out", quiet, "--no-sound")
        assert not av.open(str(quiet)).streams.audio


def test_titles_in_the_header_of_the_sound_stay_behind(
    starter: FaceModel, talking: Path, tmp_path: Path
) -> None:
    """Vorbis keeps them where a decoder looks before the first packet."""
    song, source, out = tmp_path / "song.ogg", tmp_path / "in.mkv", tmp_path / "out.mkv"
    with av.open(str(song), "w") as new:
        audio = new.add_stream("vorbis", rate=48000, layout="stereo")
        audio.options = {"strict": "experimental"}
        tone = np.sin(np.arange(48000, dtype=np.float32) / 20)[None].repeat(2, 0)
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="stereo")
        frame.sample_rate = 48000
        new.mux(audio.encode(frame))
        new.mux(audio.encode(None))
    with (
        av.open(str(song)) as sung,
        av.open(str(talking)) as seen,
        av.open(str(source), "w") as new,
    ):
        tracks = [sung.streams.audio[0], seen.streams.video[0]]
        copies = [new.add_stream_from_template(track) for track in tracks]
        header = tracks[0].codec_context.extradata
        vendor = header.index(b"\x03vorbis") + 11
        copies[0].codec_context.extradata = header[:vendor] + b"somebody" + header[vendor + 8 :]
        for old, copy in zip((sung, seen), copies, strict=True):
            for packet in old.demux(old.streams[0]):
                if packet.size:
                    packet.stream = copy
                    new.mux(packet)
    assert b"somebody" in source.read_bytes()
    render(starter, source, out, Rendering("mesh"))
    assert b"somebody" not in out.read_bytes()
    assert sound_of(out)[0] == sound_of(source)[0]
    heard = [[f.to_ndarray() for f in av.open(str(p)).decode(audio=0)] for p in (source, out)]
    assert len(heard[0]) == len(heard[1]) > 10
    assert all(np.array_equal(a, b) for a, b in zip(*heard, strict=True))


@pytest.mark.parametrize(
    ("codec", "ending"),
    [("libopus", ".mov"), ("pcm_s16le", ".mp4")],  # the second only at the end of the file
)
def test_sound_that_does_not_fit_is_refused_before_any_work(
    faceloop: Run, talking: Path, tmp_path: Path, codec: str, ending: str
) -> None:
    source, out = tmp_path / "in.mkv", tmp_path / f"out{ending}"
    with_sound(source, talking, codec, 0.0)
    done = faceloop("render", source, "--mode", "anonymise", "--out", out)
    assert done.code == 1
    assert "The sound of" in done.err
    assert ".mkv" in done.err
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("place", ["folder", "below"])
def test_where_nothing_can_be_written_is_said_before_any_work(
    starter: FaceModel, talking: Path, tmp_path: Path, place: str
) -> None:
    folder, told = tmp_path / "x.mp4", []
    folder.mkdir()
    out = folder if place == "folder" else talking / "x.mp4"  # in a folder that is none
    with pytest.raises(InputError, match="is a folder" if out == folder else "x.mp4 cannot be"):
        render(starter, talking, out, Rendering("anonymise"), progress=told.append)
    assert told == []
    assert list(tmp_path.rglob("*")) == [folder]


@pytest.mark.skipif(sys.platform == "win32", reason="no limit for the size of a file there")
def test_a_full_disk_is_said_of_the_file_that_was_asked_for(talking: Path, tmp_path: Path) -> None:
    """The system says the same of a file that becomes larger than it may be."""
    out = tmp_path / "new" / "out.mp4"
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "from faceloop_workbench.cli import main; main()"
    )
    command = ["render", talking, "--mode", "mesh", "--out", out]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"the video {out} (" in " ".join(done.stderr.split())
    assert ".part-" not in done.stderr
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("when", [2, len(TALKS) + 4])
def test_cancelled_it_leaves_nothing(
    starter: FaceModel, talking: Path, tmp_path: Path, when: int
) -> None:
    """While faces are looked for, and while they are covered."""
    told = []
    monitor = Monitor(told.append, lambda: len(told) >= when)
    before = tmp_path / "out.mp4"
    before.write_bytes(b"kept")
    with pytest.raises(Cancelled):
        render(starter, talking, before, Rendering("anonymise"), progress=monitor)
    assert before.read_bytes() == b"kept"
    assert list(tmp_path.iterdir()) == [before]


def test_what_is_read_is_never_replaced(faceloop: Run, talking: Path, tmp_path: Path) -> None:
    picture = tmp_path / "face.png"
    Image.open(STILL).save(picture)
    size = talking.stat().st_size
    assert faceloop("render", talking, "--mode", "mesh", "--out", talking).code == 1
    done = faceloop("render", STILL, "--mode", "mask", "--face", picture, "--out", picture)
    assert done.code == 1
    assert "never replaced" in done.err
    assert talking.stat().st_size == size


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--mode", "mesh", "--strength", "2"], "--strength is for --mode caricature"),
        (["--mode", "mesh", "--cover", "pixels"], "--cover is for --mode anonymise"),
        (["--mode", "anonymise", "--faces", "3"], "--faces is not for --mode anonymise"),
        (["--mode", "anonymise", "--face", str(STILL)], "--face is for --mode mask"),
        (["--mode", "mask", "--face", str(sample_negatives()[0])], "finds no face in"),
        (["--mode", "mask", "--face", "nowhere.png"], "nowhere.png"),
    ],
)
def test_what_makes_no_sense_is_said(
    faceloop: Run, tmp_path: Path, options: list[str], said: str
) -> None:
    out = tmp_path / "out.png"
    done = faceloop("render", STILL, *options, "--out", out)
    assert done.code != 0
    assert said in " ".join(done.err.replace("│", " ").split())
    assert not out.exists()


def test_a_video_that_is_stored_turned_is_shown_upright(
    starter: FaceModel, talking: Path, tmp_path: Path
) -> None:
    """Its faces are covered where a player shows them."""
    turned, out = tmp_path / "turned.mp4", tmp_path / "out.mp4"
    write_video(turned, [np.rot90(frame.image) for frame in Video(talking)], 12.5)
    body = bytearray(turned.read_bytes())
    matrix = body.index(b"tkhd") + 4 + 4 + 20 + 16
    width = Video(talking).size[0]
    to_the_right = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, width << 16, 0, 1 << 30)
    body[matrix : matrix + 36] = to_the_right
    turned.write_bytes(body)
    render(starter, turned, out, Rendering("anonymise", cover="pixels"))
    hidden, before = Video(out), Video(talking)
    assert hidden.size == before.size
    for frame, old in zip(hidden, before, strict=True):
        changed = np.abs(frame.image.astype(int) - old.image).max(axis=2) > 20
        x, y = np.rint(seen_points(TALKS[frame.index])).astype(int).T
        low, high = (x.min(), y.min()), (x.max(), y.max())
        assert changed[low[1] : high[1], low[0] : high[0]].mean() > 0.3
        assert changed[:, : low[0] - 80].mean() < 0.01


def test_a_frame_that_is_not_the_one_that_was_looked_at_is_hidden_whole(
    starter: FaceModel, talking: Path, tmp_path: Path
) -> None:
    """Somebody replaces the file between looking for faces and covering them."""
    source, out, other = (tmp_path / f"{name}.mp4" for name in ("in", "out", "other"))
    shutil.copyfile(talking, source)
    write_video(other, [frame.image[:, ::-1] for frame in Video(talking)], 12.5)

    def replace_at_the_end(told: Progress) -> None:
        if told.done == len(TALKS) - 1 and other.exists():
            other.replace(source)

    render(starter, source, out, Rendering("anonymise"), progress=replace_at_the_end)
    assert not other.exists()
    for frame, seen in zip(Video(out), Video(source), strict=True):
        assert np.abs(frame.image.astype(int) - pixelated_whole(seen.image)).mean() < 3


def test_what_is_kept_for_seconds_is_so_where_frames_come_fastest(tmp_path: Path) -> None:
    path = tmp_path / "uneven.mkv"
    slow, fast = np.arange(10) * 1.0, 10 + np.arange(60) / 60
    with VideoWriter(path, 25) as writer:
        for time in [*slow, *fast]:
            writer.write(np.zeros((64, 64, 3), np.uint8), time)
    video = Video(path)
    assert video.rate < 8
    assert Footage.of(video).rate == pytest.approx(60, abs=1)


def test_a_video_is_no_picture(faceloop: Run, talking: Path, tmp_path: Path) -> None:
    done = faceloop("render", talking, "--mode", "mesh", "--out", tmp_path / "out.png")
    assert done.code == 1
    assert "ends in .mp4" in done.err


@pytest.mark.parametrize("ending", [".gif", ".webp", ".png"])
def test_an_animation_is_refused_since_only_its_first_picture_would_be_drawn(
    faceloop: Run, tmp_path: Path, ending: str
) -> None:
    source, out = tmp_path / f"in{ending}", tmp_path / "out.png"
    still = Image.open(STILL)
    still.save(source, save_all=True, append_images=[still.rotate(90)])
    done = faceloop("render", source, "--mode", "anonymise", "--out", out)
    assert done.code == 1
    assert "is an animation of 2 pictures" in " ".join(done.err.split())
    assert not out.exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--mode", "mesh"],
        ["--mode", "mask"],
        ["--mode", "mask", "--face", str(sample_dir() / "stills" / "s0040.jpg")],
        ["--mode", "caricature", "--strength", "2"],
        ["--mode", "anonymise"],
        ["--mode", "anonymise", "--cover", "pixels"],
    ],
)
def test_pictures_are_drawn_over_too(faceloop: Run, tmp_path: Path, options: list[str]) -> None:
    out = tmp_path / "out.png"
    done = faceloop("render", STILL, *options, "--out", out)
    assert done.code == 0
    assert ("Look at the whole result" in done.err) == ("anonymise" in options)
    drawn, before = read_image(out, "rgb"), read_image(STILL, "rgb")
    points = next(iter(sample_faces())).annotation.points
    changed = np.abs(drawn.astype(int) - before).max(axis=2) > 3
    x0, y0, x1, y1 = *points.min(axis=0).astype(int), *points.max(axis=0).astype(int)
    assert changed[y0:y1, x0:x1].mean() > 0.2
    assert not changed[:, : max(0, x0 - 2 * (x1 - x0))].any()


@pytest.mark.parametrize(
    ("mode", "said"), [("anonymise", "nothing is covered"), ("mask", "nothing is drawn")]
)
def test_where_no_face_is_found_it_is_said(
    faceloop: Run, tmp_path: Path, mode: str, said: str
) -> None:
    empty, film = sample_negatives()[0], tmp_path / "empty.mp4"
    write_video(film, [read_image(empty, "rgb")] * 2, 25)
    for source, out in ((empty, tmp_path / "out.png"), (film, tmp_path / "out.mp4")):
        done = faceloop("render", source, "--mode", mode, "--out", out)
        assert done.code == 0
        assert f"Warning: No face was found: {said}." in done.err
    done = faceloop("render", empty, "--mode", mode, "--out", tmp_path / "again.png", "--json")
    assert done.json()["warning"] == f"No face was found: {said}."
    done = faceloop("render", STILL, "--mode", mode, "--out", tmp_path / "face.png", "--json")
    assert done.json()["warning"] is None


def test_a_video_that_cannot_be_read_leaves_nothing(faceloop: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    done = faceloop("render", broken, "--mode", "anonymise", "--out", tmp_path / "out.mp4")
    assert done.code == 1
    assert list(tmp_path.iterdir()) == [broken]


def test_there_are_no_other_modes() -> None:
    with pytest.raises(InputError, match="no mode 'hide'"):
        Rendering("hide")
    with pytest.raises(InputError, match="no cover 'black'"):
        Rendering("anonymise", cover="black")
    with pytest.raises(InputError, match="strength 9"):
        Rendering("caricature", strength=9)
