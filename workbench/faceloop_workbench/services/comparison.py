"""Two models measured on the same faces, as a value that a project keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from faceloop_trainer import Evaluation

    Vector = NDArray[np.float64]

_DIGITS = 5  # of an error in units of IOD: a hundredth of a pixel in the largest faces


@dataclass(frozen=True, eq=False)
class ModelErrors:
    """Errors of one model.

    Parameters
    ----------
    errors : ndarray, shape (F,)
        Normalised mean error of each face; infinite where no face was found.
    points : ndarray, shape (N,)
        Mean error of each point over the inter-ocular distance; NaN where nothing was annotated.
    figures : mapping
        What `faceloop_trainer.Evaluation.metrics` says: ``nme_mean``, ``nme_median``, ``auc_08``,
        ``failures``.
    """

    errors: Vector
    points: Vector
    figures: Mapping[str, Any]

    @classmethod
    def of(cls, evaluation: Evaluation) -> ModelErrors:
        """Take the errors of an evaluation."""
        return cls(evaluation.errors, evaluation.point_means, evaluation.metrics())

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON; `from_dict` is the way back."""
        return {
            "errors": _plain(self.errors),
            "points": _plain(self.points),
            "figures": dict(self.figures),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelErrors:
        """Read what `to_dict` made."""
        return cls(
            _vector(values["errors"], np.inf), _vector(values["points"], np.nan), values["figures"]
        )


@dataclass(frozen=True, eq=False)
class Comparison:
    """A new model against the one before it.

    Parameters
    ----------
    new : ModelErrors or None
        Errors of the new model; None if there was no face to measure it on.
    old : ModelErrors or None
        Errors of the one before on the same faces, in the same order, from the same starts; None
        if there was none, or no face that both had not seen.
    old_name : str
        Name of the one before; empty if there was none.
    people : int
        How many people the faces show.
    use : bool
        Whether the new one is to be used.
    because : str
        Why.
    kind : str
        What the people are: maybe only pictures or clips.
    """

    new: ModelErrors | None
    old: ModelErrors | None
    old_name: str
    people: int
    use: bool
    because: str
    kind: str = "person"

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON; `from_dict` is the way back."""
        return {
            "new": None if self.new is None else self.new.to_dict(),
            "old": None if self.old is None else self.old.to_dict(),
            "old_name": self.old_name,
            "people": self.people,
            "use": self.use,
            "because": self.because,
            "kind": self.kind,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Comparison:
        """Read what `to_dict` made."""
        new, old = values["new"], values["old"]
        return cls(
            new=None if new is None else ModelErrors.from_dict(new),
            old=None if old is None else ModelErrors.from_dict(old),
            old_name=values["old_name"],
            people=values["people"],
            use=values["use"],
            because=values["because"],
            kind=values.get("kind", "person"),
        )


def cumulative(errors: Vector, limit: float) -> tuple[Vector, Vector]:
    """Corners of the cumulative error distribution, from 0 up to ``limit``.

    Parameters
    ----------
    errors : ndarray, shape (F,)
        Error of each face; infinite where none was found.
    limit : float
        Where the curve ends.

    Returns
    -------
    error, share : ndarray
        ``share`` of the faces has at most this ``error``; a step has two corners.
    """
    steps = np.sort(errors[errors <= limit])
    share = np.arange(len(steps) + 1) / max(len(errors), 1)
    x = np.concatenate([[0.0], np.repeat(steps, 2), [limit]])
    return x, np.repeat(share, 2)


def _plain(values: Vector) -> list[float | None]:
    return [round(float(v), _DIGITS) if np.isfinite(v) else None for v in values]


def _vector(values: list[float | None], missing: float) -> Vector:
    return np.array([missing if v is None else v for v in values], dtype=np.float64)
