"""Whether more faces would help: a learning curve of the project, measured once and kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_trainer.cache import Cache, key_of
from faceloop_trainer.data.split import split_faces
from faceloop_trainer.learning_curve import learning_curve

from .meaning import per_cent

if TYPE_CHECKING:
    from faceloop_datasets import ProgressLike, Project
    from faceloop_trainer import TrainingConfig

_CACHED = "learning_curves"
_PARTS = (4, 2, 1)
"""A training on a quarter of the faces, on half of them, and on all."""
_STILL_FALLS = 0.97
"""The error still falls if the last doubling left at most this share of it."""


@dataclass(frozen=True)
class FacesCurve:
    """Error on the same held-out people, by number of faces trained on.

    Parameters
    ----------
    faces : tuple of int
        Fewest first.
    errors : tuple of float
        Mean NME.
    """

    faces: tuple[int, ...]
    errors: tuple[float, ...]

    @property
    def falls(self) -> bool:
        """Whether the last step was still worth its faces."""
        return len(self.errors) > 1 and self.errors[-1] < _STILL_FALLS * self.errors[-2]

    @property
    def text(self) -> str:
        """What follows from it, in one sentence."""
        if len(self.faces) < 2:
            return "There are too few faces to tell whether more would help; they nearly always do."
        (few, many), (worse, now) = self.faces[-2:], map(per_cent, self.errors[-2:])
        numbers = f"{few} faces gave {worse}, {many} gave {now}"
        if self.falls:
            return f"More faces will help, the error still falls: {numbers}."
        return f"More faces of the same kind will hardly help: {numbers}."


def measure_curve(
    project: Project, config: TrainingConfig, *, progress: ProgressLike = None
) -> FacesCurve:
    """Train on a quarter of the faces, on half and on all of them; keep the errors for later.

    Parameters
    ----------
    project : Project
        Where the faces are.
    config : TrainingConfig
        Settings of the trainings.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Raises
    ------
    TrainingError
        If nobody can be kept aside, or there are too few faces.
    Cancelled
        If the monitor stopped it.
    """
    total = len(split_faces(project.faces(), config).training)
    counts = [max(total // part, 2) for part in _PARTS]
    steps = learning_curve(project, config, counts, (config.seed,), progress=progress)
    errors = [step.evaluation.metrics().get("nme_mean", np.inf) for step in steps]
    curve = FacesCurve(tuple(step.faces for step in steps), tuple(errors))
    arrays = {"faces": np.array(curve.faces, np.int64), "errors": np.array(curve.errors)}
    Cache(project.cache).save(_CACHED, _key(config), arrays)
    return curve


def known_curve(project: Project, config: TrainingConfig) -> FacesCurve | None:
    """Return the curve that was measured last with these settings; None if none was."""
    kept = Cache(project.cache).load(_CACHED, _key(config))
    if kept is None:
        return None
    return FacesCurve(tuple(kept["faces"].tolist()), tuple(kept["errors"].tolist()))


def _key(config: TrainingConfig) -> str:
    return key_of(sorted(asdict(config).items()))
