"""Annotations that lie beside the face: shifted, in another scale, or turned where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarity

from .doubt import Finding, Mend
from .misfits import RIGHT, clearly_better, score

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from .looks import Looks

    Points = NDArray[np.float64]
    Values = NDArray[np.float64]

_FAR = 0.15
"""An annotation is beside the face if it is farther from it than this, in IOD, ..."""
_SAME_SHAPE = 0.06
"""... and has its shape: so far are its points from the face's, in IOD, when laid over them."""
_LEVEL = np.deg2rad(10.0)
_SAME_SIZE = 0.1
_FEWEST = 3
"""Faces that have to be shifted alike before it is known by how much exactly."""
_ALIKE = 0.03
"""Ratios of size, and offsets in IOD, that differ by less are the same."""


@dataclass(frozen=True)
class Common:
    """One shift that several annotations share: ``points * scale + offset`` is right.

    Parameters
    ----------
    scale : float
        About the picture's first pixel, as when pictures are resized; or 1.
    offset : (float, float)
        In pixels, as when they are cropped; or zero.
    """

    scale: float
    offset: tuple[float, float]

    def undone(self, points: Points) -> Points:
        """Bring points to where they belong."""
        return np.asarray(points * self.scale + self.offset)

    @property
    def what(self) -> str:
        """A sentence."""
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


def common_shift(looks: Looks, faces: Sequence[int]) -> Common | None:
    """Find the scale, or else the offset, that several faces share; None if there is none.

    Parameters
    ----------
    looks : Looks
        What the starter model sees.
    faces : sequence of int
        Faces that are beside the one that was seen.
    """
    tried = (_common_scale(looks, faces), _common_offset(looks, faces))

    def left(common: Common) -> float:
        return float(np.median([_left(looks, i, common) for i in faces]))

    return min((one for one in tried if one is not None), key=left, default=None)


def beside(own: Values, *, except_for: Collection[int]) -> list[int]:
    """Faces that lie beside the one that was seen, and are not explained yet."""
    return [i for i in range(len(own)) if i not in except_for and _FAR < own[i] < np.inf]


def moved(
    looks: Looks, own: Values, common: Common | None, *, except_for: Collection[int]
) -> dict[int, Finding]:
    """Find the annotations that have the shape of the face in their picture and lie elsewhere.

    Parameters
    ----------
    looks : Looks
        What the starter model sees.
    own : ndarray, shape (F,)
        How far each annotation is from the face in its own picture.
    common : Common or None
        From `common_shift`.
    except_for : collection of int
        Faces that are explained otherwise.
    """
    left = beside(own, except_for=except_for)
    shared = {i: None if common is None else _shared(looks, i, own[i], common) for i in left}
    alone = {i: _alone(looks, i, own[i]) for i, one in shared.items() if one is None}
    return {i: one for i, one in (shared | alone).items() if one is not None}


def _common_scale(looks: Looks, faces: Sequence[int]) -> Common | None:
    scales = []
    for i in faces:
        marks, wanted = _pairs(looks, i)
        scale = _scale(marks, wanted)
        if _left(looks, i, Common(scale, (0.0, 0.0))) < RIGHT:
            scales.append(scale)
    agreed = _agreed(np.array(scales)[:, None], np.full(len(scales), _ALIKE))
    if agreed is None or abs(agreed[0] - 1.0) < _ALIKE:
        return None
    return Common(float(agreed[0]), (0.0, 0.0))


def _common_offset(looks: Looks, faces: Sequence[int]) -> Common | None:
    offsets, near = [], []
    for i in faces:
        marks, wanted = _pairs(looks, i)
        x, y = (wanted - marks).mean(axis=0)
        seen = looks.every[i].seen
        if seen and _left(looks, i, Common(1.0, (x, y))) < RIGHT:
            offsets.append((x, y))
            near.append(_ALIKE * seen.pose.scale)
    offset = _agreed(np.array(offsets).reshape(-1, 2), np.array(near))
    return None if offset is None else Common(1.0, (float(offset[0]), float(offset[1])))


def _agreed(values: Points, near: Values) -> Values | None:
    """Median of values (F, D) that most agree on to within ``near`` (F,); None if few do."""
    if len(values) < _FEWEST:
        return None
    apart = np.linalg.norm(values[:, None] - values[None], axis=2) < near
    group = apart[apart.sum(axis=1).argmax()]
    return np.asarray(np.median(values[group], axis=0)) if group.sum() >= _FEWEST else None


def _pairs(looks: Looks, i: int) -> tuple[Points, Points]:
    """Return marks of a face, and where an annotator would place them, (K, 2) each."""
    look = looks.every[i]
    assert look.seen is not None  # noqa: S101 - of faces that were seen only
    wanted = looks.wanted(look.seen)
    known = ~np.isnan(look.marks).any(axis=1)
    return look.marks[known], wanted[known]


def _left(looks: Looks, i: int, common: Common) -> float:
    look = looks.every[i]
    assert look.seen is not None  # noqa: S101 - as above
    return looks.distance(common.undone(look.marks), look.seen)


def _shared(looks: Looks, i: int, own: float, common: Common) -> Finding | None:
    if not clearly_better(_left(looks, i, common), own, _FEWEST):
        return None
    face = looks.every[i].face
    points = common.undone(face.annotation.points)
    mend = Mend(face.revision_id, points, face.annotation.states)
    return Finding(score(own), common.what, "shifted", mend=mend)


def _alone(looks: Looks, i: int, own: float) -> Finding | None:
    """Explain one face by its size, or by a similarity with or without a mirror."""
    look = looks.every[i]
    assert look.seen is not None  # noqa: S101 - as above
    resized = Common(_scale(*_pairs(looks, i)), (0.0, 0.0))
    if abs(resized.scale - 1.0) > _SAME_SIZE and _left(looks, i, resized) < _SAME_SHAPE:
        return Finding(score(own), resized.what, "shifted")
    wanted, found = looks.wanted(look.seen), []
    for mirrored in (False, True):
        marks = look.marks * [-1.0, 1.0] if mirrored else look.marks
        move = Similarity.between(marks, wanted)
        found.append((looks.distance(move.apply(marks), look.seen), mirrored, move))
    error, mirrored, move = min(found, key=lambda one: one[0])
    if error > _SAME_SHAPE or not clearly_better(error, own):
        return None
    if mirrored:
        what = "The points look mirrored, with their numbers, and moved."
        return Finding(score(own), what, "mirrored")
    if abs(move.angle) > _LEVEL:
        turn = round(-np.degrees(move.angle)) % 360
        what = f"The points look turned by {turn} degrees, clockwise, and moved."
        return Finding(score(own), what, "turned")
    x, y = np.nanmean(look.marks - wanted, axis=0) / look.seen.pose.scale
    where = f"{_directions(x, y)}, in units of the IOD"
    if abs(move.scale - 1.0) > _SAME_SIZE:
        where += f", and {1 / move.scale:.2f} times as far apart as they should be"
    return Finding(score(own), f"All points lie beside the face: {where}.", "shifted")


def _scale(marks: Points, wanted: Points) -> float:
    """By how much marks have to grow about the picture's first pixel."""
    return float((marks * wanted).sum() / (marks * marks).sum())


def _directions(x: float, y: float, form: str = ".2f") -> str:
    across = f"{format(abs(x), form)} to the {'right' if x > 0 else 'left'}"
    along = f"{format(abs(y), form)} {'down' if y > 0 else 'up'}"
    parts = [text for text in (across, along) if float(text.split()[0]) > 0]
    return " and ".join(parts) or across
