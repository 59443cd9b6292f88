"""Everything that a round tells about how well people agree."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_trainer.pdm.procrustes import procrustes_mean

from .bland_altman import BlandAltman, bland_altman
from .icc import icc
from .measures import face_sizes, lengths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairAgreement:
    """Two people.

    Parameters
    ----------
    first, second : str
        Who.
    faces : int
        How many faces both annotated.
    distance, pixels : ndarray, shape (N,)
        Mean distance of each point, in IOD and in pixels; NaN where nothing is known.
    bias : ndarray, shape (N, 2)
        How far the second places each point to the right and below the first, in IOD, on average.
    lengths : mapping of str to BlandAltman
        Lengths of the faces, see `faceloop_trainer.agreement.measures`.
    """

    first: str
    second: str
    faces: int
    distance: Floats
    pixels: Floats
    bias: Floats
    lengths: Mapping[str, BlandAltman]

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        return {
            "annotators": [self.first, self.second],
            "faces": self.faces,
            "distance": mean_of(self.distance),
            "pixels": mean_of(self.pixels),
            "points": [
                {"distance": _plain(d), "pixels": _plain(p), "bias": [_plain(x), _plain(y)]}
                for d, p, (x, y) in zip(self.distance, self.pixels, self.bias, strict=True)
            ],
            "lengths": {name: one.to_dict() for name, one in self.lengths.items()},
        }


@dataclass(frozen=True, eq=False)
class PersonAgreement:
    """One person against all others.

    Parameters
    ----------
    name : str
        Who.
    faces : int
        How many faces this person annotated.
    distance : ndarray, shape (N,)
        Mean distance of each point from the mean of the others, in IOD; NaN where nobody else
        placed it.
    repeated : int
        How many faces this person annotated more than once.
    own_distance : float or None
        Mean distance between the first and the last time, in IOD.
    from_start : float or None
        How far the points are from where they started, in IOD, on average.
    """

    name: str
    faces: int
    distance: Floats
    repeated: int
    own_distance: float | None
    from_start: float | None

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        return {
            "annotator": self.name,
            "faces": self.faces,
            "distance": mean_of(self.distance),
            "points": [_plain(value) for value in self.distance],
            "repeated": self.repeated,
            "own_distance": self.own_distance,
            "from_start": self.from_start,
        }


@dataclass(frozen=True, eq=False)
class Agreement:
    """How well people agree.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    faces : int
        How many faces were annotated by at least two people.
    people : tuple of PersonAgreement
        Each against the others.
    pairs : tuple of PairAgreement
        Each pair that shares faces.
    icc : mapping of str to float
        Intraclass correlation of each length, on the faces that all annotated; those that cannot
        be told are left out.
    shape : ndarray, shape (N, 2)
        The mean of all annotations, in IOD, to draw on.
    """

    scheme: Scheme
    faces: int
    people: tuple[PersonAgreement, ...]
    pairs: tuple[PairAgreement, ...]
    icc: Mapping[str, float]
    shape: Floats

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        return {
            "faces": self.faces,
            "annotators": [one.to_dict() for one in self.people],
            "pairs": [one.to_dict() for one in self.pairs],
            "icc": dict(self.icc),
        }


def agreement(
    scheme: Scheme,
    people: Sequence[str],
    points: Floats,
    repeated: Floats,
    starts: Floats,
) -> Agreement:
    """Compare people who annotated the same faces.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    people : sequence of str
        A of them.
    points : ndarray, shape (A, F, N, 2)
        What counts of each, in pixels; NaN where somebody did not annotate.
    repeated : ndarray, shape (A, F, N, 2)
        What the same person annotated the first time; NaN where there was only one time.
    starts : ndarray, shape (F, N, 2)
        Where everybody's points started.

    Raises
    ------
    TrainingError
        If no face was annotated by two people.
    """
    done = np.asarray(np.isfinite(points).any(axis=(2, 3)))
    shared = int((done.sum(axis=0) > 1).sum())
    if not shared:
        raise TrainingError(
            "No face of the round was annotated by two people yet, so there is nothing to compare."
        )
    size = np.array([[scheme.inter_ocular_distance(face) for face in row] for row in points])
    unit = face_sizes(size)
    shape = procrustes_mean(scheme, _whole(points, size))
    known = lengths(scheme, points, shape)
    correlations = {name: icc(values.T) for name, values in known.items()}
    shares = [(a, b) for a, b in combinations(range(len(people)), 2) if (done[a] & done[b]).any()]
    return Agreement(
        scheme=scheme,
        faces=shared,
        people=tuple(
            PersonAgreement(
                name=name,
                faces=int(done[k].sum()),
                distance=_from_others(points, k, unit),
                repeated=int(np.isfinite(repeated[k]).any(axis=(1, 2)).sum()),
                own_distance=_mean_distance(points[k], repeated[k], unit),
                from_start=_mean_distance(points[k], starts, unit),
            )
            for k, name in enumerate(people)
        ),
        pairs=tuple(
            _pair(
                (people[a], people[b]),
                points[[a, b]],
                unit,
                {name: values[[a, b]] for name, values in known.items()},
            )
            for a, b in shares
        ),
        icc={name: value for name, value in correlations.items() if value is not None},
        shape=shape,
    )


def mean_of(values: Floats) -> float | None:
    """Return the mean of what is known; None if nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _pair(
    names: tuple[str, str], points: Floats, unit: Floats, known: Mapping[str, Floats]
) -> PairAgreement:
    moved = points[1] - points[0]
    apart = np.linalg.norm(moved, axis=2)
    compared = {name: bland_altman(*values) for name, values in known.items()}
    return PairAgreement(
        first=names[0],
        second=names[1],
        faces=int(np.isfinite(apart).any(axis=1).sum()),
        distance=_over_faces(apart / unit[:, None]),
        pixels=_over_faces(apart),
        bias=_over_faces(moved / unit[:, None, None]),
        lengths={name: found for name, found in compared.items() if found is not None},
    )


def _from_others(points: Floats, person: int, unit: Floats) -> Floats:
    others = _over_faces(np.delete(points, person, axis=0))
    return _over_faces(np.linalg.norm(points[person] - others, axis=2) / unit[:, None])


def _mean_distance(first: Floats, second: Floats, unit: Floats) -> float | None:
    return mean_of(np.linalg.norm(first - second, axis=2) / unit[:, None])


def _over_faces(values: Floats) -> Floats:
    """Return the mean along the first axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    total, count = np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _whole(points: Floats, size: Floats) -> Floats:
    """Return the shapes, (S, N, 2), that have a size."""
    return np.asarray(points[size > 1.0])


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
