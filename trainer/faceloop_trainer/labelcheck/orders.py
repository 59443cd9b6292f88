"""Orders of points that people and programs mistake for the right one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from faceloop_datasets import Scheme
    from faceloop_datasets.schemes.scheme import Contour

EXCHANGED = "Left and right look exchanged in the whole face."
_SHORTEST, _STEPS = 3, 2
"""Points of a contour that has a direction, and how far people slip along an open one. Round a
closed one they may begin anywhere."""


@dataclass(frozen=True)
class Order:
    """A wrong order.

    Parameters
    ----------
    sources : list of int
        The point that each one would have to be taken from; -1 for one that is lost.
    what : str
        A sentence.
    about : tuple of int
        The points that it is about; none where it is the whole face.
    """

    sources: list[int]
    what: str
    about: tuple[int, ...] = ()


def orders(scheme: Scheme, worst: int) -> Iterator[Order]:
    """List them; ``worst`` is the point that stands out."""
    yield Order(list(scheme.mirror), EXCHANGED)
    for name, members in scheme.groups.items():
        other = next(n for n, m in scheme.groups.items() if scheme.mirror[members[0]] in m)
        places = {*members, *scheme.groups[other]}
        names = " and ".join(said(n) for n in dict.fromkeys((name, other)))
        verb = "look exchanged" if name != other else "look as if left and right were exchanged"
        order = _moved(scheme, {point: scheme.mirror[point] for point in places})
        yield Order(order, f"The points of {names} {verb}.", tuple(sorted(places)))
    for point in range(len(scheme)):
        if point != worst:
            low, high = sorted((point, worst))
            names = f"{low}, {scheme.names[low]}, and {high}, {scheme.names[high]},"
            order = _moved(scheme, {point: worst, worst: point})
            yield Order(order, f"Points {names} look exchanged.", (low, high))
    for contour in scheme.contours:
        yield from _along(scheme, contour)


def _along(scheme: Scheme, contour: Contour) -> Iterator[Order]:
    """Orders that begin a contour at another point, or go along it the other way."""
    line, name, count = contour.points, said(contour.name), len(contour.points)
    if count < _SHORTEST:
        return
    back = line[::-1]
    # Round a closed contour, one can go backwards from anywhere.
    for first in range(count if contour.closed else 1):
        sources = dict(zip(line, back[first:] + back[:first], strict=True))
        yield Order(_moved(scheme, sources), f"The points of {name} run backwards.", line)
    for step in range(1, (count // 2 if contour.closed else _STEPS) + 1):
        for sign, where in ((1, "after"), (-1, "before")):
            slipped = [i - sign * step for i in range(count)]
            sources = {
                line[i]: line[s % count] if contour.closed or 0 <= s < count else -1
                for i, s in enumerate(slipped)
            }
            what = f"each lies where the point {step} {where} it belongs"
            said_so = f"The points of {name} look shifted: {what}."
            yield Order(_moved(scheme, sources), said_so, line)


def _moved(scheme: Scheme, sources: Mapping[int, int]) -> list[int]:
    return [sources.get(point, point) for point in range(len(scheme))]


def said(name: str) -> str:
    """Name of a part as people say it."""
    return name.replace("_", " ")
