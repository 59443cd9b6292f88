"""Label Studio's JSON and JSON-MIN: tasks with key points; read, and written to be imported.

Positions are percent of ``original_width`` and ``original_height`` from the corner of the picture
(labelstud.io, "KeyPointLabels"; "Units of image annotations"), so that the centre of the top-left
pixel is half a pixel. Each point is a region of its own. ``parentID`` says which box a point is in:
points of one box are one face, and points in none of a picture are one. Where several people have
annotated a task, what is marked as ground truth is read, else what was changed last and has points.
JSON-MIN has a row for each of them, with the same ``id``. Label Studio
has no visibility: ``occluded`` and ``estimated`` are notes of a region (``meta.text``), as people
write them in its window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.schemes.named import scheme_of_names

from ._face_keys import FaceKeys, other_names
from ._json import elements
from ._kept import kept_by_version
from ._labelstudio_pictures import Interface, picture_of, pictures_in, read_interface, target_of
from ._labelstudio_writing import POINTS, config_beside, write_labelstudio
from ._names import PictureNames
from ._point_names import numbered_places, ordered, placed, said_names
from ._rows import MOST, BadRow
from ._sniffing import files_like, share_of
from .format import Format, Holds, NamedFace, Reader, Writer
from .record import Skip
from .rows import FaceRow, of_readable, row_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from faceloop_datasets.schemes.scheme import Scheme

    from ._places import Source

_Object = Mapping[str, Any]
_Places = tuple[Mapping[str, int], int]
_HALF = 0.5
_ANOTHER = "another annotator's of the same task"
_NOTES = {"occluded": PointState.OCCLUDED, "estimated": PointState.ESTIMATED}


def _likeness(head: str) -> float:
    """Look for a list of tasks: with annotations, or with what JSON-MIN has in their place."""
    start = head.lstrip("\ufeff \t\r\n")
    if not start.startswith("[") or not start[1:].lstrip().startswith("{"):
        return 0.0
    tasks = '"annotations"' in head or '"completions"' in head
    whole = tasks and ('"data"' in head or '"result"' in head)
    return 1.0 if whole or '"keypointlabels"' in head.lower() else 0.0


def _find(sources: Sequence[Path]) -> list[Source]:
    return files_like(sources, ".json", _likeness)


def _tasks(path: Path) -> Iterator[Any]:
    for key, task in elements(path, ()):
        if not key:
            yield task


@of_readable(_find)
def _count(sources: Sequence[Path]) -> int:
    return sum(1 for source in _find(sources) for _ in _tasks(source.file))


def _regions(task: object) -> list[_Object]:
    """Regions of the annotation of a task that is read."""
    if not isinstance(task, dict):
        return []
    if _is_whole(task):
        chosen = _chosen(_objects(task.get("annotations", task.get("completions"))))
        return _objects(chosen.get("result"))
    return [region for control, value in task.items() for region in _min_regions(control, value)]


def _is_whole(task: _Object) -> bool:
    """Whether a task has a list of annotations, and is none of JSON-MIN."""
    return isinstance(task.get("annotations", task.get("completions")), list)


def _min_regions(control: str, value: object) -> Iterator[_Object]:
    """Yield regions of JSON-MIN, which has values of regions only, by their controls."""
    for one in _objects(value):
        if isinstance(one.get("keypointlabels"), list):
            yield {"type": "keypointlabels", "value": one, "from_name": control, **one}


def _objects(value: object) -> list[_Object]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _chosen(annotations: Sequence[_Object]) -> _Object:
    """Annotation of a task that counts: the ground truth, else the last one with points."""
    there = [a for a in annotations if a.get("was_cancelled") is not True]
    return max(there, key=lambda a: _rank(a, _objects(a.get("result"))), default={})


def _rank(annotation: _Object, regions: Sequence[_Object]) -> tuple[bool, bool, str, str, int]:
    """How much one of several annotations of a task counts."""
    number = annotation.get("annotation_id", annotation.get("id"))
    return (
        annotation.get("ground_truth") is True,
        any(map(_labels, regions)),
        str(annotation.get("updated_at") or ""),
        str(annotation.get("created_at") or ""),
        number if type(number) is int else 0,
    )


@kept_by_version(dict[int, str])
def _left_rows(path: Path) -> dict[int, str]:
    """Rows of JSON-MIN that are not read, by their places in the file, and why."""
    left: dict[int, str] = {}
    best: dict[tuple[str, ...], tuple[tuple[bool, bool, str, str, int], int]] = {}
    for place, task in enumerate(_tasks(path)):
        if not isinstance(task, dict) or task.get("id") is None:
            continue
        if _is_whole(task):
            return {}
        if task.get("was_cancelled") is True:
            left[place] = "an annotation that was cancelled"
            continue
        # ids count from 1 in each project: equal ones of other pictures are other tasks
        key = str(task["id"]), *map(str, pictures_in(task).values())
        rank = _rank(task, _regions(task))
        if key in best:
            left[min(best[key], (rank, place))[1]] = _ANOTHER
        best[key] = max(best.get(key, (rank, place)), (rank, place))
    return left


def _labels(region: _Object) -> list[str]:
    """Label of a key point; nothing of another region."""
    value = region.get("value")
    labels = value.get("keypointlabels") if isinstance(value, dict) else None
    return [str(labels[0])] if isinstance(labels, list) and labels else []


_NO_NAMES: tuple[str, tuple[str, ...]] = "", ()


@kept_by_version(lambda: _NO_NAMES)
def _names(path: Path) -> tuple[str, tuple[str, ...]]:
    """Scheme, and names of the points; no scheme if faceloop has not written it there."""
    names: dict[str, None] = {}
    left = _left_rows(path)
    for place, task in enumerate(_tasks(path)):
        if place in left:
            continue
        data = task.get("data") if isinstance(task, dict) else None
        said = said_names(str(data.get(POINTS, ""))) if isinstance(data, dict) else None
        if said is not None:
            return said
        names.update((label, None) for region in _regions(task) for label in _labels(region))
    return "", ordered(names)


@of_readable(_find)
def _scheme_of(sources: Sequence[Path]) -> Scheme:
    found = [_names(source.file) for source in _find(sources)]
    said = next((one for one in found if one[0]), None)
    if said is not None:
        return scheme_of_names(*said)
    names = ordered(name for _, own in found for name in own)
    if not names:
        raise InputError(
            f"No region in {', '.join(map(str, sources))} is a labelled key point; expected an "
            "export of tasks that were annotated with KeyPointLabels."
        )
    return scheme_of_names("label-studio", names)


def _read_file(source: Source, scheme: Scheme) -> Iterator[FaceRow | Skip]:
    keys = FaceKeys()
    places = numbered_places(_names(source.file)[1], scheme), len(scheme)
    left, interface = _left_rows(source.file), read_interface(config_beside(source.file))
    for place, task in enumerate(_tasks(source.file)):
        if not isinstance(task, dict):
            yield FaceRow("task", "a", problem=f"it is {task!r:.40}; expected an object")
        elif place in left:
            yield Skip(source.file, 0, left[place])
        else:
            yield from _left_out(task, source)
            groups = _groups(_regions(task), interface)
            if not groups:
                yield Skip(source.file, 0, "a task without key points")
            for box, points in groups.values():
                yield _face(task, box, points, (keys, interface, places))


def _left_out(task: _Object, source: Source) -> Iterator[Skip]:
    annotations = _objects(task.get("annotations", task.get("completions")))
    for annotation in annotations:
        if annotation.get("was_cancelled") is True:
            yield Skip(source.file, 0, "an annotation that was cancelled")
    there = sum(annotation.get("was_cancelled") is not True for annotation in annotations)
    for _ in range(there - 1):
        yield Skip(source.file, 0, _ANOTHER)
    for _ in _objects(task.get("predictions")):
        yield Skip(source.file, 0, "a prediction that nobody has confirmed")


def _groups(
    regions: Sequence[_Object], interface: Interface
) -> dict[tuple[str, str, str], tuple[_Object, list[_Object]]]:
    """Points of each face, with the box that they are in; those of a picture are apart."""
    boxes = {str(r.get("id")): r for r in regions if not _labels(r) and r.get("id") is not None}
    groups: dict[tuple[str, str, str], tuple[_Object, list[_Object]]] = {}
    for region in regions:
        if _labels(region):
            parent = str(region.get("parentID") or "")
            key = parent, target_of(region, interface), str(region.get("item_index"))
            groups.setdefault(key, (boxes.get(parent, {}), []))[1].append(region)
    return groups


def _face(
    task: _Object,
    box: _Object,
    points: Sequence[_Object],
    file: tuple[FaceKeys, Interface, _Places],
) -> FaceRow:
    keys, interface, places = file
    data = task.get("data")
    try:
        name = picture_of(data if isinstance(data, dict) else task, points[0], interface)
    except BadRow as error:
        return FaceRow(keys.next(f"task {task.get('id')}"), "a", problem=str(error))
    key = keys.next(name)
    try:
        xy, states = placed([_point(point) for point in points], *places)
    except BadRow as error:
        return FaceRow(key, name, problem=str(error))
    said = dict(note.split(": ", 1) for note in _notes(box) if ": " in note)
    return FaceRow(
        key, name, xy, states, subject=said.get("subject", ""),
        expression=said.get("expression", ""), other_pictures=other_names(name),
    )  # fmt: skip


def _notes(region: _Object) -> list[str]:
    meta = region.get("meta")
    text = meta.get("text") if isinstance(meta, dict) else None
    texts = text if isinstance(text, list) else [text]
    return [one.strip() for one in islice(texts, 100) if isinstance(one, str)]


def _point(region: _Object) -> tuple[str, float, float, PointState]:
    (label,), value = _labels(region), region["value"]
    given = [value.get("x"), value.get("y"), region.get("original_width"),
             region.get("original_height")]  # fmt: skip
    try:
        x, y, width, height = (float(one) for one in given)
    except (TypeError, ValueError, OverflowError):
        raise BadRow(
            f"the point {label!r:.40} has {given!r:.80}; expected x, y, original_width and "
            "original_height"
        ) from None
    if region.get("image_rotation") not in (None, 0):
        raise BadRow("the picture was turned in Label Studio (image_rotation); turn it back there")
    x, y = x * width / 100 - _HALF, y * height / 100 - _HALF
    gone = math.isnan(x) or math.isnan(y)
    if not (gone or max(abs(x), abs(y)) <= MOST) or not min(width, height) > 0:
        raise BadRow(f"the point {label!r:.40} has {given!r:.80}; expected percent and pixels")
    notes = (note.lower() for note in _notes(region))
    state = next((_NOTES[note] for note in notes if note in _NOTES), PointState.VISIBLE)
    return label, x, y, state


def _files(dest: Path, _faces: Sequence[NamedFace]) -> list[Path]:
    return [dest, config_beside(dest)]


FORMAT = Format(
    "labelstudio",
    "Label Studio (.json)",
    "Choose the export of a project, JSON or JSON-MIN. Points of one box are one face. Of several "
    "annotators the ground truth is read, else the newest; predictions are left out. Pictures are "
    "found by their names, also after an upload.",
    ("*.json",),
    Reader(
        row_reader("labelstudio", _find, _read_file, _scheme_of),
        _scheme_of,
        _count,
        share_of(".json", _likeness),
        "a .json list of tasks with annotations",
    ),
    Writer(
        write_labelstudio,
        Holds(subject=True, expression=True, unplaced=False),
        PictureNames.pictures,
        ".json",
        files=_files,
    ),
)
