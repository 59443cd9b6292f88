"""MediaPipe: results of its Face Landmarker as people save them, JSON or a JSON value a line.

A result is ``face_landmarks`` (Python), ``faceLandmarks`` (the web) or ``multi_face_landmarks``
(the old Face Mesh): for each face 478 points, or 468 without the irises, as ``{"x", "y", "z"}`` or
lists. Alone, in a list, or one a line; with the name of the picture (``image``, ``file`` and the
like) or, of a video's frames, their numbers. Where it names none, it is the picture or video whose
name the file has. x and y are shares of width and height: MediaPipe's own drawing takes the pixel
``floor(x * width)``, so that the left edge of the picture is 0 and the first pixel's centre is half
a pixel from it. So it measures, on the 400 pictures of the bundled sample (mediapipe 0.10.21): a
mark and its partner in the mirrored picture add up to the width (+.3 +- .1 pixels), and marks in
the middle of the face are .6 to .8 pixels right of where they are until half a pixel is taken off.

Nobody has confirmed what a program found: all points are estimated.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.media.images import IMAGE_SUFFIXES
from faceloop_datasets.media.video import MAX_FRAMES, VIDEO_SUFFIXES
from faceloop_datasets.schemes.named import scheme_of_names
from faceloop_datasets.wording import counted

from ._pictures import is_picture, is_video
from ._places import Source, annotation_files, has_suffix
from ._rows import BadRow, read_text
from ._sniffing import head, share_like
from .format import Format, Reader
from .record import Skip
from .rows import FaceRow, row_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from faceloop_datasets.schemes.scheme import Scheme

COUNT, WITHOUT_IRISES = 478, 468
NAME = "mediapipe478"
_FACES = ("face_landmarks", "faceLandmarks", "multi_face_landmarks", "multiFaceLandmarks")
_PICTURE = (
    "image",
    "file",
    "file_name",
    "fileName",
    "filename",
    "path",
    "picture",
    "video",
    "name",
)
_FRAME = ("frame", "frame_index", "frameIndex", "frame_number", "frameNumber", "frame_id")
_INSIDE = ("frames", "results", "data", "result")
"""Where results are kept with something beside them."""

_SUFFIXES = (".json", ".jsonl", ".ndjson")
_DEEPEST = 4
_OUTSIDE = 4.0
"""How many sizes of the picture a face may reach beyond it: its parts outside are guessed too."""


def _files(sources: Sequence[Path]) -> list[Source]:
    named = {path for path in sources if not path.is_dir()}
    found: dict[Source, None] = {}
    for suffix in _SUFFIXES:
        try:
            found |= dict.fromkeys(annotation_files(sources, suffix))
        except InputError:  # there is none of this suffix
            continue
    wanted = [s for s in found if s.file in named or _likeness(head(s.file))]
    if not wanted:
        raise InputError(
            f"There are no results of MediaPipe in {', '.join(map(str, sources))}: JSON files with "
            "face_landmarks or faceLandmarks."
        )
    return wanted


def _recognise(files: Sequence[Path], _named: Sequence[Path]) -> float:
    likely = [path for path in files if any(has_suffix(path.name, s) for s in _SUFFIXES)]
    return share_like(likely, _likeness)


def _likeness(text: str) -> float:
    """Look for its keys, and for points that begin after one as its points do."""
    plain = "".join(text.split())
    found = any(f'"{key}":[' in plain for key in _FACES)
    return 1.0 if found and ('{"x":' in plain or "[[[" in plain or plain.endswith("[]")) else 0.0


def _count(sources: Sequence[Path]) -> int:
    return sum(
        read_text(source.file).count(f'"{key}"') for source in _files(sources) for key in _FACES
    )


def _scheme(_sources: Sequence[Path]) -> Scheme:
    return scheme_of_names(NAME, [str(k) for k in range(COUNT)])


def _read_file(source: Source, _scheme: Scheme) -> Iterator[FaceRow | Skip]:
    numbers: Counter[str] = Counter()
    for place, one in enumerate(_results(source)):
        if isinstance(one.found, BadRow):
            yield FaceRow(f"line {one.line}", "", line=one.line, problem=str(one.found))
            continue
        picture, frame = _picture(source, one), _frame(one, place)
        faces = next((one.found[key] for key in _FACES if key in one.found), None)
        if not isinstance(faces, list):
            problem = f"face_landmarks is {faces!r:.40}; expected a list of faces"
            yield FaceRow(f"{picture}, result {place + 1}", picture, line=one.line, problem=problem)
            continue
        if not faces:
            yield Skip(source.file, one.line, "no face was found")
        in_video = is_video(picture)
        where = f"{picture}:{frame}" if in_video else picture
        for face in [faces] if faces and _is_point(faces[0]) else faces:
            numbers[where] += 1
            key = where if numbers[where] == 1 else f"{where}#{numbers[where]}"
            yield _row(key, picture, one.line, frame if in_video else None, face)


def _row(key: str, picture: str, line: int, frame: int | None, face: object) -> FaceRow:
    try:
        points = _points(face)
    except BadRow as error:
        return FaceRow(key, picture, line=line, problem=str(error))
    estimated = [PointState.ESTIMATED] * COUNT
    return FaceRow(key, picture, points, estimated, line=line, frame=frame, shares=True)


def _points(face: object) -> NDArray[np.float64]:
    listed = face.get("landmark", face.get("landmarks")) if isinstance(face, dict) else face
    if not isinstance(listed, list) or len(listed) not in (COUNT, WITHOUT_IRISES):
        found = counted(len(listed), "point") if isinstance(listed, list) else f"{listed!r:.40}"
        raise BadRow(f"a face is {found}; expected {COUNT} points, or {WITHOUT_IRISES}")
    points = np.full((COUNT, 2), np.nan)
    for number, point in enumerate(listed):
        points[number] = _point(number, point)
    return points


def _is_point(value: object) -> bool:
    if isinstance(value, dict):
        return "x" in value
    return isinstance(value, list) and bool(value) and type(value[0]) in (int, float)


def _point(number: int, point: object) -> tuple[float, float]:
    found = [point.get("x"), point.get("y")] if isinstance(point, dict) else point
    if not isinstance(found, list) or len(found) < 2:
        raise BadRow(f"point {number} is {point!r:.40}; expected x and y")
    x, y = found[0], found[1]
    for value, axis in ((x, "x"), (y, "y")):
        if type(value) not in (int, float) or not abs(value) < math.inf:
            raise BadRow(f"{axis} of point {number} is {value!r:.40}; expected a number")
        if not -_OUTSIDE < value < 1 + _OUTSIDE:
            raise BadRow(f"{axis} of point {number} is {value:g}; expected a share of the picture")
    return float(x), float(y)


@dataclass(frozen=True)
class _Result:
    """A result, or why it cannot be read; what is said beside the list that it is in; its line."""

    found: dict[str, Any] | BadRow
    beside: dict[str, Any]
    line: int = 0

    def said(self, keys: Sequence[str], kind: type) -> Iterator[Any]:
        """Yield what it says under some names, the nearest first."""
        for place in (self.found, self.beside):
            if isinstance(place, dict):
                yield from (place[key] for key in keys if type(place.get(key)) is kind)


def _results(source: Source) -> Iterator[_Result]:
    text = read_text(source.file)
    lines = [line.strip() for line in text.splitlines()]
    full = [line for line in lines if line]
    if len(full) > 1 and all(line[0] == "{" and line[-1] == "}" for line in (full[0], full[-1])):
        for number, line in enumerate(lines, start=1):
            if line:
                yield from _inside(_value(line), {}, number, 0)
        return
    value = _value(text)
    if isinstance(value, BadRow):
        raise value
    yield from _inside(value, {}, 0, 0)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        return BadRow(f"this is no JSON: {error}")
    except (ValueError, RecursionError):  # a number of 5000 digits
        return BadRow("this JSON has numbers too long or is nested too deep")


def _inside(value: object, beside: dict[str, Any], line: int, depth: int) -> Iterator[_Result]:
    if isinstance(value, BadRow) or (isinstance(value, dict) and any(k in value for k in _FACES)):
        yield _Result(value, beside, line)
    elif isinstance(value, list) and depth < _DEEPEST:
        for one in value:
            yield from _inside(one, beside, line, depth + 1)
    elif isinstance(value, dict) and depth < _DEEPEST:
        for key in _INSIDE:
            if key in value:
                yield from _inside(value[key], {**beside, **value}, line, depth + 1)


def _picture(source: Source, result: _Result) -> str:
    """Name of the picture or video: said, or that of the file."""
    said = map(str, result.said(_PICTURE, str))
    named = next((name for name in said if is_picture(name) or is_video(name)), "")
    if named:
        return named
    stem = PurePosixPath(source.file.name).stem
    found = sorted(source.file.parent.glob(f"{_escaped(stem)}.*"))
    suffixes = (*IMAGE_SUFFIXES, *VIDEO_SUFFIXES)
    likely = [path.name for path in found if path.suffix.lower() in suffixes]
    return likely[0] if len(likely) == 1 else f"{stem}.jpg"


def _escaped(stem: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in stem)


def _frame(result: _Result, place: int) -> int:
    """Frame of a video, from 0: said, or the place of the result."""
    return next((k for k in result.said(_FRAME, int) if 0 <= k < MAX_FRAMES), place)


FORMAT = Format(
    "mediapipe",
    "MediaPipe Face Landmarker (.json)",
    "Choose JSON files with face_landmarks or faceLandmarks. The pictures or videos have to be "
    "there, by the names that the file gives or by its own: the points are shares of their size. "
    "All points are estimated, since nobody has confirmed them.",
    ("*.json", "*.jsonl", "*.ndjson"),
    Reader(
        row_reader("mediapipe", _files, _read_file, _scheme),
        _scheme,
        _count,
        _recognise,
        "a .json file with face_landmarks",
    ),
)
