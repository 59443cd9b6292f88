"""A landmark scheme under construction, as a value: each change returns another one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Scheme, SchemeError
from faceloop_datasets.schemes.layout import scheme_layout
from faceloop_datasets.schemes.scheme import Contour
from faceloop_datasets.schemes.suggestion import MirrorSuggestion, suggest_mirror, suggest_size
from faceloop_datasets.wording import counted, enumerated

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

FEWEST, MOST = 3, 300
"""Points of a scheme that can be trained well."""

REST = "other points"
"""Group of the points that nobody has put into one."""

_DIGITS = 3


@dataclass(frozen=True)
class DraftPoint:
    """A point: its name, and where it is in the picture, in pixels; its group, empty for none."""

    name: str
    x: float
    y: float
    group: str = ""


@dataclass(frozen=True)
class SchemeDraft:
    """A landmark scheme under construction.

    Parameters
    ----------
    name, title : str
        Of the scheme.
    points : tuple of DraftPoint
        In the order of their numbers.
    contours : tuple of Contour
        Lines as they are drawn.
    mirror : tuple of int
        Partner of each point, itself in the middle of the face; empty if it is not known.
    size : tuple of int
        The two points that measure a face; empty to let all of them do so, or those of `base`.
    base : Scheme, optional
        What it was started from. What is not edited here, such as its triangles, is kept as long as
        the points are the same.
    """

    name: str = ""
    title: str = ""
    points: tuple[DraftPoint, ...] = ()
    contours: tuple[Contour, ...] = ()
    mirror: tuple[int, ...] = ()
    size: tuple[int, ...] = ()
    base: Scheme | None = None

    def __len__(self) -> int:
        return len(self.points)

    @property
    def names(self) -> list[str]:
        """Names of the points."""
        return [point.name for point in self.points]

    @property
    def places(self) -> NDArray[np.float64]:
        """Where the points are, shape (N, 2), in pixels of the picture."""
        return np.array([(p.x, p.y) for p in self.points], dtype=np.float64).reshape(-1, 2)

    @property
    def groups(self) -> dict[str, tuple[int, ...]]:
        """Points by group, each in one."""
        found: dict[str, list[int]] = {}
        for k, point in enumerate(self.points):
            found.setdefault(point.group or REST, []).append(k)
        return {name: tuple(members) for name, members in found.items()}

    # From and to a scheme

    @classmethod
    def of(cls, scheme: Scheme, places: NDArray[np.float64]) -> SchemeDraft:
        """Start from a scheme, with its points (N, 2) at places in pixels."""
        group = {k: name for name, members in scheme.groups.items() for k in members}
        alone = len(scheme.groups) == 1
        return cls(
            scheme.name,
            scheme.title,
            tuple(
                DraftPoint(name, float(x), float(y), "" if alone else group[k])
                for k, (name, (x, y)) in enumerate(zip(scheme.names, places, strict=True))
            ),
            scheme.contours,
            scheme.mirror,
            scheme.iod if len(scheme.iod) == 2 else (),
            scheme,
        )

    def scheme(self) -> Scheme:
        """Make the scheme.

        Raises
        ------
        SchemeError
            If there are `problems`: the first of them.
        """
        problems = self.problems
        if problems:
            raise SchemeError(problems[0])
        made = self._unchecked()
        base = self.base
        same = base is not None and replace(made, layout=base.layout) == base
        if base is not None and same and self._is_drawn_alike(base):
            return base  # it was only looked at
        return Scheme.parse(made.to_toml(), self.name)

    @property
    def problems(self) -> list[str]:
        """What is wrong or missing still, in words; empty if the scheme can be used."""
        found = [*_name_problems(self), *_point_problems(self.names)]
        if (
            not found
            and self.mirror
            and any(self.mirror[other] != k for k, other in enumerate(self.mirror))
        ):
            found.append("Mirror partners have to be each other's partner.")
        if not found:
            found += self._remaining_problems()
        return found

    def _remaining_problems(self) -> list[str]:
        """Say what only the reader of schemes sees, such as a group that is cut by the mirror."""
        if self.mirror:
            whole = {frozenset(members) for members in self.groups.values()}
            for name, members in self.groups.items():
                if frozenset(self.mirror[k] for k in members) not in whole:
                    partners = f"The group {name!r} has points whose mirror partners are not in one"
                    return [f"{partners} group together. Put them there."]
        try:
            Scheme.parse(self._unchecked().to_toml(), self.name)
        except SchemeError as error:
            return [str(error)]
        return []

    def _unchecked(self) -> Scheme:
        base = self.base if self.base and self.base.names == tuple(self.names) else None
        iod = self.size or (tuple(range(len(self))) if base is None else base.iod)
        kept = base is not None and base.iod == iod
        return Scheme(
            name=self.name.strip(),
            title=self.title.strip() or self.name.strip(),
            names=tuple(self.names),
            groups=self._groups_of(base),
            contours=self.contours,
            mirror=self.mirror,
            triangles=() if base is None else base.triangles,
            iod=iod,
            initialisation={} if base is None else base.initialisation,
            size_in_iod=base.size_in_iod if kept and base is not None else None,
            layout=tuple((x, y) for x, y in _normalised(self.places).tolist()),
        )

    def _is_drawn_alike(self, scheme: Scheme) -> bool:
        """Whether a scheme does not say where its points are drawn, or just so."""
        if not scheme.layout or len(scheme) != len(self):
            return not scheme.layout
        off = _normalised(self.places) - _normalised(np.array(scheme.layout))
        return bool(np.abs(off).max() < 2 * 10.0**-_DIGITS)

    def _groups_of(self, base: Scheme | None) -> dict[str, tuple[int, ...]]:
        """Return the groups; those of the base, with their only name, where nobody has made any."""
        if base is not None and len(base.groups) == 1 and list(self.groups) == [REST]:
            return dict(base.groups)
        return self.groups

    # Points

    def add(self, x: float, y: float, name: str = "") -> SchemeDraft:
        """Add a point; a name is made up where none is given."""
        point = DraftPoint(name or self._free_name(), x, y)
        mirror = (*self.mirror, len(self)) if self.mirror else ()
        return replace(self, points=(*self.points, point), mirror=mirror)

    def _free_name(self) -> str:
        number = len(self) + 1
        while f"point {number}" in self.names:
            number += 1
        return f"point {number}"

    def remove(self, which: Collection[int]) -> SchemeDraft:
        """Remove points, everywhere; lines go on through what is left of them."""
        kept = [k for k in range(len(self)) if k not in which]
        number = {old: new for new, old in enumerate(kept)}
        lines = [
            replace(line, points=tuple(number[k] for k in line.points if k in number))
            for line in self.contours
        ]
        mirror = tuple(number.get(self.mirror[k], number[k]) for k in kept) if self.mirror else ()
        size = tuple(number[k] for k in self.size if k in number)
        return replace(
            self,
            points=tuple(self.points[k] for k in kept),
            contours=tuple(line for line in lines if line.points),
            mirror=mirror,
            size=size if len(size) == len(self.size) else (),
        )

    def move(self, places: Mapping[int, tuple[float, float]]) -> SchemeDraft:
        """Put points elsewhere."""
        return self._changed({k: {"x": x, "y": y} for k, (x, y) in places.items()})

    def place_all(self, places: NDArray[np.float64]) -> SchemeDraft:
        """Put all points elsewhere, shape (N, 2): onto another picture."""
        return self.move({k: (x, y) for k, (x, y) in enumerate(places.tolist())})

    def rename(self, which: int, name: str) -> SchemeDraft:
        """Call a point something else."""
        return self._changed({which: {"name": name}})

    def _changed(self, changes: Mapping[int, Mapping[str, object]]) -> SchemeDraft:
        points = tuple(
            replace(point, **changes.get(k, {}))  # type: ignore[arg-type]
            for k, point in enumerate(self.points)
        )
        return replace(self, points=points)

    # Groups and lines

    def put_in_group(self, which: Iterable[int], group: str) -> SchemeDraft:
        """Put points into a part of the face; an empty name takes them out of theirs."""
        return self._changed({k: {"group": group.strip()} for k in which})

    def add_contour(self, which: Sequence[int], name: str, *, closed: bool) -> SchemeDraft:
        """Draw a line through points, in this order."""
        return replace(self, contours=(*self.contours, Contour(name, tuple(which), closed)))

    def remove_contour(self, which: int) -> SchemeDraft:
        """Take a line away."""
        return replace(
            self, contours=tuple(line for k, line in enumerate(self.contours) if k != which)
        )

    # Mirror and size

    def pair(self, one: int, other: int) -> SchemeDraft:
        """Make two points mirror partners, or one its own; those they had are their own then."""
        mirror = list(self.mirror or range(len(self)))
        for k in (one, other):
            mirror[mirror[k]] = mirror[k]
            mirror[k] = k
        mirror[one], mirror[other] = other, one
        return replace(self, mirror=tuple(mirror))

    def without_mirror(self) -> SchemeDraft:
        """Say nothing about partners: models are not trained on mirrored faces then."""
        return replace(self, mirror=())

    def named(self, name: str, title: str) -> SchemeDraft:
        """Call the scheme something else."""
        return replace(self, name=name, title=title)

    def with_size(self, pair: Sequence[int]) -> SchemeDraft:
        """Measure faces by two points, the picture's left one first."""
        ordered = sorted(pair, key=lambda k: self.points[k].x)
        return replace(self, size=tuple(ordered))

    def suggest(self) -> tuple[SchemeDraft, MirrorSuggestion]:
        """Take the suggested mirror partners, and what is suggested to measure a face."""
        found = suggest_mirror(self.names, self.places)
        size = suggest_size(self.names, self.places, found.mirror)
        return replace(self, mirror=found.mirror, size=size), found


