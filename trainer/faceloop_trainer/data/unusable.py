"""Faces that cannot be trained on, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.wording import counted, enumerated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Annotation, Scheme

    Points = NDArray[np.float64]

_LINE = 0.01
"""Five or more points are on one line if their width is less than this share of their length."""


@dataclass(frozen=True)
class Unusable:
    """A face that cannot be trained on, and why."""

    name: str
    reason: str


def unusable_text(unusable: Sequence[Unusable]) -> list[str]:
    """Say in a sentence how many faces cannot be trained on, and why the first; none if none."""
    if not unusable:
        return []
    name, reason = unusable[0].name, unusable[0].reason
    first = reason if name in reason else f"{name}: {reason}"
    what = counted(len(unusable), "face cannot", "faces cannot")
    return [f"{what} be trained on. {'The first: ' if len(unusable) > 1 else ''}{first}"]


def why_unusable(scheme: Scheme, annotation: Annotation) -> str:
    """Say why the points of a face cannot be trained on; empty if they can.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    annotation : Annotation
        Of the face. Only what trains the shape counts, no guesses of a fit.
    """
    points = np.where(annotation.trains_shape[:, None], annotation.points, np.nan)
    if not scheme.inter_ocular_distance(points) > 1.0:
        return _without_size(scheme, annotation)
    return "all points lie on one line." if _on_one_line(points) else ""


def _without_size(scheme: Scheme, annotation: Annotation) -> str:
    measure = list(scheme.iod)
    guessed = annotation.present & ~annotation.trains_shape
    if annotation.present[measure].all() and guessed[measure].any():
        names = [scheme.names[n] for n in measure if guessed[n]]
        which = " and ".join(names) if len(names) == 2 else enumerated(names)
        return f"too few confirmed points: confirm {which} first."
    two = " and ".join(scheme.names[n] for n in measure[:2])
    what = two if len(measure) == 2 else f"the points that measure it ({two}, ...)"
    return f"{what} are missing or coincide: they tell how large the face is."


def _on_one_line(points: Points) -> bool:
    known = points[~np.isnan(points).any(axis=1)]
    if len(known) < 5:
        return False
    length, width = np.linalg.svd(known - known.mean(axis=0), compute_uv=False)
    return bool(width < _LINE * length)
