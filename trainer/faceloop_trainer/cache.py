"""What a training keeps for the next one, so that a face is read and looked at once.

Everything here can be made again from the project, so the folder may be deleted at any time, also
while a training runs. A file appears complete or not at all, says what it holds, and is believed
only if its digest is right; a damaged one is made again. Trainings at the same time may share a
folder: the last one to write a file wins, and every file is right by itself.
"""

from __future__ import annotations

import hashlib
import os
import platform
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import safetensors
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from faceloop_datasets import InputError
from faceloop_datasets.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]

_FORMAT = 2
_DIGEST = 32
_LIMIT = 2 * 2**30
"""Bytes that are kept; what was not used for longest goes first."""


def key_of(*parts: object) -> str:
    """Return a name for something that depends on these values and on nothing else.

    Arrays count by type, shape and content, everything else by its `repr`. Other versions of the
    libraries that compute, or another kind of processor, may round otherwise: they count too.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in (_platform(), *parts):
        array = getattr(part, "tobytes", None)
        if array is None:
            digest.update(repr(part).encode())
        else:
            digest.update(f"{part.dtype} {part.shape} ".encode() + array())  # type: ignore[attr-defined]
        digest.update(b"\n")
    return digest.hexdigest()


@cache
def _platform() -> tuple[object, ...]:
    libraries = ("faceloop", "numpy", "scipy", "opencv-python")
    return (_FORMAT, platform.machine(), *map(version, libraries))


class Cache:
    """Arrays by kind and name, in a folder.

    Parameters
    ----------
    folder : Path or None
        Where; None keeps nothing.
    limit : int
        Most bytes left by `tidy`.
    """

    def __init__(self, folder: Path | None, limit: int = _LIMIT) -> None:
        self.folder, self._limit = folder, limit

    def load(self, kind: str, key: str) -> Arrays | None:
        """Return what was saved under a name, or None if it is not there or damaged."""
        if self.folder is None:
            return None
        file = self._file(self.folder, kind, key)
        try:
            content = memoryview(file.read_bytes())
            os.utime(file)
        except OSError:
            return None
        data, digest = content[:-_DIGEST], bytes(content[-_DIGEST:])
        if digest == _digest(kind, key, data):
            with suppress(safetensors.SafetensorError):
                arrays: Arrays = from_bytes(bytes(data))
                return arrays
        with suppress(OSError):
            file.unlink()
        return None

    def save(self, kind: str, key: str, arrays: Arrays) -> None:
        """Keep arrays under a name; what cannot be written is not kept."""
        if self.folder is None:
            return
        data = to_bytes(dict(arrays))
        file = self._file(self.folder, kind, key)
        with suppress(InputError), atomic_path(file) as part, part.open("wb") as out:
            out.write(data)
            out.write(_digest(kind, key, data))

    def tidy(self) -> None:
        """Delete what was not used for longest, down to the limit."""
        if self.folder is None or not self.folder.is_dir():
            return
        found = []
        for file in self.folder.rglob("*"):
            with suppress(OSError):  # another training may delete too
                if file.is_file():
                    about = file.stat()
                    found.append((about.st_mtime, about.st_size, file))
        total = sum(size for _, size, _ in found)
        for _, size, file in sorted(found):
            if total <= self._limit:
                break
            with suppress(OSError):
                file.unlink()
            total -= size

    @staticmethod
    def _file(folder: Path, kind: str, key: str) -> Path:
        return folder / kind / f"{key}.bin"


def _digest(kind: str, key: str, data: bytes | memoryview) -> bytes:
    digest = hashlib.blake2b(f"{kind}/{key}:".encode(), digest_size=_DIGEST)
    digest.update(data)
    return digest.digest()
