"""Searches by experts that never saw the person, and what is learned from where they end."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.regressor import regression_features

from .regression import Corrections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.fit.fitter import FitRun
    from faceloop_runtime.pdm import PointDistributionModel

    from .cache import Cache

    Floats = NDArray[np.float64]
    Rows = NDArray[np.float32]

_KIND = "searches"
_TOGETHER = 1000
"""First searches in a file: 60 megabytes."""
_LEAST_FOUND = 0.5
"""Where a smaller share of the searches ends near the face, something is wrong with the labels."""
_LOST = 0.15
"""Searches that end this far off teach nothing."""


@dataclass(frozen=True, eq=False)
class Search:
    """Where a search ended, and what the picture looked like there.

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
    def of(cls, run: FitRun, error: float) -> Search:
        """Take down a search."""
        run.regression_features()
        pose = np.array([run.pose.a, run.pose.b, run.pose.tx, run.pose.ty])
        shape = run.model.pdm.shape(run.b)
        return cls(run.cells.reshape(-1), run.whole_face, pose, shape, np.array(error))


class Shelf:
    """Searches by name, kept in a cache: the first ones together, later ones in a file each.

    Parameters
    ----------
    cache : Cache
        Where they are kept.
    key : str
        Name of the experts that search.
    """

    def __init__(self, cache: Cache, key: str) -> None:
        self._cache, self._key = cache, key
        self._found: dict[str, Search] = {}
        for part in count():
            arrays = cache.load(_KIND, self._part(part))
            if arrays is None:
                break
            columns = dict(arrays)
            names = columns.pop("names").tobytes().decode().split()
            for number, name in enumerate(names):
                self._found[name] = Search(**{k: rows[number] for k, rows in columns.items()})

    def missing(self, names: Sequence[str]) -> list[str]:
        """Return which of these nobody has made yet."""
        for name in names:
            if name not in self._found and (kept := self._cache.load(_KIND, self._own(name))):
                self._found[name] = Search(**kept)
        return [name for name in names if name not in self._found]

    def add(self, made: Mapping[str, Search]) -> None:
        """Keep searches that were missing."""
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

    def take(self, names: Sequence[str]) -> list[Search]:
        """Return searches in this order."""
        return [self._found[name] for name in names]

    def _part(self, number: int) -> str:
        return f"{self._key}-{number}"

    def _own(self, name: str) -> str:
        return f"{self._key}-{name}"


def corrections(
    pdm: PointDistributionModel,
    points: Sequence[Floats],
    searches: Sequence[Search],
    folds: NDArray[np.intp],
) -> Corrections:
    """Prepare to learn what would have brought each search to the truth.

    Parameters
    ----------
    pdm : PointDistributionModel
        Describes shapes; it may be another one than was searched with.
    points : sequence of ndarray, shape (N, 2)
        The truth of each search, in the picture; NaN where unknown.
    searches : sequence of Search
        Where they ended.
    folds : ndarray of int, shape (M,)
        Fold of each one's subject.

    Raises
    ------
    TrainingError
        If hardly any search ended near the face.
    """
    kept = [i for i, one in enumerate(searches) if one.error < _LOST]
    if len(kept) < _LEAST_FOUND * len(searches):
        raise TrainingError(
            "The patch experts find hardly any training face again; check the annotations "
            "(are points in the scheme's order?)."
        )
    shapes = np.array([searches[i].shape for i in kept])
    found = (shapes - pdm.mean).reshape(len(kept), -1) @ pdm.components.T
    first, modes = searches[0], len(pdm.variances)
    blocks = (len(first.cells), len(first.whole_face), modes)
    features, truth = np.empty((len(kept), sum(blocks)), np.float32), np.empty_like(shapes)
    for row, goal, i, b in zip(features, truth, kept, found, strict=True):
        one = searches[i]
        row[:] = regression_features(one.cells, one.whole_face, b, pdm.variances)
        pose = Similarity(*map(float, one.pose))
        goal[:] = pose.inverse().apply(pdm.complete(points[i]))
    tangent = pdm.tangent(np.zeros(modes))
    return Corrections(features, wanted_steps(pdm, found, truth), folds[kept], blocks, tangent)


def wanted_steps(pdm: PointDistributionModel, found: Floats, truth: Floats) -> Floats:
    """Return the steps of pose and shape that bring found shapes nearest to the truth.

    Least squares in the tangent of `PointDistributionModel.tangent`. Of its rows only growing and
    turning depend on the shape, so the others are projected out once.

    Parameters
    ----------
    pdm : PointDistributionModel
        Describes the shapes.
    found : ndarray, shape (M, K)
        Shape parameters.
    truth : ndarray, shape (M, N, 2)
        True points, in the model frame.

    Returns
    -------
    ndarray, shape (M, 4 + K)
    """
    fixed = pdm.tangent(np.zeros(len(pdm.variances)))[2:]
    explain = np.linalg.solve(fixed @ fixed.T, fixed)
    base = pdm.mean.reshape(-1) + found @ pdm.components
    turned = np.stack([-base[:, 1::2], base[:, 0::2]], axis=2).reshape(base.shape)
    missing = truth.reshape(len(truth), -1) - base
    moving = np.stack([base, turned], axis=1)
    alone = moving - moving @ explain.T @ fixed
    normal = alone @ moving.transpose(0, 2, 1)
    first = np.linalg.solve(normal, alone @ missing[:, :, None])
    rest = missing - (first.transpose(0, 2, 1) @ moving)[:, 0]
    return np.concatenate([first[:, :, 0], rest @ explain.T], axis=1)
