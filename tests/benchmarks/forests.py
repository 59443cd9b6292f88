"""Random forests and structured SVMs as patch experts, beside the ridge filters of the product.

    python tests/benchmarks/forests.py                      # MUCT
    python tests/benchmarks/forests.py --wild               # helen_train + afw
    python tests/benchmarks/forests.py --kinds ridge structured --choose

Everything but the experts is the same: shapes, starts, search, and a correction that each kind
learns from the fits of its own experts to people these have not seen. MUCT: people, splits and
errors as in experts.py, every other test face; in the wild: as in wild.py, 100 test faces.

Starts: "network" as `measure` has them, from the start network on a jittered pose; "twice" and
"three times" the mean shape on poses jittered so many times as far, without the network. Search:
mean error before the correction. Seconds to train: processor time of the experts of all scales, on
all faces and without each fold, and of their calibration. Milliseconds: median processor time of
search and correction. ``--choose`` measures on people to choose by (MUCT).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from common import (
    Clock,
    Report,
    add_common,
    data_dir,
    error_row,
    imported,
    muct,
    pictures,
    split_subjects,
)
from experts import DEVELOPMENT
from forest_experts import ForestExperts, ForestResponses, train_forests
from muct import PER_SUBJECT
from structured_svm import train_structured
from window_samples import SampledTraining

from faceloop_datasets.progress import Monitor
from faceloop_runtime.fit.schedule import FROM_START, passes_from
from faceloop_runtime.fit.steps import SearchStart, correct, search
from faceloop_runtime.responses.cpu import CpuResponses
from faceloop_runtime.start_network import describe
from faceloop_trainer import TrainingConfig
from faceloop_trainer.cache import Cache
from faceloop_trainer.crossfit.crossfit import CrossFit
from faceloop_trainer.crossfit.training_set import TrainingSet
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.data.perturbation import Jitter, jittered_pose
from faceloop_trainer.parallel import StepCounter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Face, Project, Scheme
    from faceloop_runtime.geometry import Similarity
    from faceloop_runtime.imaging.channels import CropChannels
    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.regressor import ShapeRegressor
    from faceloop_runtime.responses.experts import PatchExperts
    from faceloop_runtime.start_network import StartMap
    from faceloop_trainer.crossfit.start_training import StartTraining
    from faceloop_trainer.data.faces import TrainingFace
    from faceloop_trainer.experts.sampling import Sample
    from faceloop_trainer.experts.training import CrossFittedExperts, ScaleTraining

KINDS = ("ridge", "classifier", "voting", "structured")
_STARTS = {"network": 1.0, "twice": 2.0, "three times": 3.0}
"""Starts, and how many times as far as usual their poses are jittered."""
_WILD_TEST = 100


class ResponsesByScale:
    """Responses of experts of any kind, as a `ResponseBackend`.

    Parameters
    ----------
    experts : sequence of PatchExperts
        One a scale.
    """

    name = "by scale"

    def __init__(self, experts: Sequence[PatchExperts]) -> None:
        self._backends = [
            ForestResponses([one]) if isinstance(one, ForestExperts) else CpuResponses([one])
            for one in experts
        ]

    def responses(
        self, level: int, channels: CropChannels, centres: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """Return the response maps of a scale; see `ResponseBackend.responses`."""
        return self._backends[level].responses(0, channels, centres)


class KindCrossFit(CrossFit):
    """Out-of-fold fits by any kind of expert, from starts that all kinds share."""

    starts: StartTraining
    made: tuple[CrossFittedExperts, ...]

    @property
    def start_training(self) -> StartTraining:
        """Where searches start."""
        return self.starts

    def experts(self, trainings: object = None) -> tuple[CrossFittedExperts, ...]:  # noqa: ARG002
        """Return the experts of each scale, the initialiser's last."""
        return self.made

    @cached_property
    def models(self) -> list[FaceModel]:
        """By fold, a model that searches."""
        return self._models

    @cached_property
    def _backends(self) -> list[ResponsesByScale]:
        return [ResponsesByScale(model.experts) for model in self._models]


@dataclass(frozen=True, eq=False)
class Trained:
    """A model that searches, its correction, and what they cost.

    Parameters
    ----------
    model : FaceModel
        Whose experts are of one kind.
    regressor : ShapeRegressor
        The correction of what its searches end on.
    start : StartMap
        Where searches start.
    seconds : float
        Processor time that the experts took.
    """

    model: FaceModel
    regressor: ShapeRegressor
    start: StartMap
    seconds: float


