"""Landmark schemes: which points a face has, and how they hang together."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.errors import InputError, ProjectError, SchemeError
from faceloop_datasets.files import read_regular

from .toml import INITIALISATION, MAX_SCHEME, SchemeTable, block, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray


_LONGER_SIDE = 0.5
"""Least IOD, as a share of the longer side of the box: of faces that look ahead .55 to .75."""

_LONGEST_NAME = 255
"""Of a file, in bytes; longer ones are errors of the system's."""


@dataclass(frozen=True)
class Contour:
    """A line drawn through points of a scheme.

    Parameters
    ----------
    name : str
        For people.
    points : tuple of int
        Numbers of the points, in the order of the line.
    closed : bool
        Whether the last is joined to the first.
    """

    name: str
    points: tuple[int, ...]
    closed: bool


@dataclass(frozen=True)
class Scheme:
    """A landmark scheme. Schemes are data: see ``schemes/*.toml``.

    Parameters
    ----------
    name : str
        Name that annotations, projects and models carry.
    title : str
        One line for people.
    names : tuple of str
        One unique name a point. Left and right are those of the image of a frontal,
        unmirrored face.
    groups : mapping of str to tuple of int
        Points by part of the face; every point is in exactly one group. One group of all points
        where a file names none.
    contours : tuple of Contour
        The skeleton as it is drawn.
    mirror : tuple of int
        ``mirror[i]`` is the point that ``i`` becomes when the image is mirrored. Empty where that
        is not known: nothing is mirrored then.
    triangles : tuple of (int, int, int)
        A triangulation of the mean face.
    iod : tuple of int
        The points whose extent is the unit of length: twice their root mean square distance from
        their middle, which for two points is their distance. Usually the outer corners of the
        eyes, the image's left one first: the inter-ocular distance.
    initialisation : mapping of str to tuple of int
        The three places that the initialiser finds, ``left_eye``, ``right_eye`` and
        ``nose``; each is the mean of its points. Empty where a training is to choose three points;
        the schemes of models have them.
    size_in_iod : float or None
        How many inter-ocular distances the extent of ``iod`` usually is. None where a training is
        to say; it then counts as one.
    layout : tuple of (float, float)
        Where each point is on a drawn face that looks ahead, x to the right and y down, in any
        unit: for drawings only. Empty where nobody has said; `scheme_layout` knows more.
    numbered_from : int or None
        The first number, where a file has only numbers for these points, which were taken for them.
    """

    name: str
    title: str
    names: tuple[str, ...]
    groups: Mapping[str, tuple[int, ...]]
    contours: tuple[Contour, ...]
    mirror: tuple[int, ...]
    triangles: tuple[tuple[int, int, int], ...]
    iod: tuple[int, ...]
    initialisation: Mapping[str, tuple[int, ...]]
    size_in_iod: float | None = None
    layout: tuple[tuple[float, float], ...] = ()
    numbered_from: int | None = field(default=None, compare=False)

    def __len__(self) -> int:
        return len(self.names)

    def __hash__(self) -> int:
        return hash((self.name, self.names))

    @classmethod
    def load(cls, name_or_path: str | Path) -> Scheme:
        """Load a scheme by name, or a user's own from a TOML file.

        Parameters
        ----------
        name_or_path : str or Path
            A bundled scheme's name, or a TOML file.

        Raises
        ------
        SchemeError
            If there is no such scheme, it is inconsistent, or it has the name of one that comes
            with faceloop and other points.
        """
        path = Path(name_or_path)
        if path.suffix.lower() != ".toml":
            return _bundled(str(name_or_path))
        own = cls.parse(read_text(path), str(path))
        if own.name in cls.bundled() and not own.has_points_of(own.name):
            raise SchemeError(
                f"{path}: name: found {own.name!r}, a scheme that comes with faceloop and has "
                "other points; expected a name of your own."
            )
        return own

    def has_points_of(self, name: str) -> bool:
        """Whether its points are those of a scheme that comes with faceloop.

        Parameters
        ----------
        name : str
            Of the bundled scheme.
        """
        return name in self.bundled() and self.names == _bundled(name).names

    @classmethod
    def parse(cls, text: str, source: str) -> Scheme:
        """Read a scheme from the text of a TOML file; `to_toml` is the way back.

        Parameters
        ----------
        text : str
            What the file says.
        source : str
            Where it came from, for messages.

        Raises
        ------
        SchemeError
            If the text is no TOML, or the scheme is inconsistent.
        """
        table = SchemeTable.parse(text, source)
        name, names = table.string("name"), table.names()
        mirror = table.mirror(len(names))
        return cls(
            name=name,
            title=table.string("title", name),
            names=names,
            groups=table.groups(mirror, len(names)),
            contours=tuple(Contour(*line) for line in table.contours(len(names))),
            mirror=mirror,
            triangles=table.triangles(len(names)),
            iod=table.iod(len(names)),
            initialisation=table.initialisation(mirror, len(names)),
            size_in_iod=table.size_in_iod(),
            layout=table.layout(len(names)),
        )

    def to_toml(self) -> str:
        """Write the scheme as the text of a TOML file; `parse` is the way back."""
        return _written(self)

    @staticmethod
    def bundled() -> tuple[str, ...]:
        """Names of the schemes that come with faceloop."""
        folder = resources.files(__package__)
        return tuple(
            sorted(
                f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
            )
        )

    def point(self, named: str) -> int:
        """Return the number of a landmark, given by its name in any case, or by its number.

        Parameters
        ----------
        named : str
            Name or number.

        Raises
        ------
        SchemeError
            If there is none; names like it are listed.
        """
        if named in self.names:
            return self.names.index(named)
        known = {name.casefold(): number for number, name in enumerate(self.names)}
        wanted = " ".join(named.split()).casefold()
        if wanted in known:
            return known[wanted]
        if wanted.isascii() and wanted.isdigit() and int(wanted[:6]) < len(self):
            return int(wanted[:6])
        alike = difflib.get_close_matches(wanted, known, 3)
        like = f" Did you mean {' or '.join(repr(self.names[known[a]]) for a in alike)}?"
        raise SchemeError(
            f"{self.name} has no landmark {named!r:.80}. Expected a name or a number "
            f"0..{len(self) - 1}.{like if alike else ''}"
        )

    def inter_ocular_distance(self, points: NDArray[np.float64]) -> float:
        """Size of a face, in the unit of ``points`` (N, 2): what its errors are divided by.

        The distance of the outer corners of the eyes, or what the scheme measures instead of it,
        divided by how many such distances that usually is. NaN where half of the points that
        measure it, or one of two, are NaN.
        """
        return self.extent(points) / (self.size_in_iod or 1.0)

    def extent(self, points: NDArray[np.float64]) -> float:
        """Extent of the points `iod`, in the unit of ``points`` (N, 2)."""
        if len(self.iod) == 2:
            a, b = self.iod
            return float(np.linalg.norm(points[b] - points[a]))
        there = points[list(self.iod)]
        known = there[~np.isnan(there).any(axis=1)]
        if 2 * len(known) <= len(there):
            return float("nan")
        return float(2.0 * np.sqrt(((known - known.mean(axis=0)) ** 2).sum(axis=1).mean()))

    def frontal_iod(self, points: NDArray[np.float64]) -> float:
        """Size that a face would have if it looked ahead, in the unit of ``points`` (N, 2).

        A face that turns away brings the corners of its eyes together, but becomes no smaller: its
        inter-ocular distance, or half of the longer side of the box round its points if that is
        more. NaN where the distance is.
        """
        iod = self.inter_ocular_distance(points)
        if np.isnan(iod):
            return iod
        sides = np.nanmax(points, axis=0) - np.nanmin(points, axis=0)
        return max(iod, _LONGER_SIDE * float(sides.max()))

    @property
    def has_level_iod(self) -> bool:
        """Whether the line of the two points `iod` is level in an upright face: they mirror."""
        return len(self.iod) == 2 and bool(self.mirror) and self.mirror[self.iod[0]] == self.iod[1]

    @property
    def mirror_or_self(self) -> tuple[int, ...]:
        """The mirror map; where it is not known, every point stays itself."""
        return self.mirror or tuple(range(len(self)))

    def initialisation_points(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Left eye, right eye and nose, shape (3, 2), in the frame of ``points`` (N, 2).

        Raises
        ------
        SchemeError
            If the scheme names no such places.
        """
        if not self.initialisation:
            raise SchemeError(
                f"The scheme {self.name} names no places to start from. Train a model: a training "
                "chooses them."
            )
        return np.array([points[list(self.initialisation[k])].mean(axis=0) for k in INITIALISATION])


def check_namesakes(one: Scheme, other: Scheme) -> None:
    """Check that schemes of one name have the same points, in the same order.

    Raises
    ------
    SchemeError
        If they have not: by the name alone annotations of one would pass for those of the other.
    """
    if one.name != other.name or one.names == other.names:
        return
    pairs = enumerate(zip_longest(one.names, other.names))
    number, (first, second) = next((k, pair) for k, pair in pairs if pair[0] != pair[1])
    raise SchemeError(
        f"Two schemes are called {one.name!r:.80}, but point {number} is {first!r:.80} in one and "
        f"{second!r:.80} in the other. Faces of one cannot be those of the other: make a new "
        "project, of a scheme of another name."
    )


def need_points(points: Iterable[int], size: int, scheme: str) -> None:
    """Check numbers of landmarks.

    Raises
    ------
    ProjectError
        If one is none of the ``size`` landmarks of ``scheme``.
    """
    for point in points:
        if not 0 <= point < size:
            raise ProjectError(
                f"Expected numbers of landmarks 0..{size - 1} ({scheme}) but got {point}."
            )


def _written(scheme: Scheme) -> str:
    """Write a scheme as TOML, without what it does not know. A mirror map is written as its pairs.

    Everything else has to come before the first table.
    """
    pairs = [[i, j] for i, j in enumerate(scheme.mirror) if i < j]
    size = "iod" if len(scheme.iod) == 2 else "size"
    lines = [
        f"name = {quoted(scheme.name)}",
        f"title = {quoted(scheme.title)}",
        f"names = {block(quoted(n) for n in scheme.names)}",
        *([f"mirror = {block(map(str, pairs))}"] if scheme.mirror else []),
        f"{size} = {list(scheme.iod)}",
        *([f"size_in_iod = {scheme.size_in_iod!r}"] if scheme.size_in_iod else []),
        *([f"layout = {block(str(list(p)) for p in scheme.layout)}"] if scheme.layout else []),
        f"triangles = {block(str(list(t)) for t in scheme.triangles)}",
        *(["\n[initialisation]"] if scheme.initialisation else []),
        *(f"{key} = {list(points)}" for key, points in scheme.initialisation.items()),
        "\n[groups]",
        *(f"{quoted(key)} = {list(points)}" for key, points in scheme.groups.items()),
    ]
    for line in scheme.contours:
        lines += [
            "\n[[contours]]",
            f"name = {quoted(line.name)}",
            f"points = {list(line.points)}",
            f"closed = {str(line.closed).lower()}",
        ]
    return "\n".join(lines) + "\n"


@cache
def _bundled(name: str) -> Scheme:
    if name not in Scheme.bundled():
        if len(os.fsencode(name)) < _LONGEST_NAME and Path(name).is_file():
            raise SchemeError(f"{name} is no scheme: the name of a scheme's file ends in .toml.")
        raise SchemeError(
            f"There is no scheme {name!r:.80}. Bundled schemes: {', '.join(Scheme.bundled())}; "
            "a scheme of your own is given as the path of its .toml file."
        )
    file = resources.files(__package__) / f"{name}.toml"
    return Scheme.parse(file.read_text(encoding="utf-8"), f"{name}.toml")


def read_text(path: Path, what: str = "scheme") -> str:
    """Text of a file of ours, without the mark that editors put first.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What it is called in an error.

    Raises
    ------
    SchemeError
        If it cannot be read, or is none.
    """
    try:
        return read_regular(path, MAX_SCHEME).decode("utf-8-sig")
    except InputError as error:
        raise SchemeError(f"This is no {what}: {error}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SchemeError(
            f"{path}:{line}: the {what} is no text in UTF-8. Save it as UTF-8 in an editor."
        ) from error
