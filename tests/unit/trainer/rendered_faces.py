"""Pictures with a bright dot at each of some points, written as rendered faces are."""

from __future__ import annotations

import csv
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_datasets.sample import sample_faces

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 224


def write_faces(folder: Path, count: int) -> None:
    """Write dark pictures with noise, of the sample's shapes; each shows a person of its own."""
    (folder / "pictures").mkdir(parents=True)
    rng = np.random.default_rng(0)
    header = ["file", "identity", "expression", "yaw", "pitch", "roll"]
    header += [f"{axis}{k:02d}" for k in range(70) for axis in "xyv"]
    rows = [face_row(k, rng, folder) for k in range(count)]
    with (folder / "annotations.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def face_row(k: int, rng: np.random.Generator, folder: Path) -> list[object]:
    points = shape(k)
    picture = rng.integers(0, 120, (SIDE, SIDE, 3), np.uint8)
    for x, y in np.rint(points).astype(int).tolist():
        cv2.circle(picture, (x, y), 2, (250, 250, 250), -1)
    name = f"pictures/m{k:06d}.png"
    cv2.imwrite(str(folder / name), picture)
    numbers = [value for x, y in points.round(1).tolist() for value in (x, y, 1)]
    return [name, f"id{k:04d}", "neutral", k % 60 - 30, 0, 0, *numbers]


@cache
def shape(k: int) -> np.ndarray:
    """Points of a face of the sample, (70, 2), as large as in the rendered pictures."""
    face = next(islice(sample_faces(), k % 12, None))
    points = np.asarray(face.annotation.points, float)
    low, size = points.min(axis=0), np.ptp(points, axis=0).max()
    return (points - low) / size * 110 + 57
