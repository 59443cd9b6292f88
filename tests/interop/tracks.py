"""A track for the tests with other packages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from faceloop_datasets import FaceTrack, Scheme, Track
from faceloop_datasets.track_formats import TrackToWrite


def to_write(faces: int = 1, frames: int = 9) -> TrackToWrite:
    """A track of face70; a frame is lost, a point missing, and a frame corrected."""
    scheme, made = Scheme.load("face70"), []
    for number in range(faces):
        points = np.random.default_rng(number).uniform(0, 99, (frames, 70, 2)).astype(np.float32)
        points[3], points[5, 2] = np.nan, np.nan
        kind = np.full(frames, 2, np.uint8)
        kind[3], kind[6] = 1, 3
        error = np.where(kind == 2, 0.03, np.where(kind == 3, 0.0, np.nan))
        face = FaceTrack.unseen(number, frames, 70)
        rows = {"points": points, "kind": kind, "predicted_error": error}
        made.append(replace(face.with_rows(slice(None), **rows), name=f"person{number}"))
    track = Track("ab" * 32, "face70", "net", 25.0, np.arange(frames) / 25, tuple(made))
    return TrackToWrite(track, scheme, Path("talk.mp4"), (640, 480), 0, frames - 1)
