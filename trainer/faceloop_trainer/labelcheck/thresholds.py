"""Distances from the starter model's fit at which an annotation is taken to be wrong.

All distances are means over the points, in units of the IOD. The fit is of the starter model to
the face in the annotation's picture (`reference_fit`).
"""

from __future__ import annotations

from .faults import DOUBTFUL_SCORE

SUSPECT_DISTANCE = 0.05
"""From here an annotation may be wrong as a whole. The starter model itself is off by .02 (sample),
.03 (MUCT) and .05 (Helen and AFW)."""
SHARED_FAULT_DISTANCE = 0.03
"""The same where other faces have the same fault. It is smaller because a face is nearly symmetric:
exchanging left and right moves the points only a little."""
CORRECTED_DISTANCE = 0.13
"""A corrected annotation must be nearer than this."""
_SHARE_LEFT, _SHARE_LEFT_IF_COMMON = 0.6, 0.8
"""A correction must leave less than this share of the distance; the second applies where at least
`_COMMON` other faces clearly have the same fault."""
_COMMON = 3
_LEAST_GAIN = 0.01
"""A correction must reduce the distance by at least this much."""
_LARGEST_DISTANCE = 2.0
"""Larger distances get the same score."""


def clearly_better(corrected: float, distance: float, others: int = 0) -> bool:
    """Whether a fault explains a face: its correction brings the points clearly nearer to the fit.

    Parameters
    ----------
    corrected : float
        Mean distance of the corrected points from the fit, in IOD.
    distance : float
        Mean distance of the points as annotated.
    others : int
        Number of other faces that clearly have the same fault.
    """
    common = others >= _COMMON
    least = SHARED_FAULT_DISTANCE if common else SUSPECT_DISTANCE
    share = _SHARE_LEFT_IF_COMMON if common else _SHARE_LEFT
    limit = min(CORRECTED_DISTANCE, share * distance, distance - _LEAST_GAIN)
    return distance > least and corrected < limit


def score_of_distance(distance: float) -> float:
    """Return the score of a face with a known fault from its mean distance from the fit, in IOD."""
    return DOUBTFUL_SCORE + min(distance, _LARGEST_DISTANCE) / SUSPECT_DISTANCE
