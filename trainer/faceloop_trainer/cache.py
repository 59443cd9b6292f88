"""What a training keeps for the next one, so that a face is read and looked at once.

Everything here can be made again from the project, so the folder may be deleted at any time, also
while a training runs. A file appears complete or not at all, says what it holds, and is believed
only if its digest is right; a damaged one is made again. Trainings at the same time may share a
folder: the last one to write a file wins, and every file is right by itself.

A project may come from a stranger, its cache too. Digests are made with a key that this account of
the computer keeps to itself, so that nothing is believed that a training here has not written; and
links are not followed, or `Cache.tidy` would delete what they lead to.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import platform
import secrets
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import safetensors
from platformdirs import user_data_dir
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from faceloop_datasets import InputError
from faceloop_datasets.files import atomic_path, read_regular, require_regular
from faceloop_datasets.opencv import opencv_version
from faceloop_runtime import kernels

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]

_FORMAT = 8
_DIGEST = 32
_LARGEST = 2**28
"""Most bytes in a file: three times what the sums over ten thousand faces need."""
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
    libraries = ("faceloop", "numpy", "scipy")
    # Two people who share a project do not take each other's files for damaged ones.
    account = hashlib.blake2b(_secret(), digest_size=8).hexdigest()
    here = platform.machine(), kernels.describe()
    return (_FORMAT, account, *here, *map(version, libraries), opencv_version())


class Cache:
    """Arrays by kind and name, in a folder.

    Parameters
    ----------
    folder : Path or None
        Where; None keeps nothing, nor does a link in its place.
    limit : int
        Most bytes left by `tidy`.
    """

    def __init__(self, folder: Path | None, limit: int = _LIMIT) -> None:
        link = folder is not None and folder.is_symlink()
        self.folder, self._limit = None if link else folder, limit

    def load(self, kind: str, key: str) -> Arrays | None:
        """Return what was saved under a name, or None if it is not there or damaged."""
        if self.folder is None:
            return None
        file = self._file(self.folder, kind, key)
        if file.is_symlink() or file.parent.is_symlink():
            return None
        try:
            require_regular(file, _LARGEST)
            with file.open(
                "rb"
            ) as content:  # in two, or hundreds of megabytes are copied once more
                size = os.fstat(content.fileno()).st_size
                data, digest = content.read(max(0, size - _DIGEST)), content.read(_DIGEST)
            os.utime(file)
        except (OSError, InputError):
            return None
        if hmac.compare_digest(digest, _digest(kind, key, data)):
            with suppress(safetensors.SafetensorError):
                return from_bytes(data)
        with suppress(OSError):
            file.unlink()
        return None

    def holds(self, kind: str, key: str) -> bool:
        """Whether something was saved under a name; it may still turn out to be damaged."""
        return self.folder is not None and self._file(self.folder, kind, key).exists()

    def save(self, kind: str, key: str, arrays: Arrays) -> None:
        """Keep arrays under a name; what cannot be written is not kept."""
        if self.folder is None:
            return
        # Row by row: of an array that lies otherwise the bytes would be taken as they lie.
        data = to_bytes({name: np.asarray(array, order="C") for name, array in arrays.items()})
        file = self._file(self.folder, kind, key)
        if len(data) + _DIGEST > _LARGEST or file.parent.is_symlink():
            return
        with suppress(InputError), atomic_path(file, scratch=True) as part, part.open("wb") as out:
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
    # Processors have instructions for SHA-256: it is read twice as fast as by BLAKE2.
    digest = hmac.new(_secret(), f"{kind}/{key}:".encode(), "sha256")
    digest.update(data)
    return digest.digest()


@cache
def _secret() -> bytes:
    """Return the key of digests: random bytes that only this account of the computer has."""
    file = Path(user_data_dir("faceloop", appauthor=False)) / "cache.key"
    with suppress(InputError, OSError):
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(file) as part:
                part.touch(mode=0o600)
                part.write_bytes(secrets.token_bytes(_DIGEST))
        found = read_regular(file)
        if len(found) == _DIGEST:
            return found
    return secrets.token_bytes(_DIGEST)  # then nothing is believed the next time
