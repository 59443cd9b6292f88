r"""Write the conversions from the points of WFLW and COFW to ibug68 and face70.

What marks the same place in both is copied. That WFLW's nose and mouth are iBUG's, and that every
second point of its contour is one of iBUG's, is what published lists of 98 to 68 points say (those
of AdaptiveWingLoss, PIPNet and DSLPT agree). Points between marks are placed by the length of the
line that they divide, or learned on the bundled sample (CC0), and are estimated::

    python docs/fit_sets.py

prints the expected errors and writes ``conversions/{wflw98,cofw29}-to-{ibug68,face70}.toml``, and
those to WFLW.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from fit_ibug import CONVERSIONS, FACE70, IBUG68, ibug_points, rendered

from faceloop_datasets import Conversion, Scheme
from faceloop_datasets.schemes.learning import PairedFaces, learn_conversion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Sums = Mapping[int, Mapping[int, float]]

WFLW98, COFW29 = Scheme.load("wflw98"), Scheme.load("cofw29")


def _copies(targets: Iterable[int], sources: Iterable[int]) -> dict[int, dict[int, float]]:
    return {t: {s: 1.0} for t, s in zip(targets, sources, strict=True)}


def _between(a: int, b: int, share: float) -> dict[int, float]:
    """Return the weights of a place on the way from one point to another."""
    return {a: 1.0 - share, b: share}


def _middle(one: Mapping[int, float], other: Mapping[int, float]) -> dict[int, float]:
    return {k: (one.get(k, 0.0) + other.get(k, 0.0)) / 2 for k in {**one, **other}}


WFLW_IBUG_SAME: Sums = {
    **_copies([8], [16]),  # chin
    **_copies(range(27, 36), range(51, 60)),  # nose
    **_copies([36, 39, 42, 45], [60, 64, 68, 72]),  # corners of the eyes
    **_copies(range(48, 68), range(76, 96)),  # mouth
}
WFLW_IBUG: Sums = {
    **_copies([k for k in range(17) if k != 8], [2 * k for k in range(17) if k != 8]),
    **_copies(range(17, 22), range(33, 38)),  # upper edges of the brows
    **_copies(range(22, 27), range(42, 47)),
    # a lid has three points between the corners here and two there, in equal steps
    37: _between(61, 62, 1 / 3),
    38: _between(63, 62, 1 / 3),
    40: _between(65, 66, 1 / 3),
    41: _between(67, 66, 1 / 3),
    43: _between(69, 70, 1 / 3),
    44: _between(71, 70, 1 / 3),
    46: _between(73, 74, 1 / 3),
    47: _between(75, 74, 1 / 3),
}

WFLW_FACE_SAME: Sums = {
    **_copies([7, 61, 36, 37, 38], [16, 54, 55, 57, 59]),  # chin, nose
    **_copies([23, 24, 25, 26, 27], [60, 62, 64, 66, 96]),  # eyes, with their pupils
    **_copies([28, 29, 30, 31, 32], [72, 70, 68, 74, 97]),
    **_copies(range(43, 55), range(76, 88)),  # outer edge of the mouth
    **_copies([60, 59, 58, 57, 56, 55], [89, 90, 91, 93, 94, 95]),  # its inner edge
}
WFLW_FACE: Sums = {
    **_copies([62, 63, 64, 65], [61, 63, 65, 67]),  # lids
    **_copies([66, 67, 68, 69], [71, 69, 75, 73]),
    # a brow has four points on its middle there, and two edges here
    **_copies([19, 15], [33, 46]),
    20: _middle(_between(34, 35, 1 / 3), _between(41, 40, 1 / 3)),
    21: _middle(_between(36, 35, 1 / 3), _between(39, 40, 1 / 3)),
    22: _between(37, 38, 1 / 2),
    16: _middle(_between(45, 44, 1 / 3), _between(47, 48, 1 / 3)),
    17: _middle(_between(43, 44, 1 / 3), _between(49, 48, 1 / 3)),
    18: _between(42, 50, 1 / 2),
}

COFW_FACE_SAME: Sums = {
    **_copies([23, 28, 25, 30], [8, 9, 10, 11]),  # corners of the eyes
    **_copies([24, 26, 29, 31], [12, 13, 14, 15]),  # lids
    **_copies([27, 32], [16, 17]),  # pupils
    **_copies([61, 37, 7], [20, 21, 28]),  # tip and base of the nose, chin
    **_copies([43, 49, 46, 59, 56, 52], range(22, 28)),  # mouth
}
COFW_FACE: Sums = {
    **_copies([19, 15, 22, 18, 35, 39], [0, 1, 2, 3, 18, 19]),  # ends of the brows, wings
    20: _middle({0: 1 / 3, 4: 2 / 3}, {0: 1 / 3, 5: 2 / 3}),
    21: _middle({2: 1 / 3, 4: 2 / 3}, {2: 1 / 3, 5: 2 / 3}),
    16: _middle({1: 1 / 3, 6: 2 / 3}, {1: 1 / 3, 7: 2 / 3}),
    17: _middle({3: 1 / 3, 6: 2 / 3}, {3: 1 / 3, 7: 2 / 3}),
}
COFW_IBUG_SAME: Sums = {
    **_copies([36, 45, 39, 42], [8, 9, 10, 11]),
    **_copies([30, 33, 8], [20, 21, 28]),
    **_copies([48, 54, 51, 62, 66, 57], range(22, 28)),
}
COFW_IBUG: Sums = {
    **_copies([17, 26, 21, 22], range(4)),
    **_copies([19, 24], [4, 6]),  # upper edges of the brows
    18: _between(0, 4, 1 / 2),
    20: _between(2, 4, 1 / 2),
    25: _between(1, 6, 1 / 2),
    23: _between(3, 6, 1 / 2),
}
OUTLINE = {"face70": range(15), "ibug68": range(17)}
"""Of the contour COFW has the chin only. No other point says where it is: it is missing."""


def put(weights: Floats, sums: Sums) -> None:
    """Put sums into rows of weights."""
    for target, row in sums.items():
        weights[target] = 0.0
        weights[target, list(row)] = list(row.values())


def conversion(base: Conversion, same: Sums, geometry: Sums) -> Conversion:
    """Take sums by anatomy and by geometry; all other rows stay estimates as they are."""
    weights, error = base.weights.copy(), base.expected.copy()
    is_same = np.zeros(len(weights), dtype=bool)
    for sums in (geometry, same):
        put(weights, sums)
        error[list(sums)] = np.nan
    is_same[list(same)] = True
    error[~weights.any(axis=1)] = np.nan
    said = "rendered faces" if not np.isnan(error).all() else ""
    return replace(base, weights=weights, same_mark=is_same, expected_error=error,
                   measured_on=said, faces=0)  # fmt: skip


def wflw() -> list[Conversion]:
    """Conversions from WFLW; what face70 needs beside its marks comes by way of ibug68."""
    nothing = np.zeros((len(IBUG68), len(WFLW98)))
    empty = Conversion("wflw98", "ibug68", nothing, np.zeros(len(IBUG68), dtype=bool))
    to_ibug = conversion(empty, WFLW_IBUG_SAME, WFLW_IBUG)
    onward = Conversion.load("ibug68", "face70")
    by_way = replace(onward, source="wflw98", weights=onward.weights @ to_ibug.weights)
    return [to_ibug, conversion(by_way, WFLW_FACE_SAME, WFLW_FACE)]


def back_to_wflw() -> list[Conversion]:
    """Conversions to WFLW, all by geometry but for the same marks: so its lists can be written."""
    to_wflw = _sums(IBUG68, _inverse(WFLW_IBUG_SAME), _to_wflw(_IBUG_LINES, {}))
    onward = Conversion.load("face70", "ibug68")
    by_way = replace(onward, target="wflw98", weights=to_wflw.weights @ onward.weights,
                     expected_error=None)  # fmt: skip
    lids = _inverse({k: v for k, v in WFLW_FACE.items() if len(v) == 1 and k > 61})
    return [
        to_wflw,
        conversion(by_way, _inverse(WFLW_FACE_SAME), _to_wflw(_FACE_LINES, lids)),
    ]


_Line = tuple[Sequence[int], Mapping[int, float]]
_IBUG_LINES: Mapping[str, _Line] = {
    "left": (range(17, 22), {37: 0.5, 38: 0.5}),
    "right": (range(26, 21, -1), {43: 0.5, 44: 0.5}),
}
_FACE_LINES: Mapping[str, _Line] = {
    "left": ((19, 20, 21, 22), {24: 1.0}),
    "right": ((15, 16, 17, 18), {29: 1.0}),
}
"""Points of a brow from its outer end to the inner, and the top of the eye below."""

_TOP = {"left": (33, 34, 35, 36, 37), "right": (46, 45, 44, 43, 42)}
_BOTTOM = {"left": (33, 41, 40, 39, 38), "right": (46, 47, 48, 49, 50)}


def _to_wflw(lines: Mapping[str, _Line], other: Sums) -> Sums:
    """Brows with two edges, of their one line; where that is an edge (ibug68), of the other one."""
    made: dict[int, Mapping[int, float]] = dict(other)
    edge = len(next(iter(lines.values()))[0]) == 5
    up, down = (0.0, 2 * _HALF) if edge else (_HALF, _HALF)
    for side, (line, eye) in lines.items():
        steps = [_on(line, k / 4) for k in range(5)]
        for targets, share in ((_BOTTOM[side], down), (_TOP[side], -up)):
            made |= {t: _towards(row, eye, share) for t, row in zip(targets, steps, strict=True)}
        made[_TOP[side][0]] = steps[0]
    if not edge:
        return made
    for k in range(16):  # every second point of the contour is one of iBUG's
        made |= {2 * k: {k: 1.0}, 2 * k + 1: _between(k, k + 1, 0.5), 32: {16: 1.0}}
    for eye, corner in ((range(36, 42), 60), (range(42, 48), 68)):
        a, b, c, d, e, f = eye
        made |= {
            corner + 1: _between(a, b, 0.75), corner + 2: _between(b, c, 0.5),
            corner + 3: _between(d, c, 0.75), corner + 5: _between(d, e, 0.75),
            corner + 6: _between(e, f, 0.5), corner + 7: _between(a, f, 0.75),
        }  # fmt: skip
        made[96 if corner == 60 else 97] = dict.fromkeys((b, c, e, f), 0.25)
    made.pop(16)  # the chin is the same
    return made


_HALF = 0.2
"""Half the height of a brow, as a share of how far its middle is above the eye's top."""


