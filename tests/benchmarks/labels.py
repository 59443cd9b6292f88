"""Mistakes planted in MUCT's annotations, and where the label check puts them.

    python tests/benchmarks/labels.py
    python tests/benchmarks/labels.py --untouched 20
    python tests/benchmarks/labels.py --more

In 5 % of the faces, in turn: one point is moved by 0.1 IOD in a random direction; the points of the
eyes change places; all points are moved by 0.1 IOD. With --more, mistakes of other kinds instead:
left and right exchanged in the whole face; a contour that runs backwards, or whose points are one
further along; a part of the face moved by 0.1 IOD; the face annotated a second time, 0.06 IOD off
at each point. Found: among the first tenth of the list.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from common import Clock, Report, add_common, muct

from faceloop_datasets import Annotation, Project
from faceloop_trainer.labelcheck import check_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

_SHARE, _FAR, _TWICE_OFF = 0.05, 0.1, 0.06
_KINDS = {
    "one point moved": ", lies ",
    "eyes exchanged": "left eye and right eye look exchanged",
    "whole face moved": "All points lie beside the face",
}
"""Kinds of mistakes, and what the sentence should say (a regular expression)."""
_MORE = {
    "left and right exchanged": "Left and right look exchanged in the whole face",
    "backwards": "run backwards|as if left and right were exchanged",
    "slipped": "look shifted: each lies where the point 1 after it belongs",
    "part moved": "in the picture",
    "annotated twice": "annotated as again too",
}


def spoil(
    scheme: Scheme, face: Annotation, kind: str, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the points with a mistake in them."""
    points = face.points.copy()
    angle = rng.uniform(0, 2 * np.pi)
    iod = scheme.inter_ocular_distance(points)
    far = _FAR * iod * np.array([np.cos(angle), np.sin(angle)])
    eyes = [*scheme.groups["left_eye"], *scheme.groups["right_eye"]]
    if kind == "one point moved":
        points[rng.choice(np.flatnonzero(face.trains_patches))] += far
    elif kind == "whole face moved":
        points += far
    elif kind == "eyes exchanged":
        points[eyes] = points[[scheme.mirror[i] for i in eyes]]
    elif kind == "left and right exchanged":
        points = points[list(scheme.mirror)]
    elif kind in ("backwards", "slipped"):
        lines = [list(c.points) for c in scheme.contours if len(c.points) > 2]
        line = lines[rng.integers(len(lines))]
        points[line] = points[line[::-1] if kind == "backwards" else [*line[1:], line[-1]]]
    elif kind == "part moved":
        parts = [part for name, part in scheme.groups.items() if name != "contour"]
        points[list(parts[rng.integers(len(parts))])] += far
    else:
        points += rng.normal(0, _TWICE_OFF * iod / np.sqrt(np.pi / 2), points.shape)
    return points


def plant(project: Project, seed: int, kinds: Sequence[str]) -> dict[int, str]:
    """Save mistakes into a project; returns what was done to which item."""
    rng = np.random.default_rng(seed)
    faces = project.faces()
    chosen = rng.permutation(len(faces))[: round(_SHARE * len(faces))]
    planted = {}
    for count, index in enumerate(chosen):
        face, kind = faces[index], kinds[count % len(kinds)]
        old = face.annotation
        points = spoil(project.scheme, old, kind, rng)
        states = np.where(np.isnan(points).any(axis=1), 3, np.minimum(old.states, 2))
        changed = Annotation(old.scheme, points, states, old.source)
        if kind == "annotated twice":
            media = project.item_media(project.item(face.item_id))
            again = project.add_item(media, name="again", subject=face.subject)
            project.save(again.id, changed, None)
        else:
            project.save(face.item_id, changed, face.revision_id)
        planted[face.item_id] = kind
    return planted


def main() -> None:
    """Plant, check, and count what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--untouched", type=int, default=0, help="show so many doubts as they are")
    parser.add_argument("--more", action="store_true", help="plant the other kinds of mistakes")
    add_common(parser)
    args = parser.parse_args()
    report = Report(args.json)
    if args.untouched:
        with muct(None) as project:
            doubts = check_labels(project)
        rows = [{"name": d.name, "score": round(d.score, 2), "what": d.what} for d in doubts]
        report.table(f"doubtful: {sum(d.doubtful for d in doubts)}", rows[: args.untouched])
    rows, kinds = [], _MORE if args.more else _KINDS
    for seed in range(args.seed, args.seed + 3):
        with muct(None) as project:
            planted = plant(project, seed, [*kinds])
            with Clock() as clock:
                doubts = check_labels(project)
        first = {doubt.item_id for doubt in doubts[: len(doubts) // 10]}
        found = Counter(kind for item, kind in planted.items() if item in first)
        of = Counter(planted.values())
        share = round(sum(found.values()) / len(planted), 3)
        each = {kind: f"{found[kind]}/{of[kind]}" for kind in kinds}
        right = sum(
            re.search(kinds[planted[d.item_id]], d.what) is not None
            for d in doubts
            if d.item_id in planted
        )
        rows.append(
            {
                "seed": seed,
                "faces": len(doubts),
                **each,
                "found": share,
                "rightly named": right,
                **clock.row(""),
            }
        )
    report.table("planted mistakes in the first tenth of the list", rows)


if __name__ == "__main__":
    main()
