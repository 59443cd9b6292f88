"""What each default of a training is worth on MUCT: experts, channels, scales, and the shape.

    python tests/benchmarks/experts.py --faces 100
    python tests/benchmarks/experts.py --shape --faces 25 50 100

People, starts and errors as in muct.py. The rows of a table are trained on the same faces, of the
first 100 people, and measured on everybody else, as in curve.py. To choose a default, pass
``--choose``: it then measures on those of the 100 who were not trained on.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import Report, add_common, error_row, muct, pictures, split_subjects
from muct import PER_SUBJECT, train_on

from faceloop_runtime.fit.fitter import Fitter
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.perturbation import Jitter, jittered_pose
from faceloop_trainer.evaluation.measure import measure
from faceloop_trainer.evaluation.protocol import EvaluationProtocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Face, Project
    from faceloop_runtime.model import FaceModel
    from faceloop_trainer.data.faces import TrainingFace

DEVELOPMENT = 400
_TIMED = 60
"""Faces that fits are timed on."""
_EXPERTS: tuple[dict[str, Any], ...] = (
    {},
    {"channels": ("raw",)},
    {"channels": ("gradient",)},
    {"channels": ("lbp",)},
    {"channels": ("raw", "gradient")},
    {"channels": ("raw", "lbp")},
    {"channels": ("raw", "gradient", "lbp")},
    *(
        {"experts": kind, "channels": channels}
        for kind in ("mosse", "svm", "logistic")
        for channels in (("raw", "gradient"), ("gradient", "lbp"))
    ),
    {"scales": (16.0, 24.0, 36.0)},
    {"scales": (24.0, 48.0, 72.0)},
)
_SHAPE: tuple[dict[str, Any], ...] = (
    {},
    {"prior": "none"},
    {"components": 30},
    {"components": 80},
    {"modes": "varimax"},
)


def table(
    project: Project,
    training: Sequence[Face],
    held_out: Sequence[Face],
    changes: Sequence[dict[str, Any]],
    seed: int,
) -> list[dict[str, Any]]:
    """Train with each change of the defaults; a row each."""
    test = pictures(project.scheme, held_out)
    rows, models = [], []
    for change in changes:
        config = TrainingConfig(**change, seed=seed)
        model, cost = train_on(project.scheme, training, config)
        models.append(model)
        rows.append(
            {
                "experts": config.experts,
                "channels": " + ".join(config.channels),
                "scales": " ".join(f"{s:g}" for s in config.scales),
                "prior": config.prior,
                "components": len(model.pdm.variances),
                "modes": config.modes,
                **error_row(measure(model, test, len(test), EvaluationProtocol(seed=seed)).errors),
                **cost,
            }
        )
    times = fit_ms(models, test)
    return [{**row, "fit ms": round(ms, 1)} for row, ms in zip(rows, times, strict=True)]


def fit_ms(models: Sequence[FaceModel], faces: Sequence[TrainingFace]) -> list[float]:
    """Median processor time of a fit by each model, in milliseconds.

    They take turns, face by face: a core that is shared is slower at one time than at another.
    """
    fitters, rng = [Fitter(model) for model in models], np.random.default_rng(0)
    times = np.empty((min(_TIMED, len(faces)), len(fitters)))
    for row, face in zip(times, faces, strict=False):
        iod = models[0].scheme.inter_ocular_distance(face.points)
        pose = jittered_pose(models[0].pdm, face.points, iod, Jitter(), rng)
        for k, fitter in enumerate(fitters):
            start = time.thread_time()
            fitter.fit_pose(face.picture, pose)
            row[k] = time.thread_time() - start
    return [1000 * float(ms) for ms in np.median(times, axis=0)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--project", type=Path, help="keep the imported faces here for next time")
    parser.add_argument("--faces", type=int, nargs="+", default=[100])
    parser.add_argument("--shape", action="store_true", help="prior, components, modes")
    parser.add_argument("--choose", action="store_true", help="only among people to choose by")
    args = parser.parse_args()
    report = Report(args.json)
    changes = _SHAPE if args.shape else _EXPERTS
    with muct(args.project) as project:
        known = split_subjects(project.faces(), DEVELOPMENT, args.seed, PER_SUBJECT)
        for count in args.faces:
            split = split_subjects(project.faces(), count, args.seed, PER_SUBJECT)
            own = {f.subject for f in split.training}
            others = [f for f in known.training if f.subject not in own]
            test = others if args.choose else known.test
            title = f"{count} training faces, {len(test)} faces of other people"
            report.table(title, table(project, split.training, test, changes, args.seed))


if __name__ == "__main__":
    main()
