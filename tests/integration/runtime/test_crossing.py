"""Faces that pass one another, stop suddenly and are many: composed of the sample's stills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloop_datasets import Video, VideoWriter
from faceloop_datasets.formats import FaceRecord
from faceloop_datasets.media.images import read_image, to_gray
from faceloop_datasets.sample import sample_faces, sample_negatives
from faceloop_runtime import FaceModel, FrameResult, Tracker

Nme = Callable[[np.ndarray, np.ndarray], float]
IOD = 60.0
SIZE = (640, 360)
FRAMES = 90
# Where a face is after a share of the way, in pixels from the left.
Way = Callable[[float], float]


@dataclass(frozen=True)
class Cutout:
    """A face cut out along an ellipse, 60 pixels between the eyes; points from its centre."""

    picture: np.ndarray
    mask: np.ndarray
    centre: np.ndarray
    points: np.ndarray

    @classmethod
    def of(cls, record: FaceRecord) -> Cutout:
        assert record.image is not None
        gray, points = to_gray(read_image(record.image.path, "rgb")), record.annotation.points
        factor = IOD / float(np.linalg.norm(points[28] - points[23]))
        picture = cv2.resize(gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        points = (points + 0.5) * factor - 0.5
        centre = (points.min(axis=0) + points.max(axis=0)) / 2 - [0, 0.15 * IOD]
        rows, columns = np.indices(picture.shape)
        away = np.hypot((columns - centre[0]) / 1.25, (rows - centre[1]) / 1.55) / IOD
        mask = np.clip((1.05 - away) * 12, 0, 1).astype(np.float32)
        return cls(picture.astype(np.float32), mask, centre, points - centre)

    def paste(self, frame: np.ndarray, x: float, y: float) -> np.ndarray:
        """Draw it into a float frame; returns its points there."""
        move = np.array([[1, 0, x - self.centre[0]], [0, 1, y - self.centre[1]]])
        picture, mask = (cv2.warpAffine(a, move, SIZE) for a in (self.picture, self.mask))
        frame[:] = frame * (1 - mask) + picture * mask
        return np.asarray(self.points + np.array([x, y]))


@dataclass(frozen=True)
class Clip:
    frames: list[np.ndarray]
    points: np.ndarray  # (frames, 2, 70, 2): of the face behind, and of the one in front


def still(number: int) -> Cutout:
    return Cutout.of(list(sample_faces())[number])


def compose(behind: Cutout, front: Cutout, ways: tuple[Way, Way], seed: int = 0) -> Clip:
    rng = np.random.default_rng(seed)
    scene = cv2.resize(to_gray(read_image(sample_negatives()[seed], "rgb")), SIZE)
    scene = cv2.GaussianBlur(scene, (0, 0), 2).astype(np.float32)
    frames, points = [], []
    for i in range(FRAMES):
        share = float(np.clip((i - 10) / (FRAMES - 20), 0, 1))
        frame = scene.copy()
        points.append(
            [
                face.paste(frame, way(share), 180 + 9 * np.sin(i / 7 + k))
                for k, (face, way) in enumerate(zip((behind, front), ways, strict=True))
            ]
        )
        grain = rng.normal(0, 2, frame.shape)
        frames.append((frame + grain).clip(0, 255).astype(np.uint8))
    return Clip(frames, np.array(points))


def identities(results: list[FrameResult], clip: Clip, nme: Nme) -> list[dict[int, int]]:
    """Of each face, the frames that each identity was on it."""
    counts: list[dict[int, int]] = [{}, {}]
    for result, points in zip(results, clip.points, strict=True):
        for face in result.faces:
            errors = [nme(face.fit.points, true) for true in points]
            if min(errors) < 0.2:
                who = counts[int(np.argmin(errors))]
                who[face.id] = who.get(face.id, 0) + 1
    return counts


def right(share: float) -> float:
    return 110 + 420 * share


def left(share: float) -> float:
    return 530 - 420 * share


def in_and_back(share: float) -> float:
    return 560 - 240 * (1 - abs(2 * share - 1))


def stays(share: float) -> float:
    return 320


@dataclass(frozen=True)
class Crossing:
    """Two faces that cross, and what a tracker of two faces finds."""

    clip: Clip
    results: list[FrameResult]

    @classmethod
    def of(cls, starter: FaceModel, one: int, other: int) -> Crossing:
        clip = compose(still(one), still(other), (right, left))
        return cls(clip, list(Tracker(starter, max_faces=2).track(clip.frames)))


@pytest.fixture(scope="module")
def crossing(starter: FaceModel) -> Crossing:
    return Crossing.of(starter, 0, 40)


@pytest.mark.parametrize("others", [None, (160, 202)])
def test_faces_that_cross_keep_their_identities(
    starter: FaceModel, nme: Nme, crossing: Crossing, others: tuple[int, int] | None
) -> None:
    found = crossing if others is None else Crossing.of(starter, *others)
    counts = identities(found.results, found.clip, nme)
    assert [len(c) for c in counts] == [1, 1], "one identity each, before and after"
    assert counts[0].keys() != counts[1].keys()
    assert sum(counts[1].values()) == FRAMES, "the one in front is always seen"
    assert sum(counts[0].values()) > FRAMES / 2


def test_a_face_that_went_behind_another_may_come_back_the_same_way(
    starter: FaceModel, nme: Nme
) -> None:
    clip = compose(still(202), still(160), (in_and_back, stays), seed=2)
    counts = identities(list(Tracker(starter, max_faces=2).track(clip.frames)), clip, nme)
    assert [len(c) for c in counts] == [1, 1]
    assert counts[0].keys() != counts[1].keys()


def test_hidden_faces_keep_their_place(starter: FaceModel, crossing: Crossing) -> None:
    """While one of two faces is hidden, a picture of a third takes no identity from it."""
    for result in Tracker(starter, max_faces=1).track(crossing.clip.frames):
        assert len(result.faces) <= 1
    for result in crossing.results:
        assert {face.id for face in result.faces} <= {0, 1}


@pytest.mark.parametrize("speed", [0.1, 0.2, 0.3])
def test_a_face_may_stop_suddenly(starter: FaceModel, nme: Nme, speed: float) -> None:
    """It moves by so many IOD a frame, stands, and moves back: no frame shows an overshoot."""
    face, x, frames, points = still(40), 200.0, [], []
    scene = np.full(SIZE[::-1], 90, np.float32)
    for velocity in [0] * 5 + [speed] * 10 + [0] * 5 + [-speed] * 10 + [0] * 5:
        x += velocity * IOD
        frame = scene.copy()
        points.append(face.paste(frame, x, 180.0))
        frames.append(frame.clip(0, 255).astype(np.uint8))
    results = list(Tracker(starter).track(frames))
    at_rest = nme(results[4].points, points[4])  # type: ignore[arg-type]
    for result, true in zip(results, points, strict=True):
        assert result.points is not None
        assert nme(result.points, true) < at_rest + 0.02


def test_sixteen_faces_in_a_large_frame(starter: FaceModel) -> None:
    """They fill a sixth of the frame's height each."""
    records = list(sample_faces())
    frame = np.full((1080, 1920), 70, np.uint8)
    centres = []
    for k in range(16):
        record = records[k * 24]
        assert record.image is not None
        picture = cv2.resize(to_gray(read_image(record.image.path, "rgb")), (260, 260))
        row, column = divmod(k, 4)
        frame[5 + 270 * row : 265 + 270 * row, 110 + 480 * column : 370 + 480 * column] = picture
        middle = record.annotation.points.mean(axis=0) * 260 / 384
        centres.append(middle + np.array([110 + 480 * column, 5 + 270 * row]))
    results = list(Tracker(starter, max_faces=16).track([frame] * 3))
    assert len(results[0].faces) >= 13, "found in the first frame"
    for result in results:
        at = np.array([face.fit.points.mean(axis=0) for face in result.faces])
        near = np.linalg.norm(at[:, None] - np.array(centres)[None], axis=2).argmin(axis=1)
        assert len(set(near.tolist())) == len(near), "one face each"
    assert [f.id for f in results[2].faces][: len(results[0].faces)] == [
        f.id for f in results[0].faces
    ]


def test_a_file_tracked_twice_gives_the_same(
    starter: FaceModel, crossing: Crossing, tmp_path: Path
) -> None:
    """Losses and searches too: nothing depends on the clock."""
    clip = crossing.clip
    path = tmp_path / "crossing.mp4"
    with VideoWriter(path, 25.0) as writer:
        for i, frame in enumerate(clip.frames[25:65]):
            black = 12 <= i < 20
            writer.write(np.repeat(frame[..., None] * (not black), 3, axis=2).astype(np.uint8))
    tracker = Tracker(starter, max_faces=2)
    one, other = (list(tracker.track(Video(path))) for _ in range(2))
    assert any(r.lost for r in one)
    for a, b in zip(one, other, strict=True):
        assert [f.id for f in a.faces] == [f.id for f in b.faces]
        for x, y in zip(a.faces, b.faces, strict=True):
            np.testing.assert_array_equal(x.fit.points, y.fit.points)
