"""The 68 points of OpenFace's tables, made of a model's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Conversion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme


def openface_weights(scheme: Scheme) -> NDArray[np.float64]:
    """Return of which points of a scheme those in a table of OpenFace are made.

    Parameters
    ----------
    scheme : Scheme
        ``face70`` is brought to ibug68, whose points OpenFace has. The points of any other scheme
        are its own.

    Returns
    -------
    ndarray, shape (M, N)
        Each point of the table as a weighted sum of the scheme's.
    """
    if not scheme.has_points_of("face70"):
        return np.eye(len(scheme))
    return Conversion.load("face70", "ibug68").weights
