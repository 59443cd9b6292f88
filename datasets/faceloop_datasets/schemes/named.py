"""Schemes and conversions of points that a file names: by their names, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.errors import SchemeError
from faceloop_datasets.wording import counted, short

from .conversion import Conversion
from .scheme import Scheme
from .suggestion import named_pairs
from .toml import MAX_POINTS, MIN_POINTS, block, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_IBUG = "ibug68"
"""What 68 numbered points mean: the one order of that many points that all tools agree on."""

_OF_TOOLS = frozenset({"labelme", "label-studio", "coco", "cvat", "face"})
"""Names that say with what points were made, and not which ones they are."""

_LEAST_SHARE = 0.5
"""Share of a file's points that have to be there by name: fewer are namesakes by chance."""

_NUMBER = re.compile(r"[0-9]{1,9}")
_HALF = re.compile("[\ud800-\udfff]")
_BETWEEN = re.compile(r"[\s_\-.]+")


def scheme_of_names(
    name: str, names: Sequence[str], edges: Sequence[tuple[int, int]] = ()
) -> Scheme:
    """Scheme of the points that a file names.

    One that comes with faceloop if the names are its own, in its order; or if they are only numbers
    of as many points as it has, and it is iBUG's or the one that the file names. Else one of these
    points: all in one group, mirrored where names differ in left and right only, and measured by
    the extent of all points.

    Parameters
    ----------
    name : str
        What the file calls them, or its own name.
    names : sequence of str
        Names of the points, in order.
    edges : sequence of (int, int)
        Pairs of points that are joined by a line.

    Raises
    ------
    SchemeError
        If these cannot be the names of a scheme's points.
    """
    name = short(name)
    _check_text((name, *names), name)
    for bundled in Scheme.bundled():
        if Scheme.load(bundled).names == tuple(names):
            return Scheme.load(bundled)
    numbered = name if name in Scheme.bundled() else _IBUG
    if _are_numbers(names) and len(names) == len(Scheme.load(numbered)):
        return replace(Scheme.load(numbered), numbered_from=int(names[0]))
    if not MIN_POINTS <= len(names) <= MAX_POINTS:
        raise SchemeError(
            f"{name}: {counted(len(names), 'named point')}; expected {MIN_POINTS} to {MAX_POINTS}."
        )
    own = name if name not in Scheme.bundled() else f"{name}-{len(names)}"
    lines = [
        f"name = {quoted(own)}",
        f"names = {block(map(quoted, names))}",
        f"size = {list(range(len(names)))}",
        *_mirror(names),
    ]
    for number, (line, closed) in enumerate(_lines(edges)):
        lines += ["\n[[contours]]", f'name = "line {number + 1}"', f"points = {line}"]
        lines += [f"closed = {str(closed).lower()}"]
    return Scheme.parse("\n".join(lines), own)


def conversion_by_names(source: Scheme, target: Scheme) -> Conversion:
    """Conversion that takes each target point from the source point of its name.

    As `namesakes` compares them. Target points that have no namesake are missing; source points
    that have none are left out.

    Raises
    ------
    SchemeError
        If fewer than half of the source's points are there by name.
    """
    same = namesakes(source, target)
    found = int(same.any(axis=0).sum())
    if found < max(MIN_POINTS, _LEAST_SHARE * len(source)):
        absent = [source.names[k] for k in np.flatnonzero(~same.any(axis=0))]
        listed = ", ".join(map(short, absent[:5])) + (", …" if len(absent) > 5 else "")
        raise SchemeError(
            f"{found} of the {counted(len(source), 'point')} of {source.name} are points of "
            f"{target.name} by name (not {listed}), and there is no conversion. Use a project of "
            "these points, or learn a conversion: faceloop scheme learn-conversion."
        )
    return Conversion(
        source.name, target.name, same.astype(float), np.ones(len(target), dtype=bool)
    )


def conversion_by_numbers(source: Scheme, target: Scheme) -> Conversion | None:
    """Conversion that takes each target point from the source point of its number, counted from 0.

    Only where numbers say which points they are: the file calls its points what the target is
    called, and there are as many; or they are some of iBUG's, as the eyes alone. Numbers from the
    first on, which any scheme has, are not. They count from 1 if one of them is 68, and none 0.

    Returns
    -------
    Conversion or None
        None if numbers do not say so.
    """
    if not only_numbers(source.names) or source.names == target.names:
        return None
    numbers = np.array([int(name) for name in source.names])
    numbers -= int(len(target) in numbers and 0 not in numbers)
    told = source.name == target.name and source.name not in _OF_TOOLS
    part = target.has_points_of(_IBUG) and not _are_numbers(source.names)
    if not (part or (told and len(source) == len(target) and _are_numbers(source.names))):
        return None
    if numbers.max() >= len(target) or len(set(numbers.tolist())) < len(numbers):
        return None
    weights = np.zeros((len(target), len(source)))
    weights[numbers, np.arange(len(source))] = 1.0
    return Conversion(source.name, target.name, weights, np.ones(len(target), dtype=bool))


def namesakes(source: Scheme, target: Scheme) -> NDArray[np.bool_]:
    """Which source point (columns) each target point (rows) has the name of, shape (T, S).

    Case, blanks, dots, hyphens and underscores do not count where no other point of either scheme
    has the same name without them: N and n are two points. No point has two namesakes.
    """
    wanted, there = (np.array(scheme.names, object) for scheme in (target, source))
    same = np.zeros((len(target), len(source)), dtype=bool)
    same[:] = wanted[:, None] == there
    plain = [[_plain(name) for name in scheme.names] for scheme in (source, target)]
    once = [{name for name, count in Counter(names).items() if count == 1} for names in plain]
    for name in once[0] & once[1]:
        same[plain[1].index(name), plain[0].index(name)] = True
    return same


def only_numbers(names: Sequence[str]) -> bool:
    """Whether no point has another name than a number."""
    return all(_NUMBER.fullmatch(name) for name in names)


def _are_numbers(names: Sequence[str]) -> bool:
    """Whether names are only the numbers of the points, in order, counted from 0 or 1."""
    if not only_numbers(names):
        return False
    numbers = [int(name) for name in names]
    return numbers in (list(range(len(names))), list(range(1, len(names) + 1)))


def _check_text(names: Sequence[str], scheme: str) -> None:
    """Check that names can be written: JSON may have half a character of UTF-16."""
    for name in names:
        if _HALF.search(name):
            raise SchemeError(
                f"{scheme!a}: the name {name!a:.40} has half a character (a lone surrogate), which "
                "no file can hold; expected text. Correct the name in the file."
            )


def _plain(name: str) -> str:
    return _BETWEEN.sub(" ", name.casefold()).strip()


def _mirror(names: Sequence[str]) -> list[str]:
    """Mirror map, where enough names tell left and right: the other points are in the middle."""
    pairs = named_pairs(names)
    known = 2 * len(pairs) >= _LEAST_SHARE * len(names)
    return [f"mirror = {[list(pair) for pair in pairs]}"] if known else []


def _lines(edges: Sequence[tuple[int, int]]) -> list[tuple[list[int], bool]]:
    """Edges chained to lines, each as long as it goes on where it ended; and which are closed."""
    lines: list[tuple[list[int], bool]] = []
    for a, b in edges:
        if a == b:
            continue
        last, closed = lines[-1] if lines else ([], True)
        if closed or last[-1] != a or b in last[1:]:
            lines.append(([a, b], False))
        elif b == last[0]:
            lines[-1] = (last, len(last) > 2)
        else:
            last.append(b)
    return lines
