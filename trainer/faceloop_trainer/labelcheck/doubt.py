"""What a label check says of a face."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal[
    "turned",
    "mirrored",
    "shifted",
    "other-picture",
    "misplaced",
    "exchanged",
    "duplicate",
    "constant",
]
"""What seems to be wrong with a face's points: all of them turned, mirrored or beside the face, or
placed in another picture; some of them off; some in another order; the face annotated twice,
otherwise; a point at one pixel in all pictures."""

DOUBTFUL = 1.5
"""A face that is this many times as unusual as the most unusual tenth begins to be."""


@dataclass(frozen=True, eq=False)
class Mend:
    """The points that a face would have if what was found were put right.

    Parameters
    ----------
    revision_id : int
        The revision that was looked at; on another one nothing of it holds.
    points : ndarray, shape (N, 2)
        In pixels of the face's picture; NaN where missing.
    states : ndarray of uint8, shape (N,)
        One `PointState` a point.
    """

    revision_id: int
    points: NDArray[np.float64]
    states: NDArray[np.uint8]


@dataclass(frozen=True)
class Finding:
    """What looks wrong with a face, without the face.

    Parameters
    ----------
    score : float
        How unusual it is: 1 is where the most unusual tenth of all faces begins.
    what : str
        A sentence.
    kind : str
        See `Kind`.
    points : tuple of int
        The points that it is about; none where it is the whole face.
    mend : Mend or None
        How to put it right, where what is wrong is known exactly.
    """

    score: float
    what: str
    kind: Kind
    points: tuple[int, ...] = ()
    mend: Mend | None = None


@dataclass(frozen=True)
class Doubt:
    """An annotation that looks wrong.

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
        See `Kind`.
    points : tuple of int
        The points that it is about; none where it is the whole face.
    mend : Mend or None
        How to put it right, where what is wrong is known exactly.
    """

    item_id: int
    name: str
    score: float
    what: str
    kind: Kind
    points: tuple[int, ...] = ()
    mend: Mend | None = None

    @property
    def doubtful(self) -> bool:
        """Whether it is worth a person's look."""
        return self.score >= DOUBTFUL

    def with_first(self, also: Doubt) -> Doubt:
        """Return what another look at the same face says, and then this if it says something."""
        if not self.doubtful:
            return also
        score, mend = max(also.score, self.score), also.mend or self.mend
        kind = self.kind if also.mend is None and self.mend is not None else also.kind
        return replace(also, score=score, what=f"{also.what} {self.what}", kind=kind, mend=mend)
