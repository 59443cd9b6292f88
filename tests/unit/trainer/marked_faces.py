"""Faces made for tests: few points, each with a mark of its own in the picture."""

from __future__ import annotations

import numpy as np

from faceloop_datasets import Scheme
from faceloop_runtime.geometry import Similarity
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.faces import TrainingFace
from faceloop_trainer.data.split import fold_of

SCHEME = Scheme(
    name="six",
    title="six points",
    names=("left eye", "right eye", "nose", "mouth left", "mouth right", "chin"),
    groups={"face": (0, 1, 2, 3, 4, 5)},
    contours=(),
    mirror=(1, 0, 2, 4, 3, 5),
    triangles=(),
    iod=(0, 1),
    initialisation={"left_eye": (0,), "right_eye": (1,), "nose": (2,)},
)
SHAPE = np.array([[-0.5, -0.4], [0.5, -0.4], [0, 0.1], [-0.3, 0.4], [0.3, 0.4], [0, 0.8]])
QUICK = TrainingConfig(channels=("raw",), mirror=False, components=3, prior="none")
"""The least that a training can be."""
NAMES = [f"person {i}" for i in range(40)]
FOLDS = tuple([n for n in NAMES if fold_of(n, 2, QUICK.seed) == fold] for fold in (0, 1))
"""Names by the fold of a cross-fit that they are in."""


def marked(number: int, subject: str) -> TrainingFace:
    """One face, a little turned and out of shape."""
    rng = np.random.default_rng(number)
    pose = Similarity.from_polar(
        rng.uniform(48, 56), rng.uniform(-0.1, 0.1), *rng.uniform(98, 102, 2)
    )
    points = pose.apply(SHAPE + rng.normal(0, 0.04, SHAPE.shape))
    picture = np.full((200, 200), 128.0)
    rows, columns = np.mgrid[:200, :200]
    for landmark, (x, y) in enumerate(points):
        away, turned = np.hypot(columns - x, rows - y), np.arctan2(rows - y, columns - x)
        wave = np.cos((landmark // 2 + 1) * turned + landmark) + landmark % 2
        picture += 110 * np.exp(-((away / 9) ** 2)) * wave
    picture += rng.normal(0, 4, picture.shape)
    every = np.ones(len(SHAPE), bool)
    return TrainingFace(
        f"face {number}", subject, picture.clip(0, 255).astype(np.uint8), points, every, every
    )


def faces_of(*subjects: str, each: int = 2) -> list[TrainingFace]:
    """So many faces of each of these people; other names show other faces."""
    return [
        marked(int.from_bytes(f"{subject} {view}".encode()) % 2**32, subject)
        for subject in subjects
        for view in range(each)
    ]
