"""Permutations of the points that people and programs mistake for the right order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from faceloop_datasets import Scheme
    from faceloop_datasets.schemes.scheme import Contour

LEFT_RIGHT_EXCHANGED = "Left and right look exchanged in the whole face."
_FEWEST_POINTS, _MOST_STEPS = 3, 2
"""Fewest points of a contour that has a direction, and by how many points people shift an open one.
A closed one may be started at any of its points."""


@dataclass(frozen=True)
class PointPermutation:
    """A wrong order of the points.

    Parameters
    ----------
    sources : list of int
        For each point, the annotated point that has its true position; -1 if none has.
    what : str
        A sentence that describes the mistake.
    points : tuple of int
        The points concerned; empty for the whole face.
    """

    sources: list[int]
    what: str
    points: tuple[int, ...] = ()


def candidate_permutations(scheme: Scheme, worst: int) -> Iterator[PointPermutation]:
    """Yield the usual mistakes; of exchanges of two points only those with point ``worst``."""
    if scheme.mirror:
        yield PointPermutation(list(scheme.mirror), LEFT_RIGHT_EXCHANGED)
    for name, members in scheme.groups.items() if scheme.mirror else ():
        other = next(n for n, m in scheme.groups.items() if scheme.mirror[members[0]] in m)
        points = {*members, *scheme.groups[other]}
        names = " and ".join(part_name(n) for n in dict.fromkeys((name, other)))
        verb = "look exchanged" if name != other else "look as if left and right were exchanged"
        sources = _all_sources(scheme, {point: scheme.mirror[point] for point in points})
        yield PointPermutation(sources, f"The points of {names} {verb}.", tuple(sorted(points)))
    for point in range(len(scheme)):
        if point != worst:
            low, high = sorted((point, worst))
            names = f"{low}, {scheme.names[low]}, and {high}, {scheme.names[high]},"
            sources = _all_sources(scheme, {point: worst, worst: point})
            yield PointPermutation(sources, f"Points {names} look exchanged.", (low, high))
    for contour in scheme.contours:
        yield from _contour_permutations(scheme, contour)


def _contour_permutations(scheme: Scheme, contour: Contour) -> Iterator[PointPermutation]:
    """Yield orders that start a contour at another point, or follow it in the other direction."""
    line, name, count = contour.points, part_name(contour.name), len(contour.points)
    if count < _FEWEST_POINTS:
        return
    reverse = line[::-1]
    for first in range(count if contour.closed else 1):
        sources = dict(zip(line, reverse[first:] + reverse[:first], strict=True))
        what = f"The points of {name} run backwards."
        yield PointPermutation(_all_sources(scheme, sources), what, line)
    for step in range(1, (count // 2 if contour.closed else _MOST_STEPS) + 1):
        for sign, where in ((1, "after"), (-1, "before")):
            shifted = [i - sign * step for i in range(count)]
            sources = {
                line[i]: line[s % count] if contour.closed or 0 <= s < count else -1
                for i, s in enumerate(shifted)
            }
            detail = f"each lies where the point {step} {where} it belongs"
            what = f"The points of {name} look shifted: {detail}."
            yield PointPermutation(_all_sources(scheme, sources), what, line)


def _all_sources(scheme: Scheme, changed: Mapping[int, int]) -> list[int]:
    """Return the sources of all points; those not in ``changed`` are their own."""
    return [changed.get(point, point) for point in range(len(scheme))]


def part_name(name: str) -> str:
    """Return the name of a part of the face as it is shown to users."""
    return name.replace("_", " ")