class Comparison:
    """Kinds of experts trained on the same faces.

    Parameters
    ----------
    scheme : Scheme
    faces : sequence of TrainingFace
        To train on.
    seed : int
    """

    def __init__(self, scheme: Scheme, faces: Sequence[TrainingFace], seed: int) -> None:
        self._faces, self._steps = faces, StepCounter(Monitor.of(None))
        self._set = TrainingSet.of(scheme, faces, TrainingConfig(seed=seed))
        self._starts = CrossFit.of(self._set, faces, Cache(None), self._steps).start_training
        with Clock() as clock:
            *self._ridge, eyes = self._set.experts(Cache(None), self._steps)
        self._ridge_seconds, self._eyes = clock.cpu, eyes.cross_fitted()

    def train(self, kind: str) -> Trained:
        """Train experts of a kind, and then the correction."""
        crossfit = KindCrossFit.of(self._set, self._faces, Cache(None), self._steps)
        crossfit.starts = self._starts
        with Clock() as clock:
            trainings = [self._training(kind, one) for one in self._ridge]
            fitted = [training.cross_fitted() for training in trainings]
            pairs = zip(trainings, fitted, strict=True)
            whole = tuple(one.experts(own.calibration) for one, own in pairs)
        crossfit.made = (*fitted, self._eyes)
        corrections = crossfit.corrections(self._set)
        regressor = corrections.whole(corrections.strength)
        seconds = clock.cpu + (self._ridge_seconds if kind == "ridge" else 0.0)
        return Trained(
            replace(crossfit.models[0], experts=whole), regressor, self._starts.whole(), seconds
        )

    def _training(self, kind: str, ridge: ScaleTraining) -> ScaleTraining | SampledTraining:
        if kind == "ridge":
            return ridge
        sampling, seed = ridge._sampling, self._set.config.seed
        solve: dict[str, Callable[[Sequence[Sample]], PatchExperts]] = {
            "classifier": lambda s: train_forests("classifier", sampling.scale, s, seed),
            "voting": lambda s: train_forests("voting", sampling.scale, s, seed),
            "structured": lambda s: train_structured(sampling.scale, s),
        }
        return SampledTraining(
            solve[kind], ResponsesByScale, sampling, self._set.faces, self._set.folds
        )


def fit_errors(
    trained: Trained, faces: Sequence[TrainingFace], start: str, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit faces; return errors of the searches and of the fits in IOD, and seconds of each."""
    model, backend = trained.model, ResponsesByScale(trained.model.experts)
    rng, rows = np.random.default_rng(seed), []
    for face in faces:
        iod = model.scheme.inter_ocular_distance(face.points)
        pose = jittered_pose(model.pdm, face.points, iod, Jitter().times(_STARTS[start]), rng)
        at, passes = SearchStart.at(model.pdm, pose), FROM_START
        if start == "network":
            frame = trained.start.frame(pose)
            seen = trained.start(describe(face.picture, frame))
            at, passes = SearchStart.of(seen), passes_from(seen.error)
        began = time.thread_time()
        found = search(model, backend, face.picture, at, passes)
        fit = correct(model.pdm, trained.regressor, found)
        seconds = time.thread_time() - began
        errors = [_error(model, face, iod, one.pose, one.b) for one in (found, fit)]
        rows.append((*errors, seconds))
    searched, fitted, seconds = np.array(rows).T
    return searched, fitted, seconds


def _error(
    model: FaceModel, face: TrainingFace, iod: float, pose: Similarity, b: np.ndarray
) -> float:
    distance = np.linalg.norm(pose.apply(model.pdm.shape(b)) - face.points, axis=1) / iod
    return float(np.nanmean(distance[face.measured]))


def compare(
    report: Report,
    scheme: Scheme,
    training: Sequence[Face],
    test: Sequence[Face],
    args: argparse.Namespace,
) -> None:
    """Train each kind; show a row for each of its starts."""
    seed = args.seed
    ready, _ = load_faces(scheme, training, TrainingConfig().scales[-1], seed=seed)
    comparison, shown, rows = Comparison(scheme, ready, seed), pictures(scheme, test), []
    for kind in args.kinds:
        trained = comparison.train(kind)
        for start in _STARTS:
            searched, fitted, seconds = fit_errors(trained, shown, start, seed)
            rows.append(
                {
                    "experts": kind,
                    "start": start,
                    "search": round(float(searched.mean()), 5),
                    **error_row(fitted),
                    "fit ms": round(1000 * float(np.median(seconds)), 1),
                    "train s": round(trained.seconds),
                }
            )
        report.table(f"{len(training)} training faces, {len(test)} of other people", rows)


def wild_faces(project: Project, count: int, seed: int) -> tuple[list[Face], list[Face]]:
    """Return faces to train on, and some of other photographs that `wild.py` tests on."""
    held_out = split_subjects(project.faces(), 300, seed).test
    order = np.random.default_rng(seed).permutation(len(held_out))[:_WILD_TEST]
    test = [held_out[i] for i in sorted(order)]
    return split_subjects(project.faces(), count, seed).training, test


def muct_faces(
    project: Project, count: int, seed: int, *, choose: bool
) -> tuple[list[Face], list[Face]]:
    """Return faces to train on, and every other one of the people to test, or to choose, on."""
    known = split_subjects(project.faces(), DEVELOPMENT, seed, PER_SUBJECT)
    training = split_subjects(project.faces(), count, seed, PER_SUBJECT).training
    own = {face.subject for face in training}
    others = [face for face in known.training if face.subject not in own]
    return training, (others if choose else known.test)[::2]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--project", type=Path, help="keep the imported faces here for next time")
    parser.add_argument("--faces", type=int, default=100, help="to train on")
    parser.add_argument("--wild", action="store_true", help="helen_train + afw instead of MUCT")
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--choose", action="store_true", help="only among people to choose by")
    args = parser.parse_args()
    report = Report(args.json)
    if args.wild:
        sources = [data_dir() / name for name in ("helen_train", "afw")]
        with imported("ibug", sources, "ibug68", args.project) as project:
            training, test = wild_faces(project, args.faces, args.seed)
            compare(report, project.scheme, training, test, args)
    else:
        with muct(args.project) as project:
            training, test = muct_faces(project, args.faces, args.seed, choose=args.choose)
            compare(report, project.scheme, training, test, args)


if __name__ == "__main__":
    main()
