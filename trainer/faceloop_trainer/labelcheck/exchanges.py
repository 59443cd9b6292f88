"""Annotations that belong to another picture of the project."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .doubt import Finding, Mend
from .misfits import WRONG, clearly_better, score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .looks import Looks

    Values = NDArray[np.float64]

_UNSEEN = 0.2
"""So far from the face an annotation counts, in IOD, in whose picture no face was seen."""
_FAR, _SURELY, _NEXT = 0.12, 0.3, 0.6
"""A link proves itself if the annotation is farther than the first from its own face, in IOD, and
in the other picture less than the second as far, and than the third as in the next best. Among
many pictures some face is always near by chance; other links need one that goes on from there."""


@dataclass(frozen=True)
class Link:
    """An annotation that fits the face of another item's picture.

    Parameters
    ----------
    to : int
        The place of that item in the looks.
    error : float
        Its mean distance from the face there, in IOD.
    mutual : bool
        Whether it fits there better than all other annotations do.
    proven : bool
        Whether it needs no other link to be believed.
    """

    to: int
    error: float
    mutual: bool
    proven: bool


def linked(looks: Looks, own: Values, limits: Values) -> dict[int, Link]:
    """Find annotations that fit another picture much better than their own.

    Parameters
    ----------
    looks : Looks
        What the starter model sees.
    own : ndarray, shape (F,)
        How far each annotation is from the face in its own picture.
    limits : ndarray, shape (F,)
        A link has to leave less than this.
    """
    wrong = np.flatnonzero(own > WRONG)
    there = _errors_there(looks, wrong)
    links: dict[int, Link] = {}
    if len(looks.every) < 2:
        return links
    for row, i in enumerate(wrong):
        to = int(there[row].argmin())
        error = float(there[row, to])
        if clearly_better(error, min(own[i], _UNSEEN) if np.isinf(own[i]) else own[i]) and (
            error < limits[i]
        ):
            mutual = error <= min(there[:, to].min(), own[to])
            best, following = np.sort(there[row])[:2]
            proven = _FAR < own[i] < np.inf and best < min(_SURELY * own[i], _NEXT * following)
            links[int(i)] = Link(to, error, mutual, proven)
    return _without_loose_ends(links)


def exchanged(looks: Looks, own: Values, links: Mapping[int, Link]) -> dict[int, Finding]:
    """Say of each linked annotation where it belongs; exchanges can be mended."""
    rings = _rings(links)
    found = {}
    for i, link in links.items():
        # What belongs in i's picture is the annotation whose link ends there.
        source = next((j for j in rings if links[j].to == i), None) if i in rings else None
        found[i] = Finding(
            score(own[i]),
            _said(looks, i, link.to, pair=i in rings and links[link.to].to == i),
            "other-picture",
            mend=None if source is None else _mend(looks, i, source),
        )
    return found


def _errors_there(looks: Looks, wrong: NDArray[np.intp]) -> Values:
    """Distance of the annotations (W) from the face in each other picture, (W, F)."""
    errors = np.full((len(wrong), len(looks.every)), np.inf)
    if not len(wrong):
        return errors
    marks = np.array([looks.every[i].marks for i in wrong])
    pictures = [(look.face.media_sha256, look.face.frame) for look in looks.every]
    for j, look in enumerate(looks.every):
        if look.seen is not None and look.sure:
            other = np.array([pictures[i] != pictures[j] for i in wrong])
            errors[other, j] = looks.distances(marks[other], look.seen)
    return errors


def _without_loose_ends(links: dict[int, Link]) -> dict[int, Link]:
    """Leave out links that prove nothing, and that no other link goes on from."""
    while True:
        loose = {i for i, link in links.items() if link.to not in links and not link.proven}
        if not loose:
            return links
        links = {i: link for i, link in links.items() if i not in loose}


def _rings(links: Mapping[int, Link]) -> set[int]:
    """Faces that certainly exchanged their annotations among them, two or more in a ring."""
    arriving = Counter(link.to for link in links.values())
    certain = {i for i, link in links.items() if link.mutual and arriving[link.to] == 1}
    while True:
        ends = {links[i].to for i in certain}
        closed = {i for i in certain if links[i].to in certain and i in ends}
        if closed == certain:
            return closed
        certain = closed


def _mend(looks: Looks, i: int, source: int) -> Mend:
    annotation = looks.every[source].face.annotation
    return Mend(looks.every[i].face.revision_id, annotation.points, annotation.states)


def _said(looks: Looks, i: int, other: int, *, pair: bool) -> str:
    own, there = looks.every[i].face, looks.every[other].face
    name = there.name if there.name != own.name else f"{there.name} (item {there.item_id})"
    more = "; the two look exchanged" if pair else ""
    return f"The points look like those of another picture, {name}{more}."
