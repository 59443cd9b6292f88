"""COCO keypoints: one JSON file of pictures, categories and annotations, read and written.

``keypoints`` holds x, y, v of each point, v 0 for not labelled, 1 for hidden, 2 for seen
(cocodataset.org, "Data format"). Positions are numbers of pixels, counted from 0: the centre of the
top-left one is (0, 0), as for us (detectron2 adds 0.5 where it wants its corner there, for the same
reason). ``skeleton`` counts points from 1.

Of a COCO-WholeBody file (github.com/jin-s13/COCO-WholeBody, "data format") the 68 points of
``face_kpts`` are read, in iBUG's order; there any v but 0 says that a point is valid.

CVAT draws on a canvas and writes its corner-based positions into COCO files too, half a pixel off;
nothing in the file tells.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from posixpath import commonpath
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.schemes.named import scheme_of_names

from ._coco_writing import ESTIMATED, write_coco
from ._face_keys import FaceKeys, name_in_address, numbers_in, other_names
from ._json import elements
from ._kept import kept_by_version
from ._names import PictureNames
from ._pictures import is_video
from ._point_names import numbered_places
from ._rows import MOST, BadRow
from ._sniffing import files_like, share_of
from .format import Format, Holds, Reader, Writer
from .record import Skip
from .rows import FaceRow, of_readable, posix, row_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from faceloop_datasets.schemes.scheme import Scheme

    from ._places import Source

_MEMBERS = ("images", "videos", "categories", "annotations")
_WHOLE_BODY = "face_kpts"
_IBUG = 68
_PIECE = 1 << 20
_STATES = np.array([PointState.MISSING, PointState.OCCLUDED, PointState.VISIBLE], np.uint8)


@dataclass(frozen=True)
class _Category:
    name: str = "face"
    names: tuple[str, ...] = ()
    edges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> _Category:
        names = row.get("keypoints")
        listed = tuple(map(str, names)) if isinstance(names, list) else ()
        return cls(str(row.get("name") or "face"), listed, _edges(row.get("skeleton"), len(listed)))


def _edges(skeleton: object, count: int) -> tuple[tuple[int, int], ...]:
    """Pairs of points from 0; some programs count from 0 in the file too."""
    pairs = [
        (pair[0], pair[1])
        for pair in (skeleton if isinstance(skeleton, list) else ())
        if isinstance(pair, list) and len(list(numbers_in(pair, count + 1))) == len(pair) == 2
    ]
    first = 0 if any(0 in pair for pair in pairs) else 1
    edges = [(a - first, b - first) for a, b in pairs]
    return tuple(edge for edge in edges if max(edge) < count)


@dataclass(frozen=True, slots=True)
class _Picture:
    """Name of a picture, or of a video with the frame, from 0; and why it cannot be told.

    ``end`` is that of the path that tells it from others of its name.
    """

    name: str = ""
    frame: int | None = None
    path: str = ""
    end: str = ""
    problem: str = ""


@dataclass
class _Outline:
    """Everything of a file but its annotations, and how many of them have which points."""

    pictures: dict[str, _Picture] = field(default_factory=dict)
    categories: dict[str, _Category] = field(default_factory=dict)
    kinds: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def category_of(self, category: object, member: str, numbers: int) -> _Category:
        """Category of an annotation, with numbers for names where it gives none."""
        if member == _WHOLE_BODY:
            return _Category("ibug68", _numbered(_IBUG))
        found = self.categories.get(_ident(category), _Category())
        return found if found.names else _Category(found.name, _numbered(numbers // 3))


@lru_cache(maxsize=64)
def _numbered(count: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(count))


def _ident(value: object) -> str:
    """Return a number of a picture or a category as text: some files have texts for numbers."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole and isinstance(value, float) else str(value)


