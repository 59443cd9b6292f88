"""Negative examples for the face validator: backgrounds, and faces at wrong poses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_negatives
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.quality import VALIDATOR_SCALE, whole_face
from faceloop_runtime.responses.experts import crop_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.pdm import PointDistributionModel

    from .faces import TrainingFace

    Rows = NDArray[np.float32]

_WRONG_POSES = 3
"""Wrong poses of each face: shifted, scaled and rotated."""
_PER_PICTURE = 12
"""Poses in each picture without a face."""


def misplaced_face_features(
    pdm: PointDistributionModel,
    channels: Sequence[str],
    face: TrainingFace,
    rng: np.random.Generator,
) -> Rows:
    """Return features at wrong poses of a face: beside it, too large or too small, and rotated.

    Returns
    -------
    ndarray of float32, shape (M, W)
        Whole-face features.
    """
    assert face.picture is not None  # noqa: S101 - callers pass faces with pictures only
    true = Similarity.between(pdm.mean, face.points)
    rows = []
    for kind in range(_WRONG_POSES):
        angle, log_scale = rng.normal(0, 0.15), rng.normal(0, 0.1)
        away = rng.normal(0, 0.05, 2)
        if kind == 0:
            direction = rng.uniform(0, 2 * np.pi)
            away = rng.uniform(0.35, 1.0) * np.array([np.cos(direction), np.sin(direction)])
        elif kind == 1:
            log_scale = rng.choice([-1, 1]) * rng.uniform(0.35, 0.8)
        else:
            angle = rng.choice([-1, 1]) * rng.uniform(0.6, np.pi)
        wrong = Similarity.from_polar(float(np.exp(log_scale)), float(angle), *map(float, away))
        rows.append(_features_at(pdm, channels, face.picture, true.after(wrong)))
    return np.array(rows)


def background_features(
    pdm: PointDistributionModel,
    channels: Sequence[str],
    faces: Sequence[TrainingFace],
    folds: NDArray[np.intp],
) -> tuple[Rows, list[Rows]]:
    """Return features of pictures without faces.

    Returns
    -------
    general : ndarray, shape (M, W)
        From the bundled pictures without faces.
    own : list of ndarray, shape (M_f, W)
        From beside the training faces, by fold.
    """
    rng = np.random.default_rng(0)
    pictures = [read_image(path, "gray") for path in sample_negatives()]
    general = [
        _features_at(pdm, channels, p, _any_pose(p, rng))
        for p in pictures
        for _ in range(_PER_PICTURE)
    ]
    own: list[Rows] = []
    for fold in range(int(folds.max()) + 1):
        parts = [p for f, k in zip(faces, folds, strict=True) if k == fold for p in f.backgrounds]
        rows = [_features_at(pdm, channels, p, _any_pose(p, rng)) for p in parts]
        own.append(np.array(rows, np.float32).reshape(len(rows), len(general[0])))
    return np.array(general), own


def _any_pose(picture: NDArray[np.uint8], rng: np.random.Generator) -> Similarity:
    height, width = picture.shape
    scale = float(min(height, width) * rng.uniform(0.15, 0.5))
    x, y = rng.uniform(0.2, 0.8, 2) * (width, height)
    return Similarity.from_polar(scale, float(rng.normal(0, 0.2)), float(x), float(y))


def _features_at(
    pdm: PointDistributionModel,
    channels: Sequence[str],
    picture: NDArray[np.uint8],
    pose: Similarity,
) -> Rows:
    image = FaceImage(picture, pose, pdm.extent, VALIDATOR_SCALE)
    crop = image.crop(pose, VALIDATOR_SCALE, crop_size(pdm.extent, VALIDATOR_SCALE, 1))
    return whole_face(crop, channels)
