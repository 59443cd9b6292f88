"""Conformal calibration of predicted errors, on fits that the predictors did not learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.quality.conformal import ConformalCalibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]
    Floats = NDArray[np.float64]

_COVERAGE = 0.9
"""Share of the errors that stay below the bound."""
_PER_RANGE, _MOST_RANGES = 60, 8
"""Fits that a range of predictions has at least, and the most ranges."""
_LEAST_SLOPE = 0.3
"""Least slope of median and bound over the prediction, whatever chance says."""


def conformal_calibration(predicted: Floats, truth: Floats) -> ConformalCalibration:
    """Calibrate predicted errors: their median and a bound that holds for 90 % of new fits.

    Split conformal prediction, by ranges of the prediction; see `ConformalCalibration`. The bound
    of a range of n fits is the residual of rank ``ceil(0.9 (n + 1))``, the largest if there is none
    of that rank (Lei et al., JASA 113, 2018, section 2.2).

    Parameters
    ----------
    predicted : ndarray, shape (M,)
        Predicted logarithm of each fit's NME, out of fold.
    truth : ndarray, shape (M,)
        Logarithm of its NME.
    """
    count = min(max(len(predicted) // _PER_RANGE, 1), _MOST_RANGES)
    parts = np.array_split(np.argsort(predicted, kind="stable"), count)
    middle = np.array([predicted[part].mean() for part in parts])
    residuals = [np.sort(truth[part] - predicted[part]) for part in parts]
    median = middle + [np.median(r) for r in residuals]
    ranks = [min(int(np.ceil(_COVERAGE * (len(r) + 1))), len(r)) - 1 for r in residuals]
    bound = middle + [r[rank] for r, rank in zip(residuals, ranks, strict=True)]
    return ConformalCalibration(
        middle.astype(np.float32), _rising(middle, median), _rising(middle, bound)
    )


def _rising(predicted: Floats, quantiles: Floats) -> Rows:
    """Let quantiles rise with the prediction: a fit that is predicted to be worse stays worse."""
    made = quantiles.copy()
    for k, step in enumerate(np.diff(predicted), start=1):
        made[k] = max(made[k], made[k - 1] + _LEAST_SLOPE * step)
    return made.astype(np.float32)
