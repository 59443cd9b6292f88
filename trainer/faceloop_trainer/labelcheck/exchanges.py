"""Annotations that belong to another picture of the project."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from .doubt import Finding, Mend
from .misfits import RIGHT, WRONG, clearly_better, score

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
_ALIKE = 1.5
"""A picture, or an annotation, that leaves at most so many times the distance of the best may be
the right one."""
_NONE = 10.0
"""Distance that counts for a picture without a face, in IOD."""


@dataclass(frozen=True)
class Link:
    """An annotation that fits the face of another item's picture.

    Parameters
    ----------
    to : int
        The place of that item in the looks.
    error : float
        Its mean distance from the face there, in IOD.
    proven : bool
        Whether it needs no other link to be believed.
    mutual : bool
        Whether it fits there about as well as the best does, and none has a better claim.
    """

    to: int
    error: float
    proven: bool
    mutual: bool = False


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
        best, following = np.sort(there[row])[:2]
        as_it_is = _UNSEEN if np.isinf(own[i]) else own[i]
        if clearly_better(best, as_it_is) and best < limits[i]:
            proven = _FAR < own[i] < np.inf and best < min(_SURELY * own[i], _NEXT * following)
            links[int(i)] = Link(int(there[row].argmin()), float(best), proven)
    return _one_each(_without_loose_ends(links), wrong, there, own)


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


def _one_each(
    links: dict[int, Link], wrong: NDArray[np.intp], there: Values, own: Values
) -> dict[int, Link]:
    """Have two annotations that fit the same picture take one each, where both fit nearly as well.

    Which picture belongs to whom altogether is the assignment problem (Kuhn, 1955).
    """
    faces = np.array(sorted(links), dtype=np.intp)
    rows = there[np.searchsorted(wrong, faces)]
    errors = np.minimum(rows[:, faces], _NONE)
    result = dict(links)
    for row, column in zip(*linear_sum_assignment(errors), strict=True):
        link, to, error = links[int(faces[row])], int(faces[column]), float(errors[row, column])
        if error < min(_ALIKE * link.error, RIGHT, own[faces[row]]):
            certain = error <= min(_ALIKE * there[:, to].min(), own[to])
            result[int(faces[row])] = replace(link, to=to, error=error, mutual=bool(certain))
    return result


def _rings(links: Mapping[int, Link]) -> set[int]:
    """Faces that certainly exchanged their annotations among them, two or more in a ring."""
    certain = {i for i, link in links.items() if link.mutual}
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
