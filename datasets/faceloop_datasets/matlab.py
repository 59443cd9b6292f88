"""Matlab's files, old and new: arrays of numbers, and the pictures that some sets keep in them.

Files of version 5 are read by scipy, those of version 7.3 are HDF5 and read by h5py (extra
``hdf5``). Only variables that are asked for are read, after a look at what and how large they are.
"""

from __future__ import annotations

import struct
import zlib
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError
from .faults import in_words
from .files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    import h5py
    from numpy.typing import NDArray

MAT_SUFFIX = ".mat"
_LARGEST_SMALL = 1 << 18
"""Bytes of a version 5 file: a face has 10,000, and they may unpack to 1000 times as many."""
_MOST_NUMBERS = 1 << 24
_MOST_PIXELS = 1 << 26
_KINDS = ("double", "single", "logical", *(f"{u}int{b}" for u in ("", "u") for b in (8, 16, 32)))

# what scipy raises for damaged files
_DAMAGED = (ValueError, TypeError, LookupError, ArithmeticError, OSError, EOFError, MemoryError,
            AttributeError, NotImplementedError, struct.error, zlib.error)  # fmt: skip


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
    from scipy.io import loadmat, whosmat  # noqa: PLC0415 - its import takes a while
    from scipy.io.matlab import MatReadError  # noqa: PLC0415

    if mat_version(path) != "5":
        raise InputError(f"{path} is no Matlab file of version 5. Save it with save -v6 or -v7.")
    if path.stat().st_size > _LARGEST_SMALL:
        raise InputError(
            f"{path} has {path.stat().st_size:,} bytes; the file of a face has at most "
            f"{_LARGEST_SMALL:,}."
        )
    try:
        found = {name: (shape, kind) for name, shape, kind in whosmat(str(path))}
        names = [name for name in wanted if name in found]
        for name in names:
            shape, kind = found[name]
            if kind not in _KINDS or np.prod(shape, dtype=float) > _LARGEST_SMALL:
                raise InputError(
                    f"{path}: {name} is {kind} of {'x'.join(map(str, shape))}; expected numbers."
                )
        values = loadmat(str(path), variable_names=names) if names else {}
        return {name: np.asarray(values[name], dtype=np.float64) for name in names}
    except (*_DAMAGED, MatReadError) as error:
        raise InputError(f"{path} is damaged ({in_words(error)}). Download it again.") from error


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
