"""One annotated face: points, and what is known about each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


FIT_SOURCES = ("fit:", "manual+fit:")
"""How sources begin of annotations whose estimated points are a fit's."""


class PointState(IntEnum):
    """What is known about a point, and so what it may train."""

    VISIBLE = 0
    """Seen and placed: trains the shape and the patches."""
    OCCLUDED = 1
    """Hidden, its position known or guessed: trains the shape only."""
    ESTIMATED = 2
    """Made by a conversion or a fit, not yet confirmed by a person."""
    MISSING = 3
    """No position; the coordinates are NaN."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """The points of one face in one image, as a value that never changes.

    Parameters
    ----------
    scheme : str
        Name of the landmark scheme the points follow.
    points : array_like, shape (N, 2)
        ``(x, y)`` in pixels of the image; the centre of the top-left pixel is ``(0, 0)``.
        NaN where, and only where, a point is `PointState.MISSING`.
    states : array_like of int, shape (N,)
        One `PointState` a point.
    source : str
        ``manual``, ``import:FORMAT``, ``fit:MODEL``, or ``manual+fit:MODEL``: changed by a person,
        where points that nobody has confirmed are still those of a fit.

    Raises
    ------
    InputError
        If the shapes disagree, a state is unknown, or a position is infinite or
        does not agree with its state.
    """

    scheme: str
    points: NDArray[np.float64]
    states: NDArray[np.uint8]
    source: str = "manual"

    def __init__(
        self, scheme: str, points: ArrayLike, states: ArrayLike, source: str = "manual"
    ) -> None:
        xy = np.array(points, dtype=np.float64)
        raw = np.array(states)
        if xy.ndim != 2 or xy.shape[1] != 2:
            raise InputError(f"Expected points of shape (N, 2) but got {xy.shape}.")
        if raw.shape != (len(xy),):
            raise InputError(f"Expected {len(xy)} point states but got shape {raw.shape}.")
        if not _are_states(raw):
            raise InputError(f"Expected point states 0..3 but got {sorted(set(raw.tolist()))}.")
        missing = raw == PointState.MISSING
        if not np.isfinite(xy[~missing]).all():
            raise InputError("A point that is not missing needs a finite position.")
        xy[missing] = np.nan
        code = raw.astype(np.uint8)
        xy.flags.writeable = False
        code.flags.writeable = False
        for name, value in (
            ("scheme", scheme),
            ("points", xy),
            ("states", code),
            ("source", source),
        ):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.points)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Annotation):
            return NotImplemented
        return (
            self.scheme == other.scheme
            and self.source == other.source
            and np.array_equal(self.states, other.states)
            and np.array_equal(self.points, other.points, equal_nan=True)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def present(self) -> NDArray[np.bool_]:
        """Points that have a position, shape (N,)."""
        present: NDArray[np.bool_] = self.states != PointState.MISSING
        return present

    @property
    def trains_shape(self) -> NDArray[np.bool_]:
        """Points that may train the shape model, shape (N,).

        An estimate made by a conversion rests on a person's points, so it does; one made
        by a fit would only teach the model its own opinion, so it does not.
        """
        if self.source.startswith(FIT_SOURCES):
            confirmed: NDArray[np.bool_] = self.present & (self.states != PointState.ESTIMATED)
            return confirmed
        return self.present

    @property
    def converted(self) -> NDArray[np.bool_]:
        """Points that a conversion estimated and nobody has confirmed, shape (N,)."""
        estimated: NDArray[np.bool_] = self.states == PointState.ESTIMATED
        return estimated & self.trains_shape

    @property
    def trains_patches(self) -> NDArray[np.bool_]:
        """Points whose surroundings may train a patch expert, shape (N,)."""
        visible: NDArray[np.bool_] = self.states == PointState.VISIBLE
        return visible


def outside(points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which points (N, 2) lie outside a picture (width, height); the missing ones do not.

    Nobody can see them there: those that a person confirms are `PointState.OCCLUDED`.
    """
    return np.asarray(((points < -0.5) | (points > np.array(size) - 0.5)).any(axis=1))


def _are_states(codes: NDArray[Any]) -> bool:
    if codes.dtype.kind == "u":  # what is stored: a project may have a hundred thousand faces
        return bool((codes <= max(PointState)).all())
    return bool(np.isin(codes, list(PointState)).all())