def placed(scheme: Scheme, width: float, height: float) -> NDArray[np.float64]:
    """Places (N, 2) of a scheme's points in a picture of so many pixels: three fifths of it high.

    A scheme that does not say where its points are has them in a circle.
    """
    layout = scheme_layout(scheme)
    if layout is None:
        angle = np.linspace(0, 2 * np.pi, len(scheme), endpoint=False)
        layout = np.stack([np.sin(angle), -np.cos(angle)], axis=1)
    return fitted(layout, width, height)


def fitted(points: NDArray[np.float64], width: float, height: float) -> NDArray[np.float64]:
    """Shift and scale points (N, 2) into the middle of a picture of so many pixels."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = np.maximum(high - low, 1e-9)
    scale = 0.6 * float(np.min(np.array([width, height]) / extent))
    return np.asarray((points - (low + high) / 2) * scale + [width / 2, height / 2])


def _normalised(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places whose middle is 0 and whose longer side is 1, rounded as they are written."""
    if not len(places):
        return places
    low, high = places.min(axis=0), places.max(axis=0)
    longer = float((high - low).max()) or 1.0
    return np.asarray(((places - (low + high) / 2) / longer).round(_DIGITS) + 0.0)


def _name_problems(draft: SchemeDraft) -> list[str]:
    name = draft.name.strip()
    if not name:
        return ["Give the scheme a name."]
    if name in Scheme.bundled() and tuple(draft.names) != Scheme.load(name).names:
        return [f"{name} is a scheme that comes with faceloop. Give yours another name."]
    return []


def _point_problems(names: Sequence[str]) -> list[str]:
    found = []
    if len(names) < FEWEST:
        more = counted(FEWEST - len(names), "more point", "more points")
        found.append(f"Place {more}: a scheme needs {FEWEST} at least.")
    if len(names) > MOST:
        found.append(f"{len(names)} points are too many: {MOST} at most.")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        called = enumerated([repr(name) for name in twice])
        found.append(f"Several points are called {called}. Give each a name of its own.")
    if any(not name.strip() for name in names):
        found.append("Give every point a name.")
    return found
