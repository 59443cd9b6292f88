"""Masks drawn on paper: what no detector of faces knows."""

from __future__ import annotations

import cv2
import numpy as np

from faceloop_datasets import Scheme
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.data.faces import TrainingFace

SCHEME = Scheme(
    name="mask",
    title="twelve points of a mask",
    names=tuple(f"point {i}" for i in range(12)),
    groups={"mask": tuple(range(12))},
    contours=(),
    mirror=(1, 0, 3, 2, 4, 8, 7, 6, 5, 9, 11, 10),
    triangles=(),
    iod=(2, 3),
    initialisation={"left_eye": (5, 6), "right_eye": (7, 8), "nose": (9,)},
)
SHAPE = np.array(
    [
        *([-0.9, -1.0], [0.9, -1.0], [-0.75, -0.35], [0.75, -0.35], [0.0, 1.05]),
        *([-0.5, -0.3], [-0.15, -0.2], [0.15, -0.2], [0.5, -0.3]),
        *([0.0, -0.62], [-0.3, 0.45], [0.3, 0.45]),
    ]
)
SIDE = 240


def paper(rng: np.random.Generator) -> np.ndarray:
    """Paper with lines, rings and boxes on it, (SIDE, SIDE)."""
    sheet = (rng.uniform(150, 235) + rng.normal(0, 3, (SIDE, SIDE))).clip(0, 255).astype(np.uint8)
    for _ in range(rng.integers(4, 14)):
        one, other = (tuple(map(int, rng.uniform(0, SIDE, 2))) for _ in range(2))
        ink, width = float(rng.uniform(20, 140)), int(rng.integers(1, 4))
        kind = rng.integers(3)
        if kind == 0:
            cv2.line(sheet, one, other, ink, width)
        elif kind == 1:
            cv2.circle(sheet, one, int(rng.uniform(6, 40)), ink, width)
        else:
            cv2.rectangle(sheet, one, (one[0] + 30, one[1] + 20), ink, width)
    return sheet


def drawn(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A mask on paper, and its points (12, 2)."""
    sheet, size = paper(rng), rng.uniform(38, 66)
    middle = rng.uniform(1.2 * size, SIDE - 1.2 * size, 2)
    pose = Similarity.from_polar(size, rng.normal(0, 0.1), *map(float, middle))
    points = pose.apply(SHAPE + rng.normal(0, 0.05, SHAPE.shape))
    ink, whole = float(rng.uniform(10, 70)), np.rint(points).astype(np.int32)
    outline = [whole[[0, 9, 1, 3, 4, 2]]]
    if rng.random() < 0.6:
        cv2.fillPoly(sheet, outline, float(rng.uniform(90, 255)))
    cv2.polylines(sheet, outline, True, ink, 2, cv2.LINE_AA)
    for one, other in ((5, 6), (7, 8), (10, 11)):
        ends = whole[one].tolist(), whole[other].tolist()
        cv2.line(sheet, *ends, ink, 4, cv2.LINE_AA)
    cv2.circle(sheet, whole[9].tolist(), max(2, int(0.12 * size)), ink, -1, cv2.LINE_AA)
    return sheet, points


def mask(rng: np.random.Generator, subject: str) -> TrainingFace:
    """A mask to train on."""
    sheet, points = drawn(rng)
    every = np.ones(len(points), bool)
    return TrainingFace(subject, subject, sheet, points, every, every)
