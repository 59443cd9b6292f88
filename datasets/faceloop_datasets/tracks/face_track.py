"""One face through a video, as a value that never changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets.errors import InputError

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray


class FrameKind(IntEnum):
    """How the points of a face came about in a frame."""

    UNSEEN = 0
    """Nobody has looked at this frame yet."""
    LOST = 1
    """There was no face, or it was not found."""
    FITTED = 2
    """A fit of the model, or what another tool has found: its points may lack some."""
    CORRECTED = 3
    """Placed by a person."""
    SPREAD = 4
    """Fitted anew from a corrected neighbour."""
    INTERPOLATED = 5
    """Computed from the corrected frames on both sides."""
    SMOOTHED = 6
    """Computed from the points before and after."""


class Verdict(IntEnum):
    """What a person said of a frame."""

    NONE = 0
    ACCEPTED = 1
    REJECTED = 2


def widened(
    rows: NDArray[np.float32] | None, count: int, expressions: int
) -> NDArray[np.float32] | None:
    """Return probabilities of expressions with unknown ones behind, (count, expressions)."""
    if not expressions:
        return rows
    wide = np.full((count, expressions), np.nan, np.float32)
    if rows is not None:
        wide[:, : rows.shape[1]] = rows
    return wide


_FLOATS = ("points", "predicted_error", "head_pose", "expressions")


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """One face through a video of F frames.

    Parameters
    ----------
    id : int
        Tells the faces of a video apart; never reused in a track.
    name : str
        For people; may be empty.
    points : ndarray of float32, shape (F, N, 2)
        ``(x, y)`` in pixels of the frame; NaN where there is no face.
    predicted_error : ndarray of float32, shape (F,)
        What the model expects of its fit, in IOD; NaN where there are no points, 0 where a person
        placed them, in between where they are interpolated; NaN too where another tool found them.
    kind : ndarray of uint8, shape (F,)
        One `FrameKind` a frame.
    verdict : ndarray of uint8, shape (F,)
        One `Verdict` a frame.
    head_pose : ndarray of float32, shape (F, 3), optional
        Yaw, pitch and roll in degrees, as `faceloop_runtime.HeadPose` has them; NaN where unknown.
    expressions : ndarray of float32, shape (F, E), optional
        Probability of each expression of the track; NaN where unknown.

    Raises
    ------
    InputError
        If the shapes or types disagree.
    """

    id: int
    name: str
    points: NDArray[np.float32]
    predicted_error: NDArray[np.float32]
    kind: NDArray[np.uint8]
    verdict: NDArray[np.uint8]
    head_pose: NDArray[np.float32] | None = None
    expressions: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        frames = len(self.kind)
        shapes = {
            "points": (frames, *self.points.shape[1:2], 2),
            "predicted_error": (frames,),
            "verdict": (frames,),
            "head_pose": (frames, 3),
        }
        for name, array in self.arrays().items():
            wanted = np.float32 if name in _FLOATS else np.uint8
            shape = shapes.get(name, (frames, *array.shape[1:2]))
            if array.dtype != wanted or array.shape != shape:
                raise InputError(
                    f"Expected {name} of face {self.id} as {wanted.__name__} of shape {shape} but "
                    f"got {array.dtype} of shape {array.shape}."
                )
            array.flags.writeable = False

    @classmethod
    def unseen(cls, number: int, frames: int, points: int, *, expressions: int = 0) -> Self:
        """Return a face that was looked for in no frame yet.

        Parameters
        ----------
        number : int
            Its id.
        frames, points : int
            Frames of the video, points of the scheme.
        expressions : int
            Expressions that the model knows.
        """
        return cls(
            number,
            "",
            np.full((frames, points, 2), np.nan, np.float32),
            np.full(frames, np.nan, np.float32),
            np.zeros(frames, np.uint8),
            np.zeros(frames, np.uint8),
            np.full((frames, 3), np.nan, np.float32),
            np.full((frames, expressions), np.nan, np.float32) if expressions else None,
        )

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Frames in which it has points, shape (F,)."""
        present: NDArray[np.bool_] = self.kind >= FrameKind.FITTED
        return present

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Frames that were looked at and in which it was not found, shape (F,)."""
        lost: NDArray[np.bool_] = self.kind == FrameKind.LOST
        return lost

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Frames that a person has edited or accepted, shape (F,): no new fit replaces them."""
        accepted = self.verdict == Verdict.ACCEPTED
        settled: NDArray[np.bool_] = (self.kind >= FrameKind.CORRECTED) | accepted
        return settled

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Frames that a person has edited, accepted or rejected, shape (F,): nobody need look."""
        judged: NDArray[np.bool_] = self.settled | (self.verdict != Verdict.NONE)
        return judged

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its arrays by the names of their fields, those that it has."""
        names = ("points", "predicted_error", "kind", "verdict", "head_pose", "expressions")
        found = {name: getattr(self, name) for name in names}
        return {name: array for name, array in found.items() if array is not None}

    def with_room(self, expressions: int) -> Self:
        """Return a copy with unknown values of further expressions, so many in all."""
        return replace(self, expressions=widened(self.expressions, len(self), expressions))

    def with_rows(self, where: Any, **values: Any) -> Self:
        """Return a copy that differs in some frames.

        Parameters
        ----------
        where : slice, int or ndarray
            The frames, as an array is indexed.
        **values : array_like
            What the fields of these names have there; fields that it lacks are passed over.
        """
        changed: dict[str, Any] = {}
        for name, value in values.items():
            before = getattr(self, name)
            if before is not None:
                changed[name] = before.copy()
                changed[name][where] = value
        return replace(self, **changed)
