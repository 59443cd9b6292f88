"""Multinomial logistic regression, with its strength and temperature chosen across people."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.expressions import shares_of

from .people import own_of_others

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_STRENGTHS = (0.01, 0.03, 0.1, 0.3)
"""Inverse strengths of the penalty that are tried, for features with a spread of 1."""
_PARTS = 4
"""Parts of the cross-validation."""
_ROUGHLY, _CLOSELY = 1e-2, 1e-3
"""Tolerances of the solver: where settings are compared, and in the end. The first takes a third of
the time, and the same settings come out."""
_LEAST = 1e-4
"""Probability of an expression that a part of the training lacks."""
_ITERATIONS = 300


@dataclass(frozen=True, eq=False)
class LogOdds:
    """A linear map from features to the log-odds of expressions.

    Parameters
    ----------
    weights : ndarray, shape (R, E)
        A row a feature.
    offset : ndarray, shape (E,)
        Log-odds at zero.
    typical : ndarray, shape (E, E)
        Mean log-odds of the faces of each expression (rows), as of strangers.
    """

    weights: Floats
    offset: Floats
    typical: Floats


@dataclass(frozen=True)
class Settings:
    """What is chosen across people.

    Parameters
    ----------
    strength : float
        Inverse strength of the penalty.
    mirrored : float
        1 if mirror images are learned from too, 0 if not. They help, unless a label is of one
        side of the face, as a wink of the left eye.
    """

    strength: float = 0.03
    mirrored: float = 1.0


@dataclass(frozen=True, eq=False)
class ExpressionRegression:
    """The examples of a training.

    Each face is shown twice: as it is, and without what is the person's own by the person's other
    faces. So the classifier knows strangers, and those it has seen for a while
    (`PersonNormalisation`).

    Parameters
    ----------
    rows : ndarray, shape (M, R)
        Features, a row a face.
    mirrored : ndarray, shape (M, R), or (0, R)
        The same of their mirror images, if there are any.
    labels : ndarray of int, shape (M,)
        Number of each one's expression.
    people : sequence of str
        Whom each one shows.
    seed : int
        Of the parts of the cross-validation.
    """

    rows: Floats
    mirrored: Floats
    labels: NDArray[np.intp]
    people: Sequence[str]
    seed: int

    def calibrated(self, settings: Settings) -> LogOdds:
        """Return the log-odds learned from all faces, calibrated."""
        every, by = self.labels >= 0, self.temperature(settings)
        weights, offset = self._fit(every, settings, _CLOSELY)
        # As of strangers: of the people that were learned from they are further apart.
        typical = self._typical(self._unseen(settings)[0], every)
        return LogOdds(weights / by, offset / by, typical / by)

    def best_settings(self) -> Settings:
        """Return the settings that are best on people not seen."""
        both = float(len(self.mirrored) > 0)
        tried = [Settings(strength, both) for strength in _STRENGTHS]
        best = min(tried, key=self._loss)
        return min((best, Settings(best.strength, 0.0)), key=self._loss)

    def temperature(self, settings: Settings) -> float:
        """Return what to divide log-odds by, so that probabilities are as often right as they say.

        Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks" (ICML 2017).
        """
        from scipy.optimize import minimize_scalar  # noqa: PLC0415 - as below

        found = minimize_scalar(
            lambda t: self._loss(settings, float(np.exp(t))), bounds=(-1.5, 1.5), method="bounded"
        )
        return float(np.exp(found.x))

    def probabilities(self, settings: Settings, *, known: bool) -> Floats:
        """Return probabilities by classifiers that have not seen the person, (M, E).

        Parameters
        ----------
        settings : Settings
            Of the classifiers.
        known : bool
            Whether the person's other faces are known, though not what they express.
        """
        return shares_of(self._unseen(settings)[known] / self.temperature(settings))

    def _loss(self, settings: Settings, temperature: float = 1.0) -> float:
        """Return the mean log-loss for strangers and for people who are known."""
        shares = shares_of(np.stack(self._unseen(settings)) / temperature)
        own = shares[:, np.arange(len(self.labels)), self.labels]
        return float(-np.log(np.maximum(own, _LEAST)).mean())

    @cached_property
    def _parts(self) -> list[NDArray[np.intp]]:
        # Half a second; most projects have no expressions that could be learned.
        from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415

        count = min(_PARTS, len(set(self.people)))
        split = StratifiedGroupKFold(count, shuffle=True, random_state=self.seed)
        return [out for _, out in split.split(self.rows, self.labels, self.people)]

    @cached_property
    def _found(self) -> dict[Settings, tuple[Floats, Floats]]:
        return {}

    def _unseen(self, settings: Settings) -> tuple[Floats, Floats]:
        """Return log-odds by classifiers that have not seen the person, twice (M, E).

        The first are those of a stranger; the second take the person's other faces into account.
        """
        if settings not in self._found:
            strangers = np.zeros((len(self.labels), self._count))
            for out in self._parts:
                weights, offset = self._fit(self._without(out), settings)
                strangers[out] = self.rows[out] @ weights + offset
            own = np.zeros_like(strangers)
            for out in self._parts:
                usual = self._typical(strangers, self._without(out))
                beyond = strangers[out] - shares_of(strangers[out]) @ usual
                own[out] = own_of_others(beyond, [self.people[int(k)] for k in out])
            self._found[settings] = strangers, strangers - own
        return self._found[settings]

    def _without(self, out: NDArray[np.intp]) -> NDArray[np.bool_]:
        kept = np.ones(len(self.labels), bool)
        kept[out] = False
        return kept

    def _typical(self, log_odds: Floats, kept: NDArray[np.bool_]) -> Floats:
        """Return the mean log-odds of the faces of each expression, (E, E)."""
        typical = np.zeros((self._count, self._count))
        for label in np.unique(self.labels[kept]):
            typical[label] = log_odds[kept & (self.labels == label)].mean(axis=0)
        return typical

    def _fit(
        self, kept: NDArray[np.bool_], settings: Settings, tolerance: float = _ROUGHLY
    ) -> tuple[Floats, Floats]:
        """Learn from some of the faces; return weights (R, E) and offset (E,)."""
        rows, labels = self.rows[kept], self.labels[kept]
        people: list[object] = [self.people[int(k)] for k in np.flatnonzero(kept)]
        if settings.mirrored and len(self.mirrored):
            rows = np.concatenate([rows, self.mirrored[kept]])
            labels = np.concatenate([labels, labels])
            people += [(one, "mirrored") for one in people]
        usual = np.zeros((self._count, rows.shape[1]))
        for label in np.unique(labels):
            usual[label] = rows[labels == label].mean(axis=0)
        normalised = rows - own_of_others(rows - usual[labels], people)
        return _multinomial(
            np.concatenate([rows, normalised]),
            np.concatenate([labels, labels]),
            self._count,
            settings.strength / 2,  # each face counts once
            tolerance,
        )

    @property
    def _count(self) -> int:
        return int(self.labels.max()) + 1


def _multinomial(
    rows: Floats, labels: NDArray[np.intp], count: int, strength: float, tolerance: float
) -> tuple[Floats, Floats]:
    """Return weights (R, E) and offset (E,) of a logistic regression.

    Parameters
    ----------
    rows : ndarray, shape (M, R)
        Features.
    labels : ndarray of int, shape (M,)
        Of the rows; some of the classes may have none.
    count : int
        Number of the classes.
    strength, tolerance : float
        Inverse strength of the penalty, and how closely it is solved.
    """
    weights = np.zeros((rows.shape[1], count))
    offset = np.full(count, np.log(_LEAST))
    known = np.unique(labels)
    if len(known) == 1:  # the others are all of people who were left out
        offset[known] = 0.0
        return weights, offset
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - as above
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - as above

    found = LogisticRegression(C=strength, tol=tolerance, max_iter=_ITERATIONS)
    with warnings.catch_warnings():
        # As good as converged: more steps change the third digit.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found.fit(rows, labels)
    if len(known) == 2:  # scikit-learn gives one row, of the second against the first
        weights[:, known[1]], offset[known] = found.coef_[0], (0.0, found.intercept_[0])
    else:
        weights[:, known], offset[known] = found.coef_.T, found.intercept_
    return weights, offset
