"""Which sightings of faces belong together, and where each face may be between and beside them.

A face that was seen is there for a while longer, and was there before: a detector misses faces
that turn away, that a hand covers, that enter at the edge. So the place of a chain of sightings is
filled between them, and kept before the first and after the last, larger and larger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .places import alike_in_size, apart, centre, grown, holds, moved, size, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .places import Place

HOLD_INSIDE, HOLD = 5.0, 1.0
"""Seconds that a place is kept beside the first and last sighting: of a face that was in the
picture and seen more than once or twice, and of one that came or went over the edge."""
_AFTER_CUT = 0.4
"""Seconds that it is kept beyond a cut: where exactly that is may be unclear."""
_GLIMPSES = 3
"""Sightings up to which a chain may be no face at all, if it was never followed."""
_AT_EDGE, _LEAVING = 0.6, 0.01
"""Distance from the edge of a face that leaves, and least speed towards it, in sizes and frames."""
_DRIFT = 12
"""Frames for which a face is taken to go on as it went."""
_GROWTH, _MOST_GROWTH = 0.03, 1.8
"""How much larger a place becomes for each frame that its face was not seen, and at most."""
_NEAR, _NEAR_A_FRAME, _NEAREST_MOST = 0.6, 0.15, 3.0
"""How far apart two sightings of a face may be, for each frame between them, and at most; in sizes
of the place."""
_LAST_MOVES = 5
"""Frames before the last that tell its velocity."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """A face in a frame.

    Parameters
    ----------
    place : ndarray, shape (4,)
        Box that holds its head.
    face : int or None
        Its identity, if it is followed.
    drawn_over : bool
        Whether a face will be drawn over it, so that its place need not be covered.
    """

    place: Place
    face: int | None = None
    drawn_over: bool = False


@dataclass(eq=False)
class Chain:
    """Sightings of one face, in order.

    Attributes
    ----------
    frames : list of int
        Numbers of the frames ...
    seen : list of Sighting
        ... and what was seen there.
    face : int or None
        Its identity when it was last followed.
    """

    frames: list[int] = field(default_factory=list)
    seen: list[Sighting] = field(default_factory=list)
    face: int | None = None

    def append(self, frame: int, sighting: Sighting) -> None:
        """Go on with what was seen in a later frame."""
        self.frames.append(frame)
        self.seen.append(sighting)
        self.face = self.face if sighting.face is None else sighting.face

    def reversed(self) -> Chain:
        """Return the chain as time running backwards sees it."""
        return Chain([-frame for frame in reversed(self.frames)], self.seen[::-1], self.face)

    @property
    def place(self) -> Place:
        """Where it was seen last."""
        return self.seen[-1].place

    @property
    def is_glimpse(self) -> bool:
        """Whether it may be no face at all: it was hardly seen, and never followed."""
        return len(self.seen) <= _GLIMPSES and self.face is None

    def place_after(self, frames: int) -> Place:
        """Return where the face may be, so many frames after it was seen last."""
        drift = moved(self.place, self._velocity() * min(frames, _DRIFT))
        return grown(union(self.place, drift), min(1 + _GROWTH * frames, _MOST_GROWTH))

    def hold(self, rate: float, picture: tuple[int, int]) -> int:
        """Return for how many frames the place is kept after the last sighting."""
        short = self.is_glimpse or self._leaves(picture)
        return round((HOLD if short else HOLD_INSIDE) * rate)

    def gap_place(self, number: int, frame: int) -> Place:
        """Return where the face may be in a frame between a sighting and the next one."""
        before, after = self.frames[number], self.frames[number + 1]
        share = (frame - before) / (after - before)
        one, other = self.seen[number].place, self.seen[number + 1].place
        unseen = min(frame - before, after - frame)
        return grown((1 - share) * one + share * other, min(1 + 2 * _GROWTH * unseen, _MOST_GROWTH))

    def suits(self, sighting: Sighting, frame: int, hold: int) -> float:
        """Return how far a sighting is from the last one, in sizes; infinite if it is another's."""
        gap = frame - self.frames[-1]
        if not 0 < gap <= hold:
            return np.inf
        away = apart(self.place, sighting.place)
        if sighting.face is not None and sighting.face == self.face:
            return away
        far = min(_NEAR + _NEAR_A_FRAME * gap, _NEAREST_MOST)
        return away if away <= far and alike_in_size(self.place, sighting.place) else np.inf

    def _velocity(self) -> Place:
        """Pixels a frame, (2,), over the last few frames."""
        recent = [k for k, f in enumerate(self.frames) if self.frames[-1] - f <= _LAST_MOVES]
        first, frames = recent[0], self.frames[-1] - self.frames[recent[0]]
        way = centre(self.place) - centre(self.seen[first].place)
        return way / max(frames, 1)

    def _leaves(self, picture: tuple[int, int]) -> bool:
        """Whether it goes out of the picture: it is at the edge, and not on its way back."""
        middle, reach = centre(self.place), _AT_EDGE * size(self.place)
        speed, least = self._velocity(), _LEAVING * size(self.place)
        out_low = (middle < reach) & (speed < -least)
        out_high = (middle > np.array(picture) - reach) & (speed > least)
        outside = not holds(np.array([0.0, 0.0, *picture]), middle)
        return outside or bool((out_low | out_high).any())