@kept_by_version(_Outline)
def _outline(path: Path) -> _Outline:
    outline, used, videos = _Outline(), Counter[tuple[str, str, int]](), {}
    rows: list[Mapping[str, Any]] = []
    for key, row in elements(path, _MEMBERS):
        if not isinstance(row, dict) or not key:
            continue
        if key == "annotations":
            used[_ident(row.get("category_id")), *_points_of(row)] += 1
        elif key == "categories":
            outline.categories[_ident(row.get("id"))] = _Category.of(row)
        elif key == "videos":
            videos[_ident(row.get("id"))] = str(row.get("name") or "")
        else:
            rows.append(row)
    outline.pictures = _pictures(rows, videos)
    for (category, member, numbers), count in used.items():
        if numbers:
            outline.kinds[outline.category_of(category, member, numbers).names] += count
    return outline


def _points_of(row: Mapping[str, Any]) -> tuple[str, int]:
    """Member of an annotation with its points, and how many numbers; 0 if it has none of use."""
    member = _WHOLE_BODY if _WHOLE_BODY in row else "keypoints"
    values = row.get(member)
    usable = isinstance(values, list) and any(values) and not _is_crowd(row)
    return member, len(values) if isinstance(values, list) and usable else 0


def _is_crowd(row: Mapping[str, Any]) -> bool:
    return row.get("iscrowd") not in (None, 0, False, "0")


def _pictures(rows: Sequence[Mapping[str, Any]], videos: Mapping[str, str]) -> dict[str, _Picture]:
    """Pictures by their ids; two of one id, or of one name without a folder, are told apart."""
    found: dict[str, _Picture] = {}
    for row in rows:
        ident, picture = _ident(row.get("id")), _picture(row, videos)
        known = found.setdefault(ident, picture)
        if known != picture:
            names = (one.path or one.name for one in (known, picture))
            said = f"the id {ident:.40} is that of {' and of '.join(names)}"
            found[ident] = replace(known, problem=known.problem or f"{said}; number them anew")
    bare = [p for p in found.values() if p.frame is None and p.name and "/" not in posix(p.name)]
    times, paths = Counter(picture.name for picture in bare), defaultdict[str, set[str]](set)
    for picture in bare:
        paths[picture.name].add(picture.path)
    shared = {n: None if "" in paths[n] else commonpath(paths[n]) for n in times if times[n] > 1}
    return {
        ident: picture
        if picture.problem or picture.frame is not None or picture.name not in shared
        else _told_apart(picture, shared[picture.name])
        for ident, picture in found.items()
    }


def _told_apart(picture: _Picture, shared: str | None) -> _Picture:
    """Picture by its path, where others have its name: coco-annotator gives the name alone."""
    if shared is None:
        said = f"several images are called {picture.name}, and not all of them have a path"
        return replace(picture, problem=f"{said}; give each file_name its folder")
    if picture.path == shared:  # there twice
        return picture
    end = picture.path.removeprefix(f"{shared}/")
    return replace(picture, name=picture.path, end=end if "/" in end else picture.path)


def _picture(row: Mapping[str, Any], videos: Mapping[str, str]) -> _Picture:
    """Picture of a row; or its video, as files of videos have them, and its frame from 0."""
    video, frame = videos.get(_ident(row.get("video_id")), ""), row.get("frame_id")
    if is_video(video) and type(frame) is int and frame >= 0:
        return _Picture(video, frame)
    name, path = row.get("file_name"), posix(str(row.get("path"))).lstrip("/")
    if isinstance(name, str) and name:
        return _Picture(name, path=path if path.endswith(f"/{name}") else "")
    links = [row.get(key) for key in ("coco_url", "path", "flickr_url")]
    return _Picture(next((name_in_address(x) for x in links if isinstance(x, str) and x), ""))


