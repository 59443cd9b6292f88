"""Write where the points of the bundled schemes lie on a drawn face.

From the mean of the sample's faces that look ahead (CC0), by conversions where there are some, and
by hand where a scheme marks a place that face70 does not::

    python docs/fit_layouts.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Conversion, Scheme
from faceloop_datasets.sample import sample_faces, sample_turns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FOLDER = Path(__file__).parents[1] / "datasets/faceloop_datasets/schemes/layouts"
FACE70 = Scheme.load("face70")
AHEAD = 12.0
"""Degrees of yaw and pitch up to which a face looks ahead."""

# Half the height of a brow, in inter-ocular distances.
BROW = 0.035


def mean_face() -> Floats:
    """Mean of the faces that look ahead, (70, 2): upright, symmetric, inter-ocular distance 1."""
    turns, shapes = sample_turns(), []
    for face in sample_faces():
        if max(map(abs, turns[face.name][:2])) < AHEAD:
            shapes.append(upright(face.annotation.points))
    mean = np.mean(shapes, axis=0)
    flipped = mean[list(FACE70.mirror)] * [-1.0, 1.0]
    return np.asarray((mean + flipped) / 2)


def upright(points: Floats) -> Floats:
    """Turn and scale a face so that its outer corners of the eyes are at (-.5, 0) and (.5, 0)."""
    a, b = (complex(*points[k]) for k in FACE70.iod)
    turned = (points @ [1, 1j] - (a + b) / 2) / (b - a)
    return np.stack([turned.real, turned.imag], axis=1)


def by_name(scheme: Scheme, face: Floats) -> dict[str, Floats]:
    """Points whose name face70 has too."""
    shared = set(FACE70.names) & set(scheme.names)
    return {name: face[FACE70.names.index(name)] for name in shared}


def muct76(face: Floats, at: dict[str, Floats]) -> dict[str, Floats]:
    """Round the brows, the sides of the bridge, the middle of the mouth."""
    made, up = {}, np.array([0.0, BROW])
    for side in ("left", "right"):
        for part in ("outer", "inner"):
            middle = at_name(face, f"{side} brow middle {part}")
            made[f"{side} brow top {part}"] = middle - up
            made[f"{side} brow bottom {part}"] = middle + up
        made[f"nose bridge {side}"] = _bridge_side(face, side)
    inner = [at[f"inner {lip} lip middle"] for lip in ("upper", "lower")]
    return {**made, "mouth middle": np.mean(inner, axis=0)}


def imm58(face: Floats, _at: dict[str, Floats]) -> dict[str, Floats]:
    """Contour without the temples, lids, brows and mouth of fewer points."""
    made = {}
    contour = equal_steps(face[1:14], 13)
    order = [*(f"left {k}" for k in range(1, 7)), None, *(f"right {k}" for k in range(6, 0, -1))]
    for name, point in zip(order, contour, strict=True):
        made["chin" if name is None else f"contour {name}"] = point
    for side in ("left", "right"):
        for name in ("top outer", "top inner", "bottom inner", "bottom outer"):
            made[f"{side} eye {name}"] = at_name(face, f"{side} eyelid {name}")
        brow = [at_name(face, f"{side} brow {k}") for k in _BROW]
        for name, point in zip(_BROW5, equal_steps(np.array(brow), 5), strict=True):
            made[f"{side} brow {name}"] = point
        for lip in ("upper", "lower"):
            made[f"{lip} lip {side}"] = at_name(face, f"{lip} lip {side} 1")
        made[f"nose bridge {side}"] = _bridge_side(face, side)
        wing, above = at_name(face, f"nose {side} wing"), at_name(face, f"nose {side} side")
        made[f"nose {side} wing top"] = (wing + above) / 2
    return made


def wflw98(face: Floats, at: dict[str, Floats]) -> dict[str, Floats]:
    """Contour in equal steps, brows with two edges, nose and mouth as ibug68 has them."""
    made, up = {}, np.array([0.0, BROW])
    ibug = Scheme.load("ibug68")
    points = Conversion.load("face70", "ibug68").weights @ face
    made |= {name: points[k] for k, name in enumerate(ibug.names) if k >= 27 and name not in at}
    for side, half in (("left", face[:8]), ("right", face[14:6:-1])):
        for k, point in enumerate(equal_steps(half, 17)[:-1], start=1):
            made[f"contour {side} {k}"] = point
        brow = equal_steps(np.array([at_name(face, f"{side} brow {k}") for k in _BROW]), 5)
        for name, point in zip(_BROW5[1:-1], brow[1:-1], strict=True):
            made[f"{side} brow top {name}"] = point - up
        for name, point in zip(("outer", "2", "3"), brow[1:-1], strict=True):
            made[f"{side} brow bottom {name}"] = point + up
        made[f"{side} brow top inner"] = brow[-1] - up
        made[f"{side} brow bottom inner"] = brow[-1] + up
    return made


def cofw29(face: Floats, _at: dict[str, Floats]) -> dict[str, Floats]:
    """Brows with a point on each edge; the sides of the nose."""
    made, up = {}, np.array([0.0, BROW])
    for side in ("left", "right"):
        inside = [at_name(face, f"{side} brow middle {k}") for k in ("outer", "inner")]
        middle = np.mean(inside, axis=0)
        made[f"{side} brow top"], made[f"{side} brow bottom"] = middle - up, middle + up
    return made


_BROW = ("outer", "middle outer", "middle inner", "inner")
_BROW5 = ("outer", "2", "3", "4", "inner")


def _bridge_side(face: Floats, side: str) -> Floats:
    return (at_name(face, f"{side} eye inner") + at_name(face, "nose bridge")) / 2


def at_name(face: Floats, name: str) -> Floats:
    """Point of face70 by its name."""
    return np.asarray(face[FACE70.names.index(name)])


def equal_steps(line: Floats, count: int) -> Floats:
    """Return so many points (count, 2) in equal steps along a line through points (N, 2)."""
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    where = np.linspace(0.0, at[-1], count)
    return np.stack([np.interp(where, at, line[:, axis]) for axis in (0, 1)], axis=1)


def layouts() -> dict[str, Floats]:
    """Layout of each bundled scheme."""
    face = mean_face()
    made = {
        name: Conversion.load("face70", name).weights @ face
        for name in ("face70", "clmtrackr71", "ibug68")
    }
    for name, more in _BY_HAND.items():
        scheme = Scheme.load(name)
        at = by_name(scheme, face)
        at |= more(face, at)
        made[name] = np.array([at[point] for point in scheme.names])
    return made


_BY_HAND = {"muct76": muct76, "imm58": imm58, "wflw98": wflw98, "cofw29": cofw29}


def main() -> int:
    """Run the script."""
    for name, points in layouts().items():
        rows = "".join(f"    [{x + 0:.3f}, {y + 0:.3f}],\n" for x, y in points.round(3).tolist())
        head = "# Made by docs/fit_layouts.py in faceloop's repository.\n"
        (FOLDER / f"{name}.toml").write_text(f"{head}layout = [\n{rows}]\n", encoding="utf-8")
        sys.stdout.write(f"{name}: {len(points)} points\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
