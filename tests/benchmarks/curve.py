"""Learning curve on MUCT: ours and dlib trained on the same 25, 50, 100, 200 and 400 faces.

    python tests/benchmarks/curve.py --json curve.json
    python tests/benchmarks/curve.py --faces 25 50 --seeds 0
    python tests/benchmarks/curve.py --faces 400 --seeds 2 --no-dlib

People, starts and errors as in muct.py. The people of a smaller number are among those of a larger
one of the same seed, and the test is the same for all numbers: all faces of the people that are not
among the 400, also where 400 itself is not asked for. Few faces come first, and each result is
printed and saved as it comes; dlib takes minutes where there are many.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import (
    Clock,
    Report,
    add_common,
    against,
    count_subjects,
    error_row,
    muct,
    pictures,
    split_subjects,
)
from muct import PER_SUBJECT, train_on

from faceloop_trainer import TrainingConfig
from faceloop_trainer.evaluation.measure import measure
from faceloop_trainer.evaluation.protocol import EvaluationProtocol

if TYPE_CHECKING:
    from faceloop_datasets import Project
    from faceloop_trainer.data.faces import TrainingFace

_COUNTS = (25, 50, 100, 200, 400)
_SHOWN = ("mean", "median", "AUC@.08", "failures")


def one_step(
    project: Project, test: list[TrainingFace], count: int, seed: int, with_dlib: bool
) -> dict[str, Any]:
    """Train on so many faces and measure; both, if dlib is wanted."""
    training = split_subjects(project.faces(), count, seed, PER_SUBJECT).training
    model, cost = train_on(project.scheme, training, TrainingConfig(seed=seed))
    ours = measure(model, test, len(test), EvaluationProtocol(seed=seed)).errors
    row: dict[str, Any] = {
        "faces": len(training),
        "people": count_subjects(training),
        "seed": seed,
        **_shown("ours", ours),
        "ours train s": cost["train s"],
        "ours train cpu s": cost["train cpu s"],
    }
    if not with_dlib:
        return row
    from peer_dlib import DlibPredictor

    whole = pictures(project.scheme, training)
    with Clock() as clock:
        peer = DlibPredictor(project.scheme, model.pdm, whole, seed)
    theirs = peer.errors(test, seed)
    return {
        **row,
        **_shown("dlib", theirs),
        "dlib train s": round(clock.wall, 1),
        "dlib train cpu s": round(clock.cpu, 1),
        **against(ours, theirs, test, seed),
        "times as fast": round(clock.cpu / cost["train cpu s"], 1),
    }


def _shown(who: str, errors: np.ndarray) -> dict[str, Any]:
    row = error_row(errors)
    return {f"{who} {key}": row[key] for key in _SHOWN}


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means over the seeds, for each number of faces."""
    by_count: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_count[row["faces"]].append(row)
    made = []
    for count, own in by_count.items():
        kept = [k for k, v in own[0].items() if isinstance(v, float | int)]
        means = {k: float(f"{np.mean([row[k] for row in own]):.4g}") for k in kept}
        made.append({**means, "faces": count, "seed": ", ".join(str(row["seed"]) for row in own)})
    return made


def main() -> None:
    """Go from few faces to many."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faces", type=int, nargs="+", default=_COUNTS, help="to train on")
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1, 2))
    parser.add_argument("--no-dlib", action="store_true", help="ours alone")
    parser.add_argument("--project", type=Path, help="keep the imported faces here for next time")
    add_common(parser, seed=False)
    args = parser.parse_args()
    report, rows = Report(args.json), []
    with muct(args.project) as project:
        for count in sorted(args.faces):
            for seed in args.seeds:
                most = max(*_COUNTS, *args.faces)
                held_out = split_subjects(project.faces(), most, seed, PER_SUBJECT).test
                test = pictures(project.scheme, held_out)
                rows.append(one_step(project, test, count, seed, not args.no_dlib))
                people = count_subjects(held_out)
                title = f"learning curve, MUCT (test: {len(test)} faces of {people} other people)"
                report.table(f"{title}, seed {seed}", [r for r in rows if r["seed"] == seed])
    report.table("learning curve, mean over the seeds", summary(rows))


if __name__ == "__main__":
    main()
