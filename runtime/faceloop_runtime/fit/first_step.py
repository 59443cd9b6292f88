"""The first step of a search: pose and shape, seen in the whole face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.channels import channel_stack
from faceloop_runtime.quality.validator import VALIDATOR_SCALE, whole_face_features
from faceloop_runtime.responses.experts import crop_size

from .meanshift import LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.imaging.crop import FaceImage
    from faceloop_runtime.pdm import PointDistributionModel
    from faceloop_runtime.regressor import ShapeRegressor

    Floats = NDArray[np.float64]

_ROUNDS = 2
"""The second step starts where the picture looks more like those that the map has learned best."""


def first_step_features(
    face: FaceImage, pose: Similarity, pdm: PointDistributionModel, channels: Sequence[str]
) -> NDArray[np.float32]:
    """Describe the whole face at a pose by its pooled channels, brought to length 1, (W,)."""
    crop = face.crop(pose, VALIDATOR_SCALE, crop_size(pdm.extent, VALIDATOR_SCALE, 1))
    seen = whole_face_features(channel_stack(crop, channels))
    return seen / (np.linalg.norm(seen) + np.float32(1e-3))


def first_step(
    regressor: ShapeRegressor,
    face: FaceImage,
    pose: Similarity,
    pdm: PointDistributionModel,
    channels: Sequence[str],
) -> tuple[Similarity, Floats]:
    """Return pose and shape parameters, seen in the whole face round a rough pose."""
    limit = LIMIT * np.sqrt(pdm.variances)
    for _ in range(_ROUNDS):
        step = regressor(first_step_features(face, pose, pdm, channels))
        pose = pose.after(Similarity(*map(float, (1 + step[0], *step[1:4]))))
    return pose, np.clip(step[4:], -limit, limit)
