"""How annotations come in and go out: one module a format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError
from faceloop_datasets.files import atomic_path
from faceloop_datasets.schemes.named import scheme_of_names

from ._names import PictureNames
from ._places import Source, annotation_files
from ._rows import BadRow, coordinate, read_text
from ._sniffing import head
from .format import Format, Holds, NamedFace, Reader, Writer
from .recognition import Recognition, recognise
from .record import Entry, FaceRecord, ImageRef, Refusal, Skip
from .registry import FormatWarning, all_formats, get_reader, get_writer, readable, writable
from .rows import FaceRow, row_reader
from .writers import Written, write_faces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faceloop_datasets.schemes.scheme import Scheme

__all__ = [
    "BadRow",
    "Entry",
    "FaceRecord",
    "FaceRow",
    "Format",
    "FormatWarning",
    "Holds",
    "ImageRef",
    "NamedFace",
    "PictureNames",
    "Reader",
    "Recognition",
    "Refusal",
    "Skip",
    "Source",
    "Writer",
    "Written",
    "all_formats",
    "annotation_files",
    "atomic_path",
    "coordinate",
    "count_faces",
    "get_reader",
    "get_writer",
    "head",
    "read_faces",
    "read_text",
    "readable",
    "recognise",
    "row_reader",
    "scheme_of_names",
    "source_scheme",
    "writable",
    "write_faces",
]


def read_faces(
    source_format: str, sources: Sequence[str | Path], *, images: str | Path | None = None
) -> Iterator[Entry]:
    """Read annotated faces, one at a time and lazily.

    Parameters
    ----------
    source_format : str
        One of `readable`.
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


def source_scheme(source_format: str, sources: Sequence[str | Path]) -> Scheme:
    """Scheme of the faces in some sources: that of the format, or the one that they name.

    Raises
    ------
    InputError
        If the format is unknown, or the sources cannot be read.
    SchemeError
        If the points that they name make no scheme.
    """
    return get_reader(source_format).scheme_of(_existing(sources))


def _existing(sources: Sequence[str | Path]) -> tuple[Path, ...]:
    paths = tuple(Path(s) for s in sources)
    if not paths:
        raise InputError("Nothing to import: give at least one file, folder or archive.")
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist.")
    return paths
