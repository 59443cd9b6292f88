"""The face in work: its points, what a person did to them, and saving each change. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Revision
    from faceloop_workbench.session import Session


@dataclass(frozen=True, eq=False)
class FaceState:
    """Points of a face while it is corrected, as a value.

    Parameters
    ----------
    points : ndarray, shape (N, 2)
        ``(x, y)`` in pixels; NaN where missing.
    states : ndarray of uint8, shape (N,)
        One `PointState` a point.
    placed : ndarray of bool, shape (N,)
        Points that the person has put where they are; help from the model leaves them alone.
    """

    points: NDArray[np.float64]
    states: NDArray[np.uint8]
    placed: NDArray[np.bool_]


class FaceEditor:
    """Edits the face in work; every change is on disk, as a revision, when it returns.

    Attributes
    ----------
    loaded : Signal(FaceState or None)
        Another face is in work, or the one in work was read again.
    edited : Signal(FaceState, FaceState, str)
        State before, state after, and what was done: an undo stack keeps these.
    """

    loaded = Signal(object)
    edited = Signal(object, object, str)

    def __init__(self, session: Session) -> None:
        self._session = session

    def accept(self) -> Revision | None:
        """Confirm all points as the person's own and save; None if no face is in work."""
        raise NotImplementedError
