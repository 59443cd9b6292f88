"""iBUG: one ``.pts`` file a face, 68 points; also frames of videos laid out like 300-VW.

The annotations of 300-W and of the sets it took over (AFW, HELEN, LFPW) come from Matlab: the
top-left pixel is (1, 1). So 1 is taken off every coordinate, as menpo's importer also does.
"""

from __future__ import annotations

import math
import re
from decimal import Context, Decimal, InvalidOperation
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.files import atomic_path
from faceloop_datasets.wording import counted

from ._names import PictureNames
from ._pictures import PictureFinder, PictureRequest, clip_of, video_of
from ._places import annotation_files, has_suffix
from ._rows import BadRow, annotation, coordinate, is_missing_point, read_text
from ._sniffing import share_like
from .format import Format, Holds, NamedFace, Reader, Writer
from .record import Entry, FaceRecord, ImageRef, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from faceloop_datasets.annotation import Annotation
    from faceloop_datasets.schemes.scheme import Scheme

COUNT = 68
EXACT = Context(prec=64)
"""Arithmetic that adds and takes off 1 without loss, down to 1e-45 pixels."""
_BY_NAME = 0.6
_FIRST = 50
"""Lines in which a header is looked for."""
_ELSE = " (files of other numbers of points are of the format pts)"
_HEADER = re.compile(r"([a-z_]\w*)\s*:\s*(\S*)", re.IGNORECASE)
_COMMENT = re.compile(r"(#|//).*")


def _count(sources: Sequence[Path]) -> int:
    return len(annotation_files(sources, ".pts"))


def _recognise(files: Sequence[Path], _named: Sequence[Path]) -> float:
    return share_like([path for path in files if has_suffix(path.name, ".pts")], _likeness)


def _likeness(head: str) -> float:
    """Look for the header of 68 points; without one the name of the file alone speaks for it."""
    said = said_count(head)
    if said is None:
        return _BY_NAME
    return 1.0 if said == COUNT else 0.0


def said_count(text: str) -> int | None:
    """How many points the header of a file says that it has; None if it says nothing."""
    headers = [_HEADER.match(line.strip()) for line in text.splitlines()[:_FIRST]]
    said = {match[1].lower(): match[2] for match in headers if match}
    number = said.get("n_points", "")
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 5 else None


def counted_points(text: str) -> int:
    """How many points a file has."""
    return len(_rows(text)[0])


def read_ibug(sources: Sequence[Path], images: Path | None) -> Iterator[Entry]:
    """Read faces of 68 points, see `read_points`."""
    yield from read_points(sources, images, "ibug", "ibug68", COUNT)


def read_points(
    sources: Sequence[Path], images: Path | None, name: str, scheme: str, count: int
) -> Iterator[Entry]:
    """Read faces, one a file, each with the image of its stem, or with its frame of a video."""
    files = annotation_files(sources, ".pts")
    wanted = [
        PictureRequest(source, PurePosixPath(source.path).stem, any_suffix=True) for source in files
    ]
    finder = PictureFinder(images, [path for path in sources if path.is_dir()], wanted)
    for source, picture in zip(files, wanted, strict=True):
        line = 1
        try:
            line, rows = _checked(read_text(source.file), count)
            face = annotation(scheme, [_point(*row) for row in rows], f"import:{name}")
            image, frame = _picture(finder, picture)
        except (BadRow, InputError) as error:
            yield Refusal(source.file, line, str(error))
            continue
        clip = clip_of(source)
        yield FaceRecord(
            name=source.name,
            subject=clip or source.name,
            subject_source="video" if clip else "picture",
            image=image,
            image_name=f"{source.name}.jpg" if image is None else image.name,
            annotation=face,
            origin=f"{source.file}:{line}",
            frame=frame,
            root=str(source.root),
            path=source.path,
            former_path=f"{source.file.parent.name}/{source.file.stem}",
        )


def _picture(finder: PictureFinder, wanted: PictureRequest) -> tuple[ImageRef | None, int | None]:
    image = finder.at_its_place(wanted)
    if image is None and (video := video_of(wanted.source)) is not None:
        return video
    return image or finder.by_name(wanted), None


