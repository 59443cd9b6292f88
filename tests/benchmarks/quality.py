"""Does a model know how good its fits are? Error, bound, visibility, queue; people unknown to it.

    python tests/benchmarks/quality.py
    python tests/benchmarks/quality.py --data wild
    python tests/benchmarks/quality.py --data sample

Training: 300 faces, as in muct.py (``muct``) and wild.py (``wild``: helen_train + afw), or 75
people of the bundled sample. Test: all faces of other people, each fitted from two starts jittered
0 to 3 times as far as in muct.py, and once from a start jittered up to 1.5 times with something
held before the face. What covers the test faces is cut from photographs of them and from half of
the bundled pictures without a face in other ways than in the training. A fit is bad if its NME is
more than .06.
"""

from __future__ import annotations

import argparse
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from common import Clock, Report, add_common, data_dir, imported, muct, roc_auc, split_subjects

from faceloop_datasets import Project
from faceloop_runtime.fit.fitter import Fitter
from faceloop_runtime.model import FaceModel
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.data.perturbation import Jitter, jittered_pose
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faceloop_trainer.data.faces import TrainingFace

_POOR = 0.06
_PER_SUBJECT = 4
_DEFAULT = 0.06
"""Predicted error above which the workbench calls a fit poor."""


@dataclass(frozen=True, eq=False)
class Trials:
    """Fits: arrays (M,), and (M, N) for each point."""

    reach: np.ndarray
    error: np.ndarray
    predicted: np.ndarray
    bound: np.ndarray
    score: np.ndarray
    visibility: np.ndarray
    hidden: np.ndarray
    known: np.ndarray


