"""Points files of any number of points: ``.pts`` as iBUG's, for sets of 5, 19, 29 or 194 points.

They are read as menpo's importer reads them, whatever their number: the top-left pixel is (1, 1).
Points are known by their numbers only, unless a scheme that comes with faceloop has as many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError, SchemeError
from faceloop_datasets.schemes.named import scheme_of_names
from faceloop_datasets.schemes.toml import MAX_POINTS, MIN_POINTS

from . import ibug
from ._places import annotation_files, has_suffix
from ._rows import read_text
from ._sniffing import share_like
from .format import Format, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from faceloop_datasets.schemes.scheme import Scheme

    from .record import Entry

_LOOKED_AT = 20


def _recognise(files: Sequence[Path], _named: Sequence[Path]) -> float:
    return share_like([path for path in files if has_suffix(path.name, ".pts")], _likeness)


def _likeness(head: str) -> float:
    """Look for a header of another number of points than iBUG's."""
    return 0.0 if ibug.said_count(head) in (None, ibug.COUNT) else 1.0


def _scheme(sources: Sequence[Path]) -> Scheme:
    """Scheme of as many points as the first file has that can be read."""
    for source in annotation_files(sources, ".pts")[:_LOOKED_AT]:
        try:
            count = ibug.counted_points(read_text(source.file))
        except InputError:  # refused when it is read
            continue
        if MIN_POINTS <= count <= MAX_POINTS:
            return scheme_of_names(f"pts{count}", [str(k) for k in range(count)])
    raise SchemeError(f"There is no .pts file with points in {', '.join(map(str, sources))}.")


def read_pts(sources: Sequence[Path], images: Path | None) -> Iterator[Entry]:
    """Read faces of as many points as the first file has."""
    scheme = _scheme(sources)
    yield from ibug.read_points(sources, images, "pts", scheme.name, len(scheme))


FORMAT = Format(
    "pts",
    "Points files of any number (.pts)",
    "Choose .pts files that all have the same number of points, or folders of them; those of 68 "
    "points are iBUG's. Others come into a project of these points, which are called by their "
    "numbers.",
    ("*.pts",),
    Reader(
        read_pts,
        _scheme,
        lambda sources: len(annotation_files(sources, ".pts")),
        _recognise,
        "a .pts file of another number of points",
    ),
)