def _checked(text: str, count: int) -> tuple[int, list[tuple[int, list[str]]]]:
    """Rows of points, and the line that the first is on."""
    rows, said = _rows(text)
    if said not in ("", str(count)):
        raise BadRow(f"n_points is {said}; expected {count}{_ELSE if count == COUNT else ''}")
    opened = _open_brace(text)
    if opened and len(rows) == count:  # a last number may have lost its digits
        raise BadRow(f"the file ends without the }} of the {{ on line {opened}: it is cut off")
    if len(rows) != count:
        found = counted(len(rows), "point")
        raise BadRow(f"{found}; expected {count}{_ELSE if count == COUNT and rows else ''}")
    return rows[0][0], rows


def _rows(text: str) -> tuple[list[tuple[int, list[str]]], str]:
    """Lines with points, and how many there should be; header and braces may be absent."""
    rows: list[tuple[int, list[str]]] = []
    said = ""
    for line, content in enumerate(text.splitlines(), start=1):
        plain = _COMMENT.sub("", content).strip()
        header = _HEADER.match(plain)
        if header is None:
            cells = _cells(plain.replace("{", " ").replace("}", " "))
            if cells:
                rows.append((line, cells))
        elif header[1].lower() == "n_points":
            said = header[2]
    return rows, said


def _open_brace(text: str) -> int:
    """Line of a brace that nothing closes; 0 if there is none."""
    opened = 0
    for line, content in enumerate(text.splitlines(), start=1):
        for sign in _COMMENT.sub("", content):
            opened = {"{": line, "}": 0}.get(sign, opened)
    return opened


def _cells(text: str) -> list[str]:
    """Numbers of a line, between white space or commas; a decimal comma stays where it is."""
    cells = [cell for cell in (word.strip(",;") for word in text.split()) if cell]
    return cells[0].split(",") if len(cells) == 1 else cells


def _point(line: int, cells: list[str]) -> tuple[float, float]:
    if len(cells) != 2:
        raise BadRow(f"line {line} has {counted(len(cells), 'value')}; expected x and y")
    names = [f"{axis} on line {line}" for axis in "xy"]
    x, y = map(coordinate, cells, names)
    if is_missing_point(x, y):
        return math.nan, math.nan
    return _zero_based(cells[0], names[0]), _zero_based(cells[1], names[1])


def _zero_based(text: str, what: str) -> float:
    # in decimal, so that what the writer wrote comes back to the last bit
    try:
        return float(EXACT.subtract(Decimal(text.strip().replace(",", ".")), 1))
    except InvalidOperation:  # an exponent that a float takes for zero
        raise BadRow(f"{what} is {text.strip():.40}; expected a number") from None


def pts_text(face: Annotation) -> str:
    """Text of a ``.pts`` file: the top-left pixel is (1, 1), a missing point is 0 0."""
    # in decimal, so that the reader gets the same number back to the last bit
    rows = [
        " ".join(str(EXACT.add(Decimal(repr(value)), 1)) for value in point) if present else "0 0"
        for point, present in zip(face.points.tolist(), face.present, strict=True)
    ]
    return "\n".join(["version: 1", f"n_points: {len(face)}", "{", *rows, "}", ""])


def _files(dest: Path, faces: Sequence[NamedFace]) -> list[Path]:
    return [dest / f"{face.picture}.pts" for face in faces]


def write_ibug(faces: Sequence[NamedFace], dest: Path, _scheme: Scheme) -> None:
    """Write a folder of ``.pts`` files; those of pictures of one name lie in folders below."""
    for face, file in zip(faces, _files(dest, faces), strict=True):
        with atomic_path(file) as part:
            part.write_text(pts_text(face.record.annotation), encoding="utf-8", newline="\n")


_VISIBLE = "visible"

FORMAT = Format(
    "ibug",
    "iBUG 300-W (.pts)",
    "Choose .pts files or folders of them. The picture has the same name and lies beside the "
    "file, or in the folder of pictures.",
    ("*.pts",),
    Reader(read_ibug, "ibug68", _count, _recognise, "a .pts file of 68 points"),
    Writer(
        write_ibug,
        Holds({PointState.OCCLUDED: _VISIBLE, PointState.ESTIMATED: _VISIBLE}),
        PictureNames.stems,
        "",
        "ibug68",
        _files,
    ),
)
