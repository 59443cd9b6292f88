"""Pictures and videos that lie, and files that are something else or name others."""

from __future__ import annotations

import base64
import io
import os
import socket
import struct
import subprocess
import sys
import threading
import zlib
from contextlib import closing, contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import InputError, Project, Video
from faceloop_datasets.media.files import MediaFile
from faceloop_datasets.media.images import decode_image, image_size, read_image
from faceloop_datasets.sample import sample_clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SIDE = 60_000


def encoded(kind: str, **options: object) -> bytearray:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (90, 90, 90)).save(out, kind, **options)  # type: ignore[arg-type]
    return bytearray(out.getvalue())


def huge_png() -> bytes:
    data = encoded("PNG")
    data[16:24] = struct.pack(">II", SIDE, SIDE)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def huge_jpeg() -> bytes:
    data = encoded("JPEG")
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", SIDE, SIDE)
    return bytes(data)


def huge_bmp() -> bytes:
    data = encoded("BMP")
    data[18:26] = struct.pack("<ii", SIDE, SIDE)
    return bytes(data)


def huge_gif() -> bytes:
    data = encoded("GIF")
    data[6:10] = struct.pack("<HH", SIDE, SIDE)
    return bytes(data)


@pytest.mark.parametrize("make", [huge_png, huge_jpeg, huge_bmp, huge_gif])
def test_a_picture_that_claims_to_be_huge_is_refused_by_its_header(
    make: object, tmp_path: Path
) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(make())  # type: ignore[operator]
    for read in (image_size, read_image, MediaFile.of):
        with pytest.raises(InputError, match="pixels"):
            read(file)


def test_a_picture_that_claims_less_than_the_limit_and_holds_nothing() -> None:
    data = encoded("PNG")
    data[16:24] = struct.pack(">II", 7000, 7000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    with pytest.raises(InputError, match="damaged"):
        decode_image(bytes(data), "small.png")


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_a_large_picture_is_in_memory_once_and_as_an_array(tmp_path: Path) -> None:
    """A small file with 16 million pixels; the limit is 64 million, and a gigabyte for them."""
    file = tmp_path / "bomb.png"
    image = Image.new("P", (4000, 4000))
    image.info["transparency"] = 0
    image.save(file, compress_level=1)
    code = (
        "import resource, sys; from faceloop_datasets.media.images import read_image\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert read_image(sys.argv[1], 'rgb').shape == (4000, 4000, 3)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    ran = subprocess.run([sys.executable, "-c", code, file], capture_output=True, check=True)
    assert int(ran.stdout) < 256 << 10  # kilobytes


def test_a_jpeg_of_a_thousand_scans_is_not_decoded() -> None:
    data = bytes(encoded("JPEG", progressive=True))
    at = data.rindex(b"\xff\xda")
    end = data.rindex(b"\xff\xd9")
    with pytest.raises(InputError, match="scans"):
        decode_image(data[:end] + data[at:end] * 1000 + data[end:], "slow.jpg")
    assert decode_image(data, "usual.jpg").shape == (16, 16)


@pytest.mark.parametrize(
    "content",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(x) run showpage\n",
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://localhost/"/></svg>',
        b"<html><script>alert(1)</script></html>",
    ],
    ids=["PostScript", "SVG", "HTML"],
)
def test_what_is_a_program_under_the_name_of_a_picture(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "face.jpg"
    file.write_bytes(content)
    with pytest.raises(InputError, match="not an image in a known format"):
        read_image(file)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_devices_and_pipes_are_no_pictures(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "folder.jpg").mkdir()
    for name in ("pipe", "zero", "folder"):
        file = tmp_path / f"{name}.jpg"
        with pytest.raises(InputError, match="folder or a device"):
            read_image(file)
        with pytest.raises(InputError, match="no file"):
            MediaFile.of(file)
        with pytest.raises(InputError, match="no video file"):
            Video(file)


def clip(path: Path, size: int = 32, frames: int = 5) -> bytearray:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=Fraction(25))
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        for k in range(frames):
            flat = np.full((size, size, 3), 40 * k, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(flat, format="rgb24")))
        file.mux(stream.encode(None))
    return bytearray(path.read_bytes())


def put(data: bytearray, box: bytes, at: int, value: bytes) -> None:
    start = data.index(box) + at
    data[start : start + len(value)] = value


def opened(file: Path) -> str:
    try:
        video = Video(file)
    except InputError:
        return "refused"
    assert len(video) <= 5
    return "{}x{}".format(*video.size)


