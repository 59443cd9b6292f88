"""Find and load the compiled kernels. The build reads this file too: it needs no other of ours."""

from __future__ import annotations

import ctypes
import os
import zlib
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
        library = ctypes.CDLL(str(library_file("baseline")))
        # Of other sources, their functions may take other arguments.
        if library.faceloop_checksum() != checksum():
            return None, f"NumPy (the kernels are of another version: {BUILD})"
        for name in reversed(INSTRUCTION_SETS[: 1 + library.faceloop_instruction_set()]):
            if library_file(name).exists():
                library = ctypes.CDLL(str(library_file(name)))
                if library.faceloop_checksum() == checksum():
                    return library, f"compiled ({name})"
    except OSError as fault:
        return None, f"NumPy (the kernels do not load: {fault})"
    return None, f"NumPy (the kernels are of another version: {BUILD})"


def address(array: NDArray[Any]) -> int:
    """Return where the values of an array lie, for a kernel. Who calls it keeps the array alive."""
    # A few times as fast as ``array.ctypes``, which reads what may not be written, too.
    if array.flags.writeable and array.size:
        return ctypes.addressof(_Byte.from_buffer(array.data))
    return int(array.ctypes.data)
