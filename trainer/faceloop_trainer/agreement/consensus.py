"""One annotation made of several people's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Annotation, PointState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Scheme

LIMIT = 0.05
"""Points on which people differ by more, in IOD from their mean, are in doubt."""


@dataclass(frozen=True, eq=False)
class Consensus:
    """What several people's annotations of one face come to.

    Parameters
    ----------
    annotation : Annotation
        The mean of their points in the picture. A point in doubt is ESTIMATED: somebody should
        look at it; the others are VISIBLE, or OCCLUDED where most who placed it say so.
    doubtful : tuple of int
        Points on which they differ by more than the limit, or that only some of them placed.
    """

    annotation: Annotation
    doubtful: tuple[int, ...]


def consensus(
    scheme: Scheme, annotations: Sequence[Annotation], source: str, limit: float = LIMIT
) -> Consensus:
    """Make one annotation of several.

    The mean is taken in the picture, point by point, without any alignment: people annotated the
    same pixels.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    annotations : sequence of Annotation
        One a person, at least one.
    source : str
        Of the annotation that is made.
    limit : float
        Largest distance of a person's point from the mean, in IOD of the mean, that is no doubt.
    """
    points = np.array([one.points for one in annotations])
    present = np.isfinite(points).all(axis=2)
    count = present.sum(axis=0)
    total = np.where(present[..., None], points, 0.0).sum(axis=0)
    mean = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], np.nan)
    far = np.linalg.norm(points - mean, axis=2) > limit * scheme.inter_ocular_distance(mean)
    doubt = (count > 0) & (far.any(axis=0) | (count < len(annotations)))
    hidden = np.array([one.states for one in annotations]) == PointState.OCCLUDED
    states = np.where(2 * (hidden & present).sum(axis=0) > count, PointState.OCCLUDED, 0)
    states = np.where(doubt, PointState.ESTIMATED, states)
    states = np.where(count == 0, PointState.MISSING, states)
    made = Annotation(scheme.name, mean, states, source)
    return Consensus(made, tuple(int(k) for k in np.flatnonzero(doubt)))
