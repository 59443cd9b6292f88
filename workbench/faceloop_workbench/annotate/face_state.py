"""A face while it is corrected, as a value, and what can be done to it. Without a model or disk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Annotation, PointState
from faceloop_datasets.annotation import outside
from faceloop_workbench.services.annotation_source import (
    FIT,
    MANUAL,
    corrected_source,
    helped_source,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Revision
    from faceloop_runtime.geometry import Similarity

    Points = NDArray[np.float64]
    Mask = NDArray[np.bool_]


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
        These are VISIBLE or OCCLUDED; one that was marked OCCLUDED where the model had put it is
        not among them, and follows the model.
    reference : ndarray, shape (N, 2)
        What assisted drags start from, in pixels: the face before the person placed anything. How
        far the placed points are from there tells where the others belong. NaN where nothing was
        known.
    source : str
        What the annotation would be saved as; see `Annotation`.
    """

    points: Points
    states: NDArray[np.uint8]
    placed: Mask
    reference: Points
    source: str = MANUAL

    @classmethod
    def empty(cls, size: int) -> FaceState:
        """Face of which nothing is known: all points missing."""
        states = np.full(size, PointState.MISSING, dtype=np.uint8)
        nothing = np.full((size, 2), np.nan)
        return cls(nothing, states, np.zeros(size, dtype=bool), nothing)

    @classmethod
    def of(cls, annotation: Annotation) -> FaceState:
        """State of a face that nobody has dragged; its estimates are evidence about themselves."""
        states = annotation.states
        estimated = (states == PointState.ESTIMATED).any()
        reference = annotation.points if estimated else np.full_like(annotation.points, np.nan)
        placed = np.isin(states, (PointState.VISIBLE, PointState.OCCLUDED))
        return cls(annotation.points, states, placed, reference, annotation.source)

    @classmethod
    def saved(cls, revision: Revision) -> FaceState:
        """State of a revision, as it was when it was saved.

        Imports and older versions do not tell what drags start from. They start from the face as
        it is then, so that nothing moves but what belongs to the point that is dragged.
        """
        state, start = cls.of(revision.annotation), revision.start
        if start is None:
            return state
        unknown = np.isnan(start).any(axis=1)
        follows = (state.states == PointState.OCCLUDED) & ~unknown
        put = (state.states == PointState.OCCLUDED) & unknown & ~unknown.all()
        reference = np.where(put[:, None], state.points, start)
        return replace(state, placed=state.placed & ~follows, reference=reference)

    @classmethod
    def estimated(cls, points: Points, source: str) -> FaceState:
        """Face that a program has placed: nothing of it is confirmed; NaN is missing."""
        missing: Mask = np.asarray(np.isnan(points).any(axis=1))
        states = np.where(missing, PointState.MISSING, PointState.ESTIMATED).astype(np.uint8)
        known = np.where(missing[:, None], np.nan, points)
        return cls(known, states, np.zeros(len(points), dtype=bool), known, FIT + source)

    def annotation(self, scheme: str) -> Annotation:
        """Return what is saved of it."""
        return Annotation(scheme, self.points, self.states, self.source)

    @property
    def start(self) -> Points:
        """What is saved of `reference`, shape (N, 2); of a `as_reopened` state nothing is lost.

        NaN where the person has put an OCCLUDED point: that tells it from one that follows.
        """
        put = self.placed & (self.states == PointState.OCCLUDED)
        return np.where(put[:, None], np.nan, self.reference)

    @property
    def present(self) -> Mask:
        """Points that have a position, shape (N,)."""
        present: Mask = self.states != PointState.MISSING
        return present

    @property
    def missing(self) -> list[int]:
        """Numbers of the points that have no position."""
        return [int(k) for k in np.flatnonzero(~self.present)]

    @property
    def unconfirmed(self) -> int:
        """How many points nobody has confirmed."""
        return int((self.states == PointState.ESTIMATED).sum())

    def is_same_as(self, other: FaceState) -> bool:
        """Whether the two would be saved alike."""
        return (
            self.source == other.source
            and np.array_equal(self.states, other.states)
            and np.array_equal(self.points, other.points, equal_nan=True)
            and np.array_equal(self.reference, other.reference, equal_nan=True)
        )

    def as_reopened(self) -> FaceState:
        """Make it what `saved` gives back of it.

        Where a person has put a hidden point, drags start from the face as it is: for the points
        that nobody has placed that comes to the same, as what was corrected is in it. So they do
        where points follow and nothing was known to start from: points of a whole import that
        were released must not make it the most probable face. Hidden points that were put are
        nothing to start from alone.
        """
        hidden, free = self.states == PointState.OCCLUDED, self.present & ~self.placed
        put = hidden & self.placed & _differ(self.reference, self.points)
        lost = free & (np.isnan(self.start).all() | (hidden & np.isnan(self.reference).any(axis=1)))
        state = replace(self, reference=self.points) if (put | lost).any() else self
        start = state.start
        return replace(state, reference=start) if np.isnan(start).all() else state

    def placed_at(self, indices: Sequence[int], points: Points) -> FaceState:
        """Put points (K, 2) where a person wants them: they are placed, and visible.

        A point that is OCCLUDED stays so: its place is known now, and still hidden.
        """
        chosen = list(indices)
        if not chosen:
            return self
        xy, states, placed = self.points.copy(), self.states.copy(), self.placed.copy()
        xy[chosen] = points
        hidden = states[chosen] == PointState.OCCLUDED
        states[chosen] = np.where(hidden, PointState.OCCLUDED, PointState.VISIBLE)
        placed[chosen] = True
        return replace(self, points=xy, states=states, placed=placed)._by_hand()

    def transformed(self, transform: Similarity) -> FaceState:
        """Move the whole face: this aligns it and confirms no point."""
        points, reference = transform.apply(self.points), transform.apply(self.reference)
        return replace(self, points=points, reference=reference)._by_hand()

    def moved_by_model(self, points: Points, model: str) -> FaceState:
        """Let the model move the points that are not placed to ``points`` (N, 2).

        Points that are the model's opinion are known as a fit's, whatever the face was before, so
        that they train nothing until a person confirms them.
        """
        free = self.present & ~self.placed
        moved = np.where(free[:, None], points, self.points)
        predicted = _differ(moved, self.points)
        return replace(self, points=moved, source=_helped(self.source, predicted, model))

    def refitted(self, points: Points, model: str) -> FaceState:
        """Let a model's fit (N, 2) have all points that are not placed, missing ones too."""
        if self.placed.all():
            return self
        fresh = FaceState.estimated(points, model)
        hidden = self.states == PointState.OCCLUDED
        keep = self.placed | (hidden & fresh.present)
        return FaceState(
            np.where(self.placed[:, None], self.points, fresh.points),
            np.where(keep, self.states, fresh.states).astype(np.uint8),
            self.placed,
            fresh.points,
            fresh.source,
        )

    def brought_back(self, indices: Sequence[int], points: Points, model: str) -> FaceState:
        """Give missing points the place that the model gives them in ``points`` (N, 2)."""
        back = np.zeros(len(self.points), dtype=bool)
        back[list(indices)] = True
        back &= ~self.present
        xy = np.where(back[:, None], points, self.points)
        states = np.where(back, PointState.ESTIMATED, self.states).astype(np.uint8)
        return replace(self, points=xy, states=states, source=_helped(self.source, back, model))

    def without(self, indices: Sequence[int]) -> FaceState:
        """Take points away: they are missing."""
        chosen = list(indices)
        xy, states, placed = self.points.copy(), self.states.copy(), self.placed.copy()
        xy[chosen], states[chosen], placed[chosen] = np.nan, PointState.MISSING, False
        return replace(self, points=xy, states=states, placed=placed)._by_hand()

    def occlusion_toggled(self, indices: Sequence[int]) -> FaceState:
        """Mark points as hidden, or as what they were before if all of them are hidden.

        Missing points are left out: what has no position has no place to be hidden at.
        """
        chosen = [k for k in indices if self.states[k] != PointState.MISSING]
        states = self.states.copy()
        if all(states[k] == PointState.OCCLUDED for k in chosen):
            shown = np.where(self.placed, PointState.VISIBLE, PointState.ESTIMATED)
            states[chosen] = shown[chosen]
        else:
            states[chosen] = PointState.OCCLUDED
        return replace(self, states=states)._by_hand()

    def confirmed(self, indices: Sequence[int]) -> FaceState:
        """Declare that points are right where they are."""
        chosen = [k for k in indices if self.states[k] != PointState.MISSING]
        return self.placed_at(chosen, self.points[chosen])

    def released(self, indices: Sequence[int], model: str) -> FaceState:
        """Take back that points are right: the model may move them again."""
        chosen = np.zeros(len(self.points), dtype=bool)
        chosen[list(indices)] = True
        chosen &= self.placed
        states = np.where(chosen, PointState.ESTIMATED, self.states).astype(np.uint8)
        source = _helped(self.source, chosen, model)
        return replace(self, states=states, placed=self.placed & ~chosen, source=source)._by_hand()

    def with_state(self, indices: Sequence[int], wanted: PointState, model: str) -> FaceState:
        """Give points a state, whatever they were; missing ones stay so: they have no place.

        Parameters
        ----------
        indices : sequence of int
            The points.
        wanted : PointState
            VISIBLE declares them right where they are; ESTIMATED takes that back.
        model : str
            Who estimates them then.
        """
        if wanted == PointState.MISSING:
            return self.without(indices)
        chosen = np.zeros(len(self.points), dtype=bool)
        chosen[list(indices)] = True
        chosen &= self.present
        states = np.where(chosen, wanted, self.states).astype(np.uint8)
        sure, unsure = wanted == PointState.VISIBLE, wanted == PointState.ESTIMATED
        placed = (self.placed | chosen) if sure else self.placed & ~(chosen & unsure)
        source = _helped(self.source, chosen & self.placed, model) if unsure else self.source
        return replace(self, states=states, placed=placed, source=source)._by_hand()

    def pasted(
        self, indices: Sequence[int], points: Points, states: NDArray[np.uint8], origin: str
    ) -> FaceState:
        """Give points (K, 2) and states (K,) of another face; ``origin`` names it in words.

        What is only estimated there is so here too, and trains nothing.
        """
        chosen = list(indices)
        xy, codes, placed = self.points.copy(), self.states.copy(), self.placed.copy()
        xy[chosen], codes[chosen] = points, states
        placed[chosen] = np.isin(states, (PointState.VISIBLE, PointState.OCCLUDED))
        fresh = np.zeros(len(xy), dtype=bool)
        fresh[chosen] = states == PointState.ESTIMATED
        reference = np.where(fresh[:, None], xy, self.reference)
        source = _helped(self.source, fresh, origin)
        return FaceState(xy, codes, placed, reference, source)._by_hand()

    def accepted(self) -> FaceState:
        """Confirm every point that has a position: the face is the person's own now."""
        states = np.where(self.states == PointState.ESTIMATED, PointState.VISIBLE, self.states)
        return replace(self, states=states.astype(np.uint8), placed=self.present, source=MANUAL)

    def outside_hidden(self, size: tuple[int, int]) -> FaceState:
        """Mark visible points that lie outside a picture (width, height) as occluded."""
        hidden = outside(self.points, size) & (self.states == PointState.VISIBLE)
        states = np.where(hidden, PointState.OCCLUDED, self.states).astype(np.uint8)
        return replace(self, states=states) if hidden.any() else self

    def _by_hand(self) -> FaceState:
        """Return it with the source of a face that a person has just changed."""
        free = bool((self.present & ~self.placed).any())
        return replace(self, source=corrected_source(self.source, unplaced=free))


def _helped(source: str, predicted: Mask, model: str) -> str:
    return helped_source(source, model) if predicted.any() else source


def _differ(a: Points, b: Points) -> Mask:
    same: Mask = ((a == b) | (np.isnan(a) & np.isnan(b))).all(axis=1)
    return ~same
