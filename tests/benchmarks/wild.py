"""Faces in the wild, another scheme: helen_train + afw in ibug68, ours against dlib.

    python tests/benchmarks/wild.py --dlib

Photographs in a seeded order, all faces of one photograph on the same side, until there are 300
faces; the rest is the test. Starts and errors as in muct.py. The ratio of the two mean errors is
given with a 95 % confidence interval over photographs; the aim is 0.85 or less.
"""

from __future__ import annotations

import argparse

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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--faces", type=int, default=300)
    parser.add_argument("--dlib", action="store_true", help="train dlib on the same faces")
    parser.add_argument("--detector", action="store_true", help="also start from the detector")
    args = parser.parse_args()
    report = Report(args.json)
    folders = [data_dir() / "helen_train", data_dir() / "afw"]
    with imported("ibug", folders, "ibug68", None) as project:
        scheme = project.scheme
        split = split_subjects(project.faces(), args.faces, args.seed)
        config = TrainingConfig(seed=args.seed)
        ready, _ = load_faces(scheme, split.training, config.scales[-1], seed=args.seed)
        with Clock() as clock:
            model = train_faces(scheme, ready, config)
        training, test = pictures(scheme, split.training), pictures(scheme, split.test)
    ours = measure(model, test, len(test), EvaluationProtocol(seed=args.seed))
    report.table("by part of the face", [groups_of(ours)])
    rows = [{"what": "ours", **error_row(ours.errors), **clock.row("train")}]
    title = f"helen_train + afw, {len(training)} training faces"
    title += f" of {count_subjects(split.training)} photographs"
    report.table(title, rows)
    if args.detector:
        found = measure(
            model, test, len(test), EvaluationProtocol(start="detector", seed=args.seed)
        )
        rows.append({"what": "ours, from the detector", **error_row(found.errors)})
    if args.dlib:
        from peer_dlib import DlibPredictor

        with Clock() as clock:
            peer = DlibPredictor(scheme, model.pdm, training, args.seed)
        theirs = peer.errors(test, args.seed)
        rows.append({"what": "dlib", **error_row(theirs), **clock.row("train")})
        ratio = against(ours.errors, theirs, test, args.seed)
        report.table("mean error, ours over dlib's", [{**ratio, "aim": 0.85}])
    report.table(title, rows)


if __name__ == "__main__":
    main()
