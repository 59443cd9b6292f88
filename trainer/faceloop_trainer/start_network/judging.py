"""How far off an exported network is, on people that it was not trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.start_network.network import POINTS, points_of_heatmaps, standardised

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from .augmentation import Augmentation

    Rows = NDArray[np.float32]

_STEP = 15
"""Degrees of yaw that are judged together."""


def points_of(network: cv2.dnn.Net, crop: Rows) -> Rows:
    """Return the points, (70, 2), in the frame of a crop, (SIDE, SIDE), that is standardised."""
    network.setInput(crop[None, None])
    _, heads, heatmaps = network.forward(["features", "outputs", "heatmaps"])
    offsets = heads[0][: 2 * POINTS].reshape(POINTS, 2)
    return np.asarray(points_of_heatmaps(heatmaps[0]) + offsets, np.float32)


def error_by_yaw(
    file: Path, augmentation: Augmentation, rows: NDArray[np.intp], seed: int
) -> dict[str, float]:
    """Return the mean error of all points, in sides of the crop, by the size of the yaw.

    Faces are plain: upright in their crop and not covered. Keys are ranges of degrees as "0-15".
    """
    network = cv2.dnn.readNetFromONNX(np.frombuffer(file.read_bytes(), np.uint8))
    errors: dict[int, list[float]] = {}
    for k in rows.tolist():
        sample = augmentation.plain(k, np.random.default_rng([seed, k]))
        away = points_of(network, standardised(sample.crop)) - sample.points
        part = int(abs(float(np.rad2deg(sample.turn[0]))) // _STEP)
        errors.setdefault(part, []).append(float(np.linalg.norm(away, axis=1).mean()))
    return {
        f"{part * _STEP}-{(part + 1) * _STEP}": round(float(np.mean(errors[part])), 5)
        for part in sorted(errors)
    }
