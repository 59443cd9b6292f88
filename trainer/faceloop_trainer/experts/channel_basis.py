"""Ridge regression on channels, solved in the planes that the channels are made of.

Ten channels of gradients and binary patterns are linear in seven planes (see
`faceloop_runtime.imaging.channels.CropChannels`). With ``x = B z``, patch by patch, the filter
``w`` with the least ``|w|`` of all that do the same as a filter ``v`` on the planes is
``B (B'B)^-1 v``, and its ``|w|^2`` is ``v' (B'B)^-1 v``. So the ridge problem on channels has the
same solution as one on planes with that penalty, and the system is 869 wide instead of 1210.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.imaging.channels import NEIGHBOURS, ORIENTATIONS, Term, terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Rows = NDArray[np.float32]


@dataclass(frozen=True)
class MirroredPlane:
    """What a plane shows in a mirror: ``sign * plane``, mirrored, moved ``shift`` pixels left.

    Parameters
    ----------
    plane : int
        Of the unmirrored crop.
    sign : float
        -1 for a derivative across the mirror.
    shift : int
        A difference towards the right is one towards the left in a mirror, and that is kept
        one pixel beside.
    """

    plane: int
    sign: float = 1.0
    shift: int = 0


_MIRROR = {
    "raw": (MirroredPlane(0),),
    # The gradient, and its components along lines at 0, 60 and 120 degrees.
    "gradient": (
        MirroredPlane(0, -1.0),
        MirroredPlane(1),
        *(MirroredPlane(2 + -k % (ORIENTATIONS // 2)) for k in range(ORIENTATIONS // 2)),
    ),
    # Comparisons with the pixel below, and with the one to the right.
    "lbp": (MirroredPlane(0), MirroredPlane(1, -1.0, 1)),
}
assert len(NEIGHBOURS) == 4  # noqa: S101 - what _MIRROR was written for


def mirrored_planes(families: Sequence[str]) -> list[MirroredPlane]:
    """Return what each plane of these families shows in a mirror."""
    found: list[MirroredPlane] = []
    for family in families:
        start = len(found)
        found += [MirroredPlane(start + m.plane, m.sign, m.shift) for m in _MIRROR[family]]
    return found


@dataclass(frozen=True)
class Support:
    """The pixels of one plane that a patch of channels looks at.

    ``first`` is where they begin, (y, x) against the patch; ``shape`` how many there are.
    """

    first: tuple[int, int]
    shape: tuple[int, int]

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.shape[0] * self.shape[1]


@dataclass(frozen=True, eq=False)
class ChannelBasis:
    """How the channels of a patch are made of planes.

    Parameters
    ----------
    terms : tuple of Term
        From `faceloop_runtime.imaging.channels.terms`.
    patch : int
        Width of a patch of channels.
    supports : tuple of Support
        By plane; their pixels, one plane after the other, are the M unknowns.
    penalty : ndarray of float32, shape (M, M)
        ``(B'B)^-1``.
    expansion : ndarray of float32, shape (M, C * patch * patch)
        ``(B (B'B)^-1)'``.
    """

    terms: tuple[Term, ...]
    patch: int
    supports: tuple[Support, ...]
    penalty: Rows
    expansion: Rows

    @property
    def channels(self) -> int:
        """Number of channels."""
        return 1 + max(t.channel for t in self.terms)

    @classmethod
    def of(cls, families: Sequence[str], patch: int) -> ChannelBasis:
        """Return the basis of these channel families."""
        return _basis(tuple(terms(families)), patch)

    @classmethod
    def plain(cls, channels: int, patch: int) -> ChannelBasis:
        """Return the basis of channels that are their own planes."""
        return _basis(tuple(Term(c, c, 1.0) for c in range(channels)), patch)


@cache
def _basis(parts: tuple[Term, ...], patch: int) -> ChannelBasis:
    supports = tuple(
        _support([t for t in parts if t.plane == p], patch)
        for p in range(1 + max(t.plane for t in parts))
    )
    starts = np.cumsum([0, *(s.size for s in supports)])
    channels = 1 + max(t.channel for t in parts)
    made = np.zeros((channels, patch, patch, starts[-1]))
    y, x = np.mgrid[:patch, :patch]
    for t in parts:
        support = supports[t.plane]
        row, column = y + t.dy - support.first[0], x + t.dx - support.first[1]
        made[t.channel, y, x, starts[t.plane] + row * support.shape[1] + column] += t.share
    flat = made.reshape(-1, starts[-1])
    penalty = np.linalg.inv(flat.T @ flat)
    expansion = penalty @ flat.T
    return ChannelBasis(
        parts, patch, supports, penalty.astype(np.float32), expansion.astype(np.float32)
    )


def _support(parts: Sequence[Term], patch: int) -> Support:
    dy, dx = [t.dy for t in parts], [t.dx for t in parts]
    height, width = patch + max(dy) - min(dy), patch + max(dx) - min(dx)
    return Support((min(dy), min(dx)), (height, width))
