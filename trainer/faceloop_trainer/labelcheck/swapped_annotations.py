"""Annotations that belong to another picture of the project."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from .faults import Correction, Fault
from .thresholds import (
    CORRECTED_DISTANCE,
    SUSPECT_DISTANCE,
    clearly_better,
    score_of_distance,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .reference_comparison import ReferenceComparison

    Values = NDArray[np.float64]

_NO_FACE_DISTANCE = 0.2
"""Distance, in IOD, that an annotation counts as having where no face was found in its picture."""
_FAR = 0.12
_SHARE_OF_OWN, _SHARE_OF_NEXT = 0.3, 0.6
"""A match is conclusive by itself if the annotation is farther than `_FAR` from its own picture's
fit, in IOD, and its distance in the other picture is less than the first share of that, and less
than the second share of that in the next best picture. Among many pictures some face is always
near by chance; other matches count only if the picture's own annotation has a match too."""
_NEARLY_BEST = 1.5
"""A match that leaves at most so many times the smallest distance may be the right one."""
_LARGEST_COST = 10.0
"""Distance, in IOD, that counts in the assignment for a picture without a face."""


@dataclass(frozen=True)
class PictureMatch:
    """An annotation that fits another item's picture.

    Parameters
    ----------
    index : int
        The entry of that item in the comparison.
    distance : float
        The annotation's mean distance from the fit to that picture, in IOD.
    conclusive : bool
        Whether it is certain without another match.
    mutual : bool
        Whether it is nearly the best match of both the annotation and the picture.
    """

    index: int
    distance: float
    conclusive: bool
    mutual: bool = False


def match_pictures(
    comparison: ReferenceComparison, distances: Values, limits: Values
) -> dict[int, PictureMatch]:
    """Find annotations that fit another picture much better than their own.

    Parameters
    ----------
    comparison : ReferenceComparison
        The annotations and the starter model's fits.
    distances : ndarray, shape (F,)
        Mean distance of each annotation from the fit to its own picture, in IOD.
    limits : ndarray, shape (F,)
        The distance from the fit to the other picture has to be smaller than this.

    Returns
    -------
    dict of int to PictureMatch
        By entry of the comparison.
    """
    suspect = np.flatnonzero(distances > SUSPECT_DISTANCE)
    elsewhere = _distances_elsewhere(comparison, suspect)
    matches: dict[int, PictureMatch] = {}
    if len(comparison.entries) < 2:
        return matches
    for row, i in enumerate(suspect):
        best, second = np.sort(elsewhere[row])[:2]
        own = distances[i]
        if best < limits[i] and clearly_better(best, _NO_FACE_DISTANCE if np.isinf(own) else own):
            conclusive = _FAR < own < np.inf and best < min(
                _SHARE_OF_OWN * own, _SHARE_OF_NEXT * second
            )
            index = int(elsewhere[row].argmin())
            matches[int(i)] = PictureMatch(index, float(best), conclusive)
    return _assigned(_without_open_chains(matches), suspect, elsewhere, distances)


def swap_faults(
    comparison: ReferenceComparison, distances: Values, matches: Mapping[int, PictureMatch]
) -> dict[int, Fault]:
    """Say of each matched annotation where it belongs; swaps come with their correction."""
    cycles = _entries_in_cycles(matches)
    found = {}
    for i, match in matches.items():
        # The right annotation of picture i is the one whose match is picture i.
        source = next((j for j in cycles if matches[j].index == i), None) if i in cycles else None
        pair = i in cycles and matches[match.index].index == i
        found[i] = Fault(
            score_of_distance(distances[i]),
            _sentence(comparison, i, match.index, pair=pair),
            "other-picture",
            mend=None if source is None else _correction(comparison, i, source),
        )
    return found


def _distances_elsewhere(comparison: ReferenceComparison, suspect: NDArray[np.intp]) -> Values:
    """Distance of the suspect annotations (S) from the fit to each other picture, (S, F)."""
    entries = comparison.entries
    distances = np.full((len(suspect), len(entries)), np.inf)
    if not len(suspect):
        return distances
    mapped = np.array([entries[i].mapped for i in suspect])
    pictures = [(entry.face.media_sha256, entry.face.frame) for entry in entries]
    for j, entry in enumerate(entries):
        if (fit := entry.reliable_fit) is not None:
            other = np.array([pictures[i] != pictures[j] for i in suspect])
            distances[other, j] = comparison.distances(mapped[other], fit)
    return distances


def _without_open_chains(matches: dict[int, PictureMatch]) -> dict[int, PictureMatch]:
    """Drop matches that are not conclusive and whose picture's own annotation has no match."""
    while True:
        open_ends = {
            i for i, match in matches.items() if match.index not in matches and not match.conclusive
        }
        if not open_ends:
            return matches
        matches = {i: match for i, match in matches.items() if i not in open_ends}


def _assigned(
    matches: dict[int, PictureMatch],
    suspect: NDArray[np.intp],
    elsewhere: Values,
    distances: Values,
) -> dict[int, PictureMatch]:
    """Give each picture to one annotation only, where several fit it nearly equally well.

    It is a linear assignment problem (Kuhn, 1955).
    """
    entries = np.array(sorted(matches), dtype=np.intp)
    rows = elsewhere[np.searchsorted(suspect, entries)]
    cost = np.minimum(rows[:, entries], _LARGEST_COST)
    result = dict(matches)
    for row, column in zip(*linear_sum_assignment(cost), strict=True):
        i, index, distance = int(entries[row]), int(entries[column]), float(cost[row, column])
        limit = min(_NEARLY_BEST * matches[i].distance, CORRECTED_DISTANCE, distances[i])
        if distance < limit:
            mutual = distance <= min(_NEARLY_BEST * elsewhere[:, index].min(), distances[index])
            result[i] = replace(matches[i], index=index, distance=distance, mutual=bool(mutual))
    return result


def _entries_in_cycles(matches: Mapping[int, PictureMatch]) -> set[int]:
    """Entries whose annotations were permuted in cycles of mutual matches."""
    certain = {i for i, match in matches.items() if match.mutual}
    while True:
        matched = {matches[i].index for i in certain}
        closed = {i for i in certain if matches[i].index in certain and i in matched}
        if closed == certain:
            return closed
        certain = closed


def _correction(comparison: ReferenceComparison, i: int, source: int) -> Correction:
    annotation = comparison.entries[source].face.annotation
    revision_id = comparison.entries[i].face.revision_id
    return Correction(revision_id, annotation.points, annotation.states)


def _sentence(comparison: ReferenceComparison, i: int, other: int, *, pair: bool) -> str:
    own, there = comparison.entries[i].face, comparison.entries[other].face
    name = there.name if there.name != own.name else f"{there.name} (item {there.item_id})"
    more = "; the two look exchanged" if pair else ""
    return f"The points look like those of another picture, {name}{more}."
