"""Errors of fits in words: everywhere in one unit, the inter-ocular distance."""

from __future__ import annotations

import numpy as np

ERROR_UNIT = (
    "Errors are in IOD, the distance of the outer corners of the eyes: 0.010 IOD is a hundredth "
    "of it. The mean over the points of a face is its NME."
)
"""For tool tips."""


def error_text(error: float) -> str:
    """Error in IOD, with its unit; empty where it is unknown."""
    return "" if np.isnan(error) else f"{error:.3f} IOD"
