"""Training the patch experts of one scale, once on all faces and once without each fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.imaging.channels import mirrored_channels
from faceloop_runtime.responses.cpu import CpuResponses
from faceloop_runtime.responses.experts import PatchExperts, windows

from .calibration import Calibration, Calibrator, calibration_faces
from .channel_basis import ChannelBasis, mirrored_planes
from .filters import PATCH, classifier_filters, mosse_filters, ridge_filters
from .moment_cache import gather_moments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from faceloop_trainer.cache import Cache
    from faceloop_trainer.config import ExpertKind
    from faceloop_trainer.data.completion import CompletedFace
    from faceloop_trainer.parallel import StepCounter

    from .calibration import LinearFilters
    from .moments import Moments
    from .sampling import Sample, Sampling

    Bools = NDArray[np.bool_]

_BESIDE = 8
"""Patches beside the landmark that a classifier sees for one on it."""


@dataclass(frozen=True, eq=False)
class CrossFittedExperts:
    """Experts of one scale, by fold, each trained without that fold, and their calibration.

    Parameters
    ----------
    without : tuple of PatchExperts
        By fold.
    calibration : Calibration
        Of all of them together.
    """

    without: tuple[PatchExperts, ...]
    calibration: Calibration


class ScaleTraining:
    """The experts of one scale, trained on some faces.

    Parameters
    ----------
    kind : {"ridge", "mosse", "svm", "logistic"}
        How filters are trained.
    sampling : Sampling
        How faces are sampled.
    faces : sequence of CompletedFace
        All of them.
    folds : sequence of int
        Fold of each face's subject.
    cache : Cache
        What earlier trainings kept.
    steps : StepCounter
        Counts the faces that were sampled, and may stop the work.
    """

    def __init__(  # noqa: PLR0917 - the settings of a stage
        self,
        kind: ExpertKind,
        sampling: Sampling,
        faces: Sequence[CompletedFace],
        folds: Sequence[int],
        cache: Cache,
        steps: StepCounter,
    ) -> None:
        self._sampling, self._faces, self._folds, self._steps = sampling, faces, folds, steps
        by_fold: list[list[CompletedFace]] = [[] for _ in range(max(folds) + 1)]
        for face, fold in zip(faces, folds, strict=True):
            by_fold[fold].append(face)
        if kind in ("ridge", "mosse"):
            solve = ridge_filters if kind == "ridge" else mosse_filters
            trainer: _MomentTrainer | _ClassifierTrainer = _MomentTrainer(
                solve, sampling, by_fold, cache, steps
            )
        else:
            trainer = _ClassifierTrainer(kind, sampling, by_fold, steps)
        self._trainer = trainer

    def experts(self, calibration: Calibration) -> PatchExperts:
        """Return the experts of all faces."""
        filters = self._trainer.solve(None)
        return PatchExperts(
            self._sampling.scale, *filters, calibration.gain, calibration.reliability
        )

    def cross_fitted(self) -> CrossFittedExperts:
        """Return for each fold the experts of the others, calibrated on some faces of it."""
        filters = {fold: self._trainer.solve(fold) for fold in range(max(self._folds) + 1)}
        backends = {fold: CpuResponses([_uncalibrated(own)]) for fold, own in filters.items()}
        calibrator = Calibrator(backends, len(filters[0][1]))
        for i in calibration_faces(self._faces):
            calibrator.add(self._folds[i], self._sampling.sample(self._faces[i], 1))
            self._steps.tick()
        gain, reliability = calibrator.result()
        scale = self._sampling.scale
        without = (PatchExperts(scale, *own, gain, reliability) for own in filters.values())
        return CrossFittedExperts(tuple(without), Calibration(gain, reliability))


def _uncalibrated(filters: LinearFilters) -> PatchExperts:
    weights, bias = filters
    one = np.ones(len(bias), np.float32)
    return PatchExperts(1.0, weights, bias, one, one)


class _MomentTrainer:
    """Ridge and MOSSE: everything they need is additive."""

    def __init__(
        self,
        solve: Callable[[Moments, ChannelBasis], NDArray[np.float32]],
        sampling: Sampling,
        faces: Sequence[Sequence[CompletedFace]],
        cache: Cache,
        steps: StepCounter,
    ) -> None:
        self._solve, self._families = solve, sampling.families
        self._basis = ChannelBasis.of(sampling.families, PATCH)
        self._mirror = sampling.target.mirror
        landmarks = len(sampling.target.use(faces[0][0].original))
        self._moments = [
            gather_moments(sampling, landmarks, own, fold, cache, steps)
            for fold, own in enumerate(faces)
        ]

    def solve(self, without: int | None) -> LinearFilters:
        used = [own for fold, own in enumerate(self._moments) if fold != without]
        moments = sum(used[1:], used[0])
        weights = self._mirrored(moments) if self._mirror else self._solve(moments, self._basis)
        return weights, np.zeros(len(weights), np.float32)

    def _mirrored(self, moments: Moments) -> NDArray[np.float32]:
        """Train on the faces and their mirror images: one filter a pair of landmarks.

        The filter of the other one is its mirror image.
        """
        assert self._mirror is not None  # noqa: S101 - asked by the caller
        one = [n for n, m in enumerate(self._mirror) if n <= m]
        other = [self._mirror[n] for n in one]
        reflected = moments.take(other).mirrored(mirrored_planes(self._families))
        solved = self._solve(moments.take(one) + reflected, self._basis)
        weights = np.empty((len(self._mirror), *solved.shape[1:]), np.float32)
        weights[other] = solved[:, mirrored_channels(self._families), :, ::-1]
        weights[one] = solved
        return weights


class _ClassifierTrainer:
    """SVM and logistic regression: they need the patches themselves."""

    def __init__(
        self,
        kind: ExpertKind,
        sampling: Sampling,
        faces: Sequence[Sequence[CompletedFace]],
        steps: StepCounter,
    ) -> None:
        self._kind, self._seed = kind, sampling.seed
        self._mirror = sampling.target.mirror
        self._mirrored_channels = mirrored_channels(sampling.families)
        self._rng = np.random.default_rng(sampling.seed)
        self._patches: list[list[NDArray[np.float16]]] = [[] for _ in faces]
        self._use: list[list[Bools]] = [[] for _ in faces]
        for fold, own in enumerate(faces):
            for face in own:
                self._add(sampling.sample(face), fold)
                steps.tick()

    def _add(self, sample: Sample, fold: int) -> None:
        truth = np.rint(sample.centres + sample.offsets).astype(np.intp)
        size = sample.channels.crop.shape[1]
        beside = self._rng.integers(-6, 7, (_BESIDE, *truth.shape))
        beside += 3 * np.sign(beside) * (np.abs(beside).max(axis=2, keepdims=True) < 2)
        beside[~beside.any(axis=2)] = 4
        places = np.concatenate([truth[None], truth + beside]).clip(
            PATCH // 2, size - 1 - PATCH // 2
        )
        cut = windows(sample.channels.maps, places.reshape(-1, 2), PATCH)
        patches = cut.reshape(len(cut), 1 + _BESIDE, len(truth), PATCH, PATCH)
        rows = patches.transpose(2, 1, 0, 3, 4).astype(np.float16)
        self._patches[fold].append(rows)
        self._use[fold].append(sample.use)
        if self._mirror is not None:
            order = list(self._mirror)
            self._patches[fold].append(rows[order][:, :, self._mirrored_channels, :, ::-1])
            self._use[fold].append(sample.use[order])

    def solve(self, without: int | None) -> LinearFilters:
        kept = [f for f in range(len(self._patches)) if f != without]
        patches = [p for f in kept for p in self._patches[f]]
        use = np.array([u for f in kept for u in self._use[f]])
        landmarks = len(patches[0])
        weights = np.zeros((landmarks, *patches[0].shape[2:]), np.float32)
        bias = np.zeros(landmarks, np.float32)
        labels = np.arange(1 + _BESIDE) == 0
        for n in np.nonzero(use.sum(axis=0) >= 2)[0]:
            rows = [p[n] for p, u in zip(patches, use, strict=True) if u[n]]
            weights[n], bias[n] = classifier_filters(
                self._kind, np.concatenate(rows), np.tile(labels, len(rows)), self._seed
            )
        return weights, bias
