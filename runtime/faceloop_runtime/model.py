"""The face model as a value: everything a fit needs, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .experts import SEARCH
from .pdm import PointDistributionModel

if TYPE_CHECKING:
    from faceloop_datasets import Scheme

    from .experts import PatchExperts
    from .judges import ErrorLevels, PointJudges
    from .regressor import ShapeRegressor
    from .validator import ErrorPredictor, FaceValidator


@dataclass(frozen=True, eq=False)
class FaceModel:
    """A trained face model. Immutable; kept in one ``.safetensors`` file.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    pdm : PointDistributionModel
        The shapes a face can take.
    channels : tuple of str
        Channel families that all experts look at.
    experts : tuple of PatchExperts
        One a scale, coarse to fine.
    regressor : ShapeRegressor
        The last step of a fit, on the finest scale.
    initialiser : PatchExperts
        Left eye, right eye and nose, on a coarse crop.
    validator : FaceValidator
        Tells a face from anything else.
    error_predictor : ErrorPredictor
        Tells how far off a fit is.
    point_judges : PointJudges or None
        Tell how far off each point is, and whether it is seen; None in files of version 1.
    error_levels : ErrorLevels or None
        Tell what the error of a fit stays below; None in files of version 1.
    provenance : dict
        Training snapshot, configuration, metrics, versions.
    """

    scheme: Scheme
    pdm: PointDistributionModel
    channels: tuple[str, ...]
    experts: tuple[PatchExperts, ...]
    regressor: ShapeRegressor
    initialiser: PatchExperts
    validator: FaceValidator
    error_predictor: ErrorPredictor
    point_judges: PointJudges | None = None
    error_levels: ErrorLevels | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def extent(self) -> float:
        """Half width of the part of the picture that a crop shows, in IOD."""
        return face_extent(self.pdm)

    def crop_size(self, scale: float, patch: int) -> int:
        """Width in pixels of a crop whose search windows all lie inside it."""
        return crop_size(self.extent, scale, patch)

    @classmethod
    def load(cls, path: str | Path) -> FaceModel:
        """Load a model file, memory-mapped.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, of another version, or its arrays do not fit
            together.
        """
        from .modelfile import load  # noqa: PLC0415 - the file format knows the model

        return load(Path(path))

    @classmethod
    def starter(cls) -> FaceModel:
        """Load the model that comes with faceloop, trained on the bundled sample."""
        return cls.load(Path(__file__).parent / "starter" / "face70.safetensors")

    def save(self, path: str | Path) -> None:
        """Write the model to one file; it appears complete or not at all."""
        from .modelfile import save  # noqa: PLC0415 - the file format knows the model

        save(self, Path(path))

    def summary(self) -> dict[str, Any]:
        """Describe the model for people: sizes, channels, provenance."""
        return {
            "scheme": self.scheme.name,
            "points": len(self.pdm),
            "components": len(self.pdm.variances),
            "channels": list(self.channels),
            "scales": [e.scale for e in self.experts],
            "patch": self.experts[0].patch,
            "search": SEARCH,
            "parameters": self.parameter_count(),
            "provenance": self.provenance,
        }

    def parameter_count(self) -> int:
        """Return how many numbers the model holds."""
        filters = sum(e.weights.size for e in (*self.experts, self.initialiser))
        rest = (self.regressor.weights, self.validator.weights, self.error_predictor.hidden)
        return int(filters + self.pdm.components.size + sum(a.size for a in rest))


def face_extent(pdm: PointDistributionModel) -> float:
    """Half width, in IOD, of a square that holds the mean shape and its usual variation."""
    deviation = np.sqrt((pdm.components**2 * pdm.variances[:, None]).sum(axis=0)).reshape(-1, 2)
    return float((np.abs(pdm.mean) + deviation).max()) + 0.05


def crop_size(extent: float, scale: float, patch: int) -> int:
    """Width in pixels of a crop with room for search window and patch round every landmark."""
    return 2 * int(np.ceil(extent * scale + (SEARCH + patch) / 2)) + 1