def trials(
    model: FaceModel, faces: Sequence[TrainingFace], seed: int, most: float, *, cover: bool
) -> Trials:
    """Fit each face once from a start jittered up to ``most`` times as far as usual."""
    fitter, rng, rows = Fitter(model, "cpu"), np.random.default_rng((seed, 3)), []
    for number, one in enumerate(faces):
        face, hidden = one, one.measured & ~one.trains_patches
        iod = model.scheme.inter_ocular_distance(face.points)
        reach = float(rng.uniform(0.0, most))
        pose = jittered_pose(model.pdm, face.points, iod, Jitter().times(reach), rng)
        if cover:
            other = faces[(number + len(faces) // 2) % len(faces)]
            face, under = before(face, other, iod, rng)
            hidden = hidden | under
        fit = fitter.fit_pose(face.picture, pose)
        distance = np.linalg.norm(fit.points - face.points, axis=1)[face.measured]
        error = float(np.nanmean(distance)) / iod
        known = face.measured & ~np.isnan(face.points[:, 0])
        judged = (fit.predicted_error, fit.error_bound, fit.score, fit.visibility)
        rows.append((reach, error, *judged, hidden, known))
    return Trials(*(np.array(column) for column in zip(*rows, strict=True)))


def before(
    face: TrainingFace, other: TrainingFace, iod: float, rng: np.random.Generator
) -> tuple[TrainingFace, np.ndarray]:
    """Hold a part of another photograph before a face: a triangle, or a bar across it."""
    height, width = face.picture.shape
    centre = face.points[rng.choice(np.nonzero(face.measured)[0])]
    if rng.random() < 0.5:
        angles = rng.uniform(0, 2 * np.pi) + np.array([0.0, 2.1, 4.2])
        corners = centre + iod * rng.uniform(0.5, 1.0) * np.stack(
            [np.cos(angles), np.sin(angles)], axis=1
        )
    else:
        angle, half = rng.uniform(0, np.pi), iod * rng.uniform(0.15, 0.35)
        along = 2 * iod * np.array([np.cos(angle), np.sin(angle)])
        across = half * np.array([-np.sin(angle), np.cos(angle)])
        corners = centre + np.array([along + across, along - across, -along - across])
        corners = np.vstack([corners, centre - along + across])
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 1)
    texture = cv2.resize(np.rot90(other.picture), (width, height))
    picture = np.where(mask > 0, np.roll(texture, int(rng.integers(width)), axis=1), face.picture)
    x, y = np.rint(np.nan_to_num(face.points, nan=-1.0)).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    hidden = np.zeros(len(x), bool)
    hidden[inside] = mask[y[inside], x[inside]] > 0
    return replace(face, picture=picture.astype(np.uint8)), hidden


def joined(parts: Sequence[Trials]) -> Trials:
    """Put trials together."""
    return Trials(
        *(np.concatenate(v) for v in zip(*(vars(p).values() for p in parts), strict=True))
    )


def ranks(t: Trials) -> dict[str, Any]:
    """How well predicted errors tell fits apart, and how the queue would sort them."""
    bad = t.error > _POOR
    places = [np.argsort(np.argsort(v)) for v in (t.error, t.predicted)]
    worst = np.argsort(-t.predicted)[: round(0.2 * len(bad))]
    return {
        "fits": len(bad),
        "bad": int(bad.sum()),
        "AUC": round(roc_auc(bad, t.predicted), 4) if bad.any() else "",
        "AUC of the score": round(roc_auc(bad, -t.score), 4) if bad.any() else "",
        "rank correlation": round(float(np.corrcoef(*places)[0, 1]), 3),
        "bad in worst 20 %": f"{100 * bad[worst].sum() / max(bad.sum(), 1):.1f} %",
        "median predicted / true": round(float(np.median(t.predicted) / np.median(t.error)), 3),
    }


def threshold_row(t: Trials, threshold: float) -> dict[str, Any]:
    """Mistakes at a threshold of the predicted error."""
    bad, refused = t.error > _POOR, t.predicted > threshold
    return {
        "threshold": threshold,
        "bad accepted %": round(100 * float((~refused)[bad].mean()), 2) if bad.any() else "",
        "good refused %": round(100 * float(refused[~bad].mean()), 2),
    }


def coverage(t: Trials) -> dict[str, Any]:
    """Share of the errors below the bound."""
    return {
        "fits": len(t.error),
        "below the bound %": round(100 * float((t.error <= t.bound).mean()), 1),
        "below the prediction %": round(100 * float((t.error <= t.predicted).mean()), 1),
        "bound / prediction": round(float(np.median(t.bound / t.predicted)), 2),
    }


def sight_row(t: Trials, only: np.ndarray) -> dict[str, Any]:
    """How well the visibility tells hidden points."""
    told = t.known & only
    hidden, seen = t.hidden[told], t.visibility[told]
    return {
        "points": int(told.sum()),
        "hidden": int(hidden.sum()),
        "AUC": round(roc_auc(hidden, -seen), 4) if 0 < hidden.sum() < len(hidden) else "",
        "hidden ones below .5 %": round(100 * float((seen[hidden] < 0.5).mean()), 1),
        "seen ones below .5 %": round(100 * float((seen[~hidden] < 0.5).mean()), 2),
    }


@contextmanager
def project_of(args: argparse.Namespace) -> Iterator[Project]:
    """Open the faces that were asked for."""
    if args.data == "muct":
        with muct(args.project) as project:
            yield project
    elif args.data == "wild":
        folders = [data_dir() / "helen_train", data_dir() / "afw"]
        with imported("ibug", folders, "ibug68", args.project) as project:
            yield project
    else:
        with (
            TemporaryDirectory() as folder,
            Project.create(Path(folder) / "sample", sample=True) as project,
        ):
            yield project


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--data", choices=["muct", "wild", "sample"], default="muct")
    parser.add_argument("--project", type=Path, help="keep the imported faces here for next time")
    parser.add_argument("--faces", type=int, default=300)
    parser.add_argument("--model", type=Path, help="trained by this benchmark with --save")
    parser.add_argument("--save", type=Path, help="keep the trained model")
    args = parser.parse_args()
    report = Report(args.json)
    with project_of(args) as project:
        scheme, config = project.scheme, TrainingConfig(seed=args.seed)
        per_subject = _PER_SUBJECT if args.data == "muct" else None
        split = split_subjects(project.faces(), args.faces, args.seed, per_subject)
        test, _ = load_faces(scheme, split.test, config.scales[-1], seed=args.seed)
        test = [face for face in test if face.picture is not None]
        if args.model:
            model = FaceModel.load(args.model)
        else:
            ready, _ = load_faces(scheme, split.training, config.scales[-1], seed=args.seed)
            with Clock() as clock:
                model = train_faces(scheme, ready, config)
            report.table("training cost", [clock.row("train")])
    if args.save:
        model.save(args.save)
    plain = joined([trials(model, test, args.seed + k, 3.0, cover=False) for k in range(2)])
    hidden = trials(model, test, args.seed + 2, 1.5, cover=True)
    report.table(f"{args.data}: predicted error", [ranks(plain)])
    levels = (0.03, 0.04, 0.05, _DEFAULT, 0.07, 0.08)
    report.table("accepted and refused", [threshold_row(plain, level) for level in levels])
    sets = {"all": np.ones(len(plain.error), bool)}
    sets |= {f"start up to {k + 1}": np.floor(plain.reach) == k for k in range(3)}
    edges = np.quantile(plain.predicted, np.linspace(0, 1, 6))
    sets |= {
        f"predicted {low:.3f} to {high:.3f}": (plain.predicted >= low) & (plain.predicted <= high)
        for low, high in pairwise(edges)
    }
    rows = [{"which": k, **coverage(picked(plain, use))} for k, use in sets.items()]
    report.table("bound", [*rows, {"which": "covered", **coverage(hidden)}])
    close = (hidden.error < 0.15)[:, None]
    rows = [{"which": "covered faces", **sight_row(hidden, close)}]
    near = (plain.error < 0.15)[:, None]
    if (plain.hidden & plain.known & near).any():
        rows.append({"which": "hidden by the annotation", **sight_row(plain, near)})
    report.table("visibility", rows)


def picked(t: Trials, use: np.ndarray) -> Trials:
    """Some of the trials."""
    return Trials(*(value[use] for value in vars(t).values()))


if __name__ == "__main__":
    main()
