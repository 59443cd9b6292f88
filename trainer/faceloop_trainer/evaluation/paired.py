"""Whether one of two models is better on the same faces, or it was chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_datasets.subjects import plural

from .bootstrap import Interval, bootstrap, group_means

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from .result import Evaluation

    Vector = NDArray[np.float64]

LEVEL = 0.05
"""A difference that chance alone makes less often than this is taken for real."""
_RESAMPLES = 9999


@dataclass(frozen=True, eq=False)
class PairedTest:
    """The difference of two models' errors on the same faces.

    Attributes
    ----------
    difference : Interval
        Mean error of the first minus that of the second; below 0 the first is better.
    p_value : float
        How often chance alone would make a difference as large, either way.
    faces, people : int
        What was compared on.
    left_out : int
        Faces that one or the other did not find: they have no error to compare.
    by_subject : Series
        Mean difference of each person's faces, by name.
    by_group : mapping of str to Interval
        The difference for each part of the face.
    kind : str
        What the people are: maybe only pictures or clips.
    """

    difference: Interval
    p_value: float
    faces: int
    people: int
    left_out: int
    by_subject: pd.Series[float]
    by_group: dict[str, Interval]
    kind: str = "person"

    @property
    def could_be_chance(self) -> bool:
        """Whether the difference could be chance."""
        return not self.p_value < LEVEL

    def sentence(self, first: str, second: str) -> str:
        """Say in plain words which is better, by how much, and whether that could be chance.

        Parameters
        ----------
        first, second : str
            What people call the two models.
        """
        better, worse, low, high = first, second, -self.difference.high, -self.difference.low
        if self.difference.value > 0:
            better, worse, low, high = second, first, self.difference.low, self.difference.high
        span = f" (95 % CI {low:.4f} to {high:.4f})" if self.difference.known else ""
        by = abs(self.difference.value)
        said = f"{better} is better than {worse} by {by:.4f}{span}"
        if round(by, 4) == 0:
            said = f"{first} and {second} are equally good{span}"
        if not self.could_be_chance:
            return f"{said}; chance alone would hardly make such a difference: {self._p}."
        few = f" {self.people} {plural(self.kind)} are too few to tell." if self.people < 6 else ""
        return f"{said}; the difference could be chance: {self._p}.{few}"

    @property
    def _p(self) -> str:
        return "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.3f}"


def compare_models(first: Evaluation, second: Evaluation, seed: int = 0) -> PairedTest:
    """Compare two models that were measured on the same faces.

    The test flips, person by person, which model is which: if the models were equally good, that
    would change nothing but chance (a paired permutation test on whole people; Good, Permutation,
    Parametric and Bootstrap Tests of Hypotheses, 2005, chapter 3; for exchanging whole blocks,
    Winkler et al., NeuroImage 92, 2014). With few people all flips are tried.

    Parameters
    ----------
    first, second : Evaluation
        From `measure_models`, on the same faces.
    seed : int
        Seed of the flips and of the bootstrap.

    Raises
    ------
    TrainingError
        If the faces are not the same, or there is none that both found.
    """
    import pandas as pd  # noqa: PLC0415 - its import takes half a second

    subjects, away = _differences(first, second)
    (difference,) = bootstrap(
        subjects.tolist(), lambda weights: (weights @ away / weights.sum(axis=1))[None], seed
    )
    return PairedTest(
        difference=difference,
        p_value=_flip_test(subjects, away, seed),
        faces=len(away),
        people=len(set(subjects)),
        left_out=len(first.errors) - len(away),
        by_subject=pd.Series(away).groupby(subjects).mean(),
        by_group=_by_group(first, second, seed),
        kind=first.kind,
    )


def could_be_chance(first: Evaluation, second: Evaluation, seed: int = 0) -> bool:
    """Tell whether the difference of two models could be chance, as `compare_models` would.

    How large it may be takes a thousand times as long to find out.

    Parameters are those of `compare_models`, and so are the errors.
    """
    return not _flip_test(*_differences(first, second), seed) < LEVEL


def _differences(first: Evaluation, second: Evaluation) -> tuple[NDArray[np.str_], Vector]:
    """Return whom each face that both found shows, and the difference of its errors, (F,)."""
    same = (first.items, first.names, first.subjects) == (
        second.items,
        second.names,
        second.subjects,
    )
    if not same:
        raise TrainingError(
            "The two models were not measured on the same faces; measure both together."
        )
    both = np.isfinite(first.errors) & np.isfinite(second.errors)
    if not both.any():
        raise TrainingError("There is no face that both models found; nothing can be compared.")
    return np.asarray(first.subjects)[both], (first.errors - second.errors)[both]


def _flip_test(subjects: NDArray[np.str_], away: Vector, seed: int) -> float:
    """How often random signs make the sum of the people's differences as large, either way."""
    people, person = np.unique(subjects, return_inverse=True)
    totals, count = np.bincount(person, away), len(people)
    if count < 2:
        return 1.0
    every = 2**count <= _RESAMPLES
    if every:
        flipped = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    else:
        flipped = np.random.default_rng(seed).integers(0, 2, (_RESAMPLES, count))
    sums, here = (1 - 2 * flipped) @ totals, totals.sum()
    # Sums of the same numbers in another order may differ in the last digits.
    near = 1e-9 * np.abs(totals).sum()
    tails = [int((side * sums >= side * here - near).sum()) for side in (1, -1)]
    # Of random flips the one that was measured counts too (Phipson & Smyth, 2010).
    share = min(tails) / len(sums) if every else (min(tails) + 1) / (len(sums) + 1)
    return min(1.0, 2.0 * share)


def _by_group(first: Evaluation, second: Evaluation, seed: int) -> dict[str, Interval]:
    away = first.point_errors - second.point_errors
    known = np.asarray(np.isfinite(away).any(axis=0))
    groups = first.scheme.groups
    names = [name for name, members in groups.items() if known[list(members)].any()]
    made = bootstrap(first.subjects, group_means(first, away, names), seed)
    return dict(zip(names, made, strict=True))