def _on(line: Sequence[int], share: float) -> Mapping[int, float]:
    """Return a place on a line through points, as far along it as a share of their number says."""
    at = share * (len(line) - 1)
    first = min(int(at), len(line) - 2)
    return {k: w for k, w in _between(line[first], line[first + 1], at - first).items() if w}


def _towards(row: Mapping[int, float], goal: Mapping[int, float], share: float) -> dict[int, float]:
    return {
        k: (1 - share) * row.get(k, 0.0) + share * goal.get(k, 0.0)
        for k in (*row, *(goal if share else ()))
    }


def _inverse(sums: Sums) -> Sums:
    """Copy the other way."""
    return {next(iter(row)): {target: 1.0} for target, row in sums.items()}


def _sums(source: Scheme, same: Sums, geometry: Sums) -> Conversion:
    nothing = np.zeros((len(WFLW98), len(source)))
    empty = Conversion(source.name, "wflw98", nothing, np.zeros(len(WFLW98), dtype=bool))
    return conversion(empty, same, geometry)


def cofw() -> list[Conversion]:
    """Conversions from COFW; what is between its marks is learned on the sample."""
    points, people = rendered(None)
    made = np.full((len(points), len(COFW29), 2), np.nan)  # edges of brows are not known
    for target, row in {**COFW_FACE_SAME, **COFW_FACE}.items():
        if len(row) == 1:
            made[:, list(row)] = points[:, [target]]
    found = []
    for scheme, goal, same, geometry in (
        (IBUG68, ibug_points(points), COFW_IBUG_SAME, COFW_IBUG),
        (FACE70, points, COFW_FACE_SAME, COFW_FACE),
    ):
        learned = learn_conversion(PairedFaces(COFW29, scheme, made, goal, people))
        learned.weights[list(OUTLINE[scheme.name])] = 0.0
        found.append(conversion(learned, same, geometry))
    return found


def main() -> int:
    """Run the script."""
    for made in (*wflw(), *back_to_wflw(), *cofw()):
        file = CONVERSIONS / f"{made.source}-to-{made.target}.toml"
        head = "# Made by docs/fit_sets.py in faceloop's repository.\n"
        file.write_text(head + made.to_toml(), encoding="utf-8")
        known = made.expected[~np.isnan(made.expected)]
        mean = f"{known.mean():.4f}" if len(known) else "not known"
        sys.stdout.write(
            f"{file.stem}: {made.same_mark.sum()} same, {made.estimated.sum()} estimated "
            f"({len(known)} of them learned: {mean}), {made.without_source.sum()} missing\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
