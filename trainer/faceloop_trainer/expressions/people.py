"""What is always the same in the faces of one person, among examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.expressions import person_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def own_of_others(residuals: Floats, people: Sequence[object]) -> Floats:
    """Predict what is a person's own in each face from the person's other faces.

    Parameters
    ----------
    residuals : ndarray, shape (M, F)
        What each face has beyond what is usual for its expression.
    people : sequence of hashable
        Whom each one shows.

    Returns
    -------
    ndarray, shape (M, F)
        Shrunk to nothing where there are few; 0 where there is no other.
    """
    numbers = {one: number for number, one in enumerate(dict.fromkeys(people))}
    whom = np.array([numbers[one] for one in people])
    sums = np.zeros((len(numbers), residuals.shape[1]))
    np.add.at(sums, whom, residuals)
    others = np.bincount(whom)[whom] - 1
    mean = (sums[whom] - residuals) / np.maximum(others, 1)[:, None]
    return np.asarray(mean * np.array([person_share(float(n)) for n in others])[:, None])
