"""Landmarks of a points layer as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import Annotation, InputError, PointState
from faceloop_datasets.files import atomic_path
from faceloop_datasets.formats.ibug import pts_text
from faceloop_datasets.outputs import refuse_in_project, refuse_to_replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike


def write_points(path: str, data: ArrayLike, meta: Mapping[str, Any]) -> list[str]:
    """Write a points layer as an iBUG ``.pts`` file, in the order of its points.

    Parameters
    ----------
    path : str
        The file.
    data : array_like, shape (N, 2)
        ``(row, column)`` in pixels, as napari keeps them.
    meta : mapping
        napari's attributes of the layer; not needed.

    Raises
    ------
    InputError
        If the points are not of one picture, or the file lies in a project, or is a link or device.
    """
    del meta
    refuse_to_replace([Path(path)], ())
    refuse_in_project([Path(path)])
    places = np.asarray(data, dtype=np.float64)
    if places.ndim != 2 or places.shape[1] != 2:
        raise InputError(
            f"{path}: expected points of one picture, of shape (N, 2), but got {places.shape}. "
            "Landmarks of a video are exported from the Live tab."
        )
    states = np.full(len(places), PointState.VISIBLE)
    with atomic_path(Path(path)) as part:
        face = Annotation("points", places[:, ::-1], states)
        part.write_text(pts_text(face), encoding="utf-8", newline="\n")
    return [path]
