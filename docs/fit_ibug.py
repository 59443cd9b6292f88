r"""Learn the conversions between face70 and ibug68, and write their files.

No face with both sets of points is free to ship, so that the 68 points are made on rendered faces
(CC0) by what iBUG's annotators were asked for: points in equal steps along the contour, the brows,
the lids and the nose, whose curves face70 knows. What marks the same place is copied; every other
point is learned, by few weights that hold for people they were not learned from, and is estimated::

    python docs/fit_ibug.py --rendered annotations.csv

prints the expected errors and writes ``conversions/face70-to-ibug68.toml`` and the way back. The
bundled sample alone, without ``--rendered``, gives nearly the same. Both are measured on real faces
by ``tests/benchmarks/conversions.py``.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Conversion, Scheme
from faceloop_datasets.sample import sample_faces, sample_turns
from faceloop_datasets.schemes.learning import PairedFaces, learn_conversion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FACE70, IBUG68 = Scheme.load("face70"), Scheme.load("ibug68")
CONVERSIONS = Path(__file__).parents[1] / "datasets/faceloop_datasets/schemes/conversions"

SAME = {
    8: 7,  # chin
    **dict(zip((36, 39, 42, 45), (23, 25, 30, 28), strict=True)),  # corners of the eyes
    **dict(zip((30, 31, 33, 35), (61, 36, 37, 38), strict=True)),  # tip and base of the nose
    **{48 + k: 43 + k for k in range(12)},  # outer edge of the mouth
    **dict(zip((61, 62, 63, 65, 66, 67), (60, 59, 58, 57, 56, 55), strict=True)),  # its inner edge
}
"""Points of ibug68 that are one of face70's."""

ALIKE = dict(zip((17, 21, 22, 26), (19, 22, 18, 15), strict=True))
"""Ends of the brows: called the same, but people put them elsewhere, twice as far apart as other
marks (``tests/benchmarks/conversions.py``), so that they are copied as estimates."""

CURVES = (
    (range(9), range(8)),  # contour, to the chin and from it
    (range(8, 17), range(7, 15)),
    (range(17, 22), (19, 20, 21, 22)),  # brow on the left of the picture
    (range(22, 27), (18, 17, 16, 15)),
    (range(27, 31), (33, 61)),  # back of the nose
    (range(31, 34), (36, 37)),  # its base
    (range(33, 36), (37, 38)),
    ((36, 37, 38, 39), (23, 62, 24, 63, 25)),  # lids
    ((36, 41, 40, 39), (23, 65, 26, 64, 25)),
    ((45, 44, 43, 42), (28, 66, 29, 67, 30)),
    ((45, 46, 47, 42), (28, 69, 31, 68, 30)),
)
"""Points of ibug68 that divide a curve through points of face70 into equal steps."""

LIPS_MEET = ((60, 43, (55, 60)), (64, 49, (57, 58)))
"""Inner corners of the mouth: three quarters of the way to the outer ones."""

TURN = 60.0
"""Degrees of yaw up to which rendered faces are used."""

BY_DEFINITION = 0.005
"""Points that miss by less were made of the very points that they are learned from: what people
would make of them is not known."""


def ibug_points(points: Floats) -> Floats:
    """Make the 68 points (F, 68, 2) of faces in face70 (F, 70, 2)."""
    made = np.full((len(points), len(IBUG68), 2), np.nan)
    for targets, sources in CURVES:
        made[:, list(targets)] = [equal_steps(face[list(sources)], len(targets)) for face in points]
    for target, source in (SAME | ALIKE).items():
        made[:, target] = points[:, source]
    for target, corner, inner in LIPS_MEET:
        made[:, target] = 0.75 * points[:, corner] + 0.25 * points[:, list(inner)].mean(axis=1)
    return made


def equal_steps(line: Floats, count: int) -> Floats:
    """Return so many points (count, 2) in equal steps along a line through points (N, 2)."""
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    where = np.linspace(0.0, at[-1], count)
    return np.stack([np.interp(where, at, line[:, axis]) for axis in (0, 1)], axis=1)


def rendered(table: Path | None) -> tuple[Floats, list[str]]:
    """Points (F, 70, 2) and people of the sample's stills, and of another table like its own."""
    found = [*_stills(), *(() if table is None else _rows(table))]
    return np.array([points for points, _ in found]), [person for _, person in found]


def _stills() -> Iterator[tuple[Floats, str]]:
    turns = sample_turns()
    for face in sample_faces():
        if abs(turns[face.name][0]) <= TURN:
            yield face.annotation.points, face.subject


def _rows(table: Path) -> Iterator[tuple[Floats, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if abs(float(row["yaw"])) <= TURN:
                xy = [[float(row[f"{axis}{k:02d}"]) for axis in "xy"] for k in range(len(FACE70))]
                yield np.array(xy), row["identity"]


def with_same(learned: Conversion, same: dict[int, int]) -> Conversion:
    """Copy what marks the same place; all else is an estimate."""
    weights, error = learned.weights.copy(), learned.expected.copy()
    is_same = np.zeros(len(weights), dtype=bool)
    for target, source in same.items():
        weights[target] = np.eye(weights.shape[1])[source]
        is_same[target], error[target] = True, np.nan
    error[error < BY_DEFINITION] = np.nan
    return replace(
        learned,
        weights=weights,
        same_mark=is_same,
        expected_error=error,
        measured_on="rendered faces",
    )


def conversions(points: Floats, people: Sequence[str]) -> list[Conversion]:
    """Learn both ways."""
    made = ibug_points(points)
    there = learn_conversion(PairedFaces(FACE70, IBUG68, points, made, people))
    back = learn_conversion(PairedFaces(IBUG68, FACE70, made, points, people))
    return [with_same(there, SAME), with_same(back, {s: t for t, s in SAME.items()})]


def _report(conversion: Conversion, scheme: Scheme) -> str:
    rows = [
        f"{error:6.4f}  {k:2d}  {scheme.names[k]}"
        for k, error in enumerate(conversion.expected)
        if not np.isnan(error)
    ]
    mean = float(np.nanmean(conversion.expected))
    title = f"{conversion.source} to {conversion.target}: {len(rows)} points estimated, {mean:.4f}"
    return "\n".join([title, *rows, ""])


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rendered", type=Path, help="annotations.csv of more rendered faces")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    points, people = rendered(options.rendered)
    sys.stdout.write(f"{len(people)} faces of {len(set(people))} people\n")
    for conversion, scheme in zip(conversions(points, people), (IBUG68, FACE70), strict=True):
        sys.stdout.write(_report(conversion, scheme))
        if not options.check:
            file = CONVERSIONS / f"{conversion.source}-to-{conversion.target}.toml"
            head = "# Learned by docs/fit_ibug.py in faceloop's repository.\n"
            file.write_text(head + conversion.to_toml(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
