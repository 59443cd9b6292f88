"""CVAT's own XML 1.1, of images and of videos, read; written as images.

What stands in it: docs.cvat.ai, "XML annotation format". A face is a ``<skeleton>`` with a
``<points>`` for each of its points; in older projects one ``<points>`` with all of them in order;
else single points, which belong to one face by their ``group_id``.

CVAT draws on a canvas whose corner is (0, 0): the bottom right one of a picture is its width and
height (cvat-ai/cvat #9973), and the centre of the top-left pixel is (0.5, 0.5). Half a pixel is
taken off. Numbers of frames are those of the video (``start_frame`` and ``step`` are in them).

Of tracks only the frames are read that a person has placed: those between are interpolated
(``keyframe="0"``). ``outside`` is a point that is not there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.schemes.named import scheme_of_names

from ._cvat_writing import ESTIMATED, write_cvat
from ._face_keys import FaceKeys, numbers_in, other_names
from ._kept import kept_by_version
from ._names import PictureNames
from ._pictures import is_video
from ._point_names import is_number, ordered, placed, said_names
from ._rows import BadRow, number
from ._sniffing import files_like, share_of
from ._xml import elements, id_around, label_around, line_of
from .format import Format, Holds, Reader, Writer
from .record import Skip
from .rows import FaceRow, row_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from faceloop_datasets.schemes.scheme import Scheme

    from ._places import Source

_HALF = 0.5
_FOLDERS = ("images",)  # of its export, which names leave out
_SHAPES = ("skeleton", "points")
_Kind = tuple[str, int]
"""What a face is in a file: ``skeleton``, ``points`` with how many, or ``single`` points."""


@dataclass
class _Outline:
    """What a file says of all faces."""

    names: dict[str, dict[str, None]] = field(default_factory=dict)
    kinds: Counter[_Kind] = field(default_factory=Counter)
    said: tuple[str, tuple[str, ...]] | None = None
    labels: dict[_Kind, str] = field(default_factory=dict)
    video: str = ""

    @property
    def kind(self) -> _Kind:
        """What most faces are: skeletons before all others."""
        found = Counter({k: n for k, n in self.kinds.items() if k[0] == "skeleton"} or self.kinds)
        if not found:
            return "skeleton", 0
        return found.most_common(1)[0][0]

    def note(self, shape: Element, label: str) -> None:
        """Take in a shape."""
        kind = _kind(shape)
        self.kinds[kind] += 1
        self.labels.setdefault(kind, label)
        if kind[0] == "skeleton":
            self.names.setdefault("skeleton", {}).update(
                (one.get("label", ""), None) for one in shape.findall("points")
            )
        elif kind[0] == "single":
            self.names.setdefault("single", {})[label] = None


def _kind(shape: Element) -> _Kind:
    if shape.tag == "skeleton":
        return "skeleton", 0
    count = shape.get("points", "").count(";") + 1
    return ("points", count) if count > 1 else ("single", 0)


@kept_by_version(_Outline)
def _outline(path: Path) -> _Outline:
    outline = _Outline()
    for element in elements(path, ("meta", "image", *_SHAPES)):
        if element.tag == "meta":
            outline.video = element.findtext(".//source") or ""
            outline.said = said_names(element.findtext(".//name") or "")
        if element.tag in _SHAPES:  # of a track, which may be of any length
            outline.note(element, element.get("label") or label_around(element))
        for shape in element if element.tag == "image" else ():
            if shape.tag in _SHAPES:
                outline.note(shape, shape.get("label", ""))
    return outline


def _likeness(head: str) -> float:
    return 1.0 if "<annotations" in head and "<version>1.1" in head.replace(" ", "") else 0.0


def _find(sources: Sequence[Path]) -> list[Source]:
    return files_like(sources, ".xml", _likeness)


def _count(sources: Sequence[Path]) -> int:
    return sum(sum(_outline(source.file).kinds.values()) for source in _find(sources))


def _scheme_of(sources: Sequence[Path]) -> Scheme:
    found = _find(sources)
    outline = _outline(found[0].file)
    kind, count = outline.kind
    if not outline.kinds:
        raise InputError(
            f"{found[0].file} has neither skeletons nor points; expected CVAT's export of a task "
            "with landmarks."
        )
    if outline.said is not None and kind == "skeleton":
        return scheme_of_names(*outline.said)
    label = outline.labels[kind, count] if kind != "single" else found[0].file.stem
    names = _names(outline)
    return scheme_of_names(label or "cvat", names)


def _names(outline: _Outline) -> tuple[str, ...]:
    kind, count = outline.kind
    if kind == "points":
        return tuple(str(place) for place in range(count))
    return ordered(outline.names.get(kind, {}))


def _read_file(source: Source, scheme: Scheme) -> Iterator[FaceRow | Skip]:
    outline = _outline(source.file)
    reading = _Reading(source, scheme, outline)
    for element in elements(source.file, ("image", *_SHAPES)):
        if element.tag == "image":
            yield from reading.image(element)
        else:
            yield reading.keyframe(element)


class _Reading:
    """One file while it is read."""

    def __init__(self, source: Source, scheme: Scheme, outline: _Outline) -> None:
        self._source, self._outline, self._count = source, outline, len(scheme)
        own = _names(outline)
        self._places = {name: place for place, name in enumerate(scheme.names)}
        if not set(own) <= self._places.keys():  # numbers, for which the scheme has names
            self._places = {name: place for place, name in enumerate(own)}
        self._keys = FaceKeys()

    def image(self, image: Element) -> Iterator[FaceRow | Skip]:
        """Faces of a picture."""
        name = image.get("name", "")
        groups: dict[str, list[Element]] = {}
        for shape in image:
            if shape.tag not in _SHAPES:
                yield self._skip(shape, f"a {shape.tag}, which is no landmarks")
            elif _kind(shape) != self._outline.kind:
                yield self._skip(shape, "points of another kind than most faces")
            elif self._outline.kind[0] == "single":
                groups.setdefault(shape.get("group_id") or "0", []).append(shape)
            else:
                yield self._face(shape, [shape], name, None)
        for shapes in groups.values():
            yield self._face(shapes[0], shapes, name, None)

    def keyframe(self, shape: Element) -> FaceRow | Skip:
        """Read a frame of a track, if a person has placed it."""
        if self._outline.kind[0] == "single":
            return self._skip(shape, "a track of a single point")
        if _kind(shape) != self._outline.kind:
            return self._skip(shape, "points of another kind than most faces")
        if "1" not in {one.get("keyframe", "0") for one in (shape, *shape)}:
            return self._skip(shape, "interpolated between keyframes (keyframe='0')")
        if "0" not in {one.get("outside", "0") for one in _ends(shape)}:
            return self._skip(shape, "where the face is not in the picture (outside='1')")
        return self._in_frame(shape)

    def _in_frame(self, shape: Element) -> FaceRow:
        said, video = shape.get("frame", ""), self._outline.video
        if not said.isascii() or not said.isdigit() or len(said) > 9:
            problem = f"frame is {said!r:.40}; expected a number from 0"
            return FaceRow("track", "track", line=line_of(shape), problem=problem)
        frame = int(said)
        if is_video(video):
            return self._face(shape, [shape], video, frame)
        return self._face(shape, [shape], f"frame_{frame:06d}.png", None)

    def _face(
        self, shape: Element, parts: Sequence[Element], name: str, frame: int | None
    ) -> FaceRow:
        key = self._keys.next(name if frame is None else f"{name}:{frame}")
        line, own = line_of(shape), shape.get("id") or shape.get("group_id") or id_around(shape)
        try:
            named = [point for part in parts for point in _points(part)]
            xy, states = placed(named, self._places, self._count)
        except BadRow as error:
            return FaceRow(key, name, line=line, frame=frame, problem=str(error), own=own)
        said = {one.get("name"): one.text or "" for one in shape.findall("attribute")}
        given = (said.get(ESTIMATED) or "").split()
        for place in numbers_in([int(n) for n in given if is_number(n)], self._count):
            if states[place] == PointState.OCCLUDED:
                states[place] = PointState.ESTIMATED
        return FaceRow(
            key, name, xy, states, line, frame,
            subject=(said.get("subject") or "").strip(),
            expression=(said.get("expression") or "").strip(),
            other_pictures=other_names(name, _FOLDERS), own=own,
        )  # fmt: skip

    def _skip(self, shape: Element, reason: str) -> Skip:
        return Skip(self._source.file, line_of(shape), reason)


def _ends(shape: Element) -> list[Element]:
    """Elements of a shape that have positions."""
    return shape.findall("points") if shape.tag == "skeleton" else [shape]


def _points(shape: Element) -> Iterator[tuple[str, float, float, PointState]]:
    """Yield name, x, y and state of the points of a shape that are there."""
    for end in _ends(shape):
        if end.get("outside", "0") == "1":
            continue
        state = PointState.OCCLUDED if end.get("occluded", "0") == "1" else PointState.VISIBLE
        pairs = end.get("points", "").split(";")
        for place, pair in enumerate(pairs):
            name = end.get("label", "") if len(pairs) == 1 else str(place)
            values = pair.split(",")
            if len(values) != 2:
                raise BadRow(f"the point {name!r:.40} is {pair!r:.40}; expected x,y")
            x, y = (
                number(v, f"{axis} of {name!r:.40}") for v, axis in zip(values, "xy", strict=True)
            )
            yield name, x - _HALF, y - _HALF, state


FORMAT = Format(
    "cvat",
    "CVAT for images or video 1.1 (.xml)",
    "Choose annotations.xml of CVAT's export: skeletons, or points in order. Of tracks the "
    "keyframes are read, and what CVAT has interpolated between them is left out. Pictures, or the "
    "video, lie beside it or in the folder of pictures.",
    ("*.xml",),
    Reader(
        row_reader("cvat", _find, _read_file, _scheme_of),
        _scheme_of,
        _count,
        share_of(".xml", _likeness),
        "an annotations.xml with <annotations> and <version>1.1",
    ),
    Writer(
        write_cvat,
        Holds(subject=True, expression=True),
        PictureNames.pictures,
        ".xml",
    ),
)
