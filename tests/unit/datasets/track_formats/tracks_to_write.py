"""Tracks for the tests of formats: of any size, with lost frames and missing points."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from faceloop_datasets import FaceTrack, Scheme, Track
from faceloop_datasets.track_formats import FoundTrack, TrackToWrite

FRAMES, RATE = 7, 25.0


def to_write(scheme: Scheme, faces: int = 1, seed: int = 0) -> TrackToWrite:
    """A track of faces with random points; each is lost in a frame and lacks a point in another."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(faces):
        points = random.uniform(0, 640, (FRAMES, len(scheme), 2)).astype(np.float32)
        points[2 + number] = np.nan
        points[4, 1] = np.nan
        kind = np.full(FRAMES, 2, np.uint8)
        kind[2 + number] = 1
        error = np.where(kind == 2, 0.03, np.nan).astype(np.float32)
        pose = np.where(kind[:, None] == 2, random.uniform(-40, 40, (FRAMES, 3)), np.nan)
        face = FaceTrack.unseen(number, FRAMES, len(scheme)).with_rows(
            slice(None), points=points, kind=kind, predicted_error=error, head_pose=pose
        )
        made.append(replace(face, name="" if faces == 1 else f"person{number}"))
    track = Track("ab" * 32, scheme.name, "net", RATE, np.arange(FRAMES) / RATE, tuple(made))
    return TrackToWrite(track, scheme, Path("talk.mp4"), (640, 480), 0, FRAMES - 1)


def same_points(found: FoundTrack, written: TrackToWrite) -> bool:
    """Whether every face came back, to the last bit of its points, with its frames."""
    pairs = zip(found.faces, written.faces(), strict=True)
    return found.frames.tolist() == written.frames.tolist() and all(
        np.array_equal(one.points, other.points, equal_nan=True) for one, other in pairs
    )
