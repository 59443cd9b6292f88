"""The shapes of annotated faces, and a project's scheme as a training completes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import has_extent
from faceloop_trainer.pdm.mirror_check import lone_points
from faceloop_trainer.pdm.scheme_completion import completed_scheme, unmirrored_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_datasets.face import Face
    from faceloop_trainer.config import TrainingConfig

    Points = NDArray[np.float64]


def annotated_shapes(faces: Sequence[Face]) -> Points:
    """Return the points that train the shape, (F, N, 2); NaN where unknown or doubtful."""
    return np.array(
        [
            np.where(face.annotation.trains_shape[:, None], face.annotation.points, np.nan)
            for face in faces
        ]
    )


def scheme_of_faces(scheme: Scheme, faces: Sequence[Face], config: TrainingConfig) -> Scheme:
    """Complete a project's scheme by its annotated faces; see `completed_scheme`."""
    return completed_scheme(scheme, annotated_shapes(faces), mirror=config.mirror)


def points_without_mirror_image(scheme: Scheme, shapes: Points) -> list[int]:
    """Return points that would be elsewhere in mirrored faces although the map says otherwise."""
    usable = np.array([shape for shape in shapes if has_extent(shape)])
    if not scheme.mirror or len(usable) < 2 or np.isnan(usable).any(axis=2).all(axis=0).any():
        return []
    return lone_points(scheme, unmirrored_mean(scheme, usable))


def applicable(config: TrainingConfig, scheme: Scheme, shapes: Points) -> TrainingConfig:
    """Return settings without mirrored faces where the scheme does not know mirror images.

    Parameters
    ----------
    config : TrainingConfig
        What a person chose.
    scheme : Scheme
        The landmarks.
    shapes : ndarray, shape (F, N, 2)
        The faces to train on; NaN where a point is unknown.
    """
    if config.mirror and (not scheme.mirror or points_without_mirror_image(scheme, shapes)):
        return replace(config, mirror=False)
    return config
