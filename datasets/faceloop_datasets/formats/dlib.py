"""dlib's XML, which its tool imglab makes: boxes in pictures, with named parts; read and written.

Positions are numbers of pixels, counted from 0: the centre of the top-left one is (0, 0), as for
us. dlib reads whole numbers only ("string cast error", tried with dlib 20), so that writing rounds;
reading takes fractions, which other programs write.

dlib keeps the parts in a map by name and numbers them in the order of their names as text
(davisking/dlib #1563): written names are numbers of equal length. Numbers that are not count as
numbers here. It does not decode what XML escapes in attributes either: a picture with & in its name
is not found by it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.files import atomic_path
from faceloop_datasets.schemes.named import scheme_of_names

from ._face_keys import FaceKeys, other_names
from ._kept import kept_by_version
from ._names import PictureNames
from ._point_names import is_number, names_text, numbered_places, ordered, placed, said_names
from ._rows import BadRow, number
from ._sniffing import files_like, share_of
from ._xml import elements, line_of, need_writable
from .format import Format, Holds, NamedFace, Reader, Writer
from .record import Skip
from .rows import FaceRow, of_readable, row_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from faceloop_datasets.schemes.scheme import Scheme

    from ._places import Source


@dataclass
class _Outline:
    said: tuple[str, tuple[str, ...]] | None = None
    names: dict[str, None] = field(default_factory=dict)
    boxes: int = 0


@kept_by_version(_Outline)
def _outline(path: Path) -> _Outline:
    outline = _Outline()
    for element in elements(path, ("comment", "image")):
        if element.tag == "comment":
            outline.said = outline.said or said_names(element.text or "")
        for box in element.findall("box"):
            outline.boxes += 1
            if box.get("ignore") != "1":
                outline.names.update((part.get("name", ""), None) for part in box.findall("part"))
    return outline


def _likeness(head: str) -> float:
    return 1.0 if "<dataset" in head and "<images" in head else 0.0


def _find(sources: Sequence[Path]) -> list[Source]:
    return files_like(sources, ".xml", _likeness)


@of_readable(_find)
def _count(sources: Sequence[Path]) -> int:
    return sum(_outline(source.file).boxes for source in _find(sources))


@of_readable(_find)
def _scheme_of(sources: Sequence[Path]) -> Scheme:
    outlines = [_outline(source.file) for source in _find(sources)]
    said = {outline.said for outline in outlines}
    if len(said) == 1 and (one := next(iter(said))) is not None:
        return scheme_of_names(*one)
    names = ordered(sorted(name for outline in outlines for name in outline.names))
    return scheme_of_names(_find(sources)[0].file.stem, names)


def _places(path: Path, scheme: Scheme) -> dict[str, int]:
    """Point of the scheme that each part is: by its name, or by its number."""
    outline = _outline(path)
    if outline.said is None:
        return numbered_places(outline.names, scheme)
    places = {name: place for place, name in enumerate(scheme.names)}
    numbers = {name: int(name) for name in outline.names if is_number(name)}
    return places | {name: place for name, place in numbers.items() if place < len(scheme)}


def _read_file(source: Source, scheme: Scheme) -> Iterator[FaceRow | Skip]:
    places, keys = _places(source.file, scheme), FaceKeys()
    for image in elements(source.file, ("image",)):
        name = image.get("file", "")
        for box in image.findall("box"):
            yield _entry(box, name, source, (places, len(scheme)), keys)


def _entry(
    box: Element, name: str, source: Source, points: tuple[Mapping[str, int], int], keys: FaceKeys
) -> FaceRow | Skip:
    parts, line = box.findall("part"), line_of(box)
    if box.get("ignore") == "1":
        return Skip(source.file, line, "a box to be ignored (ignore='1')")
    if not parts:
        return Skip(source.file, line, "a box without parts")
    key = keys.next(name)
    try:
        xy, states = placed([_part(part) for part in parts], *points)
    except BadRow as error:
        return FaceRow(key, name, line=line, problem=str(error))
    return FaceRow(key, name, xy, states, line, other_pictures=other_names(name))


def _part(part: Element) -> tuple[str, float, float, PointState]:
    name = part.get("name", "")
    x, y = (_number(part.get(axis, ""), f"{axis} of the part {name!r:.40}") for axis in "xy")
    return name, x, y, PointState.VISIBLE


def _number(text: str, what: str) -> float:
    """Read a number; nan says that a point is missing."""
    return math.nan if text.strip().lower() == "nan" else number(text, what)


def write_dlib(faces: Sequence[NamedFace], dest: Path, scheme: Scheme) -> None:
    """Write one file that dlib trains on; boxes are those of the points."""
    need_writable((scheme.name, *(face.picture for face in faces)))
    by_picture: dict[str, list[NamedFace]] = {}
    for face in faces:
        by_picture.setdefault(face.picture, []).append(face)
    lines = [
        "<?xml version='1.0' encoding='UTF-8'?>",
        "<dataset>",
        "<name>faceloop</name>",
        f"<comment>Written by faceloop. {escape(names_text(scheme))}</comment>",
        "<images>",
    ]
    for picture, there in by_picture.items():
        lines.append(f"  <image file={quoteattr(picture)}>")
        lines += [line for face in there for line in _box(face)]
        lines.append("  </image>")
    with atomic_path(dest) as part:
        text = "\n".join([*lines, "</images>", "</dataset>", ""])
        part.write_text(text, encoding="utf-8", newline="\n")


def _box(face: NamedFace) -> Iterator[str]:
    annotation = face.record.annotation
    points, digits = np.rint(annotation.points), len(str(len(annotation) - 1))
    low, high = (edge(points, axis=0).astype(int) for edge in (np.nanmin, np.nanmax))
    width, height = high - low + 1
    hidden = bool((annotation.states == PointState.OCCLUDED).any())
    yield (
        f"    <box top='{low[1]}' left='{low[0]}' width='{width}' height='{height}'"
        + (" occluded='1'>" if hidden else ">")
    )
    for place in np.flatnonzero(annotation.present):
        x, y = points[place].astype(int)
        yield f"      <part name='{place:0{digits}d}' x='{x}' y='{y}'/>"
    yield "    </box>"


_VISIBLE = "visible"

FORMAT = Format(
    "dlib",
    "dlib / imglab (.xml)",
    "Choose the XML file with boxes and their parts; the pictures are looked for by the names in "
    "it, or in the folder of pictures. Boxes to be ignored, and those without parts, are left "
    "out. 68 numbered parts are iBUG's points.",
    ("*.xml",),
    Reader(
        row_reader("dlib", _find, _read_file, _scheme_of),
        _scheme_of,
        _count,
        share_of(".xml", _likeness),
        "a .xml file with <dataset> and <images>",
    ),
    Writer(
        write_dlib,
        Holds(
            {PointState.OCCLUDED: _VISIBLE, PointState.ESTIMATED: _VISIBLE},
            whole_pixels=True,
        ),
        PictureNames.pictures,
        ".xml",
    ),
)
