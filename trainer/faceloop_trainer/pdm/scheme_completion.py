"""What a scheme leaves open, learned from annotated faces: its size, and where a fit may start."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_datasets.schemes.toml import INITIALISATION
from faceloop_runtime.geometry import has_extent

from .mirror_check import check_mirror_map
from .procrustes import aligned, procrustes_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    Points = NDArray[np.float64]
    Places = dict[str, tuple[int, ...]]

_USUAL_SPREAD = 1.17
"""Twice the root mean square distance of the points from their middle, in IOD, for a scheme that
covers the face (``face70``)."""
_IOD_SPREADS = (0.35, 2.0)
"""Where two points measure a face, their distance is taken for an IOD if the spread of all points
is within these; else they are the corners of one eye, for example, or a chin and a forehead."""
_FEWEST = 3
_MOST_CANDIDATES = 40
"""Of more points than this some are tried, evenly taken: triples are many."""
_STEADY = 0.02
"""Points that move less than this with the shape of a face, in IOD, count as equally steady."""


def completed_scheme(scheme: Scheme, shapes: Points, *, mirror: bool) -> Scheme:
    """Return a scheme with what it leaves open; the same if it leaves nothing open.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    shapes : ndarray, shape (F, N, 2)
        Annotated faces; NaN where a point is unknown.
    mirror : bool
        Whether mirrored faces are to be trained on.

    Raises
    ------
    TrainingError
        If it has too few points, or its mirror map contradicts the faces.
    """
    if len(scheme) < _FEWEST:
        raise TrainingError(
            f"The scheme {scheme.name} has {len(scheme)} points; a model needs {_FEWEST} or more."
        )
    usable = np.array([shape for shape in shapes if has_extent(shape)])
    if len(usable) < 2 or np.isnan(usable).any(axis=2).all(axis=0).any():
        return scheme  # what comes next says what is missing
    mean = procrustes_mean(scheme, usable)
    if mirror and scheme.mirror:
        check_mirror_map(scheme, unmirrored_mean(scheme, usable))
    size = scheme.size_in_iod or _size_in_iod(scheme, mean)
    places = scheme.initialisation or _initialisation(scheme, usable, mean)
    if (size, places) == (scheme.size_in_iod, scheme.initialisation):
        return scheme
    return replace(scheme, size_in_iod=size, initialisation=places)


def unmirrored_mean(scheme: Scheme, shapes: Points) -> Points:
    """Return the mean shape as it stands in the pictures, whatever the mirror map says of eyes."""
    return procrustes_mean(replace(scheme, mirror=()), shapes)


def _size_in_iod(scheme: Scheme, mean: Points) -> float | None:
    spread = 2.0 * float(np.sqrt((mean**2).sum(axis=1).mean()))
    if len(scheme.iod) == 2 and _IOD_SPREADS[0] <= spread <= _IOD_SPREADS[1]:
        return None
    return float(f"{_USUAL_SPREAD / spread:.3g}")


def _initialisation(scheme: Scheme, shapes: Points, mean: Points) -> Places:
    """Choose three places far from each other that move little in the face.

    They mirror each other as two eyes and a nose do, where it is known what mirrors what.
    """
    away = aligned(shapes, mean).reshape(shapes.shape) - mean
    unsteady = np.sqrt(np.nanmean((away**2).sum(axis=2), axis=0)) + _STEADY

    def value(places: tuple[tuple[int, ...], ...]) -> float:
        at = np.array([mean[list(place)].mean(axis=0) for place in places])
        apart = min(np.linalg.norm(a - b) for a, b in combinations(at, 2))
        return float(apart / np.mean([unsteady[list(place)].mean() for place in places]))

    first, second, third = max(_candidates(scheme), key=value)
    if not scheme.mirror:  # the lowest stands for the nose, the others by their side
        low, *pair = sorted((first, second, third), key=lambda place: -mean[place[0], 1])
        first, second = sorted(pair, key=lambda place: mean[place[0], 0])
        third = low
    elif mean[first[0], 0] > mean[second[0], 0]:
        first, second = second, first
    return dict(zip(INITIALISATION, (first, second, third), strict=True))


def _candidates(scheme: Scheme) -> Iterable[tuple[tuple[int, ...], ...]]:
    count = len(scheme)
    some = [int(n) for n in np.unique(np.linspace(0, count - 1, _MOST_CANDIDATES).round())]
    pairs = [(n, m) for n, m in enumerate(scheme.mirror) if n < m]
    if not pairs:
        return (((a,), (b,), (c,)) for a, b, c in combinations(some, 3))
    middle = [(n,) for n, m in enumerate(scheme.mirror) if n == m] or pairs
    return (((a,), (b,), third) for a, b in pairs for third in middle if third != (a, b))
