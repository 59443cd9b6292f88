"""CVAT's own XML 1.1, of images and of videos, read; written as images.

What stands in it: docs.cvat.ai, "XML annotation format". A face is a ``<skeleton>`` with a
``<points>`` for each of its points; in older projects one ``<points>`` with all of them in order;
else single points, which belong to one face by their ``group_id``.

CVAT draws on a canvas whose corner is (0, 0): the bottom right one of a picture is its width and
height (cvat-ai/cvat #9973), and the centre of the top-left pixel is (0.5, 0.5). Half a pixel is
taken off. Numbers of frames are those of the video (``start_frame`` and ``step`` are in them).

Of tracks only the frames are read that a person has placed: those between are interpolated
(``keyframe="0"``). ``outside`` is a point that is not there.

A project's export has several tasks: ``task_id`` and ``subset`` stand at each picture and track,
``source``, the video, at each task; pictures lie in ``images/SUBSET``. A frame of a video is
called ``frame_000003`` there and is the file ``frame_000003.PNG``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.schemes.named import scheme_of_names
from faceloop_datasets.subjects import path_subject

from ._cvat_outline import (
    SHAPES,
    Kind,
    Outline,
    kind_of,
    label_of,
    most_common,
    outline_of,
    place_of,
    track_place,
)
from ._cvat_writing import ESTIMATED, write_cvat
from ._face_keys import FaceKeys, numbers_in, other_names
from ._names import PictureNames
from ._pictures import is_picture, is_video
from ._point_names import is_number, numbered_places, ordered, placed
from ._rows import BadRow, number
from ._sniffing import files_like, share_of
from ._xml import elements, line_of
from .format import Format, Holds, Reader, Writer
from .record import Skip
from .rows import FaceRow, of_readable, row_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from faceloop_datasets.schemes.scheme import Scheme

    from ._places import Source

_HALF = 0.5
_FOLDERS = ("images",)  # of its export, which names leave out
_FRAME = re.compile(r"frame_([0-9]{6,9})(?:_[0-9]+)?")
"""How CVAT calls a frame of a video, with the number that it has there."""


def _likeness(head: str) -> float:
    return 1.0 if "<annotations" in head and "<version>1.1" in head.replace(" ", "") else 0.0


def _find(sources: Sequence[Path]) -> list[Source]:
    return files_like(sources, ".xml", _likeness)


@of_readable(_find)
def _count(sources: Sequence[Path]) -> int:
    return sum(sum(outline_of(source.file).kinds.values()) for source in _find(sources))


@of_readable(_find)
def _scheme_of(sources: Sequence[Path]) -> Scheme:
    found = _find(sources)
    outlines = [outline_of(source.file) for source in found]
    points = most_common(outlines)
    if points is None:
        raise InputError(
            f"{found[0].file} has neither skeletons nor points; expected CVAT's export of a task "
            "with landmarks."
        )
    for said in (one.said for one in outlines):
        if said is not None and points.shape == "skeleton" and set(said[1]) == set(points.names):
            return scheme_of_names(*said)
    if points.shape == "single":
        every = (name for one in outlines for name in one.names.get(Kind("single"), ()))
        return scheme_of_names(found[0].file.stem, ordered(every))
    labels = (one.labels[kind] for one in outlines for kind in one.kinds_like(points))
    return scheme_of_names(next(labels) or "cvat", points.names)


def _read_file(source: Source, scheme: Scheme) -> Iterator[FaceRow | Skip]:
    reading = _Reading(source, scheme, outline_of(source.file))
    for element in elements(source.file, ("image", *SHAPES)):
        if element.tag == "image":
            yield from reading.image(element)
        else:
            yield reading.keyframe(element)


@dataclass(frozen=True)
class _Where:
    """Where the faces of a picture are: what is said of all of their rows."""

    key: str
    picture: str
    frame: int | None = None
    others: tuple[str, ...] = ()
    instead: tuple[tuple[str, ...], int | None] = ((), None)
    clip: str = ""
    problem: str = ""


class _Reading:
    """One file while it is read."""

    def __init__(self, source: Source, scheme: Scheme, outline: Outline) -> None:
        self._source, self._outline, self._count = source, outline, len(scheme)
        self._kinds, own = outline.kinds_of(scheme)
        self._places = numbered_places(own, scheme)
        self._keys = FaceKeys()

    def image(self, image: Element) -> Iterator[FaceRow | Skip]:
        """Faces of a picture."""
        where = self._of_image(image)
        groups: dict[str, list[Element]] = {}
        for shape in image:
            if shape.tag not in SHAPES:
                yield self._skip(shape, f"a {shape.tag}, which is no landmarks")
            elif (kind := kind_of(shape)) not in self._kinds:
                yield self._of_another_kind(shape)
            elif kind.shape == "single":
                groups.setdefault(shape.get("group_id") or "0", []).append(shape)
            else:
                yield self._face(shape, [shape], where)
        for shapes in groups.values():
            yield self._face(shapes[0], shapes, where)

    def keyframe(self, shape: Element) -> FaceRow | Skip:
        """Read a frame of a track, if a person has placed it."""
        if kind_of(shape).shape == "single":
            return self._skip(shape, "a track of a single point")
        if kind_of(shape) not in self._kinds:
            return self._of_another_kind(shape)
        if "1" not in {one.get("keyframe", "0") for one in (shape, *shape)}:
            return self._skip(shape, "interpolated between keyframes (keyframe='0')")
        if "0" not in {one.get("outside", "0") for one in _ends(shape)}:
            return self._skip(shape, "where the face is not in the picture (outside='1')")
        said = shape.get("frame", "")
        if not said.isascii() or not said.isdigit() or len(said) > 9:
            problem = f"frame is {said!r:.40}; expected a number from 0"
            return FaceRow("track", "track", line=line_of(shape), problem=problem)
        return self._face(shape, [shape], self._of_track(shape, int(said)))

    def _of_image(self, image: Element) -> _Where:
        """Where a picture is: in the folder of its subset, as projects are exported."""
        name, (subset, task) = image.get("name", ""), place_of(image)
        inside = f"{subset}/{name}" if subset else name
        known = self._outline.pictures.get(name, ())
        tasks = sorted(other for there, other in known if there == subset)
        alone, plain = len(tasks) == 1, (name,) if len(known) == 1 else ()
        found = _FRAME.fullmatch(PurePosixPath(name).stem)
        source = self._outline.source_of(task)
        in_video = found and (not is_picture(name) or (source is not None and is_video(source)))
        if found and in_video:
            names = _names(subset, name, *plain) if alone else ()
            return self._in_clip(inside, task, names, int(found[1]), pictures_first=True)
        if not alone:
            return _Where(inside, inside, problem=_of_several(tasks))
        first, *others = _names(subset, name, *plain)
        others += [other for one in plain for other in other_names(one)]
        return _Where(inside, first, None, tuple(others))

    def _of_track(self, shape: Element, frame: int) -> _Where:
        """Where a frame of a track is: in the video of its task."""
        (subset, task), name = track_place(shape), f"frame_{frame:06d}"
        tasks = self._outline.tasks.get(subset, set())
        plain = (name,) if len(self._outline.tasks) <= 1 else ()
        names = _names(subset, name, *plain) if len(tasks) <= 1 else ()
        return self._in_clip(names[0] if names else name, task, names, frame)

    def _in_clip(
        self, key: str, task: str, names: Sequence[str], frame: int, *, pictures_first: bool = False
    ) -> _Where:
        """Where a frame is: in a video, or a picture of its own, of names to try in order."""
        video = self._outline.source_of(task)
        if video is None and pictures_first and names:
            video = ""  # each of its frames has a name of its own
        if video is None or (not names and not is_video(video)):
            return _Where(key, key, problem=self._of_which(frame))
        pictures = tuple(names)
        if not is_video(video):
            clip = self._clip(f"{self._source.file.stem}{task and '/'}{task}")
            return _Where(key, pictures[0], None, pictures[1:], clip=clip)
        clip = self._clip(video)
        if pictures and pictures_first:
            return _Where(key, pictures[0], None, pictures[1:], ((video,), frame), clip)
        return _Where(f"{video}:{frame}", video, frame, (), (pictures, None), clip)

    def _of_which(self, frame: int) -> str:
        videos = sorted({one for one in self._outline.sources.values() if one})
        named = f" ({', '.join(videos[:5])})" if videos else ""
        return (
            f"it is frame {frame} of one of several videos{named:.200}, and the file does not say "
            "of which; export each task by itself"
        )

    def _clip(self, name: str) -> str:
        """Subject of the frames of a video: its path, as that of a picture."""
        folder = PurePosixPath(self._source.path).parent
        return path_subject(str(PurePosixPath(self._source.root.name, folder, name)))

    def _face(self, shape: Element, parts: Sequence[Element], where: _Where) -> FaceRow:
        key, name, line = self._keys.next(where.key), where.picture, line_of(shape)
        if where.problem:
            return FaceRow(key, name, line=line, problem=where.problem)
        try:
            named = [point for part in parts for point in _points(part)]
            xy, states = placed(named, self._places, self._count)
        except BadRow as error:
            return FaceRow(key, name, line=line, problem=str(error))
        said = {one.get("name"): one.text or "" for one in shape.findall("attribute")}
        given = (said.get(ESTIMATED) or "").split()
        for place in numbers_in([int(n) for n in given if is_number(n)], self._count):
            if states[place] == PointState.OCCLUDED:
                states[place] = PointState.ESTIMATED
        subject = (said.get("subject") or "").strip()
        return FaceRow(
            key, name, xy, states, line, where.frame,
            subject=subject or where.clip,
            subject_source="format" if subject else "video",
            expression=(said.get("expression") or "").strip(),
            other_pictures=where.others, instead=where.instead,
        )  # fmt: skip

    def _of_another_kind(self, shape: Element) -> Skip:
        if shape.tag == "skeleton" and any(kind.shape == "skeleton" for kind in self._kinds):
            label = label_of(shape)
            return self._skip(shape, f"of {label:.80}: its points are not those of most faces")
        return self._skip(shape, "points of another kind than most faces")

    def _skip(self, shape: Element, reason: str) -> Skip:
        return Skip(self._source.file, line_of(shape), reason)


def _names(subset: str, name: str, *plain: str) -> tuple[str, ...]:
    """Names that a picture may have in an export, the likeliest first.

    A frame of a video has no suffix in its name, and is a PNG.
    """
    whole = [f"{subset}/{name}" if subset else name, *plain]
    if not is_picture(name):
        whole = [f"{one}{suffix}" for suffix in (".png", ".jpg", ".jpeg") for one in whole]
    placed = [one for each in whole for one in (each, *(f"{f}/{each}" for f in _FOLDERS))]
    return tuple(dict.fromkeys(placed))


def _of_several(tasks: Sequence[str]) -> str:
    named = ", ".join(task or "none" for task in tasks[:5])
    return f"several tasks ({named}) have a picture of this name; export each task by itself"


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
