"""What a cold training costs beside dlib's shape predictor, and by number of faces, on one core.

    python tests/benchmarks/cold.py                        # 400 faces of MUCT: ours, dlib, ours
    python tests/benchmarks/cold.py --faces 300 --repeat 5
    python tests/benchmarks/cold.py --table 100 400 1000 5000

One thread each, in one process, processor time without reading the pictures; ours is trained before
and after dlib, since machines are faster at one time than at another. dlib's settings are those of
`peer_dlib`. --table trains on ever more faces: MUCT's, repeated with all points moved a little.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from common import Report, add_common, muct, one_core, pictures, split_subjects
from peer_dlib import DlibPredictor
from retrain import Stages, repeated, row

from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Face, Scheme
    from faceloop_runtime import FaceModel
    from faceloop_trainer.data.faces import TrainingFace

_PER_SUBJECT = 4


def read(scheme: Scheme, faces: Sequence[Face], seed: int) -> tuple[list[TrainingFace], float]:
    """Read faces; returns what it cost, too."""
    start = time.process_time()
    ready, _ = load_faces(scheme, faces, TrainingConfig().scales[-1], seed=seed)
    return ready, time.process_time() - start


def cold(scheme: Scheme, faces: Sequence[TrainingFace], seed: int) -> tuple[FaceModel, dict]:
    """Train without a cache; returns a row of times, by stage."""
    stages, start = Stages(), (time.perf_counter(), time.process_time())
    model = train_faces(scheme, faces, TrainingConfig(seed=seed), progress=stages)
    return model, row(start, stages)


def beside_dlib(report: Report, scheme: Scheme, faces: Sequence[Face], args: Any) -> None:
    ready, reading = read(scheme, faces, args.seed)
    whole = pictures(scheme, faces)
    model, first = cold(scheme, ready, args.seed)
    rows, ours = [{"who": "ours", **first}], [first["cpu s"]]
    title = f"cold training of {len(ready)} faces, one thread"
    report.table(title, rows)
    for _ in range(args.repeat):
        start = time.process_time()
        DlibPredictor(scheme, model.pdm, whole, args.seed, threads=1)
        dlib = time.process_time() - start
        rows.append({"who": "dlib", "cpu s": round(dlib, 2)})
        report.table(title, rows)
        _, times = cold(scheme, ready, args.seed)
        rows.append({"who": "ours", **times})
        ours.append(times["cpu s"])
        between = (ours[-2] + ours[-1]) / 2
        rows[-2] |= {"ratio": round(dlib / between, 2)}
        rows[-2] |= {"with our reading": round(dlib / (between + reading), 2)}
        report.table(f"cold training of {len(ready)} faces, one thread", rows)
    report.table(
        "median ratio", [{"dlib / ours": float(np.median([r["ratio"] for r in rows[1::2]]))}]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--faces", type=int, default=400)
    parser.add_argument("--repeat", type=int, default=1, help="trainings of dlib")
    parser.add_argument("--table", type=int, nargs="+", help="numbers of faces instead")
    args = parser.parse_args()
    one_core()
    os.cpu_count = lambda: 1  # as many threads as that are started
    report, rows = Report(args.json), []
    with muct(None) as project:
        scheme, every = project.scheme, project.faces()
        if not args.table:
            chosen = split_subjects(every, args.faces, args.seed, _PER_SUBJECT).training
            beside_dlib(report, scheme, chosen, args)
        for count in args.table or []:
            few = split_subjects(every, count, args.seed, _PER_SUBJECT).training
            ready, reading = read(scheme, repeated(scheme, few, count, args.seed), args.seed)
            _, times = cold(scheme, ready, args.seed)
            each = round(1000 * times["cpu s"] / count, 1)
            rows.append(
                {"faces": count, "ms a face": each, "reading s": round(reading, 1), **times}
            )
            report.table("cold training by number of faces, one thread", rows)
            del ready


if __name__ == "__main__":
    main()
