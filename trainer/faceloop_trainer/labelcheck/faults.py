"""The result of a label check: what looks wrong with an annotation, and its correction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FaultKind = Literal[
    "turned",
    "mirrored",
    "shifted",
    "other-picture",
    "misplaced",
    "exchanged",
    "duplicate",
    "constant",
]
"""What seems to be wrong: all points of the face are turned, mirrored or beside the face, or belong
to another picture; some points are off; points are in the wrong order; the face is annotated
twice with different points; a point is at one pixel in all pictures."""

DOUBTFUL_SCORE = 1.5
"""Score from which a person should look at a face."""


@dataclass(frozen=True, eq=False)
class Correction:
    """The corrected annotation of a face.

    Parameters
    ----------
    revision_id : int
        The revision that was checked; the correction applies to no other one.
    points : ndarray, shape (N, 2)
        In pixels of the face's picture; NaN where missing.
    states : ndarray of uint8, shape (N,)
        One `PointState` a point.
    """

    revision_id: int
    points: NDArray[np.float64]
    states: NDArray[np.uint8]


@dataclass(frozen=True)
class Fault:
    """What looks most wrong with a face.

    Parameters
    ----------
    score : float
        How unusual the face is: 1 is where the most unusual tenth of all faces begins.
    what : str
        A sentence for the user.
    kind : str
        See `FaultKind`.
    points : tuple of int
        The points concerned; empty for the whole face.
    mend : Correction or None
        The corrected annotation, where the fault is known exactly.
    """

    score: float
    what: str
    kind: FaultKind
    points: tuple[int, ...] = ()
    mend: Correction | None = None


@dataclass(frozen=True)
class CheckedLabel:
    """An annotated face of a project, and what looks most wrong with it.

    Parameters
    ----------
    item_id : int
        The item.
    name : str
        Its name.
    score : float
        How unusual it is: 1 is where the most unusual tenth of all faces begins.
    what : str
        A sentence on what looks wrong; two where more than one thing does.
    kind : str
        See `FaultKind`.
    points : tuple of int
        The points concerned; empty for the whole face.
    mend : Correction or None
        The corrected annotation, where the fault is known exactly.
    """

    item_id: int
    name: str
    score: float
    what: str
    kind: FaultKind
    points: tuple[int, ...] = ()
    mend: Correction | None = None

    @property
    def doubtful(self) -> bool:
        """Whether a person should look at it."""
        return self.score >= DOUBTFUL_SCORE

    def preceded_by(self, other: CheckedLabel) -> CheckedLabel:
        """Combine with the result of another check of the same face, whose sentence comes first.

        The result is ``other`` alone where this one is not doubtful.
        """
        if not self.doubtful:
            return other
        score, mend = max(other.score, self.score), other.mend or self.mend
        kind = self.kind if other.mend is None and self.mend is not None else other.kind
        return replace(other, score=score, what=f"{other.what} {self.what}", kind=kind, mend=mend)
