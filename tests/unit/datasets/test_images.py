from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import InputError
from faceloop_datasets.media.images import MAX_PIXELS, decode_image, image_size, read_image, to_gray


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def save(array: np.ndarray, path: Path, **options: object) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


def test_rgb_and_gray(rgb: np.ndarray, tmp_path: Path) -> None:
    path = save(rgb, tmp_path / "Bild ä ☺.png")
    np.testing.assert_array_equal(read_image(path, "rgb"), rgb)
    gray = read_image(path)
    assert gray.shape == (6, 9)
    assert gray.dtype == np.uint8
    np.testing.assert_array_equal(gray, to_gray(rgb))
    np.testing.assert_allclose(gray, rgb @ [0.299, 0.587, 0.114], atol=1)
    assert image_size(path) == (9, 6)


def test_gray_file(rgb: np.ndarray, tmp_path: Path) -> None:
    path = save(rgb[..., 0], tmp_path / "gray.png")
    np.testing.assert_array_equal(read_image(path), rgb[..., 0])
    np.testing.assert_array_equal(read_image(path, "rgb"), np.stack([rgb[..., 0]] * 3, axis=-1))


def test_result_can_be_written_to(rgb: np.ndarray, tmp_path: Path) -> None:
    read_image(save(rgb, tmp_path / "a.png"), "rgb")[0] = 0
    read_image(save(rgb[..., 0], tmp_path / "b.png"))[0] = 0


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    wide = np.array([[0, 257, 32768, 65535]], dtype=np.uint16)
    path = save(wide, tmp_path / "wide.png")
    assert read_image(path).tolist() == [[0, 1, 128, 255]]
    assert read_image(path, "rgb").shape == (1, 4, 3)
    tiff = save(wide, tmp_path / "wide.tiff")
    assert read_image(tiff).tolist() == [[0, 1, 128, 255]]


def test_transparent_parts_show_white(tmp_path: Path) -> None:
    layer = np.zeros((1, 3, 4), dtype=np.uint8)
    layer[0, :, 3] = [0, 255, 51]
    path = save(layer, tmp_path / "layer.png")
    assert read_image(path, "rgb")[0].tolist() == [[255] * 3, [0] * 3, [204] * 3]
    assert read_image(path)[0].tolist() == [255, 0, 204]


@pytest.mark.parametrize("kind", ["png", "jpg", "tiff", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(orientation: int, kind: str, rgb: np.ndarray, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    rgb = np.kron(rgb, np.ones((16, 16, 1), np.uint8))  # a JPEG keeps the means of large patches
    exact = {"lossless": True} if kind == "webp" else {}
    path = save(rgb, tmp_path / f"turned.{kind}", exif=exif, **exact)
    flips = {
        1: rgb,
        2: rgb[:, ::-1],
        3: rgb[::-1, ::-1],
        4: rgb[::-1],
        5: rgb.transpose(1, 0, 2),
        6: np.rot90(rgb, -1),
        7: rgb[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(rgb),
    }
    upright = read_image(path, "rgb")
    assert upright.shape == flips[orientation].shape
    assert np.abs(upright.astype(int) - flips[orientation]).mean() < (8 if kind == "jpg" else 1e-9)
    assert image_size(path) == upright.shape[1::-1]


def test_one_pixel(tmp_path: Path) -> None:
    path = save(np.full((1, 1, 3), 7, dtype=np.uint8), tmp_path / "one.png")
    assert read_image(path).tolist() == [[7]]


def test_palette_and_animation(rgb: np.ndarray, tmp_path: Path) -> None:
    frames = [Image.fromarray(rgb), Image.fromarray(rgb[::-1])]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "a.gif", "rgb").shape == (6, 9, 3)


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "size", [(8_500, 8_500), (10_000, 10_000), (12_000, 12_000), (100_000, 100_000)]
)
def test_too_many_pixels_are_refused_by_the_header(size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(png_header(*size))
    for read in (read_image, image_size):
        with pytest.raises(InputError, match=r"huge\.png has .* pixels; at most 64 million"):
            read(path)
    assert size[0] * size[1] > MAX_PIXELS


def test_truncated(rgb: np.ndarray, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    big = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    for name in ("a.jpg", "a.png"):
        path = save(big, tmp_path / name)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(InputError, match=f"{name} is damaged"):
            read_image(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("content", [b"", b"no image", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_no_image(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "note.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"note\.jpg"):
        read_image(path)


def test_absent_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_image(tmp_path / "absent.png")
    with pytest.raises(InputError, match=str(tmp_path.name)):
        read_image(tmp_path)


def test_floating_point_values_are_refused(tmp_path: Path) -> None:
    path = save(np.zeros((2, 2), dtype=np.float32), tmp_path / "float.tiff")
    with pytest.raises(InputError, match="floating point"):
        read_image(path)


def test_from_bytes(rgb: np.ndarray) -> None:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "png")
    np.testing.assert_array_equal(decode_image(buffer.getvalue(), "x", "rgb"), rgb)
    with pytest.raises(InputError, match="member of archive"):
        decode_image(b"junk", "member of archive")
