"""What a face expresses, in the words of those who labelled the faces of a training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from faceloop_runtime.kernels import kernel

Floats = NDArray[np.float64]

MOST_LANDMARKS = 75
"""Of more landmarks so many are looked at, spread over the face: pairs grow with their square."""
_NEAREST = 0.25
"""Share of all pairs of landmarks whose distance is looked at: mouth, lids and brows among
themselves and each to its neighbours; what lies far apart tells the shape of the head."""
_CHANCE = 0.7
"""Variance of one look at a person, over the variance between people; a second counts as a look.
On the sample, .5 to 1.5 name as many faces rightly."""
_MEMORY = 5.0
"""Seconds of a video that are remembered of a person."""
_LONGEST_FRAME = 0.2
_LEAST = 1e-6
_SMALLEST = 0.02
"""What is added to a distance, in IOD, before its logarithm is taken: closed lids touch."""


@dataclass(frozen=True, eq=False)
class ExpressionClassifier:
    """Multinomial logistic regression on what the search for a face found, calibrated.

    It looks at distances between landmarks, and at what is round each: teeth, and lids that points
    do not follow.

    Parameters
    ----------
    weights : ndarray of float32, shape (D, E)
        Of log-distances, by pair of landmarks (`landmark_pairs` of the mean shape), a column an
        expression.
    cells : ndarray of float32, shape (N * C, E)
        Of the landmarks' surroundings (`faceloop_runtime.regressor.cell_features`).
    offset : ndarray of float32, shape (E,)
        Log-odds where all of these are zero.
    typical : ndarray of float32, shape (E, E)
        Mean log-odds of the faces of each expression (rows): what is a person's own is known from
        what the person's face has beyond these.
    """

    weights: NDArray[np.float32]
    cells: NDArray[np.float32]
    offset: NDArray[np.float32]
    typical: NDArray[np.float32]

    def __call__(self, distances: Floats, cells: NDArray[np.float32]) -> Floats:
        """Return the probability of each expression, (E,); their sum is 1.

        Parameters
        ----------
        distances : ndarray, shape (D,)
            From `log_distances`, of the shape that the search found.
        cells : ndarray of float32, shape (N, C)
            From `faceloop_runtime.regressor.cell_features`, there.
        """
        function, seen = kernel("products", "nnaaa"), np.empty(len(self.offset), np.float32)
        if function is None:
            seen = cells.reshape(-1) @ self.cells
        else:
            looks = np.ascontiguousarray(cells, np.float32)
            function(len(seen), looks.size, self._rows, looks, seen)
        return shares_of(distances @ self.weights + seen + self.offset)

    @cached_property
    def _rows(self) -> NDArray[np.float32]:
        """The weights of the surroundings, a row an expression."""
        return np.ascontiguousarray(self.cells.T, np.float32)


class PersonNormalisation:
    """Takes away what is always the same in one person's face, as brows that lie low.

    From frame to frame it learns by how much the log-odds of a person differ from those that are
    usual for what the face expresses, and subtracts that: a mixed model's prediction of a person's
    own intercept (Robinson, "That BLUP is a good thing", Statistical Science 1991). Baltrusaitis,
    Mahmoud & Robinson (FG 2015) subtract the median face of a person, which is right where a face
    is neutral most of the time. Here it does not matter how long a face expresses what.

    Parameters
    ----------
    typical : ndarray, shape (E, E)
        Of the classifier.
    """

    def __init__(self, typical: NDArray[np.float32]) -> None:
        self._typical = typical
        self._own = np.zeros(len(typical))
        self._seconds = 0.0

    def __call__(self, probabilities: Floats, seconds: float) -> Floats:
        """Return probabilities for a person, and learn from them.

        Parameters
        ----------
        probabilities : ndarray, shape (E,)
            Of anybody who looks like this.
        seconds : float
            Since the last frame of the same person.

        Returns
        -------
        ndarray, shape (E,)
        """
        odds = np.log(np.maximum(probabilities, _LEAST))
        shares = shares_of(odds - person_share(self._seconds) * self._own)
        passed = min(seconds, _LONGEST_FRAME)
        self._seconds = min(self._seconds + passed, _MEMORY)
        if self._seconds:
            beyond = odds - shares @ self._typical
            self._own += passed / self._seconds * (beyond - beyond.mean() - self._own)
        return shares


def person_share(looks: float) -> float:
    """Return how much of what was seen of a person in so many looks is the person's own.

    Of one look nearly half is chance: how the person looks at that moment, and the fit's error.
    """
    return looks / (looks + _CHANCE)


def shares_of(log_odds: Floats) -> Floats:
    """Return the probabilities of log-odds (..., E)."""
    shares = np.exp(log_odds - log_odds.max(axis=-1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def landmark_pairs(mean: Floats) -> NDArray[np.intp]:
    """Return the pairs of landmarks that lie near each other in a mean shape.

    They follow from the mean shape alone, so that they mean the same in every scheme and need
    not be stored.

    Parameters
    ----------
    mean : ndarray, shape (N, 2)
        Of a shape model.

    Returns
    -------
    ndarray of int, shape (D, 2)
        At least one pair of two landmarks or more.
    """
    chosen = _spread(mean)
    first, second = np.triu_indices(len(chosen), 1)
    apart = np.linalg.norm(mean[chosen[first]] - mean[chosen[second]], axis=1)
    count = max(1, round(_NEAREST * len(apart)))
    nearest = np.sort(np.argsort(apart, kind="stable")[: max(count, len(chosen))])
    return np.stack([chosen[first[nearest]], chosen[second[nearest]]], axis=1)


def log_distances(shapes: Floats, pairs: NDArray[np.intp]) -> Floats:
    """Return the logarithms of distances between landmarks.

    Neither place nor turn nor size of the face changes how they differ from each other, and a
    mouth twice as open is as much further from a closed one in a large face as in a small one.

    Parameters
    ----------
    shapes : ndarray, shape (..., N, 2)
        In the model frame, in IOD.
    pairs : ndarray of int, shape (D, 2)
        From `landmark_pairs`.

    Returns
    -------
    ndarray, shape (..., D)
    """
    between = shapes[..., pairs[:, 0], :] - shapes[..., pairs[:, 1], :]
    return np.asarray(np.log(np.sqrt((between**2).sum(axis=-1)) + _SMALLEST))


def _spread(mean: Floats) -> NDArray[np.intp]:
    """Choose landmarks one by one, each as far from those before it as can be (Gonzalez 1985)."""
    if len(mean) <= MOST_LANDMARKS:
        return np.arange(len(mean))
    apart = np.linalg.norm(mean - mean[0], axis=1)
    chosen = [0]
    while len(chosen) < MOST_LANDMARKS:
        chosen.append(int(apart.argmax()))
        apart = np.minimum(apart, np.linalg.norm(mean - mean[chosen[-1]], axis=1))
    return np.sort(np.array(chosen, np.intp))
