"""IMM: one ``.asf`` file a face, 58 points as fractions of the image's width and height."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError
from faceloop_datasets.images import image_size

from ._images import ImageIndex, ImagesBeside, annotation_files
from ._rows import BadRow, annotation, number, read_text
from .record import Entry, FaceRecord, Refusal
from .registry import reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

COUNT = 58
_NAME = re.compile(r"(\d{2})-\d[fm]")  # person, kind of picture, woman or man
_X = 2  # path, type, x, y, number, connected from, connected to


def _count(sources: Sequence[Path]) -> int:
    return len(annotation_files(sources, ".asf"))


@reader("imm", scheme="imm58", count=_count)
def read_imm(sources: Sequence[Path], images: Path | None) -> Iterator[Entry]:
    """Read faces, one a file. The image's size is needed, so a face without it is refused."""
    beside = ImagesBeside(images)
    seen: dict[str, Path] = {}
    for file in annotation_files(sources, ".asf"):
        try:
            if file.stem in seen:
                raise BadRow(f"{file.stem} is already read from {seen[file.stem]}")
            seen[file.stem] = file
            yield _record(file, beside.of(file))
        except (BadRow, InputError) as error:
            yield Refusal(file, 1, str(error))


def _record(file: Path, index: ImageIndex) -> FaceRecord:
    rows = [
        (line, text.strip())
        for line, text in enumerate(read_text(file).splitlines(), start=1)
        if text.strip() and not text.lstrip().startswith("#")
    ]
    if not rows or rows[0][1] != str(COUNT):
        found = repr(rows[0][1])[:40] if rows else "nothing"
        raise BadRow(f"the number of points is {found}; expected {COUNT}")
    points = rows[1 : COUNT + 1]
    if len(points) != COUNT or any(len(text.split()) <= _X + 1 for _, text in points):
        raise BadRow(f"the table of points is not complete; expected {COUNT} rows of 7 columns")
    named = rows[COUNT + 1][1] if len(rows) > COUNT + 1 else f"{file.stem}.jpg"
    image = index.named(named) or index.stem(file.stem)
    if image is None:
        raise BadRow(f"the image {named} is not there, and the points are fractions of its size")
    width, height = image_size(image.path)
    xy = [
        tuple(number(text.split()[_X + k], f"{axis} on line {line}") for k, axis in enumerate("xy"))
        for line, text in points
    ]
    person = _NAME.fullmatch(file.stem)
    return FaceRecord(
        name=file.stem,
        subject=file.stem if person is None else f"imm-{person[1]}",
        image=image,
        image_name=PurePosixPath(named).name,
        annotation=annotation("imm58", [(x * width, y * height) for x, y in xy], "import:imm"),
        origin=f"{file}:{points[0][0]}",
        subject_source="picture" if person is None else "format",
    )
