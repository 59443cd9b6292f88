"""clmtools: one face a line, ``file;x;y;flag;x;y;flag;...`` for the 71 points of clmtrackr."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from faceloop_datasets.annotation import Annotation, PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.files import as_written

from ._images import ImageIndex
from ._rows import BadRow, annotation, muct_subject, number, read_text
from .record import Entry, FaceRecord, Refusal, Skip
from .registry import reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

COUNT = 71
FLAGS = {"true": PointState.VISIBLE, "false": PointState.OCCLUDED}


def _count(sources: Sequence[Path]) -> int:
    return sum(1 for file in sources for line in _lines(file) if line.strip())


@reader("clmtools", scheme="clmtrackr71", count=_count)
def read_clmtools(sources: Sequence[Path], images: Path | None) -> Iterator[Entry]:
    """Read faces. An image that is not in ``images``, or beside the file, is left out."""
    for file in sources:
        lines = _lines(file)
        index = ImageIndex()
        if images is None:
            index.add_folder(file.parent, deep=False)
        else:
            index.add_folder(images)
        seen: dict[str, int] = {}
        for line, text in enumerate(lines, start=1):
            if text.strip():
                yield _entry(file, line, text, index, seen)


def _entry(file: Path, line: int, text: str, index: ImageIndex, seen: dict[str, int]) -> Entry:
    name, *cells = text.strip().rstrip(";").split(";")
    name = as_written(name)
    if not any(cell.strip() for cell in cells):
        return Skip(file, line, "a line without points")
    try:
        if not name:
            raise BadRow("the file name is empty")
        if name in seen:
            raise BadRow(f"{name} is already on line {seen[name]}")
        seen[name] = line
        face = _face(cells)
    except BadRow as error:
        return Refusal(file, line, str(error))
    # folders in the name may be written in the way of either system
    stem = PurePosixPath(name.replace("\\", "/")).stem
    return FaceRecord(
        name=name,
        subject=muct_subject(stem) or stem,
        image=index.named(name),
        image_name=name,
        annotation=face,
        origin=f"{file}:{line}",
        subject_source="format" if muct_subject(stem) else "picture",
    )


def _face(cells: Sequence[str]) -> Annotation:
    if len(cells) != 3 * COUNT:
        raise BadRow(f"{len(cells)} values after the name; expected {3 * COUNT} (x;y;flag x 71)")
    points, states = [], []
    for k in range(COUNT):
        x, y, flag = cells[3 * k : 3 * k + 3]
        points.append((number(x, f"x of point {k}"), number(y, f"y of point {k}")))
        if flag.strip().lower() not in FLAGS:
            raise BadRow(f"the flag of point {k} is {flag!r:.40}; expected true or false")
        states.append(FLAGS[flag.strip().lower()])
    return annotation("clmtrackr71", points, "import:clmtools", states)


def _lines(file: Path) -> list[str]:
    if file.is_dir():
        raise InputError(f"{file} is a folder; give the annotations file of clmtools in it.")
    return read_text(file).splitlines()
