"""Accuracy, cost and self-knowledge on MUCT, subjects disjoint.

    python tests/benchmarks/muct.py --dlib --detector --predictor
    python tests/benchmarks/muct.py --faces 75 150 300 552
    python tests/benchmarks/muct.py --experts --faces 100
    python tests/benchmarks/muct.py --starter

Training: people in a seeded order, of each the first four faces (two sessions, cameras a and b),
until there are enough. Test: all faces of all other people. Start: the mean shape placed on the
true points by Procrustes, then rotated N(0, 6 degrees), scaled exp(N(0, 0.07)) and shifted
N(0, 0.08 IOD) along each axis. Error: mean distance over the points that MUCT has (the bridge of
the nose, which the conversion only estimates, is left out) over the distance of the outer eye
corners.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import (
    Clock,
    Report,
    add_common,
    count_subjects,
    error_row,
    groups_of,
    muct,
    pictures,
    roc_auc,
    split_subjects,
)

from faceloop_datasets import Scheme
from faceloop_runtime.fit.fitter import Fitter
from faceloop_runtime.model import FaceModel
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.faces import load_faces, whole_pictures
from faceloop_trainer.data.perturbation import Jitter, jittered_pose
from faceloop_trainer.evaluation.measure import measure
from faceloop_trainer.evaluation.protocol import EvaluationProtocol
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Face, Project
    from faceloop_trainer.data.faces import TrainingFace

PER_SUBJECT = 4
"""Faces of a person that are trained on: two sessions, cameras a and b."""
_POOR = 0.06
_KINDS = (
    ("ridge", ("raw",)),
    ("ridge", ("raw", "gradient")),
    ("ridge", ("gradient", "lbp")),
    ("ridge", ("raw", "gradient", "lbp")),
    ("mosse", ("raw",)),
    ("mosse", ("raw", "gradient")),
    ("svm", ("raw", "gradient")),
    ("logistic", ("raw", "gradient")),
)


def train_on(
    scheme: Scheme, faces: Sequence[Face], config: TrainingConfig
) -> tuple[FaceModel, dict[str, Any]]:
    """Read and train; returns the model and what it cost."""
    with Clock() as reading:
        ready, _ = load_faces(scheme, faces, config.scales[-1], seed=config.seed)
    with Clock() as training:
        model = train_faces(scheme, ready, config)
    cost = {
        "training faces": len(faces),
        "people": count_subjects(faces),
        "read s": round(reading.wall, 1),
    }
    return model, {**cost, **training.row("train")}


def fit_ms(model: FaceModel, faces: Sequence[TrainingFace], count: int = 60) -> float:
    """Median processor time of a fit from a jittered start, in milliseconds."""
    fitter, rng, times = Fitter(model), np.random.default_rng(0), []
    for face in faces[:count]:
        iod = model.scheme.inter_ocular_distance(face.points)
        pose = jittered_pose(model.pdm, face.points, iod, Jitter(), rng)
        start = time.thread_time()
        fitter.fit_pose(face.picture, pose)
        times.append(time.thread_time() - start)
    return 1000 * float(np.median(times))


def main_split(report: Report, project: Project, args: argparse.Namespace, count: int) -> None:
    """Train on ``count`` faces; everything that was asked for is measured on one model."""
    scheme = project.scheme
    split = split_subjects(project.faces(), count, args.seed, PER_SUBJECT)
    model, cost = train_on(scheme, split.training, TrainingConfig(seed=args.seed))
    report.table("training cost", [cost])
    if args.save:
        model.save(args.save)
    test = pictures(scheme, split.test)
    jittered = measure(model, test, len(test), EvaluationProtocol(seed=args.seed))
    rows = [{"what": "ours, jittered start", **error_row(jittered.errors)}]
    report.table("by part of the face", [groups_of(jittered)])
    if args.plot:
        jittered.plot(args.plot)
    if args.detector:
        found = measure(
            model, test, len(test), EvaluationProtocol(start="detector", seed=args.seed)
        )
        rows.append({"what": "ours, from the detector", **error_row(found.errors)})
    if args.dlib:
        from peer_dlib import DlibPredictor

        training = pictures(scheme, split.training)
        with Clock() as clock:
            peer = DlibPredictor(scheme, model.pdm, training, args.seed)
        rows.append(
            {
                "what": "dlib, jittered boxes",
                **error_row(peer.errors(test, args.seed)),
                **clock.row("train"),
            }
        )
    report.table(f"MUCT, {len(split.training)} training faces", rows)
    report.table("speed", [{"fit ms (median)": round(fit_ms(model, test), 1)}])
    if args.predictor:
        report.table("error predictor", [predictor(model, test, args.seed)])


def predictor(model: FaceModel, faces: Sequence[TrainingFace], seed: int) -> dict[str, Any]:
    """Fit from starts jittered 0 to 3 times as far, twice a face; does the model know?"""
    fitter, rng = Fitter(model), np.random.default_rng((seed, 3))
    errors, guesses, scores = [], [], []
    for face in [*faces, *faces]:
        iod = model.scheme.inter_ocular_distance(face.points)
        jitter = Jitter().times(float(rng.uniform(0.0, 3.0)))
        pose = jittered_pose(model.pdm, face.points, iod, jitter, rng)
        fit = fitter.fit_pose(face.picture, pose)
        distance = np.linalg.norm(fit.points - face.points, axis=1)[face.measured]
        errors.append(np.nanmean(distance) / iod)
        guesses.append(fit.predicted_error)
        scores.append(fit.score)
    error, guess = np.array(errors), np.array(guesses)
    ranks = [np.argsort(np.argsort(v)) for v in (error, guess)]
    return {
        "fits": len(error),
        f"NME > {_POOR}": int((error > _POOR).sum()),
        "AUC": round(roc_auc(error > _POOR, guess), 4),
        "rank correlation": round(float(np.corrcoef(*ranks)[0, 1]), 4),
        "AUC of the validator alone": round(roc_auc(error > _POOR, -np.array(scores)), 4),
        "median predicted / true": round(float(np.median(guess) / np.median(error)), 3),
    }


def cost_table(report: Report, project: Project, counts: Sequence[int], seed: int) -> None:
    """Cost against the number of faces; errors on people that none was trained on."""
    faces = project.faces()
    largest = [c for c in counts if split_subjects(faces, c, seed, PER_SUBJECT).test]
    test = split_subjects(faces, max(largest), seed, PER_SUBJECT).test
    rows = []
    for count in counts:
        split = split_subjects(faces, count, seed, PER_SUBJECT)
        model, cost = train_on(project.scheme, split.training, TrainingConfig(seed=seed))
        cost["cpu ms per face"] = round(1000 * cost["train cpu s"] / len(split.training))
        if count in largest:
            # One picture after the other, so that the peak stays that of the training.
            found = measure(
                model,
                whole_pictures(project.scheme, test),
                len(test),
                EvaluationProtocol(seed=seed),
            )
            cost["mean NME"] = error_row(found.errors)["mean"]
        rows.append(cost)
        report.table(f"cost against faces (test: {len(test)} faces of other people)", rows)


def experts_table(report: Report, project: Project, count: int, seed: int) -> None:
    """Compare kinds of patch experts and channels on the same faces."""
    split = split_subjects(project.faces(), count, seed, PER_SUBJECT)
    test = pictures(project.scheme, split.test)
    rows = []
    for kind, channels in _KINDS:
        config = TrainingConfig(experts=kind, channels=channels, seed=seed)
        model, cost = train_on(project.scheme, split.training, config)
        errors = measure(model, test, len(test), EvaluationProtocol(seed=seed)).errors
        rows.append(
            {
                "experts": kind,
                "channels": " + ".join(channels),
                **error_row(errors),
                "fit ms": round(fit_ms(model, test), 1),
                **cost,
            }
        )
        report.table(f"experts, {count} training faces", rows)


def starter(report: Report, project: Project, seed: int) -> None:
    """Measure the bundled model, which has seen no MUCT face, on all of them."""
    model = FaceModel.starter()
    faces = pictures(project.scheme, project.faces())
    jittered = measure(model, faces, len(faces), EvaluationProtocol(seed=seed))
    report.table("starter by part of the face", [groups_of(jittered)])
    rows = [{"what": "starter, jittered start", **error_row(jittered.errors)}]
    report.table("starter model on all MUCT faces", rows)
    found = measure(model, faces, len(faces), EvaluationProtocol(start="detector", seed=seed))
    rows.append({"what": "starter, from the detector", **error_row(found.errors)})
    rows[-1]["failure %"] = round(100 * float((found.errors > 0.10).mean()), 2)
    report.table("starter model on all MUCT faces", rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--project", type=Path, help="keep the imported faces here for next time")
    parser.add_argument("--faces", type=int, nargs="+", default=[300], help="several: cost table")
    parser.add_argument("--dlib", action="store_true", help="train dlib on the same faces")
    parser.add_argument("--detector", action="store_true", help="also start from the detector")
    parser.add_argument("--predictor", action="store_true", help="does the model know its error?")
    parser.add_argument("--experts", action="store_true", help="compare kinds of experts")
    parser.add_argument("--starter", action="store_true", help="measure the bundled model")
    parser.add_argument("--save", type=Path, help="keep the trained model")
    parser.add_argument("--plot", type=Path, help="cumulative error distribution (PNG)")
    args = parser.parse_args()
    report = Report(args.json)
    with muct(args.project) as project:
        if args.starter:
            starter(report, project, args.seed)
        elif args.experts:
            experts_table(report, project, args.faces[0], args.seed)
        elif len(args.faces) > 1:
            cost_table(report, project, args.faces, args.seed)
        else:
            main_split(report, project, args, args.faces[0])


if __name__ == "__main__":
    main()