def _likeness(head: str) -> float:
    """Look for the members that COCO names, before anything else of the file."""
    start = head.lstrip("\ufeff \t\r\n")
    if not start.startswith("{"):
        return 0.0
    first = start[1:].lstrip()
    known = ('"info"', '"licenses"', *(f'"{key}"' for key in _MEMBERS))
    if not first.startswith(known):
        return 0.0
    said = [('"images"', '"id"'), ('"annotations"', '"image_id"'), ('"categories"', '"id"')]
    return 1.0 if any(a in head and b in head for a, b in said) else 0.0


def _find(sources: Sequence[Path]) -> list[Source]:
    return files_like(sources, ".json", _likeness)


@of_readable(_find)
def _count(sources: Sequence[Path]) -> int:
    return sum(_count_in(source.file) for source in _find(sources))


def _count_in(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return sum(piece.count(b'"image_id"') for piece in iter(lambda: file.read(_PIECE), b""))
    except OSError:
        return 0


def _chosen(sources: Sequence[Path]) -> _Category:
    """Category whose points most annotations have."""
    outlines = [_outline(source.file) for source in _find(sources)]
    kinds = sum((outline.kinds for outline in outlines), Counter[tuple[str, ...]]())
    if not kinds:
        raise InputError(
            f"No annotation in {', '.join(map(str, sources))} has keypoints; expected a COCO file "
            "of keypoints, such as person_keypoints_*.json."
        )
    names = kinds.most_common(1)[0][0]
    known = (c for outline in outlines for c in outline.categories.values())
    return next((c for c in known if c.names == names), _Category("coco", names))


@of_readable(_find)
def _scheme_of(sources: Sequence[Path]) -> Scheme:
    chosen = _chosen(sources)
    return scheme_of_names(chosen.name, chosen.names, chosen.edges)


def _read_file(source: Source, scheme: Scheme) -> Iterator[FaceRow | Skip]:
    reading = _Reading(source, scheme, _outline(source.file))
    for key, row in elements(source.file, _MEMBERS):
        if not key:
            raise BadRow("it is a list, without pictures; expected the file of annotations itself")
        if key == "annotations":
            yield reading.entry(row)


class _Reading:
    """One file while it is read."""

    def __init__(self, source: Source, scheme: Scheme, outline: _Outline) -> None:
        self._source, self._scheme, self._outline = source, scheme, outline
        self._keys = FaceKeys()
        self._places = lru_cache(maxsize=64)(partial(_places, scheme=scheme))
        # as COCO and CVAT lay pictures out: annotations/person_keypoints_SPLIT.json, SPLIT/*.jpg
        split = source.file.stem.rpartition("_")[2]
        self._folders = ("images", "../images", f"../{split}", f"../images/{split}")

    def entry(self, row: object) -> FaceRow | Skip:
        """Read an annotation."""
        if not isinstance(row, dict):
            return FaceRow("annotation", "a", problem=f"it is {row!r:.40}; expected an object")
        member = _WHOLE_BODY if _WHOLE_BODY in row else "keypoints"
        points = row.get(member)
        reason = self._reason(row, member, points)
        return Skip(self._source.file, 0, reason) if reason else self._row(row, points)

    def _reason(self, row: Mapping[str, Any], member: str, points: object) -> str:
        """Why an annotation is left out; empty if it is not."""
        if _is_crowd(row):
            return "a crowd and not one face (iscrowd)"
        if not points:
            return "an annotation without keypoints"
        numbers = len(points) if isinstance(points, list) else 3 * len(self._scheme)
        category = self._outline.category_of(row.get("category_id"), member, numbers)
        if not self._places(category.names):
            return f"of {category.name}: its points are not those of most faces"
        if row.get("face_valid") is False or (isinstance(points, list) and not any(points)):
            return "an annotation none of whose points is labelled"
        return ""

    def _row(self, row: Mapping[str, Any], points: object) -> FaceRow:
        picture = self._outline.pictures.get(_ident(row.get("image_id")), _Picture())
        name, frame = picture.name, picture.frame
        if picture.problem:
            return FaceRow(f"annotation {row.get('id')!r:.40}", "a", problem=picture.problem)
        if not name:
            said = f"its image_id {row.get('image_id')!r:.40} is that of no image with a file_name"
            return FaceRow(f"annotation {row.get('id')!r:.40}", "a", problem=said)
        key = self._keys.next(name if frame is None else f"{name}:{frame}")
        try:
            xy, states = _points(points, len(self._scheme), valid=_WHOLE_BODY in row)
        except BadRow as error:
            return FaceRow(key, name, problem=str(error))
        member = _WHOLE_BODY if _WHOLE_BODY in row else "keypoints"
        category = self._outline.category_of(row.get("category_id"), member, 3 * len(xy))
        order = np.argsort(self._places(category.names))
        xy, states = xy[order], states[order]
        given = row.get("attributes")
        attributes = given if isinstance(given, dict) else {}
        guessed = list(numbers_in(attributes.get(ESTIMATED), len(states)))
        hidden = states[guessed] == PointState.OCCLUDED
        states[guessed] = np.where(hidden, PointState.ESTIMATED, states[guessed])
        words = [attributes.get(what) for what in ("subject", "expression")]
        subject, expression = (one if isinstance(one, str) else "" for one in words)
        return FaceRow(
            key, name, xy, states, frame=frame, subject=subject, expression=expression,
            other_pictures=self._other_names(picture),
        )  # fmt: skip

    def _other_names(self, picture: _Picture) -> tuple[str, ...]:
        if not picture.end:
            return other_names(picture.name, self._folders)
        # without its folders it has the name of others
        return picture.end, *(f"{folder}/{picture.end}" for folder in self._folders)


def _places(names: tuple[str, ...], scheme: Scheme) -> tuple[int, ...]:
    """Place of each point of a category in a scheme, by its name, or by its number; else empty.

    A category that names no points has those that most faces have, if it has as many.
    """
    known = {name: place for place, name in enumerate(scheme.names)}
    numbered = scheme.numbered_from is not None or names == _numbered(len(scheme))
    if numbered and not known.keys() >= set(names):
        known = numbered_places(names, scheme)
    places = tuple(known.get(name, -1) for name in names)
    return places if sorted(places) == list(range(len(scheme))) else ()


def _points(
    values: object, count: int, *, valid: bool
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Positions (N, 2) and states (N,) of x, y, v for each point."""
    try:
        flat = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise BadRow("its keypoints are no list of numbers") from None
    if flat.shape != (3 * count,):
        raise BadRow(f"it has {flat.size} numbers for keypoints; expected {3 * count}")
    xy, v = flat.reshape(-1, 3)[:, :2], flat[2::3]
    if valid:
        v = np.where(v == 0, 0, 2)
    if not np.isin(v, (0, 1, 2)).all():
        worst = int(np.flatnonzero(~np.isin(v, (0, 1, 2)))[0])
        raise BadRow(f"v of point {worst} is {v[worst]:g}; expected 0, 1 or 2")
    states = _STATES[v.astype(int)]
    xy[states == PointState.MISSING] = np.nan
    if (np.abs(xy) > MOST).any():
        raise BadRow(f"a coordinate is {np.nanmax(np.abs(xy)):g}; expected at most {MOST:g}")
    return xy, states


FORMAT = Format(
    "coco",
    "COCO keypoints (.json)",
    "Choose the JSON file of keypoints; the pictures lie beside it, or in the folder of pictures. "
    "The points are those that most annotations have, or the 68 of the face in COCO-WholeBody. "
    "Crowds and annotations without keypoints are left out.",
    ("*.json",),
    Reader(
        row_reader("coco", _find, _read_file, _scheme_of),
        _scheme_of,
        _count,
        share_of(".json", _likeness),
        "a .json file with images, annotations and categories",
    ),
    Writer(
        write_coco,
        Holds(subject=True, expression=True, frame=True),
        PictureNames.files,
        ".json",
    ),
)
