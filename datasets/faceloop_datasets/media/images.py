"""Pictures as arrays: checked before they are decoded, upright, 8 bits a channel."""

from __future__ import annotations

import hashlib
import io
import re
import stat
import struct
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

from faceloop_datasets.errors import InputError
from faceloop_datasets.faults import in_words
from faceloop_datasets.files import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# Pillow and not OpenCV: it reads the size without decoding, raises for a truncated file where
# OpenCV returns half a picture and writes to stderr, and takes any path on every system.

MAX_PIXELS = 64_000_000
"""Larger pictures are refused: decoding one would take more than 300 MB."""

MAX_BYTES = 1 << 29
"""Larger files are refused: no picture of `MAX_PIXELS` needs as much."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm")
"""File names that are taken for pictures."""

# Pillow knows the last two only once their modules are imported.
_LATE = (TiffImagePlugin.TiffImageFile.format, WebPImagePlugin.WebPImageFile.format)
_FORMATS = ("JPEG", "PNG", "BMP", "DIB", "GIF", "PPM", *_LATE)
"""Formats that are tried. Pillow knows forty more; one of them runs Ghostscript."""

_ANIMATED = ("GIF", "PNG", "WEBP")

_MAX_SCANS = 200  # of a progressive JPEG: usual are ten, and each goes over the whole picture

# What Pillow's decoders raise for damaged files; it promises nothing less.
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    TypeError,
    struct.error,
    zlib.error,
)

_STRIP = 1 << 22  # pixels converted at a time: a large picture is in memory twice, not five times

_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_ORIENTATION = 0x0112
_WIDTH, _HEIGHT = 0x0100, 0x0101  # of a TIFF, as stored


def read_image(path: str | Path, mode: Literal["gray", "rgb"] = "gray") -> NDArray[np.uint8]:
    """Read a picture as people see it: turned upright by its EXIF tag.

    Sixteen bits are scaled to eight by their full range; transparent parts show white;
    of an animation this is the first frame.

    Parameters
    ----------
    path : path
        The image file.
    mode : {"gray", "rgb"}
        What to return.

    Returns
    -------
    ndarray of uint8, shape (H, W) or (H, W, 3)

    Raises
    ------
    InputError
        If the file is missing, no image, damaged, or has more than `MAX_PIXELS`.
    """
    with _opened(path) as image:
        return _pixels(image, mode)


def read_annotated(
    path: str | Path, sha256: str | None, mode: Literal["gray", "rgb"] = "gray"
) -> NDArray[np.uint8]:
    """Like `read_image`, of a picture that was annotated.

    Parameters
    ----------
    path : path
        The image file.
    sha256 : str or None
        Hash of its content when it was annotated, in hexadecimal; None if that is not known.
    mode : {"gray", "rgb"}
        What to return.

    Raises
    ------
    InputError
        Also if another picture is there now: its points are not those of this annotation.
    """
    if sha256 is None:
        return read_image(path, mode)
    data = read_regular(Path(path), MAX_BYTES)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise InputError(
            f"{path} is not the picture that was annotated: its content is another. Put the "
            "original back or relink the folder that has it."
        )
    return decode_image(data, str(path), mode)


def decode_image(
    data: bytes, name: str, mode: Literal["gray", "rgb"] = "gray"
) -> NDArray[np.uint8]:
    """Like `read_image`, from the bytes of a file; ``name`` is for messages."""
    with _opened(io.BytesIO(data), name) as image:
        return _pixels(image, mode)


def image_size(path: str | Path) -> tuple[int, int]:
    """Width and height of the upright picture, from the header alone.

    Raises
    ------
    InputError
        If the file is missing, no image, or has more than `MAX_PIXELS`.
    """
    with _opened(path) as image:
        width, height = image.size
        if isinstance(image, TiffImagePlugin.TiffImageFile):  # some versions turn its size already
            width, height = image.tag_v2[_WIDTH], image.tag_v2[_HEIGHT]
        sideways = image.getexif().get(_ORIENTATION) in _SIDEWAYS
        return (height, width) if sideways else (width, height)


def frames_of(path: str | Path) -> int:
    """Return how many pictures an animation shows one after the other; 1 for a plain picture.

    Pages of a TIFF and previews in a JPEG are no animation.

    Raises
    ------
    InputError
        If the file is missing, no image, or has more than `MAX_PIXELS`.
    """
    with _opened(path) as image:
        return int(getattr(image, "n_frames", 1)) if image.format in _ANIMATED else 1


def exif_orientation(path: str | Path) -> int:
    """EXIF orientation of a picture file, 1 to 8: how it is turned before it is shown; 1 is not.

    Raises
    ------
    InputError
        If the file is missing, no image, or has more than `MAX_PIXELS`.
    """
    with _opened(path) as image:
        found = image.getexif().get(_ORIENTATION, 1)
    return int(found) if found in range(1, 9) else 1


def to_gray(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma of ITU-R BT.601, (H, W, 3) to (H, W); a gray image is returned as it is."""
    if rgb.ndim == 2:
        return rgb
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


