"""Fits of an evaluation that were made before, by what they depend on.

A retraining compares the new model with the one before on the same faces, and often another one
follows soon: of the old model every fit is known already, and of the new one those to faces that it
is measured and compared on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.model.arrays import to_arrays
from faceloop_runtime.model.parts import ARRAY_PARTS
from faceloop_runtime.responses import describe
from faceloop_runtime.start_network import network_key
from faceloop_trainer.cache import key_of
from faceloop_trainer.packs import Packs

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from faceloop_runtime.fit.result import Fit
    from faceloop_runtime.model import FaceModel
    from faceloop_trainer.cache import Arrays, Cache
    from faceloop_trainer.data.faces import TrainingFace

    from .protocol import EvaluationProtocol

_KIND = "measured"


@dataclass(frozen=True, eq=False)
class MeasuredFit:
    """What is measured of a fit.

    Parameters
    ----------
    points : ndarray, shape (N, 2)
        In pixels of the picture; NaN where no face was found.
    predicted : ndarray, shape ()
        What the model expected its error to be; NaN where no face was found.
    """

    points: NDArray[np.float64]
    predicted: NDArray[np.float64]

    @classmethod
    def of(cls, fit: Fit | None, face: TrainingFace) -> MeasuredFit:
        """Take what is measured of a fit to a face, None where none was found."""
        if fit is None:
            return cls(np.full(face.points.shape, np.nan), np.array(np.nan))
        return cls(fit.points, np.array(fit.predicted_error))


class KeptFits:
    """Fits of one model to faces, from the starts of one protocol.

    Parameters
    ----------
    kept : Packs or None
        What was made before; None keeps nothing.
    """

    def __init__(self, kept: Packs | None) -> None:
        self._kept = kept
        self._made: dict[str, Arrays] = {}

    @classmethod
    def of(cls, model: FaceModel, protocol: EvaluationProtocol, cache: Cache | None) -> KeptFits:
        """Look up what was made by the same model from the same starts.

        Where a detector finds the starts, nothing is kept: it may be any program.
        """
        if cache is None or protocol.start != "jitter":
            return cls(None)
        start = (protocol.jitter, protocol.seed, protocol.fit_start)
        return cls(Packs(cache, _KIND, key_of(fits_key(model), *start, describe())))

    def has(self, face: TrainingFace) -> bool:
        """Whether the fit to a face is known."""
        name = _name(face)
        known = self._kept is not None and not self._kept.missing([name])
        return known or name in self._made

    def get(self, face: TrainingFace, fit: Callable[[], MeasuredFit]) -> MeasuredFit:
        """Return the fit to a face; ``fit`` makes it if it is not known."""
        if self._kept is None:
            return fit()
        name = _name(face)
        if self._kept.missing([name]):
            if name not in self._made:
                self._made[name] = vars(fit())
            return MeasuredFit(**self._made[name])
        (found,) = self._kept.take([name])
        return MeasuredFit(**found)

    def save(self) -> None:
        """Keep what was made."""
        if self._kept is not None and self._made:
            self._kept.add(self._made)
            self._made = {}


def _name(face: TrainingFace) -> str:
    """Return what a fit is kept under.

    Beside what the picture shows and where, the name: it says how the start is moved.
    """
    return key_of(face.key, face.name)


def fits_key(model: FaceModel) -> str:
    """Return a hash of all of a model that its fits depend on; of its origin nothing else."""
    arrays = to_arrays({name: getattr(model, name) for name in ARRAY_PARTS})
    started = network_key() if model.start_map is not None else ""
    about = (model.scheme.to_toml(), model.channels, model.expression_names, started)
    return key_of(*about, *(part for pair in sorted(arrays.items()) for part in pair))
