"""DeepLabCut and Lightning Pose: ``CollectedData*.csv``, a picture a row, three or four heads.

The heads are ``scorer``, ``individuals`` (where a picture may have several), ``bodyparts`` and
``coords``. Coordinates are those of matplotlib's pictures and napari's layers, in which people
mark: the centre of the top-left pixel is ``(0, 0)``. Empty is missing. Newer files have the path of
the picture in three columns (``labeled-data``, video, picture), Lightning Pose may have ``visible``
beside x and y as COCO has it: 0 not marked, 1 hidden, 2 seen.

The ``.h5`` file beside such a table holds pickled objects, and reading those runs whatever they
say: it is never read.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.files import (
    as_file_name,
    atomic_path,
    escape_formula,
    read_regular,
    unescape_formula,
)
from faceloop_datasets.schemes.named import scheme_of_names
from faceloop_datasets.wording import counted

from ._names import PictureNames
from ._places import Source, annotation_files, has_suffix
from ._rows import BadRow, coordinate, read_text
from ._sniffing import head
from .format import Format, Holds, NamedFace, Reader, Writer
from .record import Skip
from .rows import FaceRow, of_readable, posix, row_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faceloop_datasets.schemes.scheme import Scheme
    from faceloop_datasets.subjects import SubjectSource

_NAME = "deeplabcut"
_LABELS = "labeled-data"
_SCORER = "faceloop"
_HEADS = ("scorer", "individuals", "bodyparts", "coords")
_CONFIG, _LARGEST_CONFIG = "config.yaml", 1 << 18
_FEW = 5  # tables that are looked into
_EXTRACTED = re.compile(r"img\d+\.", re.IGNORECASE)
"""What pictures are called that DeepLabCut has taken out of a video."""

_VISIBLE = {0: PointState.MISSING, 1: PointState.OCCLUDED, 2: PointState.VISIBLE}
_NO_POINT = "a picture without any point"


@dataclass(frozen=True)
class _Head:
    """What the first lines say of the columns.

    Parameters
    ----------
    lines : int
        How many lines that are.
    places : dict of (str, str, str) to int
        Column of each individual, body part and coordinate; the individual is empty where there
        is one a picture.
    index : int
        Columns of the picture's path.
    """

    lines: int
    places: dict[tuple[str, str, str], int]
    index: int

    @property
    def parts(self) -> list[str]:
        """Body parts in their order."""
        return list(dict.fromkeys(part for _, part, _ in self.places))

    @property
    def individuals(self) -> list[str]:
        """Individuals in their order."""
        return list(dict.fromkeys(who for who, _, _ in self.places))


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Lines of a table with their numbers."""
    separator = max(",;\t", key=text.split("\n", 1)[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    return ((reader.line_num, [cell.strip() for cell in row]) for row in reader)


def _head(file: Path, rows: Iterator[tuple[int, list[str]]]) -> _Head:
    """Read the heads.

    Raises
    ------
    InputError
        If they are none.
    """
    heads: dict[str, list[str]] = {}
    for _, cells in rows:
        heads[cells[0].lower() if cells else ""] = cells
        if "coords" in heads or len(heads) == len(_HEADS):
            break
    if not {"scorer", "bodyparts", "coords"} <= set(heads) <= set(_HEADS):
        raise InputError(
            f"{file} begins with {', '.join(heads)[:80] or 'nothing'}; expected the lines "
            f"{', '.join(_HEADS)} of DeepLabCut (individuals may lack)."
        )
    coords = [cell.lower() for cell in heads["coords"]]
    if "likelihood" in coords:
        raise InputError(
            f"{file} has the points that a model has placed (likelihood), no annotations: a model "
            "must not learn from them. Expected a table CollectedData*.csv."
        )
    index = coords.index("x") if "x" in coords else 0
    who, parts = heads.get("individuals", [""] * len(coords)), heads["bodyparts"]
    if not index or not len(who) == len(parts) == len(coords):
        raise InputError(f"{file}: the heads {', '.join(_HEADS)} are not of as many columns.")
    places: dict[tuple[str, str, str], int] = {}
    for place in range(index, len(coords)):
        key = unescape_formula(who[place]), unescape_formula(parts[place]), coords[place]
        if key in places:
            raise InputError(f"{file} has {' '.join(filter(None, key))} in two columns.")
        places[key] = place
    return _Head(len(heads), places, index)


def _read_head(file: Path) -> _Head:
    return _head(file, _checked(file, _rows(read_text(file))))


def _checked(file: Path, rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from rows
    except csv.Error as error:
        raise InputError(f"{file} is no table that can be read ({error}).") from error


def _read_file(source: Source, scheme: Scheme) -> Iterator[FaceRow | Skip]:
    rows = _checked(source.file, _rows(read_text(source.file)))
    table = _head(source.file, rows)
    number = {name: place for place, name in enumerate(scheme.names)}
    for line, cells in rows:
        if any(cells):
            yield from _faces(source, table, number, line, cells)


def _faces(
    source: Source, table: _Head, number: dict[str, int], line: int, cells: list[str]
) -> Iterator[FaceRow | Skip]:
    """Yield the faces of one picture."""
    path = "/".join(posix(unescape_formula(cell)) for cell in cells[: table.index] if cell)
    picture = _below(source, path)
    expected = table.index + len(table.places)
    if len(cells) != expected:
        found = counted(len(cells), "column")
        yield FaceRow(path, picture, line=line, problem=f"{found}; expected {expected}")
        return
    there = False
    for who in table.individuals:
        key = f"{path}:{who}" if who else path
        try:
            points, states = _points(table, who, number, cells)
        except BadRow as error:
            there = True
            yield FaceRow(key, picture, line=line, problem=str(error))
            continue
        if not np.isnan(points).all():
            there = True
            subject, how = _subject(path)
            yield FaceRow(key, picture, points, states, line, subject=subject, subject_source=how)
    if not there:
        yield Skip(source.file, line, _NO_POINT)


def _subject(path: str) -> tuple[str, SubjectSource]:
    """Whom a picture shows: what was extracted from one video is one clip."""
    *_, folder, name = ("", "", *PurePosixPath(path).parts)
    return (folder, "video") if folder and _EXTRACTED.match(name) else (path, "picture")


def _points(
    table: _Head, who: str, number: dict[str, int], cells: list[str]
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], list[PointState]]:
    points = np.full((len(number), 2), np.nan)
    states = [PointState.VISIBLE] * len(number)
    for (one, part, axis), place in table.places.items():
        if one != who:
            continue
        what = f"{axis} of {part}"
        value = coordinate(cells[place], what) if cells[place] else math.nan
        if axis == "visible":
            if value not in _VISIBLE and not math.isnan(value):
                raise BadRow(f"{what} is {cells[place]:.40}; expected 0, 1 or 2")
            states[number[part]] = _VISIBLE.get(
                int(np.nan_to_num(value, nan=2)), PointState.VISIBLE
            )
        elif axis in ("x", "y"):
            points[number[part], "xy".index(axis)] = value
    points[[state == PointState.MISSING for state in states]] = np.nan
    return points, states


def _below(source: Source, path: str) -> str:
    """Path of a picture from its table, as far as its folders are those of the table."""
    parts = PurePosixPath(path).parts
    if _LABELS in parts[:-1]:  # older versions write it whole, as it was on another computer
        parts = parts[parts.index(_LABELS) :]
    folders = parts[:-1]
    own = source.file.parent.resolve().parts
    beside = folders and own[-len(folders) :] == folders
    return PurePosixPath(*(parts[-1:] if beside else parts)).as_posix() if parts else ""


# Which files, and their scheme


def _is_labels(file: Path) -> bool:
    """Whether a file begins like a table of labels."""
    lines = [line.lower() for line in head(file).splitlines()[: len(_HEADS)]]
    begin = {name for name in _HEADS for line in lines if line.startswith(name)}
    labels = bool(lines) and lines[0].startswith("scorer") and begin >= {"bodyparts", "coords"}
    return labels and not any("likelihood" in line for line in lines)


def _is_collected(file: Path) -> bool:
    return file.name.lower().startswith("collecteddata") and _is_labels(file)


def _find(sources: Sequence[Path]) -> list[Source]:
    hidden = [path for path in sources if has_suffix(path.name, ".h5")]
    if hidden:
        raise InputError(
            f"{hidden[0]} holds pickled objects, which faceloop never reads: they can run any "
            "program. Choose the table CollectedData*.csv beside it."
        )
    try:
        found = annotation_files(sources, ".csv")
    except InputError:
        found = []
    chosen = [one for one in found if one.file in sources or _is_collected(one.file)]
    if not chosen:
        raise InputError(
            f"There is no table CollectedData*.csv in {', '.join(map(str, sources))}. Where there "
            "are only .h5 files, write them as tables first (pandas.read_hdf, to_csv)."
        )
    return chosen


@of_readable(_find)
def _scheme(sources: Sequence[Path]) -> Scheme:
    files = [source.file for source in _find(sources)]
    parts = list(dict.fromkeys(part for file in files for part in _read_head(file).parts))
    config = _config(files[0])
    number = {name: place for place, name in enumerate(parts)}
    edges = [
        (number[a], number[b])
        for line in _listed(config.get("skeleton"))
        for a, b in zip(_listed(line), _listed(line)[1:], strict=False)
        if isinstance(a, str) and isinstance(b, str) and a in number and b in number
    ]
    task = config.get("Task")
    named = isinstance(task, str) and task.strip() and "\n" not in task
    return scheme_of_names(str(task).strip() if named else _NAME, parts, edges)


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _config(file: Path) -> dict[str, Any]:
    """Return what the project's settings say; nothing where there are none, or no PyYAML."""
    try:
        import yaml  # noqa: PLC0415 - it comes with napari, which a server does without
    except ImportError:
        return {}
    folders = [folder for folder in file.resolve().parents[:3] if (folder / _CONFIG).is_file()]
    if not folders:
        return {}
    try:
        found = yaml.safe_load(read_regular(folders[0] / _CONFIG, _LARGEST_CONFIG))
    except (InputError, yaml.YAMLError, RecursionError, ValueError):
        return {}  # only lines between points and a name are lost
    return found if isinstance(found, dict) else {}


@of_readable(_find)
def _count(sources: Sequence[Path]) -> int:
    total = 0
    for source in _find(sources):
        table = _read_head(source.file)
        lines = read_text(source.file).count("\n")
        total += max(0, lines - table.lines) * len(table.individuals)
    return total


def _recognise(files: Sequence[Path], named: Sequence[Path]) -> float:
    tables = [path for path in files if has_suffix(path.name, ".csv")]
    few = [path for path in tables if path in named or path.name.lower().startswith("collected")]
    return float(any(_is_labels(path) for path in few[:_FEW]))


# Writing


def _files(dest: Path, faces: Sequence[NamedFace]) -> list[Path]:
    return [dest / _LABELS / folder / f"CollectedData_{_SCORER}.csv" for folder in _tables(faces)]


def _tables(faces: Sequence[NamedFace]) -> dict[str, dict[str, list[NamedFace]]]:
    """Faces by the folder of their picture's video, and the name of the picture there."""
    places: dict[tuple[str, str], tuple[str, int | None]] = {}
    tables: dict[str, dict[str, list[NamedFace]]] = defaultdict(lambda: defaultdict(list))
    for face in faces:
        picture, frame = PurePosixPath(face.picture), face.record.frame
        folder = "_".join(picture.parts[:-1]) or "pictures"
        name = picture.name
        if frame is not None:
            folder = "_".join((*picture.parts[:-1], picture.stem))
            name = f"img{frame:04d}.png"
        place = as_file_name(folder), name
        number = 1
        # pictures of two folders may meet in one
        while places.setdefault(place, (face.picture, frame)) != (face.picture, frame):
            number += 1
            place = f"{as_file_name(folder)}_{number}", name
        tables[place[0]][place[1]].append(face)
    return tables


def write_deeplabcut(faces: Sequence[NamedFace], dest: Path, scheme: Scheme) -> None:
    """Write a folder ``labeled-data`` with a folder for each video, and one for other pictures.

    Where a picture has several faces all tables have the head ``individuals``. Paths are in one
    column, which all versions of DeepLabCut and Lightning Pose read.
    DeepLabCut makes its ``.h5`` files of these tables (``deeplabcut.convertcsv2h5``).
    """
    tables = _tables(faces)
    most = max((len(some) for table in tables.values() for some in table.values()), default=1)
    for folder, table in tables.items():
        target = dest / _LABELS / folder / f"CollectedData_{_SCORER}.csv"
        with atomic_path(target) as part, part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows(_head_rows(scheme, most))
            for picture, some in table.items():
                writer.writerow([f"{_LABELS}/{folder}/{picture}", *_cells(some, most)])


def _head_rows(scheme: Scheme, most: int) -> Iterator[list[str]]:
    names = [escape_formula(name) for name in scheme.names]
    columns = [(f"face{k + 1}", name, axis) for k in range(most) for name in names for axis in "xy"]
    yield ["scorer", *[_SCORER] * len(columns)]
    if most > 1:
        yield ["individuals", *(who for who, _, _ in columns)]
    yield ["bodyparts", *(name for _, name, _ in columns)]
    yield ["coords", *(axis for _, _, axis in columns)]


def _cells(some: Sequence[NamedFace], most: int) -> Iterator[str]:
    size = some[0].record.annotation.points.size
    for face in some:
        for value in face.record.annotation.points.ravel().tolist():
            yield "" if math.isnan(value) else repr(value)
    yield from [""] * (size * (most - len(some)))


_SEEN = "visible"

FORMAT = Format(
    _NAME,
    "DeepLabCut, Lightning Pose",
    "Choose CollectedData*.csv files or the folder of the project: each individual of a picture "
    "is a face. The .h5 files beside them are not read: where they are newer, write the tables "
    "again first. Points are called as the body parts; config.yaml says which lines join them.",
    ("CollectedData*.csv",),
    Reader(
        row_reader(_NAME, _find, _read_file, _scheme),
        _scheme,
        _count,
        _recognise,
        "a table CollectedData*.csv under the heads scorer, bodyparts, coords",
    ),
    Writer(
        write_deeplabcut,
        Holds({PointState.OCCLUDED: _SEEN, PointState.ESTIMATED: _SEEN}),
        PictureNames.files,
        "",
        files=_files,
    ),
)
