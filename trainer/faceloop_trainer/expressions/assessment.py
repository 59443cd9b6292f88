"""How well expressions are told apart, on people that the classifier has not seen."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from numpy.typing import NDArray

_BINS = 8
_NUMBERS = ("accuracy", "balanced_accuracy", "accuracy_known", "log_loss")


@dataclass(frozen=True)
class ExpressionAssessment:
    """A cross-validation by people.

    Parameters
    ----------
    names : tuple of str
        The expressions.
    confusion : tuple of tuple of int
        How many faces of each expression (rows) were called what (columns).
    accuracy : float
        Share of the faces that were called what they are.
    balanced_accuracy : float
        Mean over the expressions of the share of their faces that were.
    accuracy_known : float
        The same where a person's other faces are known, as in a video; the rest is of strangers.
    log_loss : float
        Mean of the negative logarithm of the probability of what they are.
    people : int
        How many people the faces show.
    reliability : tuple of (float, float, int)
        By ranges of the probability of what a face was called, from low to high: its mean, the
        share of the faces that are that, and how many faces there are.
    """

    names: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    accuracy: float
    balanced_accuracy: float
    accuracy_known: float
    log_loss: float
    people: int
    reliability: tuple[tuple[float, float, int], ...]

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        truth: NDArray[np.intp],
        strangers: NDArray[np.float64],
        known: NDArray[np.float64],
        people: int,
    ) -> Self:
        """Compare what faces are with the probabilities that they were given.

        Parameters
        ----------
        names : sequence of str
            The expressions.
        truth : ndarray of int, shape (M,)
            Number of the expression of each face.
        strangers, known : ndarray, shape (M, E)
            By a classifier that has not seen the person, and where it takes the person's other
            faces into account.
        people : int
            How many people they show.
        """
        said = strangers.argmax(axis=1)
        confusion = np.zeros((len(names), len(names)), int)
        np.add.at(confusion, (truth, said), 1)
        own = strangers[np.arange(len(truth)), truth]
        return cls(
            names=tuple(names),
            confusion=tuple(map(tuple, confusion.tolist())),
            accuracy=float((said == truth).mean()),
            balanced_accuracy=float((np.diag(confusion) / confusion.sum(axis=1)).mean()),
            accuracy_known=float((known.argmax(axis=1) == truth).mean()),
            log_loss=float(-np.log(np.maximum(own, 1e-12)).mean()),
            people=people,
            reliability=_reliability(strangers.max(axis=1), said == truth),
        )

    @property
    def faces(self) -> int:
        """How many faces there were."""
        return sum(map(sum, self.confusion))

    @property
    def calibration_error(self) -> float:
        """Mean distance of what was said from how often it was right, over the faces.

        The expected calibration error of Guo, Pleiss, Sun & Weinberger, "On calibration of modern
        neural networks" (ICML 2017), in parts of as many faces each.
        """
        apart = sum(count * abs(said - right) for said, right, count in self.reliability)
        return float(apart / max(self.faces, 1))

    def to_dict(self) -> dict[str, Any]:
        """Return values for a model's provenance."""
        values = asdict(self)
        rows = ("confusion", "reliability")
        lists = {name: [list(row) for row in values[name]] for name in rows}
        return {**values, "names": list(self.names), "faces": self.faces, **lists}

    @classmethod
    def from_dict(cls, values: object) -> Self | None:
        """Read what a model's provenance says; None if it is not that: a file may say anything."""
        if not isinstance(values, dict):
            return None
        try:
            names = tuple(map(str, values["names"]))
            confusion = np.array(values["confusion"], dtype=np.int64)
            rows = [(float(p), float(share), int(n)) for p, share, n in values["reliability"]]
            numbers = {name: float(values[name]) for name in _NUMBERS}
            people = int(values["people"])
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
        known = [*numbers.values(), *(value for row in rows for value in row)]
        square = confusion.shape == (len(names), len(names)) and len(names) > 1
        if not square or (confusion < 0).any() or not all(map(math.isfinite, known)):
            return None
        table = tuple(map(tuple, confusion.tolist()))
        return cls(names=names, confusion=table, people=people, reliability=tuple(rows), **numbers)


def _reliability(
    probability: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[tuple[float, float, int], ...]:
    """Return mean probability and share of right ones in equal parts of the faces."""
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(_BINS, max(1, len(order) // 5)))
    return tuple(
        (float(probability[part].mean()), float(right[part].mean()), len(part)) for part in parts
    )
