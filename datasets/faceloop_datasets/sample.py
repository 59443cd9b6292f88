"""The bundled sample: rendered faces of people who do not exist, with exact points (CC0)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .annotation import Annotation, PointState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .formats import FaceRecord

SCHEME = "face70"
"""Scheme of its annotations."""

FORMAT = "sample"
"""Format that its faces are imported as."""

_POINTS = 70
_COLUMNS = [f"{c}{k:02d}" for k in range(_POINTS) for c in "xyv"]


@dataclass(frozen=True, eq=False)
class ClipTruth:
    """What is true in each frame of the sample clip.

    Parameters
    ----------
    points : ndarray, shape (frames, 70, 2)
        Exact points in pixels; points outside the picture keep their coordinates.
    visible : ndarray of bool, shape (frames, 70)
        Whether each can be seen.
    face : ndarray of bool, shape (frames,)
        Whether the face is in view: at least 35 points are visible.
    times : ndarray, shape (frames,)
        Seconds after the first frame.
    """

    points: NDArray[np.float64]
    visible: NDArray[np.bool_]
    face: NDArray[np.bool_]
    times: NDArray[np.float64]


def sample_dir() -> Path:
    """Folder of the bundled sample; its README says what is in it."""
    return Path(__file__).with_name("sample")


def sample_clip() -> Path:
    """Return the clip, a person who is not among the stills."""
    return sample_dir() / "clip.mp4"


def sample_negatives() -> list[Path]:
    """Pictures without a face."""
    return sorted((sample_dir() / "negatives").glob("*.jpg"))


def sample_clip_truth() -> ClipTruth:
    """Exact points of the clip."""
    rows = _rows("clip_points.csv")
    points, visible = zip(*(_points(row) for row in rows), strict=True)
    return ClipTruth(
        np.array(points),
        np.array(visible),
        np.array([row["face"] == "1" for row in rows]),
        np.array([float(row["time"]) for row in rows]),
    )


def sample_faces() -> Iterator[FaceRecord]:
    """Yield the stills as a format's reader would; a subject is a person."""
    # Readers of all formats come with it, which a training that asks for negatives can do without.
    from .formats import FaceRecord, ImageRef  # noqa: PLC0415

    for line, row in enumerate(_rows("annotations.csv"), start=2):
        points, visible = _points(row)
        states = np.where(visible, PointState.VISIBLE, PointState.OCCLUDED)
        image = sample_dir() / "stills" / row["file"]
        yield FaceRecord(
            name=image.stem,
            subject=f"sample-{row['identity']}",
            image=ImageRef(image),
            image_name=image.name,
            annotation=Annotation(SCHEME, points, states, f"import:{FORMAT}"),
            origin=f"{sample_dir() / 'annotations.csv'}:{line}",
            subject_source="format",
            expression=row["expression"],
        )


def sample_turns() -> dict[str, tuple[float, float, float]]:
    """Return how the heads of the stills are turned, exactly, by the names of their faces.

    Yaw, pitch and roll in degrees: more than 0 to the right of the picture, down, and leaning to
    the right.
    """
    return {
        Path(row["file"]).stem: (float(row["yaw"]), float(row["pitch"]), float(row["roll"]))
        for row in _rows("annotations.csv")
    }


def _rows(name: str) -> list[dict[str, str]]:
    with (sample_dir() / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _points(row: dict[str, str]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    xyv = np.array([float(row[name]) for name in _COLUMNS]).reshape(_POINTS, 3)
    return xyv[:, :2], xyv[:, 2] == 1
