"""Faces as windows to train experts on: what forests and structured SVMs share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.imaging.channels import CropChannels
from faceloop_trainer.experts.calibration import Calibration, Calibrator, calibration_faces
from faceloop_trainer.experts.sampling import Sample
from faceloop_trainer.experts.training import CrossFittedExperts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faceloop_runtime.responses import ResponseBackend
    from faceloop_runtime.responses.experts import PatchExperts
    from faceloop_trainer.data.completion import CompletedFace
    from faceloop_trainer.experts.sampling import Sampling

    Solve = Callable[[Sequence[Sample]], "PatchExperts"]
    Backend = Callable[[Sequence["PatchExperts"]], ResponseBackend]


def mirrored(sample: Sample, mirror: Sequence[int]) -> Sample:
    """Return the sample of the mirror image; ``mirror`` says which landmark becomes which."""
    order = list(mirror)
    crop = np.ascontiguousarray(sample.channels.crop[:, ::-1])
    centres, offsets = sample.centres[order], sample.offsets[order]
    centres[:, 0] = crop.shape[1] - 1 - centres[:, 0]
    offsets[:, 0] *= -1
    channels = CropChannels(crop, sample.channels.families)
    return Sample(channels, centres, offsets, sample.use[order])


def both_ways(sampling: Sampling, face: CompletedFace) -> list[Sample]:
    """Return the sample of a face and that of its mirror image, if the target has one."""
    sample, mirror = sampling.sample(face), sampling.target.mirror
    return [sample] if mirror is None else [sample, mirrored(sample, mirror)]


@dataclass(frozen=True, eq=False)
class SampledTraining:
    """Experts of one scale that are trained on samples, as `ScaleTraining` for the filters.

    Parameters
    ----------
    solve : callable
        From samples to experts, of any gain.
    backend : callable
        From experts, one a scale, to their responses.
    sampling : Sampling
        How faces are sampled.
    faces : sequence of CompletedFace
        All of them.
    folds : sequence of int
        Fold of each one's subject.
    """

    solve: Solve
    backend: Backend
    sampling: Sampling
    faces: Sequence[CompletedFace]
    folds: Sequence[int]

    def experts(self, calibration: Calibration) -> PatchExperts:
        """Return the experts of all faces."""
        return _calibrated(self._solved(None), calibration)

    def cross_fitted(self) -> CrossFittedExperts:
        """Return for each fold the experts of the others, calibrated on faces of it."""
        without = [self._solved(fold) for fold in range(max(self.folds) + 1)]
        backends = {fold: self.backend([own]) for fold, own in enumerate(without)}
        calibrator = Calibrator(backends, len(without[0].bias))
        for i in calibration_faces(self.faces):
            calibrator.add(self.folds[i], self.sampling.sample(self.faces[i], 1))
        calibration = Calibration(*calibrator.result())
        return CrossFittedExperts(
            tuple(_calibrated(own, calibration) for own in without), calibration
        )

    @cached_property
    def _samples(self) -> list[list[Sample]]:
        return [both_ways(self.sampling, face) for face in self.faces]

    def _solved(self, without: int | None) -> PatchExperts:
        pairs = zip(self._samples, self.folds, strict=True)
        return self.solve([s for own, fold in pairs if fold != without for s in own])


def _calibrated(experts: PatchExperts, calibration: Calibration) -> PatchExperts:
    return replace(experts, gain=calibration.gain, reliability=calibration.reliability)
