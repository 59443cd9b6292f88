"""LabelMe: one JSON file a picture, with a shape for each point; read and written.

A point's name is its ``label``, and ``group_id`` says which points are one face (github.com/
wkentaro/labelme, README and ``labelme/_label_file.py``). LabelMe draws on a canvas whose corner is
(0, 0), so that the centre of the top-left pixel is (0.5, 0.5): half a pixel is taken off.

States are flags of a shape, ``occluded`` and ``estimated``; a missing point has no shape. What else
faceloop knows stands in a member of its own, which LabelMe keeps.
"""

from __future__ import annotations

import json
import math
import os
import sys
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.files import atomic_path
from faceloop_datasets.outputs import files_told_apart
from faceloop_datasets.schemes.named import scheme_of_names

from ._face_keys import FaceKeys, PictureSizes, other_names, own_subject
from ._json import load
from ._kept import kept_by_version
from ._names import PictureNames
from ._point_names import is_number, ordered, placed, told
from ._rows import MOST, BadRow
from ._sniffing import files_like, share_of
from .format import Format, Holds, NamedFace, Reader, Writer
from .record import Skip
from .rows import FaceRow, of_readable, row_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from faceloop_datasets.schemes.scheme import Scheme

    from ._places import Source

_OWN = "faceloop"  # a member of the file
_HALF = 0.5
_VERSION = "5.5.0"
_DIGITS = (1, 2, 3, 4)
_FLAGS = {PointState.OCCLUDED: "occluded", PointState.ESTIMATED: "estimated"}


def _likeness(head: str) -> float:
    """Look for the members before the shapes; ``imageData`` may be long and come before them."""
    said = '"shapes"' in head and ('"shape_type"' in head or '"imagePath"' in head)
    old = '"version"' in head and '"flags"' in head
    return 1.0 if head.lstrip().startswith("{") and (said or (old and '"shapes"' in head)) else 0.0


def _find(sources: Sequence[Path]) -> list[Source]:
    return files_like(sources, ".json", _likeness)


@of_readable(_find)
def _count(sources: Sequence[Path]) -> int:
    return len(_find(sources))


def _content(path: Path) -> dict[str, Any]:
    found = load(path)
    if not isinstance(found, dict) or not isinstance(found.get("shapes"), list):
        raise InputError(f"{path} has no list of shapes; expected a file of LabelMe's.")
    return found


_NO_NAMES: tuple[str, tuple[str, ...]] = "", ()


@kept_by_version(lambda: _NO_NAMES, files=1 << 16)
def _labels(path: Path) -> tuple[str, tuple[str, ...]]:
    """Scheme that faceloop has written there, empty if it has not, and labels of the points."""
    try:
        content = _content(path)
    except InputError:
        return "", ()  # it is refused when it is read
    labels = (str(shape.get("label")) for shape in content["shapes"] if _is_point(shape))
    # one text for all files, which may be tens of thousands
    return told(content.get(_OWN)) or ("", tuple(map(sys.intern, labels)))


def _is_point(shape: object) -> bool:
    return isinstance(shape, dict) and shape.get("shape_type", "polygon") == "point"


@of_readable(_find)
def _scheme_of(sources: Sequence[Path]) -> Scheme:
    every = [_labels(source.file) for source in _find(sources)]
    said = {one for one in every if one[0]}
    if len(said) == 1:
        return scheme_of_names(*said.pop())
    names = ordered(name for _, own in every for name in own)
    if not names:
        for source in _find(sources):
            _content(source.file)  # what is broken says so
        raise InputError(
            f"No shape in {', '.join(map(str, sources))} is a point; expected landmarks drawn with "
            "Create Point."
        )
    return scheme_of_names("labelme", names)


def _read_file(source: Source, scheme: Scheme) -> Iterator[FaceRow | Skip]:
    try:
        content = _content(source.file)
    except InputError as error:  # one picture of many
        yield FaceRow(source.file.name, source.file.name, problem=str(error))
        return
    picture = content.get("imagePath")
    name = picture if isinstance(picture, str) and picture else f"{source.file.stem}.jpg"
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for shape in content["shapes"]:
        if _is_point(shape):
            groups.setdefault(str(shape.get("group_id")), []).append(shape)
        else:
            kind = shape.get("shape_type", "polygon") if isinstance(shape, dict) else "value"
            yield Skip(source.file, 0, f"a {kind!s:.40}, which is no point")
    if not groups:
        yield Skip(source.file, 0, "a picture without points")
    places, keys = (_places(source.file, scheme), len(scheme)), FaceKeys()
    for group, shapes in groups.items():
        key = keys.next(PurePosixPath(name.replace("\\", "/")).name)
        yield _face(key, name, shapes, places, _known(content, group))


def _places(file: Path, scheme: Scheme) -> dict[str, int]:
    """Place of each label among the points; by its number, where the scheme has names for them."""
    places, labels = {name: place for place, name in enumerate(scheme.names)}, _labels(file)[1]
    if places.keys() & set(labels) or not all(map(is_number, labels)):
        return places
    first = _first_number(file, len(scheme))
    return {f"{place + first:0{digits}d}": place for place in places.values() for digits in _DIGITS}


def _first_number(file: Path, count: int) -> int:
    """Whether points are counted from 0 or 1; a face may lack the first and the last one."""
    for other in chain([file], sorted(file.parent.glob("*.json"))):
        numbers = {int(label) for label in _labels(other)[1] if is_number(label)}
        if numbers & {0, count}:
            return 0 if 0 in numbers else 1
    return 0


