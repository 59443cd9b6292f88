"""The model file: one safetensors file with JSON metadata, checked before it is used."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
from safetensors.numpy import save as to_bytes

from faceloop_datasets import ModelFileError
from faceloop_datasets.faults import in_words
from faceloop_datasets.files import atomic_path

from .arrays import to_arrays
from .checking import ModelPartsReader
from .layout import fields_of, path_of
from .metadata import KEY, BadFieldError, metadata_of, optional_parts_of, parse_metadata
from .parts import ARRAY_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from .parts import ModelParts

    Array = NDArray[Any]

_MAX_BYTES = 512 * 2**20
_MAX_HEADER = 4 * 2**20


def save(model: ModelParts, path: Path) -> None:
    """Write a model; the file appears complete or not at all. The same model, the same bytes.

    Parameters
    ----------
    model : ModelParts
        What to write.
    path : Path
        The file, by custom ``*.safetensors``; an existing one is replaced.

    Raises
    ------
    ModelFileError
        If the model's own arrays do not fit together or hold NaN.
    InputError
        If the file cannot be written, or the disk is full.
    """
    arrays = to_arrays({name: getattr(model, name) for name in ARRAY_PARTS})
    dtypes = {"F32": np.float32, "F64": np.float64}
    with _named(path):
        about = metadata_of(model, {path: float(a) for path, a in arrays.items() if not a.shape})
        stored = {
            f.name: np.ascontiguousarray(arrays[path_of(f.name)], dtypes[f.dtype])
            for f in fields_of(about["version"], len(model.experts), optional_parts_of(about))
        }
        ModelPartsReader(about, _ArraysInMemory(stored)).parts()
    text = json.dumps(about, sort_keys=True, ensure_ascii=True)
    with atomic_path(path) as part:
        part.write_bytes(to_bytes(stored, {KEY: text}))


def load(path: Path) -> ModelParts:
    """Read a model; every array is checked against its header before it is touched.

    Parameters
    ----------
    path : Path
        The file. It is mapped into memory and nothing in it is executed.

    Raises
    ------
    ModelFileError
        If the file is missing, no model, damaged, of a newer version, or its arrays do not
        fit together; the message names the file and the field.
    """
    with _named(path):
        _check_size(path)
        with _opened(path) as file:
            return ModelPartsReader(parse_metadata(file.metadata()), file).parts()


class _ArraysInMemory:
    """Arrays of a model about to be written, read like an open file."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = arrays

    def keys(self) -> list[str]:
        return list(self._arrays)

    def header(self, name: str) -> tuple[str, tuple[int, ...]]:
        array = self._arrays[name]
        return {4: "F32", 8: "F64"}[array.itemsize], array.shape

    def array(self, name: str) -> Array:
        return self._arrays[name]


class _OpenFile:
    """An open safetensors file."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def metadata(self) -> dict[str, str]:
        return self._handle.metadata() or {}

    def keys(self) -> list[str]:
        return list(self._handle.keys())

    def header(self, name: str) -> tuple[str, tuple[int, ...]]:
        part = self._handle.get_slice(name)
        return part.get_dtype(), tuple(part.get_shape())

    def array(self, name: str) -> Array:
        array: Array = self._handle.get_tensor(name)
        array.flags.writeable = False
        return array


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Give errors the name of the file."""
    try:
        yield
    except BadFieldError as error:
        raise ModelFileError(f"The model file {path} cannot be used: {error}") from error


@contextmanager
def _opened(path: Path) -> Iterator[_OpenFile]:
    try:
        with safetensors.safe_open(path, framework="numpy") as handle:
            yield _OpenFile(handle)
    except (safetensors.SafetensorError, OSError) as error:
        # its messages are safe to show: they name offsets and lengths, not content
        raise BadFieldError("header", f"a damaged file ({error})", "a safetensors file") from error


def _check_size(path: Path) -> None:
    if not path.is_file():
        raise BadFieldError(
            "file", "no such file", "a model file", "Check the name and the folder."
        )
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        advice = "Check that it can be read."
        raise BadFieldError("file", in_words(error), "a readable file", advice) from error
    if size > _MAX_BYTES:
        raise BadFieldError("file", f"{size:,} bytes", f"at most {_MAX_BYTES:,}")
    header = int.from_bytes(start, "little")
    if len(start) < 8 or header > min(size - 8, _MAX_HEADER):
        found = f"{size:,} bytes that are truncated or in another format"
        raise BadFieldError("file", found, "a safetensors file that FaceModel.save wrote")
