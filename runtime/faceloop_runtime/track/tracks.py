"""A face that is followed, and which of several faces is which.

A face is known again by what it looks like and by where it was going. When two tracks have come
together on one face, the one that it resembles more keeps it; the other is taken to be occluded
by it, and goes on with its velocity until it must have come out on the other side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.detect.boxes import overlap
from faceloop_runtime.geometry import Similarity

from .appearance import appearance_of, correlation, matched_pose
from .results import TrackedFace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.fit.result import Fit

    from .appearance import Appearance

    Gray = NDArray[np.uint8]
    Box = NDArray[np.float64]

SAME_FACE = 0.3
"""Fits that overlap by more (intersection over union of their boxes) are on one face."""
_TOUCHING, _CLEAR = 0.0, 0.15
"""A face that is lost where another overlaps it by more than the first is occluded by it; where it
would be overlapped by less than the second, it is looked for again."""
_MEMORY = 0.6
"""Share of the old value in the running face score: it follows within a few frames."""
_LEARN = 0.2
"""Share of the new frame in what a face looks like. Hands and shadows pass, beards stay."""
_VELOCITY_SHARE = 0.3
"""Share of the last movement in a face's velocity."""
_DEVIATION_COST = 0.3
"""Correlation that an IOD off the expected place is worth."""
_ALIKE, _SOMEWHAT_ALIKE = 0.75, 0.1
"""Correlation that a lost face must have to come back elsewhere. In the sample clip it is .91 after
15 frames and .74 after 50, between people .18 (medians) and in one case of twenty .6 and more. The
lower one, if another occluded it: half of it may still be covered, and no other face is expected
there."""
_ALIKE_IN_PLACE = 0.6
"""The same where it was when it was lost."""
_LEAP, _GROWTH = 0.6, 1.5
"""A face that is farther from where it was, in IOD, or larger or smaller by such a factor from one
frame to the next, is the same only if it looks so: at a cut another one may stand beside it."""
_REACH_A_FRAME, _REACH = 0.15, 0.5
"""How far it may have gone: the first for each frame, and the second once, in IOD."""
PERSIST = 3
"""Frames that a lost face is looked for where it was."""
_REMEMBER = 15
"""Frames that a lost face is remembered by its place alone."""
_RECALL = 50
"""Frames that it is remembered by what it looks like; then it is a new one."""
_BEHIND = 75
"""Frames that a face is remembered that another occludes, which it may do still."""


