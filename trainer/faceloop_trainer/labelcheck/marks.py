"""The places of a face that a project's scheme and the starter model's both name."""

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


@dataclass(frozen=True, eq=False)
class Marks:
    """Reads the points of one scheme as those of another.

    Parameters
    ----------
    weights : ndarray, shape (M, N)
        Row ``m`` holds the weights of the points in mark ``m``; zeros where the scheme has no such
        mark.
    """

    weights: NDArray[np.float64]

    @classmethod
    def between(cls, scheme: Scheme, other: Scheme) -> Marks:
        """Find what two schemes share: by a conversion, or else by names and by parts.

        Every scheme says where its eyes, their outer corners and its nose are.
        """
        try:
            return cls(Conversion.load(scheme, other).weights)
        except SchemeError:
            return cls(_by_name(scheme, other))

    def of(self, points: Points) -> Points:
        """Read points (..., N, 2) as marks (..., M, 2); NaN where a point that it needs is."""
        lost = np.isnan(points).any(axis=-1)
        used = self.weights != 0
        marks = self.weights @ np.nan_to_num(points)
        unknown = (lost.astype(float) @ used.T > 0) | ~used.any(axis=1)
        return np.asarray(np.where(unknown[..., None], np.nan, marks))


def _by_name(scheme: Scheme, other: Scheme) -> NDArray[np.float64]:
    weights = np.zeros((len(other), len(scheme)))
    for mark, name in enumerate(other.names):
        # A name that counts along a line is no place of its own: there may be more on the line.
        if name in scheme.names and not name[-1].isdigit():
            weights[mark, scheme.names.index(name)] = 1.0
    for mark, point in zip(other.iod, scheme.iod, strict=True):
        weights[mark] = 0.0
        weights[mark, point] = 1.0
    for part, marks in other.initialisation.items():
        if len(marks) == 1 and not weights[marks[0]].any():
            sources = list(scheme.initialisation[part])
            weights[marks[0], sources] = 1.0 / len(sources)
    return weights
