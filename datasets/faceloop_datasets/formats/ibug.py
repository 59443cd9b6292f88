"""iBUG: one ``.pts`` file a face, 68 points.

The annotations of 300-W and of the sets it took over (AFW, HELEN, LFPW) come from Matlab: the
top-left pixel is (1, 1). So 1 is taken off every coordinate, as menpo's importer also does.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError

from ._images import ImagesBeside, annotation_files
from ._rows import BadRow, annotation, number, read_text
from .record import Entry, FaceRecord, Refusal
from .registry import reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from faceloop_datasets.annotation import Annotation

COUNT = 68
EXACT = Context(prec=64)
"""Arithmetic that adds and takes off 1 without loss, down to 1e-45 pixels."""
_HEADER = re.compile(r"(version|n_points)\s*:\s*(\S+)", re.IGNORECASE)


def _count(sources: Sequence[Path]) -> int:
    return len(annotation_files(sources, ".pts"))


@reader("ibug", scheme="ibug68", count=_count)
def read_ibug(sources: Sequence[Path], images: Path | None) -> Iterator[Entry]:
    """Read faces, one a file, with the image of the same stem beside it or in ``images``."""
    beside = ImagesBeside(images)
    seen: dict[str, Path] = {}
    for file in annotation_files(sources, ".pts"):
        name = f"{file.parent.name}/{file.stem}"
        line = 1
        try:
            if name in seen:
                raise BadRow(f"{name} is already read from {seen[name]}")
            seen[name] = file
            line, face = _face(read_text(file))
        except (BadRow, InputError) as error:
            yield Refusal(file, line, str(error))
            continue
        image = beside.of(file).stem(file.stem)
        yield FaceRecord(
            name=name,
            subject=name,
            image=image,
            image_name=f"{file.stem}.jpg" if image is None else image.name,
            annotation=face,
            origin=f"{file}:{line}",
        )


def _face(text: str) -> tuple[int, Annotation]:
    """Points, and the line that the first is on; the header and the braces may be absent."""
    rows: list[tuple[int, list[str]]] = []
    for line, content in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(content.strip())
        if header is None:
            cells = content.replace("{", " ").replace("}", " ").split()
            if cells:
                rows.append((line, cells))
        elif header[1].lower() == "n_points" and header[2] != str(COUNT):
            raise BadRow(f"n_points is {header[2]}; expected {COUNT}")
    if len(rows) != COUNT:
        raise BadRow(f"{len(rows)} points; expected {COUNT}")
    points = [_point(line, cells) for line, cells in rows]
    # 0 0 is outside every image here too, and stands for a point that is missing
    states = [PointState.MISSING if p == (-1.0, -1.0) else PointState.VISIBLE for p in points]
    face = annotation("ibug68", points, "import:ibug", states, zero_is_missing=False)
    return rows[0][0], face


def _point(line: int, cells: list[str]) -> tuple[float, float]:
    if len(cells) != 2:
        raise BadRow(f"line {line} has {len(cells)} values; expected x and y")
    return _zero_based(cells[0], f"x on line {line}"), _zero_based(cells[1], f"y on line {line}")


def _zero_based(text: str, what: str) -> float:
    number(text, what)
    # in decimal, so that what the writer wrote comes back to the last bit
    try:
        return float(EXACT.subtract(Decimal(text.strip()), 1))
    except InvalidOperation:  # an exponent that a float takes for zero
        raise BadRow(f"{what} is {text.strip():.40}; expected a number") from None
