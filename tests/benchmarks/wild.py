"""Faces in the wild, another scheme: helen_train + afw in ibug68, ours against dlib.

    python tests/benchmarks/wild.py --dlib --detector
    python tests/benchmarks/wild.py --dlib --detector --faces 25 50 100 200 300 --seeds 0 1 2

Photographs in a seeded order, all faces of one photograph on the same side, until there are as many
faces as asked for; the test is the same for all numbers: what is not among the largest (of 572
faces 300 are about half). Starts and errors as in muct.py, dlib's boxes those of the same starts;
from the detector each set by itself, the annotated one of several faces. The ratio of the two mean
errors is given with a 95 % confidence interval over photographs; the aim is 0.75 or less.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from common import (
    Clock,
    Report,
    add_common,
    against,
    count_subjects,
    data_dir,
    error_row,
    groups_of,
    imported,
    pictures,
    split_subjects,
)

from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.evaluation.measure import measure
from faceloop_trainer.evaluation.protocol import EvaluationProtocol
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Face, Project

_SETS = ("helen_train", "afw")
_AIM = 0.75


@dataclass(frozen=True)
class Trial:
    """What is trained on, what is tested, and what is measured beside fits from jittered starts."""

    count: int
    seed: int
    test: Sequence[Face]
    dlib: bool
    detector: bool


def one_step(report: Report, project: Project, trial: Trial) -> dict[str, Any]:
    """Train on so many faces; show what was asked for; return the means."""
    seed = trial.seed
    scheme, config = project.scheme, TrainingConfig(seed=seed)
    chosen = split_subjects(project.faces(), trial.count, seed).training
    ready, _ = load_faces(scheme, chosen, config.scales[-1], seed=seed)
    with Clock() as clock:
        model = train_faces(scheme, ready, config)
    shown = pictures(scheme, trial.test)
    ours = measure(model, shown, len(shown), EvaluationProtocol(seed=seed))
    rows = [{"what": "ours", **error_row(ours.errors), **clock.row("train")}]
    made: dict[str, Any] = {"faces": len(chosen), "seed": seed, "ours": rows[0]["mean"]}
    if trial.detector:
        protocol = EvaluationProtocol(start="detector", seed=seed)
        found = measure(model, shown, len(shown), protocol)
        folder = {face.item_id: face.media.parent.name for face in trial.test if face.media}
        of = np.array([folder[item] for item in found.items])
        for name in _SETS:
            rows.append(
                {"what": f"from the detector, {name}", **error_row(found.errors[of == name])}
            )
            made[name] = rows[-1]["mean"]
            made[f"{name} failing"] = round(float((found.errors[of == name] > 0.1).mean()), 4)
    if trial.dlib:
        from peer_dlib import DlibPredictor

        with Clock() as clock:
            peer = DlibPredictor(scheme, model.pdm, pictures(scheme, chosen), seed)
        theirs = peer.errors(shown, seed)
        rows.append({"what": "dlib", **error_row(theirs), **clock.row("train")})
        ratio = against(ours.errors, theirs, shown, seed)
        report.table("mean error, ours over dlib's", [{**ratio, "aim": _AIM}])
        made |= {"dlib": rows[-1]["mean"], "ratio": ratio["ours / dlib"]}
    photographs = count_subjects(chosen)
    title = f"helen_train + afw, {len(chosen)} training faces of {photographs} photographs"
    report.table(f"{title}, seed {seed}: by part of the face", [groups_of(ours)])
    report.table(f"{title}, seed {seed}", rows)
    return made


def medians(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Medians over the seeds, for each number of faces."""
    counts = sorted({row["faces"] for row in rows})
    made = []
    for count in counts:
        own = [row for row in rows if row["faces"] == count]
        values = {k: float(np.median([row[k] for row in own])) for k in own[0] if k != "seed"}
        made.append({**values, "faces": count, "seeds": len(own)})
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser, seed=False)
    parser.add_argument("--faces", type=int, nargs="+", default=[300], help="to train on")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--dlib", action="store_true", help="train dlib on the same faces")
    parser.add_argument("--detector", action="store_true", help="also start from the detector")
    args = parser.parse_args()
    report, rows = Report(args.json), []
    with imported("ibug", [data_dir() / name for name in _SETS], "ibug68", None) as project:
        for count in sorted(args.faces):
            for seed in args.seeds:
                test = split_subjects(project.faces(), max(args.faces), seed).test
                trial = Trial(count, seed, test, args.dlib, args.detector)
                rows.append(one_step(report, project, trial))
    if len(rows) > 1:
        report.table("medians over the seeds", medians(rows))


if __name__ == "__main__":
    main()
