"""Out-of-fold fits: searches by experts that never saw the person, and where they ended."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.fit.steps import surroundings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.fit.steps import SearchResult
    from faceloop_runtime.pdm import PointDistributionModel
    from faceloop_trainer.cache import Cache

    Floats = NDArray[np.float64]
    Rows = NDArray[np.float32]

_KIND = "fits"
_TOGETHER = 1000
"""Fits in a file of the first ones: 60 megabytes."""


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
    """Out-of-fold fits by name, kept in a cache: the first together, later ones in a file each.

    Parameters
    ----------
    cache : Cache
        Where they are kept.
    key : str
        Name of the experts that made them.
    """

    def __init__(self, cache: Cache, key: str) -> None:
        self._cache, self._key = cache, key
        self._found: dict[str, OutOfFoldFit] = {}
        for part in count():
            arrays = cache.load(_KIND, self._part(part))
            if arrays is None:
                break
            columns = dict(arrays)
            names = columns.pop("names").tobytes().decode().split()
            for number, name in enumerate(names):
                self._found[name] = OutOfFoldFit(**{k: rows[number] for k, rows in columns.items()})

    def missing(self, names: Sequence[str]) -> list[str]:
        """Return which of these have not been made yet."""
        for name in names:
            if name not in self._found and (kept := self._cache.load(_KIND, self._own(name))):
                self._found[name] = OutOfFoldFit(**kept)
        return [name for name in names if name not in self._found]

    def add(self, made: Mapping[str, OutOfFoldFit]) -> None:
        """Keep fits that were missing."""
        if not self._found:
            every = list(made)
            for part, first in enumerate(range(0, len(every), _TOGETHER)):
                names = every[first : first + _TOGETHER]
                rows = [vars(made[name]) for name in names]
                columns = {field: np.stack([row[field] for row in rows]) for field in rows[0]}
                columns["names"] = np.frombuffer(" ".join(names).encode(), np.uint8)
                self._cache.save(_KIND, self._part(part), columns)
        else:
            for name, search in made.items():
                self._cache.save(_KIND, self._own(name), vars(search))
        self._found.update(made)

    def take(self, names: Sequence[str]) -> list[OutOfFoldFit]:
        """Return fits in this order."""
        return [self._found[name] for name in names]

    def _part(self, number: int) -> str:
        return f"{self._key}-{number}"

    def _own(self, name: str) -> str:
        return f"{self._key}-{name}"
