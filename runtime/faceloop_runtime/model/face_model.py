"""The face model as a value: everything a fit needs, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceloop_runtime.expressions import landmark_pairs
from faceloop_runtime.responses.experts import SEARCH, crop_size
from faceloop_runtime.start_network import StartMap, network_key

from .file import load, save
from .parts import ModelParts

START_NETWORK = "start_network"
"""Entry of the provenance: hash of the network that the start map was trained for."""


STARTER_FILE = Path(__file__).parents[1] / "starter" / "face70.safetensors"
"""The model that comes with faceloop."""


@dataclass(frozen=True, eq=False)
class FaceModel(ModelParts):
    """A trained face model. Immutable; kept in one ``.safetensors`` file.

    Its parameters are those of `ModelParts`.
    """

    @cached_property
    def extent(self) -> float:
        """Half width of the part of the picture that a crop shows, in IOD."""
        return self.pdm.extent

    @cached_property
    def expression_pairs(self) -> NDArray[np.intp]:
        """Pairs of landmarks whose distances tell what a face expresses, (D, 2)."""
        return landmark_pairs(self.pdm.mean)

    @cached_property
    def start_map(self) -> StartMap | None:
        """What finds the start of a search, if it was trained for the start network that is here.

        The network may be another one in another version of faceloop; then a search starts as
        before there was one, and the model can be trained again.
        """
        if self.start is None:
            return None
        return self.start if self.provenance.get(START_NETWORK) == network_key() else None

    def crop_size(self, scale: float, patch: int) -> int:
        """Width in pixels of a crop whose search windows all lie inside it.

        Parameters
        ----------
        scale : float
            Inter-ocular distance of the crop, in pixels.
        patch : int
            Width of a patch, in pixels of the crop.
        """
        return crop_size(self.extent, scale, patch)

    @classmethod
    def load(cls, path: str | Path) -> FaceModel:
        """Load a model file, memory-mapped.

        Parameters
        ----------
        path : str or Path
            A file that `save` wrote.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, of another version, or its arrays do not fit
            together.
        """
        return cls(**vars(load(Path(path))))

    @classmethod
    def starter(cls) -> FaceModel:
        """Load the model that comes with faceloop, trained on the bundled sample."""
        return cls.load(STARTER_FILE)

    def save(self, path: str | Path) -> None:
        """Write the model to one file; it appears complete or not at all.

        Parameters
        ----------
        path : str or Path
            The file, by custom ``*.safetensors``; an existing one is replaced.
        """
        save(self, Path(path))

    def summary(self) -> dict[str, Any]:
        """Describe the model for people: sizes, channels, provenance.

        ``regularisation`` has the factors of components that are not regularised as learned;
        ``start_error`` is how far from the truth searches usually start, in IOD; ``own_detector``
        the number of its templates; ``shape3d`` the number of modes in space. ``expressions`` are
        those it knows, and ``expression_accuracy`` is the share of faces it named rightly in a
        cross-validation by people.
        """
        return {
            "scheme": self.scheme.name,
            "points": len(self.pdm),
            "components": len(self.pdm.variances),
            "regularisation": self._regularisation(),
            "channels": list(self.channels),
            "scales": [e.scale for e in self.experts],
            "patch": self.experts[0].patch,
            "search": SEARCH,
            "parameters": self.parameter_count(),
            "start_map": self._start_map_text(),
            "start_error": None if self.start is None else float(self.start.error[0]),
            "expressions": list(self.expression_names),
            "expression_accuracy": self._expression_accuracy(),
            "own_detector": None if self.detector is None else len(self.detector.weights),
            "shape3d": None if self.shape3d is None else len(self.shape3d.variances),
            "provenance": self.provenance,
        }

    def _expression_accuracy(self) -> float | None:
        known = self.provenance.get("expressions")
        accuracy = known.get("accuracy") if isinstance(known, dict) else None
        return float(accuracy) if isinstance(accuracy, int | float) else None

    def _regularisation(self) -> dict[str, float]:
        factors = self.pdm.regularisation
        given = [] if factors is None else enumerate(factors.tolist(), 1)
        return {str(number): factor for number, factor in given if factor != 1}

    def _start_map_text(self) -> str:
        if self.start is None:
            return "none"
        return "for another start network" if self.start_map is None else "for this start network"

    def parameter_count(self) -> int:
        """Return how many numbers the model holds."""
        filters = sum(e.weights.size for e in (*self.experts, self.initialiser))
        rest = (self.regressor.weights, self.validator.weights, self.error_predictor.hidden)
        return int(filters + self.pdm.components.size + sum(a.size for a in rest))
