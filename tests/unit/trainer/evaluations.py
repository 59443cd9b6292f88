"""Evaluations made up for tests: errors with a known distribution, of known people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Scheme
from faceloop_trainer import Evaluation

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEME = Scheme.load("imm58")


def evaluation(
    errors: Sequence[float] | np.ndarray,
    subjects: Sequence[str] | None = None,
    unknown: Sequence[int] = (4,),
) -> Evaluation:
    """Make an evaluation whose points are all off by the face's error.

    Two faces a person, where nothing else is said; some points were never annotated.
    """
    values = np.asarray(errors, dtype=np.float64)
    points = np.tile(values[:, None], (1, len(SCHEME)))
    points[~np.isfinite(points)] = np.nan
    points[:, list(unknown)] = np.nan
    return Evaluation(
        scheme=SCHEME,
        items=tuple(range(len(values))),
        names=tuple(f"face {i}" for i in range(len(values))),
        subjects=tuple(subjects or (f"person {i // 2}" for i in range(len(values)))),
        errors=values,
        point_errors=points,
        predicted=np.where(np.isfinite(values), values * 2, np.nan),
        fitted=np.zeros((len(values), len(SCHEME), 2)),
        start="detector",
    )


def people(
    count: int, faces: int, spread: float, noise: float, rng: np.random.Generator
) -> tuple[np.ndarray, list[str]]:
    """Errors round 0.03 that people differ in by ``spread``, and their faces by ``noise``."""
    own = 0.03 + spread * rng.standard_normal((count, 1))
    errors = own + noise * rng.standard_normal((count, faces))
    return errors.ravel(), [f"person {i}" for i in range(count) for _ in range(faces)]