@dataclass(frozen=True, eq=False)
class Track:
    """A face that is followed, or was until `unseen` frames ago.

    Attributes
    ----------
    face : TrackedFace
        As it was last seen.
    appearance : ndarray, shape (24, 24)
        The face as a small upright picture: a running mean.
    pose : Similarity
        Where it is, or must be by now.
    velocity : tuple of float
        Pixels a frame.
    unseen : int
        Frames since it was seen.
    missed : int
        How many of these it was not occluded in.
    """

    face: TrackedFace
    appearance: Appearance
    pose: Similarity
    velocity: tuple[float, float] = (0.0, 0.0)
    unseen: int = 0
    missed: int = 0

    @classmethod
    def started(cls, number: int, fit: Fit, score: float, gray: Gray) -> Track:
        """Begin to follow a face."""
        return cls(TrackedFace(number, fit, score), appearance_of(gray, fit.pose), fit.pose)

    @property
    def seen(self) -> bool:
        """Whether it was seen in the last frame."""
        return self.unseen == 0

    @property
    def may_reappear(self) -> bool:
        """Whether another face occluded it, and it may reappear at any time."""
        return self.was_occluded and self.missed < PERSIST

    @property
    def expired(self) -> bool:
        """Whether it was lost for so long that it would be a new face."""
        return self.unseen > (_BEHIND if self.was_occluded else _RECALL)

    @property
    def was_occluded(self) -> bool:
        """Whether another face occluded it since it was last seen."""
        return self.unseen > self.missed

    @property
    def box(self) -> Box:
        """Box of its points, brought to where it must be by now, (x, y, width, height)."""
        last = self.face.fit.pose
        moved = np.array([self.pose.tx - last.tx, self.pose.ty - last.ty, 0.0, 0.0])
        box: Box = points_box(self.face.fit) + moved
        return box

    def start(self, gray: Gray) -> Similarity:
        """Say where to fit it.

        Measured, not predicted, so that a face may stop as suddenly as it likes: with a frame of
        the sample clip moved by .2 IOD a frame, to and fro with stops, the mean error is .019;
        starts from half of the last movement gave .049, from where it was .039.
        """
        return matched_pose(gray, self.pose, self.appearance)

    def quality(self, score: float) -> float:
        """Return the running face score with one more fit's."""
        return _MEMORY * self.face.quality + (1 - _MEMORY) * score

    def updated(self, fit: Fit, score: float, gray: Gray) -> Track:
        """Go on with a fit and its face score."""
        appearance, velocity = appearance_of(gray, fit.pose), self.velocity
        if self.seen:
            moved = (fit.pose.tx - self.pose.tx, fit.pose.ty - self.pose.ty)
            x, y = (
                (1 - _VELOCITY_SHARE) * v + _VELOCITY_SHARE * m
                for v, m in zip(velocity, moved, strict=True)
            )
            velocity = (x, y)
        return Track(
            face=TrackedFace(self.face.id, fit, self.quality(score)),
            appearance=np.asarray(
                (1 - _LEARN) * self.appearance + _LEARN * appearance, dtype=np.float32
            ),
            pose=fit.pose,
            velocity=velocity,
        )

    def reacquired(self, fit: Fit, score: float, gray: Gray) -> Track:
        """Go on with a fit from the detector, as good as it is by itself.

        What the face looked like keeps most of its weight: it may be seen by half at first.
        """
        return replace(self.updated(fit, score, gray), face=TrackedFace(self.face.id, fit, score))

    def without_fit(self) -> Track:
        """Go on without a fit: where it was, or, if it was occluded, with its velocity."""
        pose = self._expected() if self.was_occluded else self.pose
        return replace(self, pose=pose, unseen=self.unseen + 1, missed=self.missed + 1)

    def occluded(self) -> Track:
        """Go on while another face occludes it, with its velocity."""
        return replace(self, pose=self._expected(), unseen=self.unseen + 1, missed=0)

    def is_occluded_by(self, others: Iterable[Track]) -> bool:
        """Whether one of the other faces that are seen occludes it."""
        box = replace(self, pose=self._expected()).box
        least = _TOUCHING if self.seen else _CLEAR
        return any(_shared(box, t.box) > least for t in others if t.seen)

    def match_score(self, fit: Fit, gray: Gray) -> float:
        """Say how well a fit suits this face: how it looks, less for where it is not expected."""
        return correlation(
            appearance_of(gray, fit.pose), self.appearance
        ) - _DEVIATION_COST * self._deviation(fit)

    def may_match(self, fit: Fit, gray: Gray) -> bool:
        """Whether this face, which is not seen, may have come back as this fit."""
        in_place = _shared(points_box(fit), self.box) > SAME_FACE
        if in_place and (self.was_occluded or self.unseen <= _REMEMBER):
            return True
        near = self._deviation(fit) < _REACH + _REACH_A_FRAME * self.unseen
        least = _ALIKE_IN_PLACE if in_place else _ALIKE
        if self.was_occluded:
            least = _SOMEWHAT_ALIKE
        return near and correlation(appearance_of(gray, fit.pose), self.appearance) > least

    def may_continue(self, fit: Fit, gray: Gray) -> bool:
        """Whether this face may be the one of a fit that was not sought from it step by step."""
        growth = abs(math.log(fit.pose.scale / self.pose.scale)) > math.log(_GROWTH)
        if not growth and self._deviation(fit) < _LEAP:
            return True
        return correlation(appearance_of(gray, fit.pose), self.appearance) > _ALIKE_IN_PLACE

    def _expected(self) -> Similarity:
        dx, dy = self.velocity
        return replace(self.pose, tx=self.pose.tx + dx, ty=self.pose.ty + dy)

    def _deviation(self, fit: Fit) -> float:
        here, there = self._expected(), fit.pose
        return float(np.hypot(here.tx - there.tx, here.ty - there.ty)) / here.scale


def one_track_per_face(before: Sequence[Track], after: Sequence[Track], gray: Gray) -> list[Track]:
    """Leave each face to one track.

    Parameters
    ----------
    before, after : sequence of Track
        The same tracks in the last frame and in this one.
    gray : ndarray of uint8, shape (H, W)
        This frame.

    Returns
    -------
    list of Track
        In the same order; a track that lost its face to another is occluded by it, and so is
        one that finds none where another is.
    """
    result = list(after)
    while (pair := _pair_on_one_face(result)) is not None:
        loser = min(pair, key=lambda i: before[i].match_score(result[i].face.fit, gray))
        result[loser] = before[loser].occluded()
    for i, (old, new) in enumerate(zip(before, after, strict=True)):
        if old.seen and not new.seen and old.is_occluded_by(result[:i] + result[i + 1 :]):
            result[i] = old.occluded()
    return result


def on_same_face(box: Box, tracks: Iterable[Track]) -> list[Track]:
    """Return the tracks whose face is seen in a box."""
    return [t for t in tracks if t.seen and _shared(box, t.box) > SAME_FACE]


def points_box(fit: Fit) -> Box:
    """Box of a fit's points, (x, y, width, height)."""
    low, high = fit.points.min(axis=0), fit.points.max(axis=0)
    return np.concatenate([low, high - low])


def _pair_on_one_face(tracks: Sequence[Track]) -> tuple[int, int] | None:
    seen = [i for i, t in enumerate(tracks) if t.seen]
    if len(seen) < 2:
        return None
    boxes = np.array([tracks[i].box for i in seen])
    shared = np.triu(overlap(boxes, boxes), 1)
    one, other = np.unravel_index(int(shared.argmax()), shared.shape)
    return (seen[one], seen[other]) if shared[one, other] > SAME_FACE else None


def _shared(first: Box, second: Box) -> float:
    return float(overlap(first[None], second[None])[0, 0])
