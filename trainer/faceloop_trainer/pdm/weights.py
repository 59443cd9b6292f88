"""Repeated-measures weights: how much a face tells beside others of the same person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def repeated_measures_weights(rows: Floats, people: Sequence[str]) -> Floats:
    """Weigh each face by how much it tells beside the other views of its person.

    ``n`` views of a person, alike by ``rho``, tell as much as ``n / (1 + (n - 1) rho)`` people
    seen once (Kish's design effect: "Survey Sampling", 1965, section 5.4); so much weight they
    share. Hundreds of frames of one person then count as a few faces, not as hundreds.

    Parameters
    ----------
    rows : ndarray, shape (F, D)
        Aligned shapes without missing coordinates.
    people : sequence of str, length F
        Whom each shows.

    Returns
    -------
    ndarray, shape (F,)
        Weights between 1 / n and 1. Their sum is the number of faces of different people that
        would tell as much.
    """
    _, person, views = np.unique(np.asarray(people), return_inverse=True, return_counts=True)
    return np.asarray(
        1.0 / (1.0 + (views[person] - 1) * intraclass_correlation(rows, person, views))
    )


def intraclass_correlation(
    rows: Floats, person: NDArray[np.intp], views: NDArray[np.intp]
) -> float:
    """Return the share of the variance that lies between people: the intraclass correlation.

    One-way analysis of variance, summed over coordinates (Shrout & Fleiss, 1979, case 1).

    Parameters
    ----------
    rows : ndarray, shape (F, D)
        Aligned shapes.
    person : ndarray of int, shape (F,)
        Number of each row's person.
    views : ndarray of int, shape (P,)
        How many rows each person has.
    """
    count, people = len(rows), len(views)
    if people < 2 or people == count:
        return 1.0  # nothing to compare; one person is one person
    means = np.zeros((people, rows.shape[1]))
    np.add.at(means, person, rows)
    means /= views[:, None]
    between = float((views @ (means - rows.mean(axis=0)) ** 2).sum()) / (people - 1)
    within = float(((rows - means[person]) ** 2).sum()) / (count - people)
    usual = (count - float((views**2).sum()) / count) / (people - 1)
    share = (between - within) / max(between + (usual - 1) * within, 1e-30)
    return float(np.clip(share, 0.0, 1.0))
