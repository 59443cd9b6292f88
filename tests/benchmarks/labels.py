"""Mistakes planted in MUCT's annotations, and where the label check puts them.

    python tests/benchmarks/labels.py
    python tests/benchmarks/labels.py --untouched 20

In 5 % of the faces, in turn: one point is moved by 0.1 IOD in a random direction; the points of the
eyes change places; all points are moved by 0.1 IOD. Found: among the first tenth of the list.
"""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from common import Clock, Report, add_common, muct

from faceloop_datasets import Annotation, Project
from faceloop_trainer.labelcheck import check_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

_SHARE, _FAR = 0.05, 0.1
_KINDS = ("one point moved", "eyes exchanged", "whole face moved")


def spoil(
    scheme: Scheme, face: Annotation, kind: str, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the points with a mistake in them."""
    points = face.points.copy()
    angle = rng.uniform(0, 2 * np.pi)
    far = _FAR * scheme.inter_ocular_distance(points) * np.array([np.cos(angle), np.sin(angle)])
    if kind == "one point moved":
        points[rng.choice(np.flatnonzero(face.trains_patches))] += far
    elif kind == "whole face moved":
        points += far
    else:
        eyes = [*scheme.groups["left_eye"], *scheme.groups["right_eye"]]
        points[eyes] = points[[scheme.mirror[i] for i in eyes]]
    return points


def plant(project: Project, seed: int) -> dict[int, str]:
    """Save mistakes into a project; returns what was done to which item."""
    rng = np.random.default_rng(seed)
    faces = project.faces()
    chosen = rng.permutation(len(faces))[: round(_SHARE * len(faces))]
    planted = {}
    for count, index in enumerate(chosen):
        face, kind = faces[index], _KINDS[count % len(_KINDS)]
        old = face.annotation
        points = spoil(project.scheme, old, kind, rng)
        states = np.where(np.isnan(points).any(axis=1), 3, np.minimum(old.states, 2))
        project.save(
            face.item_id, Annotation(old.scheme, points, states, old.source), face.revision_id
        )
        planted[face.item_id] = kind
    return planted


def main() -> None:
    """Plant, check, and count what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--untouched", type=int, default=0, help="show so many doubts as they are")
    add_common(parser)
    args = parser.parse_args()
    report = Report(args.json)
    if args.untouched:
        with muct(None) as project:
            doubts = check_labels(project)
        rows = [{"name": d.name, "score": round(d.score, 2), "what": d.what} for d in doubts]
        report.table(f"doubtful: {sum(d.doubtful for d in doubts)}", rows[: args.untouched])
    rows = []
    for seed in range(args.seed, args.seed + 3):
        with muct(None) as project:
            planted = plant(project, seed)
            with Clock() as clock:
                doubts = check_labels(project)
        first = {doubt.item_id for doubt in doubts[: len(doubts) // 10]}
        found = Counter(kind for item, kind in planted.items() if item in first)
        of = Counter(planted.values())
        share = round(sum(found.values()) / len(planted), 3)
        kinds = {kind: f"{found[kind]}/{of[kind]}" for kind in _KINDS}
        rows.append({"seed": seed, "faces": len(doubts), **kinds, "found": share, **clock.row("")})
    report.table("planted mistakes in the first tenth of the list", rows)


if __name__ == "__main__":
    main()
