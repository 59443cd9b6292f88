"""Mistakes planted in MUCT's annotations, and where the label check puts them.

    python tests/benchmarks/labels.py
    python tests/benchmarks/labels.py --untouched 20
    python tests/benchmarks/labels.py --more
    python tests/benchmarks/labels.py --systematic sample

In 5 % of the faces, in turn: one point is moved by 0.1 IOD in a random direction; the points of the
eyes change places; all points are moved by 0.1 IOD. With --more, mistakes of other kinds instead:
left and right exchanged in the whole face; a contour that runs backwards, or whose points are one
further along; a part of the face moved by 0.1 IOD; the face annotated a second time, 0.06 IOD off
at each point. Found: among the first tenth of the list.

With --systematic, faults that all points of many faces share: of 40 faces of different people 1, 2,
5, 10, 20 or all 40 are turned, mirrored, shifted, or have the annotations of each other's pictures.
Found: with the right word. False alarms: doubts about the other faces.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from common import Clock, Report, add_common, data_dir, imported, muct

from faceloop_datasets import Annotation, Project
from faceloop_datasets.sample import sample_faces
from faceloop_trainer.labelcheck import check_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_datasets.formats import FaceRecord

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


def wrong(
    scheme: Scheme, fault: str, points: NDArray[np.float64], size: tuple[int, int]
) -> tuple[NDArray[np.float64], list[int]]:
    """Return points with a fault that a whole set may share, and which point each is."""
    (x, y), (w, h), own = points.T, size, list(range(len(scheme)))
    match fault:
        case "turned by 90":  # in a picture that is stored so (EXIF orientation 6)
            moved = np.stack([y, w - 1 - x], axis=1)
        case "turned by 180":
            moved = np.stack([w - 1 - x, h - 1 - y], axis=1)
        case "turned by 270":
            moved = np.stack([h - 1 - y, x], axis=1)
        case "mirrored with their numbers":
            moved = np.stack([w - 1 - x, y], axis=1)
        case "of the mirrored picture":
            moved, own = np.stack([w - 1 - x, y], axis=1), list(scheme.mirror)
        case "left and right exchanged":
            moved, own = points, list(scheme.mirror)
        case "of a picture half as large":
            moved = points / 2
        case _:  # of a picture that was cropped
            moved = points - [40.0, 60.0]
    return moved[own], own


_FAULTS = {
    "turned by 90": "turned by 90 degrees",
    "turned by 180": "turned by 180 degrees",
    "turned by 270": "turned by 90 degrees clockwise",
    "mirrored with their numbers": "mirrored from left to right",
    "of the mirrored picture": "placed in the mirrored picture",
    "left and right exchanged": "Left and right look exchanged in the whole face",
    "of a picture half as large": "shifted.*0.50 times as large",
    "of a cropped picture": "shifted|beside the face",
    "of another picture": "of another picture",
}
"""Faults that a whole set may share, and what the sentence should say."""


def spread(project: Project, fault: str, count: int, seed: int) -> set[int]:
    """Save a fault into some faces; returns their numbers."""
    rng = np.random.default_rng(seed)
    faces = project.faces()
    sizes = {media.sha256: (media.width, media.height) for media in project.media()}
    chosen = [faces[i] for i in rng.permutation(len(faces))[:count]]
    others = [*chosen[1:], chosen[0]]
    for face, other in zip(chosen, others, strict=True):
        old = face.annotation
        if fault == "of another picture":
            changed = Annotation(old.scheme, other.annotation.points, other.annotation.states)
        else:
            size = sizes[face.media_sha256 or ""]
            points, order = wrong(project.scheme, fault, old.points, size)
            changed = Annotation(old.scheme, points, old.states[order], old.source)
        project.save(face.item_id, changed, face.revision_id)
    return {face.item_id for face in chosen}


def forty(kind: str, folder: Path, seed: int) -> None:
    """Make a project of 40 faces of different people."""
    rng = np.random.default_rng(seed)
    if kind == "sample":
        by_person: dict[str, list[FaceRecord]] = {}
        for record in sample_faces():
            by_person.setdefault(record.subject, []).append(record)
        people = [sorted(by_person)[i] for i in rng.permutation(len(by_person))[:40]]
        records = [by_person[who][rng.integers(len(by_person[who]))] for who in people]
        with Project.create(folder, "face70") as project:
            project.import_entries("sample", records, scheme="face70")
        return
    sources = {
        "muct": sorted((data_dir() / "muct").glob("*.tar.gz")),
        "imm": [data_dir() / "imm"],
        "ibug": [data_dir() / "helen_train", data_dir() / "afw"],
    }[kind]
    scheme = {"muct": "face70", "imm": "imm58", "ibug": "ibug68"}[kind]
    with imported(kind, sources, scheme, None) as whole, Project.create(folder, scheme) as project:
        one_each = list({face.subject: face for face in whole.faces()}.values())
        for face in [one_each[i] for i in rng.permutation(len(one_each))[:40]]:
            media = project.add_media(face.media, copy=True)
            item = project.add_item(media, name=face.name, subject=face.subject)
            project.save(item.id, face.annotation, None)


def systematic(kind: str, seed: int) -> list[dict[str, str | int]]:
    """Count for each fault and number of faces what was found, named, and falsely said."""
    rows = []
    with TemporaryDirectory() as scratch:
        forty(kind, Path(scratch) / "whole", seed)
        for fault, said in _FAULTS.items():
            row: dict[str, str | int] = {"fault": fault}
            for count in (1, 2, 5, 10, 20, 40):
                if fault == "of another picture" and count == 1:
                    continue
                folder = Path(scratch) / f"{fault}-{count}"
                shutil.copytree(Path(scratch) / "whole", folder)
                with Project.open(folder) as project:
                    planted = spread(project, fault, count, seed)
                    doubts = check_labels(project)
                doubtful = [doubt for doubt in doubts if doubt.doubtful]
                named = sum(
                    re.search(said, doubt.what) is not None
                    for doubt in doubtful
                    if doubt.item_id in planted
                )
                falsely = sum(doubt.item_id not in planted for doubt in doubtful)
                mended = sum(doubt.mend is not None for doubt in doubtful)
                row[f"K={count}"] = f"{named} ({falsely} false, {mended} to mend)"
            rows.append(row)
    return rows


def main() -> None:
    """Plant, check, and count what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--untouched", type=int, default=0, help="show so many doubts as they are")
    parser.add_argument("--more", action="store_true", help="plant the other kinds of mistakes")
    parser.add_argument(
        "--systematic",
        choices=("sample", "muct", "imm", "ibug"),
        help="faults that many faces share, in 40 of these",
    )
    add_common(parser)
    args = parser.parse_args()
    report = Report(args.json)
    if args.systematic:
        title = f"faults shared by K of 40 faces ({args.systematic}): rightly named"
        report.table(title, systematic(args.systematic, args.seed))
        return
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
