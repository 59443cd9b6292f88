"""Annotations that have the shape of the face but lie beside it, or have another size or angle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarity

from .faults import Correction, Fault
from .thresholds import CORRECTED_DISTANCE, clearly_better, score_of_distance

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from .reference_comparison import ReferenceComparison
    from .reference_fit import ReferenceFit

    Points = NDArray[np.float64]
    Values = NDArray[np.float64]

_FAR = 0.15
"""An annotation is displaced if its mean distance from the fit is larger than this, in IOD, ..."""
_SAME_SHAPE = 0.06
"""... and it has the same shape: a smaller mean distance after Procrustes alignment, in IOD."""
_UPRIGHT = np.deg2rad(10.0)
_SAME_SIZE = 0.1
_FEWEST = 3
"""Faces with the same displacement that are needed to correct it."""
_EQUAL = 0.03
"""Ratios of size, and offsets in IOD, that differ by less are equal."""


@dataclass(frozen=True)
class Displacement:
    """A scale or an offset of annotations; ``points * scale + offset`` is right.

    Parameters
    ----------
    scale : float
        About the centre of the picture's first pixel, as when pictures are resized; or 1.
    offset : (float, float)
        In pixels, as when pictures are cropped; or zero.
    """

    scale: float
    offset: tuple[float, float]

    def undo(self, points: Points) -> Points:
        """Return points as they should be."""
        return np.asarray(points * self.scale + self.offset)

    @property
    def what(self) -> str:
        """A sentence for the user."""
        if self.scale != 1.0:
            return (
                "All points look shifted, as if they were placed in a picture "
                f"{1 / self.scale:.2f} times as large."
            )
        x, y = self.offset
        return (
            "All points look shifted, as in other faces: they lie "
            f"{_directions(-x, -y, '.0f')} of where they belong, in pixels."
        )


def shared_displacement(
    comparison: ReferenceComparison, displaced: Sequence[int]
) -> Displacement | None:
    """Find one displacement that explains several faces; None if there is none.

    Parameters
    ----------
    comparison : ReferenceComparison
        The annotations and the starter model's fits.
    displaced : sequence of int
        From `displaced_entries`.
    """
    candidates = (_shared_scale(comparison, displaced), _shared_offset(comparison, displaced))

    def median_left(displacement: Displacement) -> float:
        return float(np.median([_distance_left(comparison, i, displacement) for i in displaced]))

    return min((one for one in candidates if one is not None), key=median_left, default=None)


def displaced_entries(distances: Values, *, except_for: Collection[int]) -> list[int]:
    """Entries whose annotation is far from the fit to its picture, and not explained yet."""
    return [
        i for i in range(len(distances)) if i not in except_for and _FAR < distances[i] < np.inf
    ]


def displacement_faults(
    comparison: ReferenceComparison,
    distances: Values,
    shared: Displacement | None,
    *,
    except_for: Collection[int],
) -> dict[int, Fault]:
    """Find the annotations that have the shape of the face in their picture and lie elsewhere.

    Parameters
    ----------
    comparison : ReferenceComparison
        The annotations and the starter model's fits.
    distances : ndarray, shape (F,)
        Mean distance of each annotation from the fit to its own picture, in IOD.
    shared : Displacement or None
        From `shared_displacement`.
    except_for : collection of int
        Entries that are explained otherwise.

    Returns
    -------
    dict of int to Fault
        By entry of the comparison.
    """
    found: dict[int, Fault | None] = {}
    for i in displaced_entries(distances, except_for=except_for):
        found[i] = None if shared is None else _shared_fault(comparison, i, distances[i], shared)
        if found[i] is None:
            found[i] = _single_fault(comparison, i, distances[i])
    return {i: fault for i, fault in found.items() if fault is not None}


def _shared_scale(comparison: ReferenceComparison, displaced: Sequence[int]) -> Displacement | None:
    scales = []
    for i in displaced:
        scale = _scale(*_known_pairs(comparison, i))
        if _distance_left(comparison, i, Displacement(scale, (0.0, 0.0))) < CORRECTED_DISTANCE:
            scales.append(scale)
    most = _largest_agreement(np.array(scales)[:, None], np.full(len(scales), _EQUAL))
    if most is None or abs(most[0] - 1.0) < _EQUAL:
        return None
    return Displacement(float(most[0]), (0.0, 0.0))


def _shared_offset(
    comparison: ReferenceComparison, displaced: Sequence[int]
) -> Displacement | None:
    offsets, tolerances = [], []
    for i in displaced:
        mapped, expected = _known_pairs(comparison, i)
        x, y = (expected - mapped).mean(axis=0)
        if _distance_left(comparison, i, Displacement(1.0, (x, y))) < CORRECTED_DISTANCE:
            offsets.append((x, y))
            tolerances.append(_EQUAL * _fit(comparison, i).pose.scale)
    most = _largest_agreement(np.array(offsets).reshape(-1, 2), np.array(tolerances))
    return None if most is None else Displacement(1.0, (float(most[0]), float(most[1])))


def _largest_agreement(values: Points, tolerances: Values) -> Values | None:
    """Median of the largest set of values (F, D) near one of them; None if the set is small."""
    if len(values) < _FEWEST:
        return None
    near = np.linalg.norm(values[:, None] - values[None], axis=2) < tolerances
    group = near[near.sum(axis=1).argmax()]
    return np.asarray(np.median(values[group], axis=0)) if group.sum() >= _FEWEST else None


def _fit(comparison: ReferenceComparison, i: int) -> ReferenceFit:
    fit = comparison.entries[i].fit
    assert fit is not None  # noqa: S101 - displaced entries have a finite distance from it
    return fit


def _known_pairs(comparison: ReferenceComparison, i: int) -> tuple[Points, Points]:
    """Return the known points as annotated, and where they are expected, (K, 2) each."""
    mapped = comparison.entries[i].mapped
    known = ~np.isnan(mapped).any(axis=1)
    return mapped[known], comparison.expected(_fit(comparison, i))[known]


def _distance_left(comparison: ReferenceComparison, i: int, displacement: Displacement) -> float:
    """Mean distance from the fit once the displacement is undone, in IOD."""
    corrected = displacement.undo(comparison.entries[i].mapped)
    return comparison.distance(corrected, _fit(comparison, i))


def _shared_fault(
    comparison: ReferenceComparison, i: int, distance: float, shared: Displacement
) -> Fault | None:
    if not clearly_better(_distance_left(comparison, i, shared), distance, _FEWEST):
        return None
    face = comparison.entries[i].face
    points = shared.undo(face.annotation.points)
    mend = Correction(face.revision_id, points, face.annotation.states)
    return Fault(score_of_distance(distance), shared.what, "shifted", mend=mend)


def _single_fault(comparison: ReferenceComparison, i: int, distance: float) -> Fault | None:
    """Explain one face by another size, or by a similarity with or without a reflection."""
    score, mapped = score_of_distance(distance), comparison.entries[i].mapped
    resized = Displacement(_scale(*_known_pairs(comparison, i)), (0.0, 0.0))
    if (
        abs(resized.scale - 1.0) > _SAME_SIZE
        and _distance_left(comparison, i, resized) < _SAME_SHAPE
    ):
        return Fault(score, resized.what, "shifted")
    fit = _fit(comparison, i)
    expected, found = comparison.expected(fit), []
    for mirrored in (False, True):
        start = mapped * [-1.0, 1.0] if mirrored else mapped
        move = Similarity.between(start, expected)
        found.append((comparison.distance(move.apply(start), fit), mirrored, move))
    left, mirrored, move = min(found, key=lambda one: one[0])
    if left > _SAME_SHAPE or not clearly_better(left, distance):
        return None
    if mirrored:
        return Fault(score, "The points look mirrored, with their numbers, and moved.", "mirrored")
    if abs(move.angle) > _UPRIGHT:
        angle = round(-np.degrees(move.angle)) % 360
        what = f"The points look turned by {angle} degrees, clockwise, and moved."
        return Fault(score, what, "turned")
    x, y = np.nanmean(mapped - expected, axis=0) / fit.pose.scale
    where = f"{_directions(x, y)}, in units of the IOD"
    if abs(move.scale - 1.0) > _SAME_SIZE:
        where += f", and {1 / move.scale:.2f} times as far apart as they should be"
    return Fault(score, f"All points lie beside the face: {where}.", "shifted")


def _scale(mapped: Points, expected: Points) -> float:
    """Return the least-squares scale about the centre of the picture's first pixel."""
    return float((mapped * expected).sum() / (mapped * mapped).sum())


def _directions(x: float, y: float, form: str = ".2f") -> str:
    across = f"{format(abs(x), form)} to the {'right' if x > 0 else 'left'}"
    along = f"{format(abs(y), form)} {'down' if y > 0 else 'up'}"
    parts = [text for text in (across, along) if float(text.split()[0]) > 0]
    return " and ".join(parts) or across
