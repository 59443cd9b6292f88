"""What each default of a training is worth on MUCT: experts, channels, scales, and the shape.

    python tests/benchmarks/experts.py --faces 100
    python tests/benchmarks/experts.py --shape --faces 25 50 100

People, starts and errors as in muct.py. The rows of a table are trained on the same faces and
measured on the same other people. To choose a default, pass ``--choose``: it then trains and
measures among the first 100 people only, whom no figure in the documentation is measured on.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common import Report, add_common, error_row, muct, pictures, split_subjects
from muct import PER_SUBJECT, fit_ms, train_on

from faceloop_trainer import TrainingConfig
from faceloop_trainer.evaluate import measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Face, Project

_DEVELOPMENT = 400
_EXPERTS: tuple[dict[str, Any], ...] = (
    {},
    {"channels": ("raw",)},
    {"channels": ("gradient",)},
    {"channels": ("lbp",)},
    {"channels": ("raw", "gradient", "lbp")},
    {"experts": "mosse", "channels": ("raw", "gradient")},
    {"experts": "svm", "channels": ("raw", "gradient")},
    {"experts": "logistic", "channels": ("raw", "gradient")},
    {"scales": (16.0, 24.0, 36.0)},
    {"scales": (24.0, 48.0, 72.0)},
)
_SHAPE: tuple[dict[str, Any], ...] = (
    {},
    {"prior": "none"},
    {"components": 30},
    {"components": 80},
    {"modes": "natural"},
)


def table(
    project: Project,
    faces: Sequence[Face],
    count: int,
    changes: Sequence[dict[str, Any]],
    seed: int,
) -> list[dict[str, Any]]:
    """Train with each change of the defaults; a row each."""
    split = split_subjects(faces, count, seed, PER_SUBJECT)
    test = pictures(project.scheme, split.test)
    rows = []
    for change in changes:
        config = TrainingConfig(**change, seed=seed)
        model, cost = train_on(project.scheme, split.training, config)
        rows.append(
            {
                "experts": config.experts,
                "channels": " + ".join(config.channels),
                "scales": " ".join(f"{s:g}" for s in config.scales),
                "prior": config.prior,
                "components": len(model.pdm.variances),
                "modes": config.modes,
                **error_row(measure(model, test, len(test), seed=seed).errors),
                "fit ms": round(fit_ms(model, test), 1),
                **cost,
            }
        )
    return rows


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
        faces = project.faces()
        development = split_subjects(faces, _DEVELOPMENT, args.seed, PER_SUBJECT)
        if args.choose:
            faces = development.training
        for count in args.faces:
            title = f"{count} training faces" + (", development people" if args.choose else "")
            report.table(title, table(project, faces, count, changes, args.seed))


if __name__ == "__main__":
    main()
