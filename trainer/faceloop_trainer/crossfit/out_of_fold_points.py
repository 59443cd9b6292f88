"""Each face fitted by the others: points that no annotation of the same person has biased."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from faceloop_datasets.progress import Monitor
from faceloop_trainer.cache import Cache
from faceloop_trainer.data.perturbation import Jitter
from faceloop_trainer.parallel import StepCounter
from faceloop_trainer.pdm.scheme_completion import completed_scheme

from .crossfit import CrossFit
from .searcher import Searcher
from .training_set import TrainingSet
from .variants import FaceVariant, variants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_datasets.progress import ProgressLike
    from faceloop_trainer.config import TrainingConfig
    from faceloop_trainer.data.faces import TrainingFace


def out_of_fold_points(
    scheme: Scheme,
    faces: Sequence[TrainingFace],
    config: TrainingConfig,
    *,
    progress: ProgressLike = None,
) -> list[NDArray[np.float64]]:
    """Fit each face by patch experts that were trained on other people only.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    faces : sequence of TrainingFace
        From `load_faces`, all with pictures.
    config, progress
        As in `train`; faces are not mirrored.

    Returns
    -------
    list of ndarray, shape (N, 2)
        Fitted points in pixels of each face's picture. The searches start near the annotation
        and end where the experts see the face.

    Raises
    ------
    TrainingError
        If there are too few faces.
    Cancelled
        If the monitor stopped it.
    """
    with threadpool_limits(1, "blas"):
        config = replace(config, mirror=False)
        shapes = np.array([face.points for face in faces])
        scheme = completed_scheme(scheme, shapes, mirror=False)
        training_set = TrainingSet.of(scheme, faces, config)
        steps = StepCounter(Monitor.of(progress))
        crossfit = CrossFit.of(training_set, faces, Cache(None), steps)
        scales = len(config.scales) + 1
        steps.total = (scales + 1) * len(faces) + crossfit.expert_step_count(training_set)
        steps.what = "training patch experts"
        crossfit.experts()
        steps.what = "fitting each face by the others"

        shown = variants(training_set, len(faces))
        keys = [variant.completed.original.key for variant in shown]
        lean = [variant.lean() for variant in shown]
        points = steps.map(_Points(crossfit.searcher), lean, done=lambda _: steps.tick())
        fitted = dict(zip(keys, points, strict=True))
        return [fitted[face.key] for face in faces]  # a copy is fitted once


@dataclass(frozen=True, eq=False)
class _Points:
    """Fits a face from near its annotation; returns the fitted points, (N, 2)."""

    searcher: Searcher

    def __call__(self, variant: FaceVariant) -> NDArray[np.float64]:
        found = self.searcher.search(variant, Jitter().times(0.5))
        return np.asarray(found.pose.apply(self.searcher.pdm.shape(found.b)))
