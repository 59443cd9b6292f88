"""Points of many frames brought to another scheme."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets.schemes.conversion import Conversion


def converted(points: NDArray[np.floating], conversion: Conversion) -> NDArray[np.float64]:
    """Return points of another scheme.

    Parameters
    ----------
    points : ndarray, shape (F, S, 2)
        ``(x, y)``; NaN where missing.
    conversion : Conversion
        To T points.

    Returns
    -------
    ndarray, shape (F, T, 2)
        NaN where a point that it is made of is missing, or nothing is known of it.
    """
    used = (conversion.weights != 0).astype(np.float64)
    missing = np.isnan(points[..., 0]).astype(np.float64) @ used.T > 0
    found = np.einsum("ts,fsk->ftk", conversion.weights, np.nan_to_num(points), optimize=True)
    found[missing | ~used.any(axis=1)] = np.nan
    return np.asarray(found)
