"""MUCT: 76 points, straight from the downloaded archives or from unpacked folders.

``muct76-opencv.csv`` has its origin at the top-left pixel, and nearly all of its coordinates are
whole numbers. They are taken as OpenCV counts pixels, by their centres, which is also our
convention, so nothing is added. An offset of half a pixel has not been ruled out by measurement.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from faceloop_datasets.archive import is_archive, list_members, read_member
from faceloop_datasets.errors import InputError
from faceloop_datasets.expressions import check_expression
from faceloop_datasets.wording import counted

from ._pictures import PictureFinder, PictureRequest
from ._places import Source, folded, real, walk
from ._rows import BadRow, annotation, coordinate, decode_text, muct_subject, points_of, read_text
from .format import Format, Reader
from .record import Entry, FaceRecord, Refusal, Skip

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faceloop_datasets.annotation import Annotation

LANDMARKS = "muct76-opencv.csv"
_COUNT = 76
_SMALL, _FEW = 1 << 22, 3  # archives that are looked into: MUCT's landmarks have 1 MB
_COLUMNS = ("name", "tag", *(f"{axis}{k:02d}" for k in range(_COUNT) for axis in "xy"))
_PLAIN = "0000"


@dataclass(frozen=True)
class _Table:
    """The landmark file and the lines in it."""

    source: Source
    lines: list[str]

    @property
    def file(self) -> Path:
        return self.source.file


def _count(sources: Sequence[Path]) -> int:
    return len(_landmarks(sources).lines) - 1


def _recognise(files: Sequence[Path], _named: Sequence[Path]) -> float:
    """Known by the name of the table, or of an archive as MUCT's are called."""
    names = [folded(path.name) for path in files]
    if LANDMARKS in names:
        return 1.0
    archives = [path for path in files if is_archive(path)]
    if any(folded(path.name).startswith("muct") for path in archives):
        return 0.9
    small = [path for path in archives if path.stat().st_size <= _SMALL][:_FEW]
    return 1.0 if any(_has_table(path) for path in small) else 0.0


def _has_table(archive: Path) -> bool:
    try:
        return any(folded(PurePosixPath(m).name) == LANDMARKS for m in list_members(archive))
    except InputError:  # a damaged one is of no known format; who reads it says more
        return False


def read_muct(sources: Sequence[Path], images: Path | None) -> Iterator[Entry]:
    """Read the plain faces; variants such as mirrored ones (tag not 0000) are skipped.

    The table may have a column ``expression`` of one's own.
    """
    table = _landmarks(sources)
    finder = PictureFinder(None, _picture_places(sources, images))
    header = [cell.strip() for cell in table.lines[0].split(",")] if table.lines else []
    lacking = [column for column in _COLUMNS if column not in header]
    if lacking:
        raise InputError(
            f"{table.file}: the column {lacking[0]} is missing ({len(lacking)} in all). Expected "
            f"the header of {LANDMARKS}: name,tag,x00,y00 to y75."
        )
    seen: dict[str, int] = {}
    for line, text in enumerate(table.lines[1:], start=2):
        if not text.strip():
            continue
        cells = text.split(",")
        row = dict(zip(header, cells, strict=False))
        name = row.get("name", "").strip()
        if row.get("tag", _PLAIN).strip() != _PLAIN:
            yield Skip(table.file, line, "a variant of another image (tag not 0000)")
            continue
        try:
            if not name:
                raise BadRow("the name is empty")
            if name in seen:
                raise BadRow(f"{name} is already on line {seen[name]}")
            seen[name] = line
            if len(cells) != len(header):
                raise BadRow(f"{counted(len(cells), 'column')}; expected {len(header)}")
            face, expression = _face(row), check_expression(row.get("expression", ""))
            image = finder.find(PictureRequest(table.source, name, any_suffix=True))
        except (BadRow, InputError) as error:
            yield Refusal(table.file, line, str(error))
            continue
        yield FaceRecord(
            name=name,
            subject=muct_subject(name) or f"{table.source.root.name}/{name}",
            image=image,
            image_name=f"{name}.jpg" if image is None else image.name,
            annotation=face,
            origin=f"{table.file}:{line}",
            subject_source="format" if muct_subject(name) else "picture",
            root=str(table.source.root),
            path=f"{table.source.path}:{name}",
            former_path=name,
            expression=expression,
        )


def _face(row: dict[str, str]) -> Annotation:
    values = [coordinate(row[column], column) for column in _COLUMNS[2:]]
    return annotation(
        "muct76", points_of(zip(values[::2], values[1::2], strict=True)), "import:muct"
    )


def _picture_places(sources: Sequence[Path], images: Path | None) -> list[Path]:
    places = [path for path in sources if path.is_dir() or is_archive(path)]
    return places if images is None else [*places, images]


def _landmarks(sources: Sequence[Path]) -> _Table:
    found: dict[tuple[Path, str], Source] = {}
    for source in sources:
        if is_archive(source):
            names = [m for m in list_members(source) if folded(PurePosixPath(m).name) == LANDMARKS]
            for name in names:
                found[real(source), name] = Source(real(source), name, source / name)
        elif source.is_dir():
            for file in walk(source):
                if folded(file.name) == LANDMARKS:
                    found[real(file), ""] = Source.of(file, source)
        elif folded(source.name) == LANDMARKS:
            found[real(source), ""] = Source.of(source)
        else:
            raise InputError(
                f"{source} is no MUCT source. Expected .tar.gz archives, unpacked folders, or "
                f"{LANDMARKS}."
            )
    if len(found) != 1:
        what = "There is no" if not found else f"There are {len(found)} files named"
        raise InputError(
            f"{what} {LANDMARKS} in {', '.join(map(str, sources))}. Give "
            "muct-landmarks-v1.tar.gz, or the folder it was unpacked to, once."
        )
    (((file, member), table),) = found.items()
    if not member:
        return _Table(table, read_text(table.file).splitlines())
    text = decode_text(read_member(file, member), table.file)
    return _Table(table, text.splitlines())


FORMAT = Format(
    "muct",
    "MUCT",
    "Choose muct-landmarks-v1.tar.gz and the archives with the pictures "
    "(muct-a-jpg-v1.tar.gz and others), all at once; or the folders they were unpacked to. "
    "Mirrored copies are left out; points marked 0,0 are missing. The file names "
    "tell people apart.",
    ("*.tar.gz", "*.tgz", "*.tar", LANDMARKS),
    Reader(read_muct, "muct76", _count, _recognise, f"{LANDMARKS} or archives with it"),
)
