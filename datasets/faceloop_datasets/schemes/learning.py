"""Conversions learned from faces that are annotated in both schemes.

A target point is a weighted sum of few source points, with weights that sum to 1: it then moves
with the face however that is shifted, turned, scaled or sheared, and a sum that holds in space
holds in every picture taken from afar. With such weights ``w`` a target point ``t`` is missed by
``sum_s w_s (t - s)``, so that the best ones are ``D^-1 1 / (1' D^-1 1)`` for the matrix ``D`` of
inner products of these differences, the weights of a portfolio of least variance (Markowitz,
Portfolio selection, J. Finance 7, 1952). Source points are taken in one after the other, each the
one that then misses least (forward selection); how many is decided on held-out people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.errors import SchemeError
from faceloop_datasets.wording import counted

from .conversion import Conversion
from .scheme import check_namesakes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .scheme import Scheme

    Floats = NDArray[np.float64]

FEWEST_FACES = 8
"""Faces of which a conversion can be learned at least."""

SAME_MARK = 0.02
"""Expected error, in inter-ocular distances, up to which a point counts as the same mark: about
what two annotations of one mark differ by. Points beyond are estimated."""

_MOST_SOURCES = 6
_FOLDS = 5
_FLIP = np.array([-1.0, 1.0])
_WOBBLE = 0.01
"""Standard deviation of a mark's own error, in inter-ocular distances: what a source point adds
to the error beside what it takes off. Keeps weights small."""

_GAIN = 0.98
"""One more source point has to make the error of held-out people smaller by this factor."""

_OFTEN = 0.9
"""Share of the faces that have a target point which a source point has to be there in."""


@dataclass(frozen=True, eq=False)
class PairedFaces:
    """Faces that are annotated in two schemes.

    Parameters
    ----------
    source, target : Scheme
        The schemes.
    source_points : ndarray, shape (F, S, 2)
        In pixels; NaN where missing.
    target_points : ndarray, shape (F, T, 2)
        Of the same faces in the same pictures.
    subjects : sequence of str
        Whom each face shows.
    """

    source: Scheme
    target: Scheme
    source_points: Floats
    target_points: Floats
    subjects: Sequence[str]

    def __len__(self) -> int:
        return len(self.subjects)


def learn_conversion(
    faces: PairedFaces, tick: Callable[[int, int], object] = lambda _d, _t: None
) -> Conversion:
    """Learn how the points of one scheme become those of another.

    Where both schemes know their mirror map, faces count mirrored too, and mirroring and
    converting commute.

    Parameters
    ----------
    faces : PairedFaces
        Faces that have both.
    tick : callable
        Told how many target points are done, of how many; may raise.

    Returns
    -------
    Conversion
        With the expected error of each point on people it was not learned from, the same mark up
        to `SAME_MARK`. A target point that fewer than `FEWEST_FACES` faces have has no source.

    Raises
    ------
    SchemeError
        If there are too few faces, or all show one subject, or the schemes have one name and
        different points.
    """
    check_namesakes(faces.source, faces.target)
    people = len(set(faces.subjects))
    if len(faces) < FEWEST_FACES or people < 2:
        raise SchemeError(
            f"{counted(len(faces), 'face')} of {counted(people, 'subject')} "
            f"{'is' if len(faces) == 1 else 'are'} annotated in both {faces.source.name} "
            f"and {faces.target.name}. Annotate at least {FEWEST_FACES} faces of 2 people in both."
        )
    learner = _Learner(faces)
    shape = len(faces.target), len(faces.source)
    weights, error = np.zeros(shape), np.full(shape[0], np.nan)
    for done, target in enumerate(learner.independent_targets):
        tick(done, len(learner.independent_targets))
        other = learner.target_mirror[target]
        weights[target], error[target] = learner.learn(target)
        weights[other], error[other] = weights[target][learner.source_mirror], error[target]
        if other == target:
            weights[target] = (weights[target] + weights[target][learner.source_mirror]) / 2
    return Conversion(
        faces.source.name,
        faces.target.name,
        weights,
        np.asarray(error <= SAME_MARK),
        error,
        faces=len(faces),
    )


class _Learner:
    """Differences of target and source points in units of a face, and the folds of people."""

    def __init__(self, faces: PairedFaces) -> None:
        size = np.array([faces.target.frontal_iod(points) for points in faces.target_points])
        if np.isnan(size).all():
            size = np.array([faces.source.frontal_iod(points) for points in faces.source_points])
        scale = np.where(size > 0, size, np.nan)[:, None, None]
        self._source, self._target = faces.source_points / scale, faces.target_points / scale
        mirrors = bool(faces.source.mirror) and bool(faces.target.mirror)
        count, size_s = len(faces.target), len(faces.source)
        self.target_mirror = np.array(faces.target.mirror if mirrors else range(count))
        self.source_mirror = np.array(faces.source.mirror if mirrors else range(size_s))
        self._mirrors = mirrors
        order = {name: k for k, name in enumerate(sorted(set(faces.subjects)))}
        self._folds = min(_FOLDS, len(order))
        self._fold = np.array([order[subject] % self._folds for subject in faces.subjects])

    @property
    def independent_targets(self) -> list[int]:
        """Target points, one of each mirrored pair."""
        return [k for k, other in enumerate(self.target_mirror.tolist()) if k <= other]

    def learn(self, target: int) -> tuple[Floats, float]:
        """Weights (S,) of a target point and its error on held-out people; 0 and NaN if none."""
        differences, fold, sources = self._differences(target)
        weights = np.zeros(self._source.shape[1])
        if len(fold) < FEWEST_FACES or len(set(fold.tolist())) < 2 or not len(sources):
            return weights, float("nan")
        parts = [differences[fold == k] for k in range(self._folds)]
        grams = np.array([np.einsum("fsd,ftd->st", part, part) for part in parts])
        together = self._together(target, sources)
        count, error = _choose_count(parts, grams, together)
        paths = _forward(grams.sum(axis=0), len(fold), together, count)
        weights[sources] = paths[-1]
        return weights, error

    def _differences(self, target: int) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        """Target minus source points (F, S', 2) of faces that have all of them; folds; sources."""
        views = [(self._target[:, target], self._source)]
        other = self.target_mirror[target]
        if self._mirrors:
            flipped = self._source[:, self.source_mirror] * _FLIP
            views.append((self._target[:, other] * _FLIP, flipped))
        difference = np.concatenate([t[:, None] - s for t, s in views])
        fold = np.tile(self._fold, len(views))
        known = ~np.isnan(difference).any(axis=2)
        usable = known.mean(axis=0) >= _OFTEN * known.any(axis=1).mean()
        usable &= known.any(axis=0)
        whole = known[:, usable].all(axis=1)
        sources = np.flatnonzero(usable)
        return difference[whole][:, sources], fold[whole], sources

    def _together(self, target: int, sources: NDArray[np.int64]) -> list[list[int]]:
        """Places among the sources that come in together: on the axis those that mirror."""
        place = {int(source): k for k, source in enumerate(sources)}
        if not self._mirrors or self.target_mirror[target] != target:
            return [[k] for k in range(len(sources))]
        together = {
            frozenset({k, place.get(int(self.source_mirror[s]), k)}) for s, k in place.items()
        }
        return sorted(sorted(pair) for pair in together)


def _choose_count(
    parts: Sequence[Floats], grams: Floats, groups: Sequence[Sequence[int]]
) -> tuple[int, float]:
    """How many steps of the selection, and the mean distance from held-out faces then.

    Parameters
    ----------
    parts : sequence of ndarray, shape (F, S, 2)
        Differences of the faces of each fold.
    grams : ndarray, shape (folds, S, S)
        Their inner products.
    groups : sequence of sequence of int
        Source points that come in together.
    """
    total = np.zeros(_MOST_SOURCES)
    faces = sum(map(len, parts))
    for part, gram in zip(parts, grams, strict=True):
        steps = _forward(grams.sum(axis=0) - gram, faces - len(part), groups, _MOST_SOURCES)
        steps += [steps[-1]] * (_MOST_SOURCES - len(steps))
        for k, weights in enumerate(steps):
            total[k] += np.linalg.norm(np.einsum("s,fsd->fd", weights, part), axis=1).sum()
    mean, best = total / faces, 0
    for k in range(1, _MOST_SOURCES):
        if mean[k] < _GAIN ** (k - best) * mean[best]:
            best = k
    return best + 1, float(mean[best])


def _forward(gram: Floats, faces: int, groups: Sequence[Sequence[int]], steps: int) -> list[Floats]:
    """Weights (S,) after each step of the selection.

    Parameters
    ----------
    gram : ndarray, shape (S, S)
        Inner products of the differences, summed over the faces.
    faces : int
        Of how many faces.
    groups : sequence of sequence of int
        Source points that come in together.
    steps : int
        At most so many.
    """
    cost = gram + faces * _WOBBLE**2 * np.eye(len(gram))
    chosen: list[int] = []
    found: list[Floats] = []
    for _ in range(min(steps, len(groups))):
        rest = [list(group) for group in groups if group[0] not in chosen]
        values = np.empty(len(rest))
        for length in {len(group) for group in rest}:  # groups of one size at once
            where = [k for k, group in enumerate(rest) if len(group) == length]
            sets = np.array([chosen + rest[k] for k in where])
            values[where] = _missed(cost, sets)[0]
        chosen = chosen + rest[int(values.argmin())]
        weights = np.zeros(len(gram))
        weights[chosen] = _missed(cost, np.array([chosen]))[1][0]
        found.append(weights)
    return found


def _missed(cost: Floats, sets: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Least cost (K,) of weights that sum to 1, and these weights (K, n), of sets (K, n)."""
    inside = cost[sets[:, :, None], sets[:, None, :]]
    raw = np.linalg.solve(inside, np.ones((*sets.shape, 1)))[..., 0]
    total = raw.sum(axis=1)
    return 1.0 / total, raw / total[:, None]
