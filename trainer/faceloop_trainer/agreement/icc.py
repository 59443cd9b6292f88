"""The intraclass correlation: what share of the spread is the things', and not the people's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_LEAST = 3


def icc(values: ArrayLike) -> float | None:
    """Return ICC(2,1) of Shrout and Fleiss (Psychological Bulletin 1979).

    Two-way random effects, absolute agreement, single measures: people are a sample of all who
    might have measured, and a constant difference between two counts against them.

    Parameters
    ----------
    values : array_like, shape (n, k)
        Of n things as k people measured them; rows with a NaN are left out.

    Returns
    -------
    float or None
        None if fewer than three things, or fewer than two people, are left, or nothing varies.
    """
    x = np.asarray(values, float)
    x = x[np.isfinite(x).all(axis=1)]
    n, k = x.shape
    if n < _LEAST or k < 2:
        return None
    mean = x.mean()
    between_things = k * ((x.mean(axis=1) - mean) ** 2).sum() / (n - 1)
    between_people = n * ((x.mean(axis=0) - mean) ** 2).sum() / (k - 1)
    rest = x - x.mean(axis=1, keepdims=True) - x.mean(axis=0) + mean
    error = (rest**2).sum() / ((n - 1) * (k - 1))
    whole = between_things + (k - 1) * error + k * (between_people - error) / n
    return float((between_things - error) / whole) if whole > 0 else None
