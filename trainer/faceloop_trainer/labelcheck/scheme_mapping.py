"""From the landmarks of a project's scheme to those of the starter model's scheme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import SchemeError
from faceloop_datasets.schemes.conversion import Conversion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    Points = NDArray[np.float64]

_FEW_ESTIMATES = 0.1
"""Share of the points that a conversion may estimate."""


@dataclass(frozen=True, eq=False)
class SchemeMapping:
    """A linear map from the points of one scheme to those of another, for any two schemes.

    Parameters
    ----------
    weights : ndarray, shape (M, N)
        Row ``m`` holds the weights of the source points in target point ``m``; a row of zeros
        where the source scheme has no such point.
    """

    weights: NDArray[np.float64]

    @classmethod
    def between(cls, source: Scheme, target: Scheme) -> SchemeMapping:
        """Map by the conversion of the two schemes, or else by point names and parts.

        The second too where the conversion estimates many points. It finds the eyes, their outer
        corners and the nose, if the scheme says where they are; else only what has the same name.
        """
        try:
            conversion = Conversion.load(source, target)
        except SchemeError:
            return cls(_weights_by_name(source, target))
        # Annotations are to be compared, not estimates made of them.
        if conversion.estimated.mean() > _FEW_ESTIMATES:
            return cls(_weights_by_name(source, target))
        return cls(conversion.weights)

    def apply(self, points: Points) -> Points:
        """Map points (..., N, 2) to (..., M, 2); NaN where a source point is missing."""
        missing = np.isnan(points).any(axis=-1)
        used = self.weights != 0
        mapped = self.weights @ np.nan_to_num(points)
        unknown = (missing.astype(float) @ used.T > 0) | ~used.any(axis=1)
        return np.asarray(np.where(unknown[..., None], np.nan, mapped))


def _same_size(source: Scheme, target: Scheme) -> bool:
    """Whether both measure faces by two points that mirror each other: corners of the eyes."""
    return source.has_level_iod and target.has_level_iod and source.size_in_iod is None


def _weights_by_name(source: Scheme, target: Scheme) -> NDArray[np.float64]:
    weights = np.zeros((len(target), len(source)))
    for row, name in enumerate(target.names):
        # A number at the end counts points along a line, of which schemes have more or fewer.
        if name in source.names and not name[-1].isdigit():
            weights[row, source.names.index(name)] = 1.0
    if _same_size(source, target):
        for row, point in zip(target.iod, source.iod, strict=True):
            weights[row] = 0.0
            weights[row, point] = 1.0
    for part, rows in target.initialisation.items() if source.initialisation else ():
        if len(rows) == 1 and not weights[rows[0]].any():
            points = list(source.initialisation[part])
            weights[rows[0], points] = 1.0 / len(points)
    return weights
