"""Annotations that are wrong as a whole, judged by the starter model and not by each other."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.media.images import exif_orientation

from .doubt import Finding, Mend
from .exchanges import exchanged, linked
from .misfits import RIGHT, SUSPECT, clearly_better, score
from .shifts import beside, common_shift, moved
from .turns import TURNS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_trainer.parallel import StepCounter

    from .looks import Look, Looks

    Values = NDArray[np.float64]

_ALIKE = 1.5
"""Of faults that leave nearly the same distance (a face is nearly symmetric) the file's own turn
counts, or the most frequent one, or the plainest."""

_OUTSIDE = Finding(score(np.inf), "Most points lie outside the picture.", "misplaced")


def explain(looks: Looks, work: StepCounter) -> dict[int, Finding]:
    """Find the annotations that are wrong as a whole in a way that has a name.

    Parameters
    ----------
    looks : Looks
        What the starter model sees.
    work : StepCounter
        Asked whether to stop.

    Returns
    -------
    dict of int to Finding
        By the place of the face in ``looks``.
    """
    own = looks.errors()
    undone = _undone(looks, own)
    turns = _chosen(looks, own, undone)
    limits = np.array([undone[i, turns[i]] if i in turns else RIGHT for i in range(len(own))])
    links = linked(looks, own, limits)
    found = exchanged(looks, own, links)
    found |= {i: _turned(looks, i, turn, own[i]) for i, turn in turns.items() if i not in found}
    common = common_shift(looks, beside(own, except_for=found))
    if common is not None:  # where no face was seen, this tells where to look
        looks = looks.tried(common.undone, work)
    found |= moved(looks, looks.errors(), common, except_for=found)
    outside = {i: _OUTSIDE for i, look in enumerate(looks.every) if _is_outside(look)}
    return outside | found


def _is_outside(look: Look) -> bool:
    """Whether most points lie outside the picture."""
    if not look.size[0]:
        return False
    inside = ((look.points >= -0.5) & (look.points <= np.array(look.size) - 0.5)).all(axis=1)
    return bool(inside.sum() < 0.5 * (~np.isnan(look.points).any(axis=1)).sum())


def _undone(looks: Looks, own: Values) -> Values:
    """How far each annotation is from the face with each of `TURNS` undone, (F, T)."""
    errors = np.full((len(own), len(TURNS)), np.inf)
    for i, look in enumerate(looks.every):
        if look.seen is not None and look.sure and own[i] > SUSPECT:
            errors[i] = looks.distances(np.array(looks.undone(look)), look.seen)
    return errors


def _chosen(looks: Looks, own: Values, undone: Values) -> dict[int, int]:
    """Which of `TURNS` explains each face that one explains."""
    best = undone.min(axis=1)
    clear = {i for i in range(len(own)) if clearly_better(best[i], own[i])}
    frequent = Counter(int(undone[i].argmin()) for i in clear)
    chosen = {}
    for i in range(len(own)):
        alike = np.flatnonzero(undone[i] < min(_ALIKE * best[i], RIGHT))
        if i in clear and len(alike):
            stored = _orientation(looks.every[i])
            chosen[i] = min(
                (int(t) for t in alike),
                key=lambda t: (TURNS[t].orientation not in stored, -frequent[t], t),
            )
    for i in set(range(len(own))) - clear:
        usual = [t for t, count in frequent.items() if clearly_better(undone[i, t], own[i], count)]
        if usual:
            chosen[i] = min(usual, key=lambda t: undone[i, t])
    return chosen


def _orientation(look: Look) -> set[int]:
    """Return the EXIF orientation of a picture that is not shown as it is stored."""
    media = look.face.media
    if media is None or look.face.frame is not None:
        return set()
    return {exif_orientation(media)} - {1}


def _turned(looks: Looks, i: int, number: int, own: float) -> Finding:
    turn, look = TURNS[number], looks.every[i]
    annotation, mirror = look.face.annotation, looks.scheme.mirror
    what = turn.what
    if turn.orientation in _orientation(look):
        what = (
            f"{what.removesuffix('.')}: they are placed in the picture as the file stores it (EXIF "
            f"orientation {turn.orientation}), not as it is shown."
        )
    points = turn.undone(annotation.points, look.size, mirror)
    states = annotation.states[turn.order(mirror)]
    mend = Mend(look.face.revision_id, points, states)
    return Finding(score(own), what, turn.kind, mend=mend)
