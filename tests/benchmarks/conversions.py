"""Conversions between schemes on real faces, which they were not learned from.

    python tests/benchmarks/conversions.py
    python tests/benchmarks/conversions.py --fits --faces 250 --test 80

Learned: MUCT's images that clmtools' people annotated too have both kinds of points from people's
hands. Of some people's images a conversion muct76 to face70 is learned; on the others' it stands
beside the one that comes with faceloop, which is made by hand.

There and back: annotations of MUCT's people (as face70) become ibug68 and face70 again; how far the
points that are estimated on the way back then are from where they were. No set at hand has both of
these kinds of points from people's hands. So ``--fits`` lets models stand in for one of them: a
model of helen_train + afw (ibug68) is fitted to MUCT's pictures and its points become face70,
beside MUCT's own; and one of MUCT (face70) is fitted to helen_train + afw. What the same marks are
off by then is the fit's error and how people differ; what the estimated ones are off by has the
conversion's on top. Distances in IOD.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import Report, add_common, data_dir, imported, muct, pictures, split_subjects

from faceloop_datasets import Conversion, PointState, Scheme
from faceloop_datasets.formats import FaceRecord, read_faces
from faceloop_datasets.schemes.learning import PairedFaces, learn_conversion
from faceloop_runtime import Fitter
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Face, Project
    from faceloop_trainer.data.faces import TrainingFace

FACE70, IBUG68, MUCT76 = (Scheme.load(name) for name in ("face70", "ibug68", "muct76"))
THERE, BACK = Conversion.load(FACE70, IBUG68), Conversion.load(IBUG68, FACE70)


def marked(face: Face) -> np.ndarray:
    """Points that people marked, (N, 2); NaN elsewhere."""
    known = np.isin(face.annotation.states, (PointState.VISIBLE, PointState.OCCLUDED))
    return np.where(known[:, None], face.annotation.points, np.nan)


def there_and_back(faces: Sequence[Face]) -> np.ndarray:
    """Distances (F, 70) of points that became ibug68 and face70 again; NaN where unknown."""
    points = np.array([face.annotation.points for face in faces])
    again = BACK.weights @ (THERE.weights @ points)
    return distances(again, np.array([marked(face) for face in faces]), FACE70)


def learned(counts: Sequence[int], seed: int) -> list[dict[str, Any]]:
    """Learn muct76 to face70 from so many people's images, measured on all others'."""
    pairs = _both()
    people = sorted({person for _, _, person in pairs})
    np.random.default_rng(seed).shuffle(people)
    tested = set(people[max(counts) :])
    test = [pair for pair in pairs if pair[2] in tested]
    truth = np.array([face70 for _, face70, _ in test])
    by_hand = Conversion.load("muct76", "face70")
    rows = [{"people": "made by hand", **_measured(by_hand, test, truth)}]
    for count in counts:
        some = [pair for pair in pairs if pair[2] in people[:count]]
        sources, targets, names = (list(part) for part in zip(*some, strict=True))
        paired = PairedFaces(MUCT76, FACE70, np.array(sources), np.array(targets), names)
        made = learn_conversion(paired)
        row = {"people": f"{count}, {len(some)} images", **_measured(made, test, truth)}
        rows.append({**row, "expected": round(float(np.nanmean(made.expected)), 4)})
    return rows


def _measured(conversion: Conversion, test: Sequence[Any], truth: np.ndarray) -> dict[str, Any]:
    made = conversion.weights @ np.array([source for source, _, _ in test])
    off = np.nanmean(distances(made, truth, FACE70), axis=0)
    return {
        "test images": len(test),
        "off": round(float(np.nanmean(off)), 4),
        "same marks": int(conversion.same_mark.sum()),
        "their error": round(float(np.nanmean(off[conversion.same_mark])), 4),
    }


def _both() -> list[tuple[np.ndarray, np.ndarray, str]]:
    """Points of muct76, those of face70 from other hands, and the person, of each image."""
    folder, to_face70 = data_dir(), Conversion.load("clmtrackr71", "face70")
    others = {
        Path(face.image_name).stem: to_face70.apply(face.annotation)
        for face in read_faces("clmtools", [folder / "clmtools" / "annotations.csv"])
        if isinstance(face, FaceRecord)
    }
    archive = folder / "muct" / "muct-landmarks-v1.tar.gz"
    return [
        (face.annotation.points, others[face.name].points, face.subject)
        for face in read_faces("muct", [archive])
        if isinstance(face, FaceRecord) and face.name in others
    ]


def distances(made: np.ndarray, truth: np.ndarray, scheme: Scheme) -> np.ndarray:
    """Distances (F, N) in IOD."""
    size = np.array([scheme.frontal_iod(points) for points in truth])
    return np.asarray(np.linalg.norm(made - truth, axis=2) / size[:, None])


def by_part(off: np.ndarray, conversion: Conversion, scheme: Scheme) -> list[dict[str, Any]]:
    """Mean of the same marks and of the estimated points, by part of the face."""
    rows = []
    for part, members in [*scheme.groups.items(), ("all", range(len(scheme)))]:
        row: dict[str, Any] = {"part": part}
        for word, mask in (("same", conversion.same_mark), ("estimated", conversion.estimated)):
            these = [k for k in members if mask[k]]
            known = off[:, these][np.isfinite(off[:, these])]
            row[f"{word} marks"] = len(these)
            row[word] = round(float(known.mean()), 4) if known.size else None
        expected = conversion.expected[list(members)]
        some = expected[np.isfinite(expected)]
        row["expected (rendered faces)"] = round(float(some.mean()), 4) if some.size else None
        rows.append(row)
    return rows


def fitted(
    scheme: Scheme, training: Sequence[Face], test: Sequence[TrainingFace], seed: int
) -> Any:
    """Points of a model of some faces in pictures of others, from the box of the marked points."""
    config = TrainingConfig(seed=seed)
    ready, _ = load_faces(scheme, training, config.scales[-1], seed=seed)
    fitter = Fitter(train_faces(scheme, ready, config), backend="cpu")
    found = []
    for face in test:
        low, high = np.nanmin(face.points, axis=0), np.nanmax(face.points, axis=0)
        found.append(fitter.fit(face.picture, np.array([*low, *(high - low)])).points)
    return np.array(found)


def across(
    report: Report, learn: Project, test: Project, conversion: Conversion, args: Any
) -> None:
    """Fit a model of one set to pictures of the other, and compare what becomes of its points."""
    chosen = split_subjects(learn.faces(), args.faces, args.seed).training
    faces = split_subjects(test.faces(), args.test, args.seed, per_subject=1).training
    shown = pictures(test.scheme, faces)
    made = conversion.weights @ fitted(learn.scheme, chosen, shown, args.seed)
    truth = np.array([np.where(f.measured[:, None], f.points, np.nan) for f in shown])
    off = distances(made, truth, test.scheme)
    good = np.nanmean(off[:, conversion.same_mark], axis=1) < 0.1
    title = f"{len(chosen)} {learn.scheme.name} faces trained, {good.sum()} of {len(off)} fits good"
    report.table(f"{title}: {conversion.source} to {conversion.target}",
                 by_part(off[good], conversion, test.scheme))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--people", type=int, nargs="+", default=[3, 5, 8])
    parser.add_argument("--fits", action="store_true", help="also by models that stand in")
    parser.add_argument("--faces", type=int, default=250, help="to train a model on")
    parser.add_argument("--test", type=int, default=80, help="to fit it to")
    args = parser.parse_args()
    report = Report(args.json)
    title = "muct76 to face70, against clmtools' annotations of other people"
    report.table(title, learned(args.people, args.seed))
    wild = [data_dir() / name for name in ("helen_train", "afw")]
    with muct(None) as face70:
        off = there_and_back(face70.faces())
        title = f"face70 to ibug68 and back, {len(off)} faces of MUCT"
        report.table(title, by_part(off, BACK, FACE70))
        if args.fits:
            with imported("ibug", wild, "ibug68", None) as ibug68:
                across(report, ibug68, face70, BACK, args)
                across(report, face70, ibug68, THERE, args)


if __name__ == "__main__":
    main()
