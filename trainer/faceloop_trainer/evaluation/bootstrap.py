"""How sure a figure is: confidence intervals by the bootstrap over people.

Faces of one person are alike, so that many faces of few people say less than as many faces of as
many people. Whole people are therefore drawn, each with all its faces: the cluster bootstrap
(Davison & Hinkley, Bootstrap Methods and their Application, 1997, section 3.8; Field & Welsh,
JRSS B 69, 2007). The intervals are bias-corrected and accelerated (Efron, JASA 82, 1987).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.quality.thresholds import FAILURE

from .metrics import AUC_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .result import Evaluation

    Vector = NDArray[np.float64]

Statistic = Callable[["Vector"], "Vector"]
"""Takes how often each face was drawn, (B, F), and returns K figures of each draw, (K, B)."""

CONFIDENCE = 0.95
_RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % confidence interval; the ends are NaN where nothing can be said."""

    value: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether there were enough people to say how sure the figure is."""
        return math.isfinite(self.low) and math.isfinite(self.high)


def bootstrap(subjects: Sequence[str], statistic: Statistic, seed: int = 0) -> list[Interval]:
    """Confidence intervals of figures, from drawing whole people with replacement.

    Parameters
    ----------
    subjects : sequence of str
        Whom each of the F faces shows.
    statistic : callable
        Makes the figures. All figures are made of the same draws.
    seed : int
        Seed of the draws.

    Returns
    -------
    list of Interval
        One a figure. With fewer than two people, or where a draw has no figure, the ends are NaN.
    """
    from scipy import stats  # noqa: PLC0415 - takes half a second to import

    people, person = np.unique(np.asarray(subjects), return_inverse=True)
    count = len(people)

    def of_draws(drawn: NDArray[np.int64], axis: int = -1) -> Vector:  # noqa: ARG001 - always last
        draws = drawn.reshape(-1, drawn.shape[-1])
        times = np.array([np.bincount(draw, minlength=count) for draw in draws])
        figures = statistic(times[:, person].astype(np.float64))
        return figures.reshape(-1, *drawn.shape[:-1])

    values = statistic(np.ones((1, len(person))))[:, 0]
    if count < 2:
        return [Interval(float(v), np.nan, np.nan) for v in values]
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        # Figures that are the same in every draw; they are looked after below.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            (np.arange(count),),
            of_draws,
            n_resamples=_RESAMPLES,
            confidence_level=CONFIDENCE,
            method="BCa",
            vectorized=True,
            rng=np.random.default_rng(seed),
        )
    drawn = found.bootstrap_distribution
    same = np.ptp(drawn, axis=-1) == 0
    low, high = (np.where(same, drawn[:, 0], end) for end in found.confidence_interval)
    return [Interval(*map(float, row)) for row in zip(values, low, high, strict=True)]


def metric_intervals(evaluation: Evaluation, seed: int = 0) -> dict[str, Interval]:
    """Confidence intervals of the figures that `Evaluation.metrics` gives.

    Parameters
    ----------
    evaluation : Evaluation
        At least one face must have been found.
    seed : int
        Seed of the draws.

    Returns
    -------
    dict
        ``nme_mean``, ``nme_median``, ``nme_p95``, ``auc_08`` and ``failure_rate``. Where no
        person has a failure, the rate's upper end is that of as many trials as there are people
        (Hanley & Lippman-Hand, JAMA 249, 1983).
    """
    errors = evaluation.errors
    found = np.isfinite(errors)
    order = np.argsort(errors[found])
    ordered = errors[found][order]
    area = np.clip(1.0 - errors / AUC_LIMIT, 0.0, 1.0)
    failed = (errors > FAILURE).astype(np.float64)

    def figures(weights: Vector) -> Vector:
        drawn = weights.sum(axis=1)
        of_found = weights[:, found][:, order]
        mean = of_found @ ordered / np.where(of_found.any(axis=1), of_found.sum(axis=1), np.nan)
        ends = np.array([_quantiles(ordered, times) for times in of_found.astype(int)])
        return np.vstack([mean, ends.T, weights @ area / drawn, weights @ failed / drawn])

    names = ("nme_mean", "nme_median", "nme_p95", "auc_08", "failure_rate")
    made = dict(zip(names, bootstrap(evaluation.subjects, figures, seed), strict=True))
    people = len(set(evaluation.subjects))
    if not failed.any() and people > 1:
        most = 1.0 - ((1.0 - CONFIDENCE) / 2) ** (1.0 / people)
        made["failure_rate"] = Interval(0.0, 0.0, most)
    return made


def group_intervals(evaluation: Evaluation, seed: int = 0) -> dict[str, Interval]:
    """Mean error of each part of the face with its confidence interval; see `per_group`.

    Parts that were never annotated, or never found, are left out.
    """
    names = list(evaluation.per_group.dropna().index)
    if not names:
        return {}
    made = bootstrap(
        evaluation.subjects,
        group_means(evaluation, evaluation.point_errors, names),
        seed,
    )
    return dict(zip(names, made, strict=True))


def point_intervals(evaluation: Evaluation, seed: int = 0) -> list[Interval]:
    """Mean error of each point with its confidence interval; NaN where it was never annotated."""
    errors = evaluation.point_errors
    return bootstrap(evaluation.subjects, lambda weights: _point_means(errors, weights), seed)


def group_means(evaluation: Evaluation, values: Vector, groups: Sequence[str]) -> Statistic:
    """Return what makes the means of groups: of the means of their points over the faces.

    Parameters
    ----------
    evaluation : Evaluation
        Gives the scheme.
    values : ndarray, shape (F, N)
        A value of each point in each face, NaN where unknown.
    groups : sequence of str
        Names of groups that have at least one known point.
    """
    known = np.asarray(np.isfinite(values).any(axis=0))
    members = [[i for i in evaluation.scheme.groups[name] if known[i]] for name in groups]

    def figures(weights: Vector) -> Vector:
        points = _point_means(values, weights)
        return np.array([points[own].mean(axis=0) for own in members])

    return figures


def _point_means(values: Vector, weights: Vector) -> Vector:
    """Means of columns with NaN left out, shape (N, B)."""
    known = ~np.isnan(values)
    counted = weights @ known
    total = weights @ np.where(known, values, 0.0)
    return np.asarray((total / np.where(counted > 0, counted, np.nan)).T)


def _quantiles(ordered: Vector, times: NDArray[np.int64]) -> Vector:
    """Median and 95th percentile of values, each taken so many times."""
    taken = np.repeat(ordered, times)
    return np.percentile(taken, (50, 95)) if len(taken) else np.full(2, np.nan)
