"""The small neural network of all quality models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]


def two_layers(inputs: Rows, hidden: Rows, out: Rows, offset: Rows | float = 0.0) -> Rows:
    """Apply one hidden layer of rectifiers and a linear output: ``max(x H + c, 0) w + d``.

    Parameters
    ----------
    inputs : ndarray, shape (..., I)
        Standardised inputs.
    hidden : ndarray, shape (I + 1, H)
        Weights of the hidden layer, its biases in the last row.
    out : ndarray, shape (H + 1,)
        Weights of the output, its bias last.
    offset : ndarray or float
        Added to the output's bias; broadcast against the result.

    Returns
    -------
    ndarray, shape (...)
    """
    h = inputs @ hidden[:-1]
    h += hidden[-1]
    np.maximum(h, 0.0, out=h)
    return np.asarray(h @ out[:-1] + (out[-1] + offset), dtype=np.float32)
