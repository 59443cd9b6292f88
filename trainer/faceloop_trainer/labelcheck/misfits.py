"""How far an annotation is from the face that was seen, and when that is too far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .doubt import DOUBTFUL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .looks import Looks

    Values = NDArray[np.float64]

WRONG = 0.05
"""Mean distance from the face that was seen, in IOD, from which an annotation may be wrong as a
whole. The starter model itself is off by .02 (sample), .03 (MUCT) and .05 (Helen and AFW)."""
RIGHT = 0.13
"""Mean distance at most, in IOD, if what is thought to be wrong is put right."""
_BETTER, _USUALLY_BETTER = 0.6, 0.8
"""What is thought to be wrong leaves less than this share of the distance when it is put right; the
second where `_USUAL` other faces have it clearly too."""
_USUAL = 3
_MARGIN = 0.02
"""And at least so much less, in IOD."""
_FARTHEST = 2.0
"""Faces that are farther off are all the same, in IOD."""


def usual_errors(looks: Looks) -> Values:
    """Mean distance of each annotation from the face in its picture, (F,), in IOD.

    Infinite where no face was seen.
    """
    return np.array(
        [
            looks.distance(look.marks, look.seen) if look.seen and look.sure else np.inf
            for look in looks.every
        ]
    )


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
    share = _USUALLY_BETTER if others >= _USUAL else _BETTER
    return own > WRONG and error < min(RIGHT, share * own, own - _MARGIN)


def score(own: float) -> float:
    """How doubtful a face is that is so far from the face in its picture, in IOD."""
    return DOUBTFUL + min(own, _FARTHEST) / WRONG
