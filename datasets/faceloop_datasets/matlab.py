"""Matlab's files, old and new: arrays of numbers, and the pictures that some sets keep in them.

Files of version 5 are read here: scipy's reader, fed with damaged ones, ends the whole program
(a segmentation fault of scipy 1.17.1 within seconds of fuzzing). Those of version 7.3 are HDF5
and read by h5py (extra ``hdf5``). Only variables that are asked for are read, after a look at what
and how large they are.
"""

from __future__ import annotations

import math
import struct
import zlib
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError
from .faults import in_words
from .files import atomic_path, read_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    import h5py
    from numpy.typing import NDArray

MAT_SUFFIX = ".mat"
_LARGEST_SMALL = 1 << 18
"""Bytes of a version 5 file: that of a face has 10,000."""
_MOST_NUMBERS = 1 << 24
_MOST_PIXELS = 1 << 26
_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = range(6, 16)
"""Classes of arrays of numbers: double, single, and integers of 1 to 8 bytes."""
_TYPES = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
_MOST_UNPACKED = 1 << 24


def mat_version(path: Path) -> str:
    """Version that a file says it has, "5" or "7.3"; empty if it is none of Matlab's."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            start = file.read(128)
            file.seek(512)
            hdf5 = file.read(8) == b"\x89HDF\r\n\x1a\n"
    except OSError:
        return ""
    if start.startswith(b"MATLAB 5.0") and start[124:128] in (b"\x00\x01IM", b"\x01\x00MI"):
        return "5"
    return "7.3" if hdf5 and start.startswith(b"MATLAB 7.3") else ""


def small_arrays(path: Path, wanted: Collection[str]) -> dict[str, NDArray[np.float64]]:
    """Arrays of numbers in a small file of version 5, by their names; those that are there.

    Raises
    ------
    InputError
        If it is no such file, is damaged, or a variable is no array of numbers.
    """
    if mat_version(path) != "5":
        raise InputError(f"{path} is no Matlab file of version 5. Save it with save -v6 or -v7.")
    data = read_regular(path, _LARGEST_SMALL)
    order = "<" if data[126:128] == b"IM" else ">"
    try:
        found = dict(_variables(data[_HEADER:], order, wanted))
    except _DamagedError as error:
        raise InputError(f"{path} is damaged ({error}). Download it again.") from error
    for name, array in found.items():
        if array is None:
            raise InputError(f"{path}: {name} is not an array of numbers.")
    return {name: array for name, array in found.items() if array is not None}


class _DamagedError(Exception):
    """What is wrong with a file; never reaches a user."""


def _variables(
    data: bytes, order: str, wanted: Collection[str]
) -> Iterator[tuple[str, NDArray[np.float64] | None]]:
    """Yield the wanted variables; None for what is no array of numbers."""
    for kind, body in _elements(data, order):
        if kind == _COMPRESSED:
            inside = _elements(_unpacked(body), order)
            kind, body = next(inside, (0, b""))  # noqa: PLW2901
        if kind == _MATRIX:
            yield from _variable(list(_elements(body, order)), order, wanted)


def _unpacked(body: bytes) -> bytes:
    try:
        unpacked = zlib.decompressobj().decompress(body, _MOST_UNPACKED)
    except zlib.error as error:
        raise _DamagedError(str(error)) from error
    if len(unpacked) == _MOST_UNPACKED:
        raise _DamagedError("it unpacks to far more than a face")
    return unpacked


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of the elements of a file, or of an array in it.

    "MAT-File Format" (The MathWorks): type and size, four bytes each, then the content, filled up
    to eight bytes; up to four bytes of content are packed with both into eight.
    """
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}2I", data, at)
        small = kind >> 16
        if small:
            kind, size = kind & 0xFFFF, small
        start = at + (4 if small else 8)
        if (small and size > 4) or start + size > len(data):
            raise _DamagedError("an array ends early")
        yield kind, data[start : start + size]
        filled = size if kind == _COMPRESSED else -(-size // 8) * 8
        at += 8 if small else 8 + filled


def _variable(
    parts: Sequence[tuple[int, bytes]], order: str, wanted: Collection[str]
) -> Iterator[tuple[str, NDArray[np.float64] | None]]:
    """Yield an array of its parts: flags, dimensions, name and numbers."""
    if len(parts) < 3 or len(parts[0][1]) != 8 or len(parts[1][1]) % 4:
        raise _DamagedError("an array has no flags, dimensions and name")
    (flags,) = struct.unpack_from(f"{order}I", parts[0][1])
    name = parts[2][1].decode("latin-1")
    if name not in wanted:
        return
    is_complex, kind = flags & 0x800, flags & 0xFF
    if is_complex or kind not in _NUMBERS or len(parts) != 4 or parts[3][0] not in _TYPES:
        yield name, None
        return
    shape = np.frombuffer(parts[1][1], f"{order}i4")
    stored = np.dtype(f"{order}{_TYPES[parts[3][0]]}")
    count = len(parts[3][1]) // stored.itemsize
    if len(parts[3][1]) % stored.itemsize or (shape < 0).any() or len(shape) > 8:
        raise _DamagedError(f"{name} has no number of numbers")
    if math.prod(shape.tolist()) != count:
        raise _DamagedError(f"{name} has {count} numbers, and not as many as it says")
    numbers = np.frombuffer(parts[3][1], stored).astype(np.float64)
    yield name, numbers.reshape(shape.tolist(), order="F")


@contextmanager
def opened_73(path: Path) -> Iterator[h5py.File]:
    """Open a file of version 7.3.

    Raises
    ------
    InputError
        If it is none or damaged, or h5py is not there.
    """
    try:
        import h5py  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InputError(
            f"{path} is a Matlab file of version 7.3, and h5py is not installed. Install it: "
            'pip install "faceloop[hdf5]".'
        ) from error
    if mat_version(path) != "7.3":
        raise InputError(f"{path} is no Matlab file of version 7.3.")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, LookupError, ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged ({in_words(error)}). Download it again.") from error


def numbers_73(file: h5py.File, name: str) -> NDArray[np.float64]:
    """Array of numbers of an open file, in Matlab's order of axes.

    Raises
    ------
    InputError
        If there is none, or it is far too large.
    """
    data = _dataset(file, name)
    if data.dtype.kind not in "fiub" or data.size > _MOST_NUMBERS:
        raise InputError(
            f"{file.filename}: {name} is {data.dtype} of {data.shape}; expected numbers."
        )
    return np.asarray(data[()], dtype=np.float64).T


def _dataset(file: h5py.File, name: str) -> h5py.Dataset:
    import h5py  # noqa: PLC0415 - an extra

    # links to other files are not followed: somebody else's file is no way to read any
    link = file.get(name, getlink=True)
    data = file.get(name) if isinstance(link, h5py.HardLink) else None
    if not isinstance(data, h5py.Dataset) or data.external:
        raise InputError(f"{file.filename}: there is no array {name}.")
    return data


def cell_name(variable: str, number: int) -> str:
    """Name of a picture in a file: that of its cell array and its place in it, from 1."""
    return f"{variable}_{number:05d}.png"


def extract_pictures(
    archive: Path,
    members: Collection[str],
    dest: Path,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Path]:
    """Write pictures of a file of version 7.3 as PNG files, named by `cell_name`.

    As `faceloop_datasets.archive.extract_members`, which does so for archives.

    Raises
    ------
    InputError
        If the file is damaged, or a picture is not there or none.
    """
    from PIL import Image  # noqa: PLC0415

    found: dict[str, Path] = {}
    with opened_73(archive) as file:
        for member in members:
            pixels = _pixels(file, archive, member)
            target = dest / PurePosixPath(member).name
            with atomic_path(target, scratch=True) as part:
                Image.fromarray(pixels).save(part, "PNG")
            found[member] = target
            if progress is not None:
                progress(len(found), len(members))
    return found


def _pixels(file: h5py.File, archive: Path, member: str) -> NDArray[np.uint8]:
    """Gray (H, W) or colour (H, W, 3) of a cell."""
    import h5py  # noqa: PLC0415 - an extra

    variable, _, number = PurePosixPath(member).stem.rpartition("_")
    cells = _dataset(file, variable)
    place = int(number) - 1 if number.isdecimal() else -1
    if h5py.check_ref_dtype(cells.dtype) is not h5py.Reference or not 0 <= place < cells.size:
        raise InputError(f"{archive} has no picture {member}.")
    data: Any = file[cells[()].ravel()[place]]
    flat = isinstance(data, h5py.Dataset) and data.dtype == np.uint8 and data.size <= _MOST_PIXELS
    shape: tuple[int, ...] = data.shape if flat else ()
    if not (len(shape) == 2 or (len(shape) == 3 and shape[0] == 3)) or data.external:
        raise InputError(f"{archive}: {member} is no picture of 8 bits, gray or in colour.")
    return np.ascontiguousarray(np.asarray(data[()]).T)
