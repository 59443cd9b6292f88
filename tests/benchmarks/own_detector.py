"""The detector that a model learns of its own faces, beside the general ones.

    python tests/benchmarks/own_detector.py [FOLDER]

Projects of people, masks and drawings that the detectors have not seen:

- sample: 300 faces of the bundled sample;
- drawings: the same, inverted, in four gray values and with lines along their edges;
- masks: 60 masks drawn on paper (`tests/unit/trainer/drawn_masks.py`);
- profile: with FOLDER, 300 rendered faces turned by more than 60 degrees. It holds
  ``annotations.csv`` (file, identity, yaw, x00, y00, v00, ...).

A face is found if a box's pose has its place within .35 of the face's size and its size within
1.5 times; a box is false if it is met in a picture without a face.
"""

from __future__ import annotations

import csv
import sys
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1]))

from unit.trainer import drawn_masks

from faceloop_datasets import Scheme
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces, sample_negatives
from faceloop_runtime import Detector
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.start.finding import find_learned
from faceloop_runtime.start.initialiser import box_pose
from faceloop_trainer import TrainingConfig
from faceloop_trainer.crossfit.training_set import TrainingSet
from faceloop_trainer.data.faces import TrainingFace
from faceloop_trainer.detection.training import train_detector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Shown = tuple[np.ndarray, np.ndarray, str]


@dataclass(frozen=True)
class Project:
    """Pictures with points and subject to train on and to test with, and pictures without."""

    name: str
    scheme: Scheme
    training: list[Shown]
    testing: list[Shown]
    empty: list[np.ndarray]


def main() -> None:
    cv2.setNumThreads(1)
    for project in projects(*sys.argv[1:]):
        measure(project)


def projects(folder: str | None = None) -> Iterator[Project]:
    negatives = [read_image(path, "gray") for path in sample_negatives()]
    face70, sample = Scheme.load("face70"), list(sample_pictures())
    yield Project("sample", face70, *split(sample, 4, 0), negatives)
    drawings = [(drawing(gray), points, who) for gray, points, who in sample]
    yield Project("drawings", face70, *split(drawings, 4, 0), [drawing(g) for g in negatives])
    rng = np.random.default_rng(0)
    masks = [(*drawn_masks.drawn(rng), f"maker {i // 3}") for i in range(100)]
    sheets = [drawn_masks.paper(rng) for _ in range(40)]
    yield Project("masks", drawn_masks.SCHEME, masks[:60], masks[60:], sheets)
    if folder is not None:
        yield Project("profile", face70, *split(profiles(Path(folder)), 10, 9), negatives)


def sample_pictures() -> Iterator[Shown]:
    for record in sample_faces():
        assert record.image is not None
        points = record.annotation.points
        yield read_image(record.image.path, "gray"), points, record.subject


def profiles(folder: Path) -> list[Shown]:
    with (folder / "annotations.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if abs(float(row["yaw"])) > 60]
    return [
        (
            read_image(folder / row["file"], "gray"),
            np.array([[float(row[f"{c}{k:02d}"]) for c in "xy"] for k in range(70)]),
            row["identity"],
        )
        for row in rows
    ]


def drawing(gray: np.ndarray) -> np.ndarray:
    flat = 255 - (cv2.bilateralFilter(gray, 7, 40, 5) // 64) * 64
    edges = cv2.Canny(cv2.GaussianBlur(gray, (5, 5), 1), 40, 100)
    return np.where(cv2.dilate(edges, np.ones((2, 2))) > 0, 0, flat).astype(np.uint8)


def split(shown: list[Shown], parts: int, kept: int) -> tuple[list[Shown], list[Shown]]:
    """By subject; at most 300 to train on and 60 to test with."""
    aside = [zlib.crc32(who.encode()) % parts == kept for *_, who in shown]
    training = [one for one, out in zip(shown, aside, strict=True) if not out]
    return training[:300], [one for one, out in zip(shown, aside, strict=True) if out][:60]


def measure(project: Project) -> None:
    faces = [training_face(i, *shown) for i, shown in enumerate(project.training)]
    training_set = TrainingSet.of(project.scheme, faces, TrainingConfig(prior="none"))
    began = time.process_time()
    with threadpool_limits(1, "blas"):
        own = train_detector(training_set)
    spent = time.process_time() - began
    size = sum(value.nbytes for value in vars(own).values())
    say(f"{project.name}: {len(faces)} faces, {spent:.1f} s of a core, {size / 1000:.0f} kB")
    model = SimpleNamespace(scheme=project.scheme, pdm=training_set.pdm, detector=own)
    general, cascade = Detector(), Detector("cascade")
    ways: dict[str, Callable[[np.ndarray], list]] = {
        "own, upright": lambda gray: find_learned(model, gray, wanted=0),
        "own": lambda gray: find_learned(model, gray),
        "general": general.detect,
        "cascade": cascade.detect,
    }
    for name, find in ways.items():
        began = time.process_time()
        found = [find(gray) for gray, *_ in project.testing]
        spent = (time.process_time() - began) / len(found) * 1000
        good = [
            [is_met(model, box, points) for box in boxes]
            for boxes, (_, points, _) in zip(found, project.testing, strict=True)
        ]
        false = sum(bool(find(gray)) for gray in project.empty)
        say(
            f"  {name:13s} found {sum(map(any, good))}/{len(good)}, first box "
            f"{sum(one[0] for one in good if one)}; false in {false}/{len(project.empty)} "
            f"pictures without one; {spent:.0f} ms"
        )


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def training_face(number: int, gray: np.ndarray, points: np.ndarray, who: str) -> TrainingFace:
    every = np.ones(len(points), bool)
    return TrainingFace(f"{number}", who, gray, points, every, every)


def is_met(model: SimpleNamespace, box: object, points: np.ndarray) -> bool:
    pose, true = box_pose(model, box), Similarity.between(model.pdm.mean, points)
    middle = points.mean(axis=0)
    there = pose.apply(model.pdm.mean).mean(axis=0)
    size = float(np.sqrt(np.ptp(points, axis=0).prod()))
    near = float(np.linalg.norm(there - middle)) < 0.35 * size
    return near and abs(np.log(pose.scale / true.scale)) < np.log(1.5)


if __name__ == "__main__":
    main()
