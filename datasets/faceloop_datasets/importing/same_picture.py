"""Which of several faces of one picture is which, when their file is read again.

A face is known by its points before anything else. What a file calls it, its number in the picture
or an annotation's own, comes second: numbers move up when a face is deleted, and tools number
annotations anew when they export. From strong to weak:

1. Equal points are the same face.
2. An equal key is, if it lies where that face was, more or less, and no other of the picture is
   clearly nearer; unless the faces of rule 1 show that keys have moved, or, of mere numbers, some
   have come or gone.
3. Points that lie nearly where one face was, and far from all others, are that face.

What is left is new: a wrong guess would give a face another person's name and corrections.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets.annotation import Annotation

_OWN = "id"
NEAR, _ROUGHLY = 0.25, 0.5
"""Mean distance of the points, as a share of the face's size."""

_CLEARLY = 2.0
"""How much farther every other face is."""


def split_place(place: str) -> tuple[str, str]:
    """Split the place of an annotation into that of its picture, and which of its faces it is.

    Keys of files with several faces of a picture are ``file:picture``, ``file:picture#2``, or
    ``file:picture#id17`` where the file has names of its own for them.
    """
    before, sign, face = place.rpartition("#")
    if sign and ":" in before and (face.isdigit() or face.startswith(_OWN)):
        return before, face
    return place, ""


@dataclass(frozen=True)
class PlacedFace:
    """A face of a picture: which one its file says that it is, and its points."""

    key: str
    points: Annotation | None


def pair_faces(
    faces: Sequence[PlacedFace], known: Sequence[PlacedFace], may_be: Callable[[int, int], bool]
) -> dict[int, int]:
    """Find the faces of a picture among those that are known of it.

    Parameters
    ----------
    faces, known : sequence of PlacedFace
        What the file says now, and what it said of those that are known.
    may_be : callable
        Whether the face of a number may be the known one of another: not of another picture.

    Returns
    -------
    dict of int to int
        Number of the known face, by the number of the face; each is given once.
    """
    pairing = _Pairing(faces, known, may_be)
    pairing.equal()
    if pairing.are_left():
        if pairing.keys_hold():
            pairing.keyed()
        pairing.near()
    return pairing.found


class _Pairing:
    def __init__(
        self,
        faces: Sequence[PlacedFace],
        known: Sequence[PlacedFace],
        may_be: Callable[[int, int], bool],
    ) -> None:
        self._faces, self._known, self._may_be = faces, known, may_be
        self._free = set(range(len(known)))
        self.found: dict[int, int] = {}

    def equal(self) -> None:
        alike: dict[bytes, list[int]] = defaultdict(list)
        for number, one in enumerate(self._known):
            if one.points is not None:
                alike[_content(one.points)].append(number)
        for same_key in (True, False):
            for number in self._waiting():
                one = self._faces[number]
                assert one.points is not None  # noqa: S101  (what is read has points)
                for k in reversed(alike.get(_content(one.points), [])):
                    fits = not same_key or self._known[k].key == one.key
                    if fits and k in self._free and self._may_be(number, k):
                        self._take(number, k)
                        break

    def are_left(self) -> bool:
        return bool(self._free) and len(self.found) < len(self._faces)

    def keys_hold(self) -> bool:
        """Whether faces are still called what they were."""
        if any(self._faces[n].key != self._known[k].key for n, k in self.found.items()):
            return False
        keys = {one.key for one in self._faces}
        own = all(key.startswith(_OWN) for key in keys)
        return own or keys == {one.key for one in self._known}

    def keyed(self) -> None:
        for number in self._waiting():
            order, far = self._distances(number)
            own = [
                (distance, k)
                for k, distance in zip(order, far, strict=True)
                if self._known[k].key == self._faces[number].key
            ]
            if own and own[0][0] <= _ROUGHLY and far[0] * _CLEARLY >= own[0][0]:
                self._take(number, own[0][1])

    def near(self) -> None:
        wanted: dict[int, list[tuple[float, int]]] = defaultdict(list)
        for number in self._waiting():
            order, far = self._distances(number)
            if not order or far[0] > NEAR:
                continue
            if len(far) == 1 or far[1] > far[0] * _CLEARLY:
                wanted[order[0]].append((far[0], number))
        for k, some in wanted.items():
            some.sort()
            if len(some) == 1 or some[1][0] > some[0][0] * _CLEARLY:
                self._take(some[0][1], k)

    @cached_property
    def _shapes(self) -> _Shapes:
        return _Shapes([one.points for one in self._known])

    def _waiting(self) -> list[int]:
        return [number for number in range(len(self._faces)) if number not in self.found]

    def _take(self, number: int, k: int) -> None:
        self.found[number] = k
        self._free.discard(k)

    def _distances(self, number: int) -> tuple[list[int], list[float]]:
        """Known faces that are left, the nearest first, and how far each is."""
        far = self._shapes.distances(self._faces[number].points)
        order = [
            k for k in np.argsort(far, kind="stable").tolist()
            if k in self._free and self._may_be(number, k)
        ]  # fmt: skip
        return order, far[order].tolist()


def is_near(face: Annotation, known: Annotation | None) -> bool:
    """Whether points lie nearly where those of a known face were."""
    return float(_Shapes([known]).distances(face)[0]) <= NEAR


class _Shapes:
    """Points of known faces (K, N, 2), and their sizes (K,) in pixels."""

    def __init__(self, known: Sequence[Annotation | None]) -> None:
        count = max((len(one) for one in known if one is not None), default=0)
        self._points = np.full((len(known), count, 2), np.nan)
        self._sizes = np.ones(len(known))
        for k, one in enumerate(known):
            if one is not None and len(one) == count and one.present.any():
                self._points[k] = one.points
                extent = np.ptp(one.points[one.present], axis=0).max()
                self._sizes[k] = max(float(extent), 1.0)

    def distances(self, face: Annotation | None) -> NDArray[np.float64]:
        """Mean distance (K,) of the points that both have, as a share of the known one's size.

        Infinite where they have none in common.
        """
        far = np.full(len(self._points), np.inf)
        if face is not None and face.points.shape == self._points.shape[1:]:
            off = np.linalg.norm(self._points - face.points, axis=2)
            both = np.isfinite(off)
            counts = both.sum(axis=1)
            np.divide(np.where(both, off, 0).sum(axis=1), counts, out=far, where=counts > 0)
        return far / self._sizes


def _content(face: Annotation) -> bytes:
    return face.states.tobytes() + face.points.tobytes()