def test_a_video_that_claims_huge_frames(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    data = clip(file)
    put(data, b"mp4v", 28, struct.pack(">HH", SIDE, SIDE))
    put(data, b"tkhd", 80, struct.pack(">II", SIDE << 16, SIDE << 16))
    file.write_bytes(data)
    assert opened(file) in ("32x32", "refused")  # its frames say something else, and count


@pytest.mark.parametrize("count", [1 << 20, 1 << 27, (1 << 32) - 1])
def test_a_video_that_claims_more_frames_than_it_has(
    count: int, tmp_path: Path, peak_memory: Callable[[], int]
) -> None:
    file = tmp_path / "a.mp4"
    data = clip(file)
    put(data, b"stsz", 12, struct.pack(">I", count))
    put(data, b"stts", 12, struct.pack(">I", count))
    file.write_bytes(data)
    used = peak_memory()
    assert opened(file) in ("32x32", "refused")
    assert peak_memory() - used < 1 << 30


def test_a_video_that_claims_another_duration(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    data = clip(file)
    for box, at in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20)):
        put(data, box, at, struct.pack(">I", (1 << 31) - 1))
    put(data, b"elst", 12, struct.pack(">I", (1 << 31) - 1))
    file.write_bytes(data)
    video = Video(file)
    assert [frame.index for frame in video] == list(range(5))
    assert video.times[-1] == pytest.approx(0.16)


def test_a_frame_larger_than_the_limit_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceloop_datasets.media.video import stream, timing

    clip(tmp_path / "a.mp4")
    monkeypatch.setattr(stream, "MAX_FRAME_PIXELS", 32 * 32 - 1)
    with pytest.raises(InputError, match="32x32, more than"):
        Video(tmp_path / "a.mp4")
    monkeypatch.setattr(stream, "MAX_FRAME_PIXELS", 32 * 32)
    monkeypatch.setattr(timing, "MAX_FRAMES", 4)
    with pytest.raises(InputError, match="more than 4 frames"):
        Video(tmp_path / "a.mp4")


def test_a_stream_that_comes_up_after_the_file_was_opened(tmp_path: Path) -> None:
    """PyAV looks for it at the end of the file, and has not noted it."""
    # what fuzzing found: a transport stream, all but empty
    packed = (
        "c-s5_f5-s$|3e!Lb@z{gQ81$OuLFZ11H%RpY;r#s7>2a_N5g+W+|"
        "S4`S}cr$Q7|-XGeHKX4MGfz2N@V1GJIfQ0ul4Nl`jr{w*vrW&9=z"
    )
    (tmp_path / "a.ts").write_bytes(zlib.decompress(base64.b85decode(packed)))
    with pytest.raises(InputError, match=r"a\.ts"):
        Video(tmp_path / "a.ts")


@pytest.mark.parametrize("aspect", [Fraction(2000, 1), Fraction(1, 60)])
def test_a_pixel_aspect_does_not_blow_a_frame_up(tmp_path: Path, aspect: Fraction) -> None:
    file = tmp_path / "a.mp4"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 2048, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        frame = av.VideoFrame.from_ndarray(np.zeros((2048, 64, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if aspect > 1:
        with pytest.raises(InputError, match="128000x2048, more than"):
            Video(file)
    else:
        assert Video(file)[0].gray().shape == (2048, 1)


@contextmanager
def listening() -> Iterator[tuple[int, list[str]]]:
    """A server that notes who comes."""
    came: list[str] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.1)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    visitor, address = server.accept()
                except TimeoutError:
                    continue
                came.append(str(address))
                visitor.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], came
        finally:
            stop.set()
            thread.join()


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
    "<BaseURL>{url}</BaseURL><SegmentBase/></Representation></AdaptationSet></Period></MPD>",
    "concat": "ffconcat version 1.0\nfile '{url}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video 5004 RTP/AVP 96\n",
    "asx": '<asx version="3.0"><entry><ref href="{url}"/></entry></asx>',
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("suffix", [".m3u8", ".mp4", ".mpd"])
def test_a_playlist_fetches_nothing(kind: str, suffix: str, tmp_path: Path) -> None:
    with listening() as (port, came):
        file = tmp_path / f"a{suffix}"
        file.write_text(PLAYLISTS[kind].format(url=f"http://127.0.0.1:{port}/a.ts"))
        with pytest.raises(InputError, match="cannot be read as a video"):
            Video(file)
        with Project.create(tmp_path / "p") as project, pytest.raises(InputError):
            project.add_media(file)
    assert not came


def test_a_playlist_reads_no_other_file(tmp_path: Path) -> None:
    clip(tmp_path / "secret.mp4")
    for name, text in (
        ("a.mp4", "ffconcat version 1.0\nfile secret.mp4\n"),
        ("b.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match="cannot be read as a video"):
            Video(tmp_path / name)


def test_a_name_that_looks_like_an_address_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with listening() as (port, came):
        for address in (f"http://127.0.0.1:{port}/a.mp4", f"tcp://127.0.0.1:{port}", "concat:a|b"):
            with pytest.raises(InputError, match="no video file"):
                Video(address)
        for name in ("concat:a.mp4", "subfile,,start,0,end,9,,:a.mp4"):
            (tmp_path / name).write_bytes(sample_clip().read_bytes())
            assert len(Video(name)) == 250  # the file of that name, and no protocol
    assert not came
