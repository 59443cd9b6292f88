"""Kinds of modes: how sparse they are, what they can show, how they fit, regularised or not.

    python tests/benchmarks/modes.py --faces 100 --test 100
    python tests/benchmarks/modes.py --sample --faces 150 --test 100
    python tests/benchmarks/modes.py --choose --strengths .005 .01 .02 .04

MUCT's people, starts and errors as in muct.py, or those of the bundled sample; the people of the
test are not those of the training. All rows are trained on the same faces. ``--strengths`` makes
a row for each strength of the sparse modes; with ``--choose`` people are taken among MUCT's first
100 only, by whom defaults are chosen. "explained" is the share of the principal modes' variance,
"shape error" how far the points of the test are from the nearest shape that the modes allow, in
IOD, "largest r" the largest correlation between two parameters.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from common import Report, add_common, error_row, muct, pictures, split_subjects
from muct import PER_SUBJECT
from sklearn.decomposition import dict_learning

from faceloop_datasets import Project
from faceloop_trainer import TrainingConfig
from faceloop_trainer.cache import Cache
from faceloop_trainer.crossfit import training_set
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.evaluation.measure import measure
from faceloop_trainer.evaluation.protocol import EvaluationProtocol
from faceloop_trainer.pdm.sparse import sparse
from faceloop_trainer.pdm.varimax import varimax
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faceloop_datasets import Face
    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.pdm import PointDistributionModel
    from faceloop_trainer.data.faces import TrainingFace

_DEVELOPMENT = 400
_PLAIN = "sparse, begun as scikit-learn does"
_FIRST = 3
"""So many of the first modes are let go together, as clmtrackr's own models do with some."""


@contextmanager
def faces_of(args: argparse.Namespace) -> Iterator[Project]:
    """Open the faces that were asked for."""
    if not args.sample:
        with muct(args.project) as project:
            yield project
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        Project.create(Path(folder) / "sample", sample=True) as project,
    ):
        yield project


def train_each(
    project: Project, training: Sequence[Face], kinds: Sequence[str], seed: int
) -> Iterator[tuple[str, FaceModel]]:
    """Train with each kind of modes; "sparse .01" has that strength. Pictures are read once."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder))
        for kind in kinds:
            modes, _, strength = kind.partition(" ")
            config = TrainingConfig(modes=modes, seed=seed)  # type: ignore[arg-type]
            made = partial(sparse, strength=float(strength)) if strength else sparse
            training_set._MODES["sparse"] = made
            ready, _ = load_faces(
                project.scheme, training, config.scales[-1], seed=seed, cache=cache
            )
            yield kind, train_faces(project.scheme, ready, config, cache=cache)


def about(
    pdm: PointDistributionModel, principal: PointDistributionModel, test: Sequence[TrainingFace]
) -> dict[str, Any]:
    """Figures of the modes themselves."""
    modes = pdm.components
    spread = (principal.components.T * principal.variances) @ principal.components
    shown = np.trace(np.linalg.pinv(modes) @ modes @ spread)
    moved = (modes.reshape(len(modes), -1, 2) != 0).any(axis=2).sum(axis=1)
    pairs = np.zeros((1, 1)) if pdm.correlation is None else pdm.correlation - np.eye(len(modes))
    return {
        "components": len(modes),
        "zeros": f"{(modes == 0).mean():.1%}",
        "points moved": round(float(moved.mean()), 1),
        "explained": f"{shown / principal.variances.sum():.2%}",
        "largest r": round(float(np.abs(pairs).max()), 2),
        "shape error": round(float(np.mean([_shape_error(pdm, f.points) for f in test])), 5),
    }


def _shape_error(pdm: PointDistributionModel, points: np.ndarray) -> float:
    if np.isnan(points).any():
        points = pdm.complete(points)
    free = replace(pdm, noise=pdm.noise * 1e-6)
    pose, b = free.parameters(points)
    away = pose.inverse().apply(points) - pdm.shape(b)
    return float(np.linalg.norm(away, axis=1).mean())


def regularised(model: FaceModel) -> Iterator[tuple[str, FaceModel]]:
    """The model as learned, with all modes free, and with the first ones free."""
    count = len(model.pdm.variances)
    yield "as learned", model
    for title, free in (("all free", count), (f"first {_FIRST} free", _FIRST)):
        factors = np.where(np.arange(count) < free, 0.0, 1.0)
        yield title, replace(model, pdm=replace(model.pdm, regularisation=factors))


def making(
    principal: PointDistributionModel, test: Sequence[TrainingFace]
) -> Iterator[dict[str, Any]]:
    """Rows of modes made of the principal ones, with the time it takes; nothing is trained."""
    for kind, make in (("varimax", varimax), ("sparse", sparse), (_PLAIN, _begun_otherwise)):
        start = time.process_time()
        made = make(principal)
        took = time.process_time() - start
        yield {"modes": kind, "cpu s": round(took, 2), **about(made, principal, test)}


def _begun_otherwise(pdm: PointDistributionModel) -> PointDistributionModel:
    """Sparse modes from where scikit-learn begins by itself."""

    def learned(*args: Any, code_init: object, dict_init: object, **kwargs: Any) -> Any:
        return dict_learning(*args, **kwargs)

    with patch("sklearn.decomposition.dict_learning", learned):
        return sparse(pdm)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--project", type=Path, help="keep the imported faces here for next time")
    parser.add_argument("--sample", action="store_true", help="the bundled sample's faces")
    parser.add_argument("--faces", type=int, default=100, help="faces to train on")
    parser.add_argument("--test", type=int, default=100, help="faces to measure on")
    parser.add_argument("--strengths", type=float, nargs="+", help="of the sparse modes")
    parser.add_argument("--choose", action="store_true", help="only among people to choose by")
    args = parser.parse_args()
    report = Report(args.json)
    kinds = ["principal", "varimax", "sparse"]
    if args.strengths:
        kinds = ["principal", *(f"sparse {strength:g}" for strength in args.strengths)]
    with faces_of(args) as project:
        faces = project.faces()
        if args.choose:
            faces = split_subjects(faces, _DEVELOPMENT, args.seed, PER_SUBJECT).training
        per = None if args.sample else PER_SUBJECT
        split = split_subjects(faces, args.faces, args.seed, per)
        test = pictures(
            project.scheme, split_subjects(split.test, args.test, args.seed, per).training
        )
        models, rows = [], []
        for kind, model in train_each(project, split.training, kinds, args.seed):
            models.append((kind, model))
            modes = about(model.pdm, models[0][1].pdm, test)
            for title, fitted in regularised(model):
                protocol = EvaluationProtocol(seed=args.seed)
                errors = measure(fitted, test, len(test), protocol).errors
                rows.append({"modes": kind, "fit": title, **modes, **error_row(errors)})
                report.table(f"{len(split.training)} training faces", rows[-1:])
        report.table(f"{len(split.training)} training faces, all rows", rows)
        report.table("the modes alone", list(making(models[0][1].pdm, test)))


if __name__ == "__main__":
    main()
