"""Linear classification with the squared hinge loss, and what its scores mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import solve

from faceloop_trainer.lapack import solve_symmetric

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from numpy.typing import NDArray

    Rows = NDArray[np.float32]
    Floats = NDArray[np.float64]

_STEPS = 20
"""Most Newton steps; five to ten are usual."""
_SETTLED = 0.002
"""Steps end when no larger share of the unclear examples becomes clear, or the reverse."""
_PRIOR = 1.0
"""How many faces and how many others the calibration has seen before, all undecided."""


def separate(
    faces: Rows, others: Rows, strength: float, start: tuple[Rows, float] | None = None
) -> tuple[Rows, float]:
    """Train a linear support vector machine by Newton steps on its primal problem.

    Each step is a ridge regression on the examples that are not clear yet (Chapelle, "Training a
    support vector machine in the primal", 2007). Both sides count alike, however many they are.

    Parameters
    ----------
    faces, others : ndarray of float32, shapes (M, D) and (L, D)
        Examples whose sums should be 1 and more, and -1 and less.
    strength : float
        Of the ridge, as a share of the mean squared length of an example.
    start : tuple, optional
        Weights and bias learned from most of the examples, to begin with.

    Returns
    -------
    weights : ndarray of float32, shape (D,)
    bias : float
    """
    rows = np.concatenate([faces, others])
    counts = [len(faces), len(others)]
    goal = np.repeat(np.array([1.0, -1.0], np.float32), counts)
    each = np.repeat(np.array([0.5 / n for n in counts], np.float32), counts)
    middle = each @ rows
    rows -= middle
    ridge = strength * float(each @ np.einsum("md,md->m", rows, rows))
    both = [goal > 0, goal < 0]
    unclear = np.ones(len(rows), bool)
    if start is not None:
        then = goal * (rows @ start[0] + np.float32(start[1] + middle @ start[0])) < 1
        unclear = then if _on(both, then) else unclear
    sums = _Sums.of(rows[unclear], goal[unclear], each[unclear])
    for _ in range(_STEPS):
        weights, bias = sums.ridge(ridge)
        now = goal * (rows @ weights + np.float32(bias)) < 1
        come, gone = now & ~unclear, unclear & ~now
        changed = come.sum() + gone.sum()
        if changed <= _SETTLED * unclear.sum() or not _on(both, now):
            break
        if changed < now.sum():
            sums += _Sums.of(rows[come], goal[come], each[come])
            sums -= _Sums.of(rows[gone], goal[gone], each[gone])
        else:
            sums = _Sums.of(rows[now], goal[now], each[now])
        unclear = now
    return weights, bias - float(middle @ weights)


def _on(sides: Sequence[NDArray[np.bool_]], some: NDArray[np.bool_]) -> bool:
    """Whether there are some on each side."""
    return all((side & some).any() for side in sides)


@dataclass(frozen=True, eq=False)
class _Sums:
    """What a weighted ridge regression needs of its examples; steps add and take out a few.

    Parameters
    ----------
    weight, goal : float
        Sums of the weights, and of the weighted goals.
    row, right : ndarray of float32, shape (D,)
        Sums of the weighted rows, and of rows times goals.
    gram : ndarray of float32, shape (D, D)
        Sum of the rows' outer products.
    """

    weight: float
    goal: float
    row: Rows
    right: Rows
    gram: Rows

    @classmethod
    def of(cls, rows: Rows, goal: Rows, each: Rows) -> Self:
        """Sum over some examples."""
        shared = rows * np.sqrt(each)[:, None]
        right: Rows = each * goal
        return cls(
            float(each.sum()), float(right.sum()), each @ rows, right @ rows, shared.T @ shared
        )

    def __add__(self, other: Self) -> Self:
        return self._combined(other, 1)

    def __sub__(self, other: Self) -> Self:
        return self._combined(other, -1)

    def _combined(self, other: Self, sign: int) -> Self:
        own, more = vars(self), vars(other)
        return type(self)(**{name: own[name] + sign * more[name] for name in own})

    def ridge(self, strength: float) -> tuple[Rows, float]:
        """Return weights and bias, which is not held to anything, of the ridge regression."""
        mean, offset = self.row / np.float32(self.weight), self.goal / self.weight
        gram = self.gram - np.outer(self.row, mean)
        gram[np.diag_indices_from(gram)] += np.float32(strength)
        weights = solve_symmetric(gram, self.right - np.float32(offset) * self.row)
        return weights, offset - float(mean @ weights)


def regress(rows: Rows, goals: Floats, strength: float) -> tuple[Rows, Rows]:
    """Ridge regression of several numbers.

    Parameters
    ----------
    rows : ndarray of float32, shape (M, D)
        Examples.
    goals : ndarray, shape (M, G)
        Their numbers.
    strength : float
        Of the ridge, as a share of the mean squared length of an example.

    Returns
    -------
    weights : ndarray of float32, shape (G, D)
    bias : ndarray of float32, shape (G,)
    """
    mean, offset = rows.mean(axis=0), goals.mean(axis=0)
    centred = rows - mean
    gram = (centred.T @ centred).astype(np.float64)
    gram[np.diag_indices_from(gram)] += strength * np.trace(gram)
    right = centred.T.astype(np.float64) @ (goals - offset)
    weights = solve(gram, right, assume_a="pos").T
    return weights.astype(np.float32), (offset - weights @ mean).astype(np.float32)


def log_odds_of(faces: Floats, others: Floats) -> tuple[float, float]:
    """Learn what scores mean (Platt, "Probabilistic outputs for support vector machines", 1999).

    Parameters
    ----------
    faces, others : ndarray, shapes (M,) and (L,)
        Scores of unseen faces, and of what is none; both sides count alike.

    Returns
    -------
    gain, bias : float
        The log-odds of a face are gain x score + bias.
    """
    scores = np.concatenate([faces, others])
    middle, spread = float(scores.mean()), float(scores.std()) + 1e-6
    x = np.stack([(scores - middle) / spread, np.ones_like(scores)], axis=1)
    # Platt's targets: no score of a few dozen is certain.
    counts = len(faces), len(others)
    sure = [(n + _PRIOR) / (n + 2 * _PRIOR) for n in counts]
    goal = np.repeat([sure[0], 1 - sure[1]], counts)
    each = np.repeat([0.5 / max(n, 1) for n in counts], counts)
    line = np.zeros(2)
    for _ in range(_STEPS):
        odds = 1 / (1 + np.exp(-x @ line))
        slope = each * odds * (1 - odds)
        curve = (x * slope[:, None]).T @ x + 1e-6 * np.eye(2)
        step = np.linalg.solve(curve, x.T @ (each * (goal - odds)))
        line += step * min(1.0, 2.0 / (np.abs(step).max() + 1e-12))
    return float(line[0] / spread), float(line[1] - line[0] * middle / spread)
