"""Annotations that are wrong as a whole, found by the starter model's fits to their pictures."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.media.images import exif_orientation

from .displacements import displaced_entries, displacement_faults, shared_displacement
from .faults import Correction, Fault
from .image_symmetries import IMAGE_SYMMETRIES
from .swapped_annotations import match_pictures, swap_faults
from .thresholds import (
    CORRECTED_DISTANCE,
    SHARED_FAULT_DISTANCE,
    clearly_better,
    score_of_distance,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_trainer.parallel import StepCounter

    from .reference_comparison import ComparedFace, ReferenceComparison

    Values = NDArray[np.float64]

_NEARLY_BEST = 1.5
"""Symmetries that leave at most so many times the smallest distance may be the right one (a face is
nearly symmetric). The one that the file's EXIF orientation names is taken, then the one that most
other faces have, then the first in `IMAGE_SYMMETRIES`."""

_OUTSIDE = Fault(score_of_distance(np.inf), "Most points lie outside the picture.", "misplaced")


def find_whole_face_faults(comparison: ReferenceComparison, steps: StepCounter) -> dict[int, Fault]:
    """Find the annotations of which all points are wrong in a known way.

    Parameters
    ----------
    comparison : ReferenceComparison
        The annotations and the starter model's fits.
    steps : StepCounter
        Asked whether to stop.

    Returns
    -------
    dict of int to Fault
        By entry of the comparison.
    """
    distances = comparison.own_distances()
    undone = _distances_undone(comparison, distances)
    symmetries = _chosen_symmetries(comparison, distances, undone)
    limits = np.array(
        [
            undone[i, symmetries[i]] if i in symmetries else CORRECTED_DISTANCE
            for i in range(len(distances))
        ]
    )
    matches = match_pictures(comparison, distances, limits)
    found = swap_faults(comparison, distances, matches)
    found |= {
        i: _symmetry_fault(comparison, i, number, distances[i])
        for i, number in symmetries.items()
        if i not in found
    }
    shared = shared_displacement(comparison, displaced_entries(distances, except_for=found))
    if shared is not None:  # it tells where to search for the faces that were not found
        comparison = comparison.refitted(shared.undo, steps)
    found |= displacement_faults(comparison, comparison.own_distances(), shared, except_for=found)
    outside = {i: _OUTSIDE for i, entry in enumerate(comparison.entries) if _is_outside(entry)}
    return outside | found


def _is_outside(entry: ComparedFace) -> bool:
    """Whether most points lie outside the picture."""
    if not entry.size[0]:
        return False
    low, high = -0.5, np.array(entry.size) - 0.5
    inside = ((entry.points >= low) & (entry.points <= high)).all(axis=1)
    return bool(inside.sum() < 0.5 * (~np.isnan(entry.points).any(axis=1)).sum())


def _distances_undone(comparison: ReferenceComparison, distances: Values) -> Values:
    """Distance of each annotation from the fit with each of `IMAGE_SYMMETRIES` undone, (F, S)."""
    undone = np.full((len(distances), len(IMAGE_SYMMETRIES)), np.inf)
    for i, entry in enumerate(comparison.entries):
        if (fit := entry.reliable_fit) is not None and distances[i] > SHARED_FAULT_DISTANCE:
            undone[i] = comparison.distances(np.array(comparison.symmetries_undone(entry)), fit)
    return undone


def _chosen_symmetries(
    comparison: ReferenceComparison, distances: Values, undone: Values
) -> dict[int, int]:
    """Return which of `IMAGE_SYMMETRIES` explains each entry that one of them explains."""
    best = undone.min(axis=1)
    clear = {i for i in range(len(distances)) if clearly_better(best[i], distances[i])}
    counts = Counter(int(undone[i].argmin()) for i in clear)
    chosen = {}
    for i in range(len(distances)):
        near = np.flatnonzero(undone[i] < min(_NEARLY_BEST * best[i], CORRECTED_DISTANCE))
        if i in clear and len(near):
            stored = _exif_orientations(comparison.entries[i])
            chosen[i] = min(
                (int(s) for s in near),
                key=lambda s: (IMAGE_SYMMETRIES[s].orientation not in stored, -counts[s], s),
            )
    for i in set(range(len(distances))) - clear:
        common = [
            s for s, count in counts.items() if clearly_better(undone[i, s], distances[i], count)
        ]
        if common:
            chosen[i] = min(common, key=lambda s: undone[i, s])
    return chosen


def _exif_orientations(entry: ComparedFace) -> set[int]:
    """Return the EXIF orientation of a picture; empty if it is shown as it is stored."""
    media = entry.face.media
    if media is None or entry.face.frame is not None:
        return set()
    return {exif_orientation(media)} - {1}


def _symmetry_fault(comparison: ReferenceComparison, i: int, number: int, distance: float) -> Fault:
    symmetry, entry = IMAGE_SYMMETRIES[number], comparison.entries[i]
    annotation, mirror = entry.face.annotation, comparison.scheme.mirror_or_self
    what = symmetry.what
    if symmetry.orientation in _exif_orientations(entry):
        what = (
            f"{what.removesuffix('.')}: they are placed in the picture as the file stores it (EXIF "
            f"orientation {symmetry.orientation}), not as it is shown."
        )
    points = symmetry.undo(annotation.points, entry.size, mirror)
    states = annotation.states[symmetry.sources(mirror)]
    mend = Correction(entry.face.revision_id, points, states)
    return Fault(score_of_distance(distance), what, symmetry.kind, mend=mend)
