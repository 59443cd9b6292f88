"""The figures of an evaluation: failures, area under the cumulative error distribution, ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

AUC_LIMIT = 0.08
"""The cumulative error distribution is integrated up to here."""


def area_under_ced(errors: NDArray[np.float64], limit: float) -> float:
    """Area under the cumulative error distribution up to ``limit``, over ``limit``.

    Parameters
    ----------
    errors : ndarray, shape (F,)
        NME of each face; infinite where none was found.
    limit : float
        NME at which the integral ends.
    """
    return float(np.clip(1.0 - errors / limit, 0.0, 1.0).mean())


def rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    """Spearman's rank correlation of the finite pairs of two arrays (F,).

    None where there is no order: fewer than three pairs, or values that are all the same.
    """
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 3 or not (np.ptp(a[known]) and np.ptp(b[known])):
        return None
    return float(np.corrcoef(_ranks(a[known]), _ranks(b[known]))[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each value, (F,); equal ones share the mean of theirs."""
    _, which, times = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(times) - (times - 1) / 2)[which])
