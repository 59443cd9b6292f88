"""Find and load the compiled kernels. The build reads this file too: it needs no other of ours."""

from __future__ import annotations

import ctypes
import os
import struct
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(__file__).parent
INSTRUCTION_SETS = ("baseline", "x86-64-v3", "x86-64-v4")
"""From what every processor of the platform has, to AVX2, to AVX-512: a library each."""
SWITCH = "FACELOOP_KERNELS"
"""Environment variable: 0 leaves the kernels out, of what is built and of what is used."""
BUILD = "python hatch_build.py"

switched_off = os.environ.get(SWITCH) == "0"
"""Whether the kernels are not wanted. Every call of one looks here: the environment is too slow."""
_Byte = ctypes.c_char
_LOADED = 1
"""Kind of a part of an ELF file that is mapped into memory."""


def library_file(instruction_set: str) -> Path:
    """Return where the library for an instruction set lies, or would lie.

    In a folder that is no package, or Python would take it for a module.
    """
    return FOLDER / "lib" / f"{instruction_set}{'.dll' if os.name == 'nt' else '.so'}"


def sources() -> list[Path]:
    """Return the files that the libraries are made of; the first kind is compiled."""
    return sorted(FOLDER.glob("*.c")) + sorted(FOLDER.glob("*.h"))


def checksum() -> int:
    """Return what tells a library of these sources from one of others, 31 bits."""
    return zlib.crc32(b"\0".join(file.read_bytes() for file in sources())) >> 1


def compiled() -> ctypes.CDLL | None:
    """Return the kernels, None where there are none: NumPy then computes the same, slower."""
    return None if switched_off else _load()[0]


def describe() -> str:
    """Say for people what computes here: compiled for which processors, or why not."""
    return f"NumPy ({SWITCH}=0)" if switched_off else _load()[1]


@cache
def _load() -> tuple[ctypes.CDLL | None, str]:
    """Return the library for this processor, and what `describe` says."""
    if not library_file("baseline").exists():
        return None, "NumPy (this installation was built without a C compiler)"
    try:
        baseline = _open("baseline")
    except _UnusableError as fault:
        return None, f"NumPy ({fault})"
    for name in reversed(INSTRUCTION_SETS[1 : 1 + baseline.faceloop_instruction_set()]):
        with suppress(_UnusableError):  # the next one computes the same, slower
            return _open(name), f"compiled ({name})"
    return baseline, "compiled (baseline)"


class _UnusableError(Exception):
    """A library that is missing, damaged, or not of these sources; says which."""


def _open(instruction_set: str) -> ctypes.CDLL:
    """Load a library of these sources.

    Raises
    ------
    _UnusableError
        If it is none.
    """
    file = library_file(instruction_set)
    try:
        if not _is_whole(file):
            raise _UnusableError(f"the kernels are damaged: {BUILD}")
        library = ctypes.CDLL(str(file))
        # Of other sources, their functions may take other arguments.
        ours = library.faceloop_checksum() == checksum()
    except OSError as fault:
        raise _UnusableError(f"the kernels do not load: {fault}") from fault
    except AttributeError as fault:
        raise _UnusableError(f"the kernels are another library: {BUILD}") from fault
    if not ours:
        raise _UnusableError(f"the kernels are of another version: {BUILD}")
    return library


def _is_whole(file: Path) -> bool:
    """Whether no part is missing that an ELF library says it has; others are not looked at.

    Where ELF is used, loading maps these parts unseen, and touching what is behind the end of the
    file kills Python. Other systems refuse such a file. A checksum beside the file would be broken
    by packagers, who strip libraries and change where they look for others.
    """
    with file.open("rb") as content:
        size = content.seek(0, os.SEEK_END)
        content.seek(0)
        head = content.read(64)
        if head[:6] != b"\x7fELF\x02\x01":  # 64 bits, little-endian: what else is there, loads it
            return size > 0
        if len(head) < 64:
            return False
        (start,), (width, count) = (
            struct.unpack_from("<Q", head, 32),
            struct.unpack_from("<HH", head, 54),
        )
        content.seek(start)
        table = content.read(width * count)
    if width < 56 or len(table) < width * count:
        return False
    parts = (struct.unpack_from("<I4xQ16xQ", table, width * n) for n in range(count))
    return all(kind != _LOADED or offset + length <= size for kind, offset, length in parts)


def address(array: NDArray[Any]) -> int:
    """Return where the values of an array lie, for a kernel. Who calls it keeps the array alive."""
    # A few times as fast as ``array.ctypes``, which reads what may not be written, too.
    if array.flags.writeable and array.size:
        return ctypes.addressof(_Byte.from_buffer(array.data))
    return int(array.ctypes.data)
