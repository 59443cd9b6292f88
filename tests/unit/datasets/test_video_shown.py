"""Points are in the picture as a player shows it: turned, mirrored, with square pixels."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from faceloop_datasets.media.video import PlayerView, Video
from faceloop_datasets.media.video.player_view import _turning

# Each corner has a colour of its own, and the picture is neither square nor symmetric.
UPRIGHT = np.zeros((64, 96, 3), np.uint8)
UPRIGHT[:32, :48], UPRIGHT[:32, 48:] = (230, 40, 40), (40, 200, 60)
UPRIGHT[32:, :48], UPRIGHT[32:, 48:] = (50, 70, 230), (230, 220, 210)

# (a, b, c, d) of the display matrix: stored (x, y) is shown at (a x + c y, b x + d y).
MATRICES = {
    "as it is": (1, 0, 0, 1),
    "90": (0, 1, -1, 0),
    "180": (-1, 0, 0, -1),
    "270": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "upside down": (1, 0, 0, -1),
    "front camera": (0, 1, 1, 0),
    "front camera, 180": (0, -1, -1, 0),
}


def stored(upright: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """The picture that the matrix shows as the upright one, pixel for pixel."""
    a, b, c, d = matrix
    height, width = upright.shape[:2]
    size = (height, width) if b else (width, height)
    y, x = np.mgrid[: size[1], : size[0]]
    to_x, to_y = a * x + c * y, b * x + d * y
    return upright[to_y - to_y.min(), to_x - to_x.min()]


def write(
    path: Path,
    image: np.ndarray,
    matrix: tuple[int, int, int, int] = (1, 0, 0, 1),
    codec: str = "libx264",
    aspect: Fraction | None = None,
) -> Path:
    a, b, c, d = (value << 16 for value in matrix)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = "yuv420p"
        if matrix != MATRICES["as it is"]:
            stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for _ in range(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def check(video: Video, upright: np.ndarray) -> None:
    assert video.size == upright.shape[1::-1]
    luma = upright @ np.array([0.299, 0.587, 0.114])
    for frame in (*video, video[2]):
        assert frame.image.shape == upright.shape
        assert np.abs(frame.image.astype(float) - upright).mean() < 6
        assert frame.gray().shape == luma.shape
        assert np.abs(frame.gray() - luma).mean() < 4


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("name", MATRICES)
def test_a_display_matrix_is_obeyed(name: str, ending: str, tmp_path: Path) -> None:
    matrix = MATRICES[name]
    path = write(tmp_path / f"a.{ending}", stored(UPRIGHT, matrix), matrix)
    check(Video(path), UPRIGHT)


@pytest.mark.parametrize(
    ("ending", "codec"), [("mp4", "libx264"), ("mov", "libx264"), ("avi", "mpeg4")]
)
@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(2, 3)])
def test_pixels_are_shown_square(aspect: Fraction, ending: str, codec: str, tmp_path: Path) -> None:
    narrow = cv2.resize(UPRIGHT, (round(96 / aspect), 64), interpolation=cv2.INTER_AREA)
    check(Video(write(tmp_path / f"a.{ending}", narrow, codec=codec, aspect=aspect)), UPRIGHT)


def test_pixels_are_made_square_before_the_picture_is_turned(tmp_path: Path) -> None:
    turn = MATRICES["front camera"]
    lying = stored(UPRIGHT, turn)
    narrow = cv2.resize(lying, (48, 96), interpolation=cv2.INTER_AREA)
    check(Video(write(tmp_path / "a.mp4", narrow, turn, aspect=Fraction(4, 3))), UPRIGHT)


def test_centres_of_pixels_stay_centres() -> None:
    """A bright column of stored pixels is where the convention of points says."""
    image = np.zeros((4, 40), np.uint8)
    image[:, 10] = 255
    shown = PlayerView((40, 4), 80).show(image).astype(float)
    assert (shown[0] @ np.arange(80)) / shown[0].sum() == pytest.approx((10 + 0.5) * 2 - 0.5)


def test_a_pixel_aspect_that_only_rounds_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", UPRIGHT, aspect=Fraction(1001, 1000))
    assert Video(path).size == (96, 64)


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("degrees", [-40, -5, 0, 30])
def test_turns_between_are_taken_for_the_nearest_quarter(name: str, degrees: int) -> None:
    a, b, c, d = MATRICES[name]
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    exact = np.array([[a, b], [c, d]])
    turned = np.rint(exact @ [[cos, sin], [-sin, cos]] * 65536).astype(np.int32)
    assert _turning(turned) == _turning(exact)


def test_a_header_changed_by_another_program(tmp_path: Path) -> None:
    """The bytes of the track header, whoever wrote them."""
    path = write(tmp_path / "turned.mp4", stored(UPRIGHT, MATRICES["mirrored"]))
    body = bytearray(path.read_bytes())
    at = body.index(b"tkhd") + 4 + 4 + 20 + 16
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    assert body[at : at + 36] == identity
    body[at : at + 36] = struct.pack(">9i", -65536, 0, 0, 0, 65536, 0, 96 << 16, 0, 1 << 30)
    path.write_bytes(body)
    check(Video(path), UPRIGHT)


def test_the_turn_of_a_motion_jpeg(tmp_path: Path) -> None:
    """Beside the matrix its frames have an EXIF block, which PyAV has no name for."""
    import io

    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Image.fromarray(stored(UPRIGHT, MATRICES["90"])).save(out, "JPEG", exif=exif, quality=95)
    (tmp_path / "a.mjpeg").write_bytes(out.getvalue() * 3)
    check(Video(tmp_path / "a.mjpeg"), UPRIGHT)
