"""How a model is measured."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_runtime.detect.detector import Detector
from faceloop_trainer.config import is_seed
from faceloop_trainer.data.perturbation import Jitter, jittered_pose

if TYPE_CHECKING:
    from faceloop_runtime.geometry import Similarity
    from faceloop_runtime.pdm import PointDistributionModel
    from faceloop_trainer.data.faces import TrainingFace

STARTS = ("jitter", "detector")


@dataclass(frozen=True)
class EvaluationProtocol:
    """Where the fits of an evaluation start. Models are comparable under the same protocol only.

    Parameters
    ----------
    start : {"jitter", "detector"}
        From the mean shape placed on the true points and then moved at random, or from what the
        detector finds in the picture: of several faces the one nearest to the annotated one.
    jitter : Jitter
        How far the starts are moved.
    seed : int
        Seed of the jitter.
    detector : Detector, optional
        As `Detector` chooses by default.
    fit_start : {"auto", "network", "eyes", "box"}
        Where the fit to a found face starts, see `faceloop_runtime.Fitter`.

    Raises
    ------
    TrainingError
        If the start is unknown, or the seed is no whole number from 0 up.
    """

    start: str = "jitter"
    jitter: Jitter = field(default_factory=Jitter)
    seed: int = 0
    detector: Detector | None = None
    fit_start: str = "auto"

    def __post_init__(self) -> None:
        if self.start not in STARTS:
            raise TrainingError(f"Unknown start {self.start!r}; expected 'jitter' or 'detector'.")
        if not is_seed(self.seed):
            raise TrainingError(
                f"The seed {self.seed!r:.80} is not usable; expected a whole number from 0 up."
            )

    def jittered(self, pdm: PointDistributionModel, face: TrainingFace, iod: float) -> Similarity:
        """Return where the fit of a face starts: moved as its name and the seed say.

        The other faces have no part in it, so that a fit stays what it is when some come or go.

        Parameters
        ----------
        pdm : PointDistributionModel
            Its mean shape is placed on the true points.
        face : TrainingFace
            The face.
        iod : float
            Its inter-ocular distance, in pixels of its picture.
        """
        name = int.from_bytes(hashlib.sha256(face.name.encode()).digest()[:8], "big")
        rng = np.random.default_rng((self.seed, name))
        return jittered_pose(pdm, face.points, iod, self.jitter, rng)
