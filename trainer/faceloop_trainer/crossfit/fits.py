"""Out-of-fold fits: searches by experts that never saw the person, and where they ended."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_runtime.fit.steps import surroundings
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.pdm.tangent import scaling_and_rotation
from faceloop_runtime.regressor import regression_features
from faceloop_trainer.regression import CorrectionRegression

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
_LEAST_FOUND = 0.5
"""Where a smaller share of the fits ends near the face, something is wrong with the labels."""
_LOST = 0.15
"""Fits that end this far off are not learned from."""


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


def correction_regression(
    pdm: PointDistributionModel,
    points: Sequence[Floats],
    fits: Sequence[OutOfFoldFit],
    folds: NDArray[np.intp],
) -> CorrectionRegression:
    """Prepare the regression of what would have brought each fit to the truth.

    Parameters
    ----------
    pdm : PointDistributionModel
        Describes shapes; it may be another one than the fits were made with.
    points : sequence of ndarray, shape (N, 2)
        True points of each face, in the picture; NaN where unknown.
    fits : sequence of OutOfFoldFit
        Where the searches ended.
    folds : ndarray of int, shape (M,)
        Fold of each one's subject.

    Raises
    ------
    TrainingError
        If hardly any of them ended near the face.
    """
    kept = [i for i, one in enumerate(fits) if one.error < _LOST]
    if len(kept) < _LEAST_FOUND * len(fits):
        raise TrainingError(
            "The patch experts find hardly any training face again; check the annotations "
            "(are points in the scheme's order?)."
        )
    shapes = np.array([fits[i].shape for i in kept])
    found = (shapes - pdm.mean).reshape(len(kept), -1) @ pdm.components.T
    first, modes = fits[0], len(pdm.variances)
    blocks = (len(first.cells), len(first.whole_face), modes)
    features, truth = np.empty((len(kept), sum(blocks)), np.float32), np.empty_like(shapes)
    for row, goal, i, b in zip(features, truth, kept, found, strict=True):
        one = fits[i]
        row[:] = regression_features(one.cells, one.whole_face, b, pdm.variances)
        pose = Similarity(*map(float, one.pose))
        goal[:] = pose.inverse().apply(pdm.complete(points[i]))
    tangent = pdm.tangent(np.zeros(modes))
    return CorrectionRegression(
        features, required_updates(pdm, found, truth), folds[kept], blocks, tangent
    )


def required_updates(pdm: PointDistributionModel, found: Floats, truth: Floats) -> Floats:
    """Return the updates of pose and shape that bring found shapes nearest to the truth.

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
    missing = truth.reshape(len(truth), -1) - base
    moving = scaling_and_rotation(base.reshape(truth.shape))
    alone = moving - moving @ explain.T @ fixed
    normal = alone @ moving.transpose(0, 2, 1)
    first = np.linalg.solve(normal, alone @ missing[:, :, None])
    rest = missing - (first.transpose(0, 2, 1) @ moving)[:, 0]
    return np.concatenate([first[:, :, 0], rest @ explain.T], axis=1)
