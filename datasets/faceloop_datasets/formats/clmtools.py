"""clmtools: one face a line, ``file;x;y;flag;x;y;flag;...`` for the 71 points of clmtrackr."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.annotation import Annotation, PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.files import atomic_path, escape_formula, is_text, unescape_formula
from faceloop_datasets.wording import counted

from ._names import PictureNames
from ._pictures import PictureFinder, PictureRequest
from ._places import Source, has_suffix, real
from ._rows import BadRow, annotation, coordinate, muct_subject, points_of, read_text
from ._sniffing import share_like
from .format import Format, Holds, NamedFace, Reader, Writer
from .record import Entry, FaceRecord, ImageRef, Refusal, Skip

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from faceloop_datasets.schemes.scheme import Scheme

COUNT = 71
_HEADERS = ("file", "filename", "name", "image", "picture")
FLAGS = {"true": PointState.VISIBLE, "false": PointState.OCCLUDED}


def _count(sources: Sequence[Path]) -> int:
    return sum(1 for file in sources for line in _lines(file) if line.strip())


def _recognise(_files: Sequence[Path], named: Sequence[Path]) -> float:
    return share_like([path for path in named if has_suffix(path.name, ".csv")], _likeness)


def _likeness(head: str) -> float:
    """Look for a line of 71 points, after the names of the columns at most."""
    for line in head.splitlines()[:2]:
        _, cells = _row(line)
        if len(cells) == 3 * COUNT and cells[2].lower() in FLAGS:
            return 1.0
    return 0.0


def read_clmtools(sources: Sequence[Path], images: Path | None) -> Iterator[Entry]:
    """Read faces. An image that is not in ``images``, or beside the file, is left out."""
    for file in {real(path): path for path in sources}.values():
        source = Source.of(file)
        rows = [(line, *_row(text)) for line, text in enumerate(_lines(file), start=1)]
        wanted = [PictureRequest(source, picture_name(name)) for _, name, _ in rows if name]
        table = _Table(source, PictureFinder(images, [file.parent], wanted, deep=False))
        yield from (table.entry(*row) for row in rows if row[1] or row[2])


def picture_name(name: str) -> str:
    """Name of a picture with its folders, which may be written in the way of either system."""
    return name.replace("\\", "/")


def _row(text: str) -> tuple[str, list[str]]:
    """Name and values of a line, out of the quotes that a spreadsheet puts round them."""
    name, *cells = (unquoted(cell.strip()) for cell in text.strip().rstrip(";").split(";"))
    return unescape_formula(name), cells


def unquoted(cell: str) -> str:
    """Take off the quotes that a spreadsheet puts round a cell."""
    around = len(cell) > 1 and cell[0] == cell[-1] == '"'
    return cell[1:-1].replace('""', '"').strip() if around else cell


def quoted(name: str) -> str:
    """Put quotes round a name that `unquoted` would take its own off."""
    return name if unquoted(name) == name else '"{}"'.format(name.replace('"', '""'))


@dataclass
class _Table:
    """One file while it is read."""

    source: Source
    finder: PictureFinder
    seen: dict[str, int] = field(default_factory=dict)
    pictures: dict[Path, int] = field(default_factory=dict)

    def entry(self, line: int, name: str, cells: list[str]) -> Entry:
        """Entry of a line."""
        file = self.source.file
        if not any(cells):
            return Skip(file, line, "a line without points")
        if line == 1 and name.lower() in _HEADERS:
            return Skip(file, line, "the names of the columns")
        try:
            self._note(name, line)
            face = _face(cells)
            image = self.finder.find(PictureRequest(self.source, picture_name(name)))
            self._note_picture(image, line)
        except BadRow as error:
            return Refusal(file, line, str(error))
        return self._record(line, name, face, image)

    def _note(self, name: str, line: int) -> None:
        if not name:
            raise BadRow("the file name is empty")
        if name in self.seen:
            raise BadRow(f"{name} is already on line {self.seen[name]}")
        self.seen[name] = line

    def _note_picture(self, image: ImageRef | None, line: int) -> None:
        if image is None:
            return
        first = self.pictures.setdefault(real(image.path), line)
        if first != line:
            raise BadRow(f"{image} is the picture of line {first} already, by another spelling")

    def _record(self, line: int, name: str, face: Annotation, image: ImageRef | None) -> FaceRecord:
        source = self.source
        path = f"{source.path}:{name}"
        person = muct_subject(PurePosixPath(picture_name(name)).stem)
        return FaceRecord(
            name=name,
            subject=person or f"{source.root.name}/{picture_name(name)}",
            image=image,
            image_name=name,
            annotation=face,
            origin=f"{source.file}:{line}",
            subject_source="format" if person else "picture",
            root=str(source.root),
            path=path,
            former_path=name,
        )


def _face(cells: Sequence[str]) -> Annotation:
    if len(cells) != 3 * COUNT:
        raise BadRow(
            f"{counted(len(cells), 'value')} after the name; expected {3 * COUNT} (x;y;flag x 71)"
        )
    points, states = [], []
    for k in range(COUNT):
        x, y, flag = cells[3 * k : 3 * k + 3]
        points.append((coordinate(x, f"x of point {k}"), coordinate(y, f"y of point {k}")))
        if flag.lower() not in FLAGS:
            raise BadRow(f"the flag of point {k} is {flag!r:.40}; expected true or false")
        states.append(FLAGS[flag.lower()])
    return annotation("clmtrackr71", points_of(points), "import:clmtools", states)


def _lines(file: Path) -> list[str]:
    if file.is_dir():
        raise InputError(f"{file} is a folder; give the annotations file of clmtools in it.")
    return read_text(file).splitlines()


def write_clmtools(faces: Sequence[NamedFace], dest: Path, _scheme: Scheme) -> None:
    """Write clmtools' CSV of 71 points.

    A name that a spreadsheet would run as a formula is written after an apostrophe, which the
    reader takes off again. The format knows two flags: visible points are ``true``, all others
    ``false``. A missing point is written as ``0;0;false``, which the reader takes for missing
    again.
    """
    lines = []
    for face in faces:
        name, points = face.picture, face.record.annotation
        if ";" in name or not is_text(name):
            raise InputError(f"clmtools' format has no way to write the file name {name!r}.")
        cells = [quoted(escape_formula(name))]
        for (x, y), state in zip(np.nan_to_num(points.points).tolist(), points.states, strict=True):
            cells += [repr(x), repr(y), "true" if state == PointState.VISIBLE else "false"]
        lines.append(";".join(cells) + ";\n")
    with atomic_path(dest) as part:
        part.write_text("".join(lines), encoding="utf-8", newline="\n")


FORMAT = Format(
    "clmtools",
    "clmtools / clmtrackr annotations",
    "Choose the CSV file. The pictures are looked for beside it, or in the folder of pictures. "
    "Points marked false are taken for occluded.",
    ("*.csv",),
    Reader(
        read_clmtools,
        "clmtrackr71",
        _count,
        _recognise,
        "a .csv file with lines of a name and 71 times x;y;true",
    ),
    Writer(
        write_clmtools,
        Holds({PointState.ESTIMATED: "occluded"}, several=False),
        PictureNames.pictures,
        ".csv",
        "clmtrackr71",
    ),
)
