"""How annotations come in and go out: one module a format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError

from . import clmtools, ibug, imm, muct
from .recognition import Recognition, recognise
from .record import Entry, FaceRecord, ImageRef, Refusal, Skip
from .registry import formats, get_reader
from .writers import WRITERS, longer_names, write_faces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "WRITERS",
    "Entry",
    "FaceRecord",
    "ImageRef",
    "Recognition",
    "Refusal",
    "Skip",
    "clmtools",
    "count_faces",
    "formats",
    "ibug",
    "imm",
    "longer_names",
    "muct",
    "native_scheme",
    "read_faces",
    "recognise",
    "write_faces",
]


def read_faces(
    source_format: str, sources: Sequence[str | Path], *, images: str | Path | None = None
) -> Iterator[Entry]:
    """Read annotated faces, one at a time and lazily.

    Parameters
    ----------
    source_format : str
        One of `formats`.
    sources : sequence of path
        Files, folders or archives, as the format takes them.
    images : path, optional
        Folder with the pictures, where they do not lie beside the annotations.

    Yields
    ------
    FaceRecord, Refusal or Skip
        A face, a row that cannot be used, or a row left out on purpose.

    Raises
    ------
    InputError
        If the format is unknown, or a whole file cannot be used.
    """
    chosen = get_reader(source_format)
    paths = _existing(sources)
    folder = None if images is None else Path(images)
    if folder is not None and not folder.is_dir():
        raise InputError(f"The image folder {folder} does not exist.")
    return chosen.read(paths, folder)


def count_faces(source_format: str, sources: Sequence[str | Path]) -> int:
    """Count the entries that `read_faces` will yield, for a progress bar.

    Cheap, and only about right: rows are counted, not parsed.
    """
    return get_reader(source_format).count(_existing(sources))


def native_scheme(source_format: str) -> str:
    """Name of the scheme that the faces of a format follow."""
    return get_reader(source_format).scheme


def _existing(sources: Sequence[str | Path]) -> tuple[Path, ...]:
    paths = tuple(Path(s) for s in sources)
    if not paths:
        raise InputError("Nothing to import: give at least one file, folder or archive.")
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist.")
    return paths
