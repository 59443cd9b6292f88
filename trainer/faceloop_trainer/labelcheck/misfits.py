"""When an annotation is too far from the face that was seen."""

from __future__ import annotations

from .doubt import DOUBTFUL

WRONG = 0.05
"""Mean distance from the face that was seen, in IOD, from which an annotation may be wrong as a
whole. The starter model itself is off by .02 (sample), .03 (MUCT) and .05 (Helen and AFW)."""
RIGHT = 0.13
"""Mean distance at most, in IOD, if what is thought to be wrong is put right."""
SUSPECT = 0.03
"""The same where other faces have the same fault: a face may be nearly symmetric."""
_BETTER, _USUALLY_BETTER = 0.6, 0.8
"""What is thought to be wrong leaves less than this share of the distance when it is put right; the
second where `_USUAL` other faces have it clearly too."""
_USUAL = 3
_MARGIN = 0.01
"""And at least so much less, in IOD."""
_FARTHEST = 2.0
"""Faces that are farther off are all the same, in IOD."""


def clearly_better(error: float, own: float, others: int = 0) -> bool:
    """Whether a fault explains a face.

    Parameters
    ----------
    error : float
        Mean distance from the face that was seen if the fault is put right, in IOD.
    own : float
        As it is.
    others : int
        Faces that clearly have the same fault.
    """
    least, share = (SUSPECT, _USUALLY_BETTER) if others >= _USUAL else (WRONG, _BETTER)
    return own > least and error < min(RIGHT, share * own, own - _MARGIN)


def score(own: float) -> float:
    """How doubtful a face is that is so far from the face in its picture, in IOD."""
    return DOUBTFUL + min(own, _FARTHEST) / WRONG
