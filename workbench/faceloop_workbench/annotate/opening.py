"""What a face looks like when it is taken in work: read from the project. Without Qt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .face_state import FaceState

if TYPE_CHECKING:
    from faceloop_datasets import Annotation, Project, Revision


def opened(project: Project, head: Revision | None, fit: Annotation | None) -> FaceState:
    """State to begin with.

    Parameters
    ----------
    project : Project
        Where the face is.
    head : Revision or None
        The revision that counts; None if nothing was saved yet.
    fit : Annotation or None
        What the review queue has of it.
    """
    if head is not None:
        return state_of(project, head, fit)
    return FaceState.empty(len(project.scheme)) if fit is None else FaceState.of(fit)


def state_of(project: Project, revision: Revision, fit: Annotation | None = None) -> FaceState:
    """State of a revision, with the points as they were before the person placed the first.

    Those are in the history, or, of a face that came with the fit of the queue, in that.
    """
    state = FaceState.of(revision.annotation)
    if not state.unconfirmed or not state.placed.any():
        return state
    chain, at = {r.id: r for r in project.history(revision.item_id)}, revision
    while at.based_on in chain and FaceState.of(at.annotation).placed.any():
        at = chain[at.based_on]
    root = FaceState.of(at.annotation)
    reference = fit.points if fit is not None and root.placed.any() else root.points
    return replace(state, reference=reference)