def _known(content: Mapping[str, Any], group: str) -> Mapping[str, Any]:
    """Return what faceloop has noted of a face."""
    own = content.get(_OWN)
    faces = own.get("faces") if isinstance(own, dict) else None
    found = faces.get(group) if isinstance(faces, dict) else None
    return found if isinstance(found, dict) else {}


def _face(
    key: str,
    name: str,
    shapes: Sequence[Mapping[str, Any]],
    places: tuple[Mapping[str, int], int],
    known: Mapping[str, Any],
) -> FaceRow:
    try:
        xy, states = placed([_point(shape) for shape in shapes], *places)
    except BadRow as error:
        return FaceRow(key, name, problem=f"{error}")
    said = [known.get(what) for what in ("subject", "expression")]
    subject, expression = (one if isinstance(one, str) else "" for one in said)
    return FaceRow(
        key, name, xy, states, subject=subject, expression=expression,
        other_pictures=other_names(name),
    )  # fmt: skip


def _point(shape: Mapping[str, Any]) -> tuple[str, float, float, PointState]:
    label, points, flags = str(shape.get("label")), shape.get("points"), shape.get("flags")
    try:
        ((x, y),) = points  # type: ignore[misc]
        numbers = _number(x), _number(y)
    except (TypeError, ValueError, OverflowError):
        raise BadRow(f"the point {label!r:.40} is {points!r:.40}; expected [[x, y]]") from None
    if any(abs(number) > MOST for number in numbers):
        raise BadRow(f"the point {label!r:.40} is at {points!r:.40}; expected pixels")
    given = flags if isinstance(flags, dict) else {}
    state = next((s for s, flag in _FLAGS.items() if given.get(flag) is True), PointState.VISIBLE)
    return label, numbers[0] - _HALF, numbers[1] - _HALF, state


def _number(value: Any) -> float:
    """Read a number; nan, and null in its place, say that a point is missing."""
    return math.nan if value is None else float(value)


def _files(dest: Path, faces: Sequence[NamedFace]) -> list[Path]:
    return list(dict.fromkeys(_file_of(dest, faces).values()))


def _file_of(dest: Path, faces: Sequence[NamedFace]) -> dict[str, Path]:
    """File of each picture: of its name, with the picture's suffix where two differ in that."""
    forms = {
        face.picture: (str(PurePosixPath(face.picture).with_suffix("")), face.picture)
        for face in faces
    }
    return {name: dest / f"{stem}.json" for name, stem in files_told_apart(forms).items()}


def write_labelme(faces: Sequence[NamedFace], dest: Path, scheme: Scheme) -> None:
    """Write a folder of files, one a picture, which never hold the picture itself."""
    files, sizes = _file_of(dest, faces), PictureSizes()
    by_picture: dict[str, list[NamedFace]] = {}
    for face in faces:
        by_picture.setdefault(face.picture, []).append(face)
    for picture, there in by_picture.items():
        size = sizes.of(there[0].record) or (None, None)
        known = {
            str(group): {"subject": own_subject(f.record), "expression": f.record.expression}
            for group, f in enumerate(there, 1)
        }
        content = {
            "version": _VERSION,
            "flags": {},
            "shapes": [s for group, f in enumerate(there, 1) for s in _shapes(f, group, scheme)],
            "imagePath": _path_to(there[0], picture, files[picture]),
            "imageData": None,
            "imageHeight": size[1],
            "imageWidth": size[0],
            _OWN: {"scheme": scheme.name, "points": list(scheme.names), "faces": known},
        }
        with atomic_path(files[picture]) as part:
            part.write_text(json.dumps(content, indent=1), encoding="utf-8", newline="\n")


def _path_to(face: NamedFace, picture: str, file: Path) -> str:
    """Path from the file to its picture, which LabelMe opens; a frame has none."""
    image = face.record.image
    if image is None or image.member is not None or face.record.frame is not None:
        return picture
    try:
        return Path(os.path.relpath(image.path, file.parent)).as_posix()
    except ValueError:  # on another drive
        return image.path.as_posix()


def _shapes(face: NamedFace, group: int, scheme: Scheme) -> Iterator[dict[str, object]]:
    annotation = face.record.annotation
    values = zip(scheme.names, annotation.points.tolist(), annotation.states, strict=True)
    for name, (x, y), state in values:
        if state != PointState.MISSING:
            flag = _FLAGS.get(PointState(state))
            yield {
                "label": name, "points": [[x + _HALF, y + _HALF]], "group_id": group,
                "description": "", "shape_type": "point", "flags": {flag: True} if flag else {},
                "mask": None,
            }  # fmt: skip


FORMAT = Format(
    "labelme",
    "LabelMe (.json)",
    "Choose the folder of JSON files, one a picture. Shapes of the type point are read, by their "
    "labels; a group number says which are one face. Other shapes are left out.",
    ("*.json",),
    Reader(
        row_reader("labelme", _find, _read_file, _scheme_of),
        _scheme_of,
        _count,
        share_of(".json", _likeness),
        "a .json file with shapes and imagePath",
    ),
    Writer(
        write_labelme,
        Holds(subject=True, expression=True),
        PictureNames.pictures,
        "",
        files=_files,
    ),
)