@contextmanager
def _opened(file: str | Path | io.BytesIO, name: str | None = None) -> Iterator[Image.Image]:
    shown = name or str(file)
    try:
        if not isinstance(file, io.BytesIO) and not stat.S_ISREG(Path(file).stat().st_mode):
            raise InputError(f"{shown} is a folder or a device, not an image file.")
        with Image.open(file, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise InputError(_too_large(shown, width * height))
            yield image
    # Pillow's own limits are higher, but it checks them first
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(_too_large(shown, None)) from error
    except FileNotFoundError as error:
        raise InputError(f"The image {shown} does not exist.") from error
    except UnidentifiedImageError as error:
        raise InputError(
            f"{shown} is not an image in a known format; convert it to JPEG or PNG."
        ) from error
    except _DAMAGED as error:
        raise InputError(_unreadable(shown, error)) from error


def _unreadable(name: str, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:  # it is the disk's, not the image's
        return f"The image {name} cannot be read: {in_words(error)}."
    if isinstance(error, ValueError):  # says what is wrong with the values, the others with bytes
        return f"The image {name} is damaged and cannot be decoded: {error}."
    return f"The image {name} is damaged and cannot be decoded. Replace it."


def _too_large(name: str, pixels: int | None) -> str:
    found = "far too many" if pixels is None else f"{pixels / 1e6:.0f} million"
    return (
        f"The image {name} has {found} pixels; at most {MAX_PIXELS / 1e6:.0f} million are read. "
        "Scale it down first."
    )


def _pixels(image: Image.Image, mode: str) -> NDArray[np.uint8]:
    _check_scans(image)
    ImageOps.exif_transpose(image, in_place=True)
    width, height = image.size
    pixels = np.empty((height, width) if mode == "gray" else (height, width, 3), np.uint8)
    rows = max(1, _STRIP // max(1, width))
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        pixels[top:bottom] = _converted(image.crop((0, top, width, bottom)), mode)
    return pixels


def _check_scans(image: Image.Image) -> None:
    if image.format not in ("JPEG", "MPO") or not image.info.get("progressive"):
        return
    file = image.fp  # type: ignore[attr-defined]
    at = file.tell()
    file.seek(0)
    scans = len(re.findall(b"\xff\xda", file.read()))
    file.seek(at)
    if scans > _MAX_SCANS:
        raise ValueError(f"it has {scans} scans, expected at most {_MAX_SCANS}")


def _converted(part: Image.Image, mode: str) -> NDArray[np.uint8]:
    if part.mode.startswith("I;16") or part.mode == "I":
        wide = np.asarray(part).astype(np.float32)
        if wide.max(initial=0) > 65535 or wide.min(initial=0) < 0:
            raise ValueError("its values do not fit into 16 bits")
        gray = np.rint(wide / 257).astype(np.uint8)
        return gray if mode == "gray" else np.stack([gray] * 3, axis=-1)
    if part.mode == "F":
        raise ValueError("it holds floating point numbers; save it with 8 or 16 bits")
    if part.has_transparency_data:
        layer = part.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        part = Image.alpha_composite(paper, layer)
    if part.mode in ("L", "1") and mode == "gray":
        return np.array(part.convert("L"))
    rgb = np.array(part.convert("RGB"))
    return to_gray(rgb) if mode == "gray" else rgb
