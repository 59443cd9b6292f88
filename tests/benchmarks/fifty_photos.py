"""What fifty photos come to, corrected in the order that the first tutorial says.

    python tests/benchmarks/fifty_photos.py
    python tests/benchmarks/fifty_photos.py --seed 1

Fifty photos of fifty people of MUCT come one after the other. Each is corrected by an oracle as in
drags.py (assisted drags, from the fit of the model in use, until the mean distance of all points is
below .015, and below .02): the first 15 from the starter's fits, then a model is trained on these;
the next 15 from its fits, then a model is trained on 30; the last 20, and a model of 50. Each model
is measured on one photo of each of up to 100 others, found by the detector. The bridge of the nose,
which MUCT does not mark, does not count.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
from common import Clock, Report, add_common, by_name, muct
from drags import Trial, first_fit, methods

from faceloop_datasets import FaceloopError
from faceloop_runtime import Detector, FaceModel, Fitter
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.faces import load_faces, whole_pictures
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Face, Scheme

STAGES = (15, 30, 50)
OTHERS = 100


def one_each(faces: Sequence[Face], seed: int) -> list[Face]:
    """One photo of each person, the first of camera a, people in a seeded order."""
    people = defaultdict(list)
    for face in sorted(faces, key=by_name):
        people[face.subject].append(face)
    order = sorted(people)
    np.random.default_rng(seed).shuffle(order)
    return [people[subject][0] for subject in order]


def trained(scheme: Scheme, faces: Sequence[Face], seed: int) -> FaceModel:
    """Train on all of these faces."""
    config = TrainingConfig(seed=seed)
    ready, _ = load_faces(scheme, faces, config.scales[-1], seed=seed)
    return train_faces(scheme, ready, config)


def fits(model: FaceModel, faces: Sequence[Face]) -> tuple[list[Trial], int]:
    """Return the first fit of every face that is found, and how many are not."""
    fitter, detector, made, missed = Fitter(model, "cpu"), Detector(), [], 0
    for face in whole_pictures(model.scheme, faces):
        try:
            points = first_fit(fitter, detector, face)
        except FaceloopError:
            missed += 1
            continue
        iod = model.scheme.inter_ocular_distance(face.points)
        made.append(Trial(points, face, face.measured & False, iod))
    return made, missed


def error(trial: Trial) -> float:
    """NME of a first fit."""
    off = np.linalg.norm(trial.points - trial.face.points, axis=1)[trial.face.measured]
    return float(off.mean()) / trial.iod


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    args = parser.parse_args()
    report, rows = Report(args.json), []
    with muct(None) as project:
        faces = one_each(project.faces(), args.seed)
        own, others = faces[: STAGES[-1]], faces[STAGES[-1] :][:OTHERS]
        model, training = FaceModel.starter(), []
        for done, until in zip((0, *STAGES), (*STAGES, STAGES[-1]), strict=True):
            seen, missed = fits(model, own[done:until])
            away, _ = fits(model, others)
            move = methods(model, training)["assisted, errors learned" if training else "assisted"]
            strict, loose = ([trial.drags(move, good) for trial in seen] for good in (0.015, 0.02))
            rows.append(
                {
                    "model": f"of {done} faces" if done else "starter",
                    "photos corrected": f"{done + 1} to {until}" if seen else "",
                    "median drags to .015": int(np.median(strict)) if seen else "",
                    "in all": sum(strict),
                    "median to .02": int(np.median(loose)) if seen else "",
                    "in all to .02": sum(loose),
                    "not found": missed,
                    "NME on others": round(float(np.mean([error(one) for one in away])), 4),
                }
            )
            if until > done:
                training = own[:until]
                with Clock() as clock:
                    model = trained(project.scheme, training, args.seed)
                rows[-1] |= {"then trained, cpu s": round(clock.cpu, 1)}
    report.table(f"MUCT, {len(own)} photos, measured on {len(others)} others", rows)


if __name__ == "__main__":
    main()