class Chains:
    """Chains of sightings, built frame by frame.

    Parameters
    ----------
    rate : float
        Frames a second.
    picture : (int, int)
        Width and height of the frames.
    """

    def __init__(self, rate: float, picture: tuple[int, int]) -> None:
        self._rate, self._picture = rate, picture
        self._most_hold = round(HOLD_INSIDE * rate)
        self._chains: list[Chain] = []
        self._recent: list[Chain] = []

    def add(self, frame: int, sightings: Iterable[Sighting]) -> None:
        """Take what was seen in the next frame; the nearest pairs belong together."""
        waiting = list(sightings)
        recent = self._recent
        pairs = [
            (chain.suits(seen, frame, self._most_hold), i, k)
            for i, chain in enumerate(recent)
            for k, seen in enumerate(waiting)
        ]
        taken: set[int] = set()
        for away, i, k in sorted(pairs):
            if np.isfinite(away) and k not in taken and recent[i].frames[-1] != frame:
                taken.add(k)
                recent[i].append(frame, waiting[k])
        new = [Chain([frame], [s], s.face) for k, s in enumerate(waiting) if k not in taken]
        self._chains += new
        self._recent = [c for c in recent + new if frame - c.frames[-1] <= self._most_hold]

    def expected(self, frame: int) -> list[int]:
        """Return how many frames ago each face was seen that may be in this one, the longest first.

        Leaves out glimpses that may be no face.
        """
        ages = [(frame - c.frames[-1], c) for c in self._recent if not c.is_glimpse]
        known = [age for age, c in ages if 0 < age <= c.hold(self._rate, self._picture)]
        return sorted(known, reverse=True)

    def now(self, frame: int) -> list[Place]:
        """Return the places to cover in the frame that was added last, knowing only the past."""
        self._chains, found = list(self._recent), []
        for chain in self._recent:
            gap = frame - chain.frames[-1]
            if gap == 0 and not chain.seen[-1].drawn_over:
                found.append(chain.place)
            elif 0 < gap <= chain.hold(self._rate, self._picture):
                found.append(chain.place_after(gap))
        return found

    def whole(self, count: int, cuts: Sequence[int]) -> list[list[Place]]:
        """Return the places to cover in each of ``count`` frames, when all have been added.

        Parameters
        ----------
        count : int
            Number of frames.
        cuts : sequence of int
            First frames of shots.
        """
        places: list[list[Place]] = [[] for _ in range(count)]
        for chain in self._chains:
            for frame, place in self._places(chain, cuts):
                if 0 <= frame < count:
                    places[frame].append(place)
        return places

    def _places(self, chain: Chain, cuts: Sequence[int]) -> Iterator[tuple[int, Place]]:
        for number, (frame, seen) in enumerate(zip(chain.frames, chain.seen, strict=True)):
            if not seen.drawn_over:
                yield frame, seen.place
            if number + 1 < len(chain.frames):
                for between in range(frame + 1, chain.frames[number + 1]):
                    yield between, chain.gap_place(number, between)
        for gap in range(1, self._hold(chain, cuts) + 1):
            yield chain.frames[-1] + gap, chain.place_after(gap)
        back = chain.reversed()
        for gap in range(1, self._hold(back, [1 - cut for cut in reversed(cuts)]) + 1):
            yield chain.frames[0] - gap, back.place_after(gap)

    def _hold(self, chain: Chain, cuts: Sequence[int]) -> int:
        """Return for how many frames a place is kept after the last sighting, given the cuts."""
        hold = chain.hold(self._rate, self._picture)
        rest = round(_AFTER_CUT * self._rate)
        ahead = [cut - chain.frames[-1] - 1 + rest for cut in cuts if cut > chain.frames[-1]]
        return min([hold, *ahead])
