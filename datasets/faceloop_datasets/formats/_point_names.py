"""Names of the points of a file of named points, where each face may lack some of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.annotation import PointState

from ._rows import BadRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets.schemes.scheme import Scheme

_NUMBER = re.compile(r"[0-9]{1,4}")


def is_number(name: str) -> bool:
    """Whether a name is the number of a point; Python reads no number of thousands of digits."""
    return _NUMBER.fullmatch(name) is not None


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Names in the order of the points: as they come, or by number where all are numbers.

    Where they begin with 0 or 1, numbers between that no face has are points too, if most are
    there. Others are a part of a face, as its eyes: no more than what is there.
    """
    found = tuple(dict.fromkeys(names))
    if not found or not all(is_number(name) for name in found):
        return found
    known = {int(name): name for name in found}
    if len(known) < len(found):  # 1 and 01
        return found
    numbers = range(min(known), max(known) + 1)
    if min(known) > 1 or 2 * len(known) < len(numbers):
        return tuple(known[k] for k in sorted(known))
    return tuple(known.get(k, str(k)) for k in numbers)


def names_text(scheme: Scheme) -> str:
    """Say which points a file has, for a comment that tools keep."""
    return f"Points of {scheme.name}: {json.dumps(scheme.names)}"


def said_names(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Scheme and names of its points from what `names_text` says; None if it is something else."""
    found = re.search(r"Points of ([^:\n]{1,200}): (\[.*\])", text, re.DOTALL)
    if found is None:
        return None
    try:
        names = json.loads(found[2])
    except (ValueError, RecursionError):
        return None
    if not names or not all(isinstance(name, str) for name in names):
        return None
    return found[1], tuple(names)


def numbered_places(names: Iterable[str], scheme: Scheme) -> dict[str, int]:
    """Place of each name among the points; numbers, where the scheme has names for them.

    They count from where those of all files do, or else from 1 where the last one says so: a face
    may lack the first.
    """
    places = {name: place for place, name in enumerate(scheme.names)}
    own = set(names)
    if own <= places.keys() or not all(map(is_number, own)):
        return places
    numbers = {int(name) for name in own}
    first = scheme.numbered_from
    if first is None:
        first = int(len(scheme) in numbers and 0 not in numbers)
    return {name: int(name) - first for name in own if 0 <= int(name) - first < len(scheme)}


def told(own: object) -> tuple[str, tuple[str, ...]] | None:
    """Scheme and names of its points from a member that faceloop has written; None if not."""
    if not isinstance(own, dict) or not isinstance(own.get("points"), list):
        return None
    names = own["points"]
    if not names or not all(isinstance(name, str) for name in names):
        return None
    return str(own.get("scheme")), tuple(names)


def placed(
    named: Sequence[tuple[str, float, float, PointState]], places: Mapping[str, int], count: int
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Points (N, 2) and states (N,) in the order of a scheme, from those that a face has.

    Raises
    ------
    BadRow
        If a name is there twice, or is none of the points.
    """
    xy = np.full((count, 2), np.nan)
    states = np.full(count, PointState.MISSING, np.uint8)
    seen: set[int] = set()
    for name, x, y, state in named:
        place = places.get(name)
        if place is None:
            raise BadRow(f"the point {name!r:.40} is none of the file's other faces")
        if place in seen:
            raise BadRow(f"the point {name!r:.40} is there twice")
        seen.add(place)
        xy[place], states[place] = (x, y), state
    return xy, states
