"""WFLW: lists of faces, one a line: 98 points, rectangle, six attributes, the picture's name.

The order of a line is that of the set's own README, which loaders such as HRNet's and PFLD's
follow: ``x0 y0 … x97 y97``, left, top, right and bottom of a detector's rectangle, whether pose,
expression, illumination, make-up, occlusion and blur are unusual, and the name below
``WFLW_images``. The lists of parts of the test set have points and name only. Positions are taken
as they are: those loaders draw them with OpenCV, which counts pixels from 0 by their centres. That
half a pixel is missing has not been ruled out by measurement.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.files import atomic_path, is_text
from faceloop_datasets.schemes.scheme import Scheme

from ._names import PictureNames
from ._places import Source, annotation_files, has_suffix
from ._rows import BadRow, coordinate, read_text
from ._sniffing import head, share_like
from .format import Format, Holds, NamedFace, Reader, Writer
from .rows import FaceRow, row_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from faceloop_datasets.annotation import Annotation

COUNT = 98
_VALUES = 2 * COUNT
_ABOUT = 10
"""Numbers between points and name: rectangle and attributes."""

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|nan", re.IGNORECASE)


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None


def _likeness(text: str) -> float:
    return 1.0 if _kind(text) else 0.0


def _kind(text: str) -> int:
    """How many numbers the first line has before its name: 206, 196, or 0 if it is another's."""
    cells = next((line for line in text.splitlines() if line.strip()), "").split()
    numbers = next((k for k, cell in enumerate(cells) if not _is_number(cell)), 0)
    return numbers if numbers in (_VALUES, _VALUES + _ABOUT) else 0


def _files(sources: Sequence[Path]) -> list[Source]:
    """Find the lists; those of parts of the test set only where the whole ones are not."""
    named = {path for path in sources if not path.is_dir()}
    found = annotation_files(sources, ".txt")
    kinds = {source: _kind(head(source.file)) for source in found}
    whole = any(kind == _VALUES + _ABOUT for kind in kinds.values())
    wanted = [
        source
        for source, kind in kinds.items()
        if source.file in named or kind == _VALUES + _ABOUT or (kind and not whole)
    ]
    if not wanted:
        raise InputError(
            f"There is no list of WFLW in {', '.join(map(str, sources))}. Expected lines of "
            f"{_VALUES} numbers, {_ABOUT} more or none, and the name of a picture."
        )
    return wanted


def _recognise(files: Sequence[Path], _named: Sequence[Path]) -> float:
    likely = [path for path in files if has_suffix(path.name, ".txt")]
    if any(path.name.lower().startswith("list_98pt") for path in likely):
        likely = [path for path in likely if path.name.lower().startswith("list_98pt")]
    return share_like(likely, _likeness)


def _count(sources: Sequence[Path]) -> int:
    return sum(len(read_text(source.file).splitlines()) for source in _files(sources))


def _scheme(_sources: Sequence[Path]) -> Scheme:
    return Scheme.load("wflw98")


def _read_file(source: Source, _scheme: Scheme) -> Iterator[FaceRow]:
    before: Counter[str] = Counter()
    for line, text in enumerate(read_text(source.file).splitlines(), start=1):
        if not text.strip():
            continue
        cells = text.split()
        about = _ABOUT if all(map(_is_number, cells[_VALUES : _VALUES + _ABOUT])) else 0
        # a name may have blanks, and may be a number, but it has a suffix
        name = " ".join(cells[_VALUES + about :])
        before[name] += 1
        key = name if before[name] == 1 else f"{name}#{before[name]}"
        try:
            yield FaceRow(key, name, _points(cells), line=line)
        except BadRow as error:
            yield FaceRow(key or str(line), name, line=line, problem=str(error))


def _points(cells: Sequence[str]) -> list[tuple[float, float]]:
    if len(cells) <= _VALUES:
        raise BadRow(
            f"{len(cells)} values; expected {_VALUES} coordinates, {_ABOUT} more numbers or none, "
            "and the name of a picture"
        )
    xy = [coordinate(cells[k], f"{'xy'[k % 2]} of point {k // 2}") for k in range(_VALUES)]
    pairs = zip(xy[::2], xy[1::2], strict=True)
    return [(math.nan, math.nan) if math.isnan(x) or math.isnan(y) else (x, y) for x, y in pairs]


def write_wflw(faces: Sequence[NamedFace], dest: Path, _scheme: Scheme) -> None:
    """Write a list of faces.

    The rectangle is the one round the points; the attribute of occlusion is 1 where a point is
    occluded, the others are 0. A missing point is ``nan nan``.
    """
    lines = []
    for face in faces:
        if not face.picture or not is_text(face.picture) or len(face.picture.split()) != 1:
            raise InputError(
                f"WFLW's lists have no way to write the file name {face.picture!r}: blanks end it. "
                "Rename the picture."
            )
        lines.append(f"{_numbers(face.record.annotation)} {face.picture}\n")
    with atomic_path(dest) as part:
        part.write_text("".join(lines), encoding="utf-8", newline="\n")


def _numbers(face: Annotation) -> str:
    there = face.points[face.present]
    box = [*np.floor(there.min(axis=0)).tolist(), *np.ceil(there.max(axis=0)).tolist()]
    occluded = int((face.states == PointState.OCCLUDED).any())
    points = [repr(value) for value in face.points.ravel().tolist()]
    return " ".join([*points, *(str(int(value)) for value in box), f"0 0 0 0 {occluded} 0"])


FORMAT = Format(
    "wflw",
    "WFLW (98 points, .txt)",
    "Choose list_98pt_rect_attr_train.txt and the like, or the folder with them, and WFLW_images "
    "as the folder of pictures. Rectangles and attributes are not used: they are of faces and "
    "not of points.",
    ("*.txt",),
    Reader(
        row_reader("wflw", _files, _read_file, _scheme),
        "wflw98",
        _count,
        _recognise,
        "a .txt file with lines of 98 points and the name of a picture",
    ),
    Writer(
        write_wflw,
        Holds({PointState.OCCLUDED: "visible", PointState.ESTIMATED: "visible"}),
        PictureNames.pictures,
        ".txt",
        "wflw98",
    ),
)
