"""Out-of-fold fits: searches by experts that never saw the person, and where they ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.fit.steps import surroundings
from faceloop_trainer.packs import Packs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.fit.steps import SearchResult
    from faceloop_runtime.pdm import PointDistributionModel
    from faceloop_trainer.cache import Cache

    Floats = NDArray[np.float64]
    Rows = NDArray[np.float32]

_KIND = "fits"


@dataclass(frozen=True, eq=False)
class OutOfFoldFit:
    """Where a search with held-out experts ended, and what the picture looked like there.

    Nothing here depends on how shapes are described, only on the experts that searched.

    Parameters
    ----------
    cells : ndarray of float32, shape (N * D,)
        Surroundings of the landmarks (`faceloop_runtime.regressor.cell_features`).
    whole_face : ndarray of float32, shape (W,)
        Pooled channels of the coarse crop.
    pose : ndarray, shape (4,)
        From the model frame to the picture: the fields of a `Similarity`.
    shape : ndarray, shape (N, 2)
        Found shape, in the model frame.
    error : ndarray, shape ()
        NME.
    """

    cells: Rows
    whole_face: Rows
    pose: Floats
    shape: Floats
    error: Floats

    @classmethod
    def of(cls, pdm: PointDistributionModel, found: SearchResult, error: float) -> OutOfFoldFit:
        """Take what is kept of a search with a shape model."""
        cells = surroundings(pdm, found).reshape(-1)
        pose = np.array([found.pose.a, found.pose.b, found.pose.tx, found.pose.ty])
        return cls(cells, found.whole_face, pose, pdm.shape(found.b), np.array(error))


class FitStore:
    """Out-of-fold fits by name, kept in a cache.

    Parameters
    ----------
    cache : Cache
        Where they are kept.
    key : str
        Name of the experts that made them.
    """

    def __init__(self, cache: Cache, key: str) -> None:
        self._packs = Packs(cache, _KIND, key)

    def missing(self, names: Sequence[str]) -> list[str]:
        """Return which of these have not been made yet."""
        return self._packs.missing(names)

    def add(self, made: Mapping[str, OutOfFoldFit]) -> None:
        """Keep fits that were missing."""
        self._packs.add({name: vars(one) for name, one in made.items()})

    def take(self, names: Sequence[str]) -> list[OutOfFoldFit]:
        """Return fits in this order."""
        return [OutOfFoldFit(**arrays) for arrays in self._packs.take(names)]
