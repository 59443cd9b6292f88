"""Checking a scheme's mirror map against faces: each point lies where its partner says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_datasets.wording import enumerated
from faceloop_runtime.geometry import Similarity, has_extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    Points = NDArray[np.float64]
    Values = NDArray[np.float64]

_OFF = 0.15
"""Points that lie this far, in spreads of the face, from the mirror image of their partner may have
another one."""
_NEARER = 0.4
"""The right partner is nearer than this share of that distance."""
_FITS, _FITTED = 0.08, 0.9
"""Only where such a share of the points has another within the first, in spreads: the mean of faces
that all look to one side is not symmetric, and says nothing about the map."""
_UNORDERED = (0.25, 0.03)
"""In another order than the scheme's half of the points are farther than the first from where the
map has them, but within the second of where another point is; in spreads. Of people in the wild
who look most to one side they are .17 and .05."""
_ROUNDS = 6
_MOST_NAMES = 4


def check_mirror_map(scheme: Scheme, mean: Points) -> None:
    """Compare the mean shape with its mirror image.

    Parameters
    ----------
    scheme : Scheme
        It has a mirror map.
    mean : ndarray, shape (N, 2)
        Mean shape of annotated faces.

    Raises
    ------
    TrainingError
        If another partner fits some point clearly better; the points are named.
    """
    apart = _distances(mean)
    own = apart[np.arange(len(mean)), list(scheme.mirror)]
    nearest = apart.argmin(axis=1)
    limit = _OFF * _spread(mean)
    near = apart.min(axis=1)
    symmetric = np.quantile(near, _FITTED) <= _FITS * _spread(mean)
    far, at_hand = (share * _spread(mean) for share in _UNORDERED)
    unordered = np.median(own) > far and np.median(near) < at_hand
    wrong = [
        n for n in range(len(mean)) if own[n] > limit and apart[n, nearest[n]] < _NEARER * own[n]
    ]
    if wrong and (symmetric or unordered):
        said = [_described(scheme, n, int(nearest[n])) for n in wrong]
        raise TrainingError(
            f"The mirror map of the scheme {scheme.name} contradicts the annotated faces: "
            f"{enumerated(said, _MOST_NAMES)}. Correct mirror in the scheme (faceloop scheme "
            "replace), leave it out, or "
            "train without mirrored faces (the setting mirror)."
        )


def lone_points(scheme: Scheme, mean: Points) -> list[int]:
    """Return points that have no partner where all the others have: mirrored, faces would differ.

    Parameters are those of `check_mirror_map`.
    """
    if not scheme.mirror:
        return []
    own = _distances(mean)[np.arange(len(mean)), list(scheme.mirror)]
    usual = max(_OFF * _spread(mean), 4.0 * float(np.median(own)))
    alone = own > usual
    if not (own[~alone] <= _FITS * _spread(mean)).all():
        return []
    return [int(n) for n in np.flatnonzero(alone)]


def _distances(mean: Points) -> Values:
    """Distance of each point from the mirror image of each, (N, N).

    The image is laid over the mean by nearest points, whatever the map says: a wrong one would
    mislead. The mean is upright, so that they are near from the start; a third of them may have no
    partner.
    """
    image, count = mean * [-1.0, 1.0], max(2, (2 * len(mean)) // 3)
    laid = image
    for _ in range(_ROUNDS):
        apart = np.linalg.norm(mean[:, None] - laid[None], axis=2)
        best = np.argsort(apart.min(axis=1), kind="stable")[:count]
        partners = image[apart.argmin(axis=1)[best]]
        if not has_extent(partners):
            break
        laid = Similarity.between(partners, mean[best]).apply(image)
    return np.asarray(np.linalg.norm(mean[:, None] - laid[None], axis=2))


def _spread(mean: Points) -> float:
    return 2.0 * float(np.sqrt(((mean - mean.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _described(scheme: Scheme, point: int, other: int) -> str:
    partner = scheme.mirror[point]
    name = f"{point} ({scheme.names[point]})"
    as_is = "by itself" if partner == point else f"with {partner} ({scheme.names[partner]})"
    right = "by itself" if other == point else f"{other} ({scheme.names[other]})"
    return f"point {name} stands {as_is}, but in the mirror its place is that of {right}"
