from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from faceloop_runtime import FaceModel, Fit, Fitter, FrameResult, TrackedFace
from faceloop_runtime.fit.schedule import Pass
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.track.tracks import Track, on_same_face, one_track_per_face, points_box

IOD = 30.0


@pytest.fixture(scope="module")
def gray() -> np.ndarray:
    """A texture, different in each place: what is cut out of it is as good as a face."""
    grain = np.random.default_rng(0).normal(0, 1, (200, 900)).astype(np.float32)
    smooth = cv2.GaussianBlur(grain, (0, 0), 5)
    return np.asarray(cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX), np.uint8)


@pytest.fixture(scope="module")
def fit(small_model: FaceModel) -> Fit:
    """What a fit is like; where it is, the tests say."""
    return Fitter(small_model, "cpu").fit_pose(
        np.zeros((200, 900), np.uint8),
        Similarity(IOD, 0.0, 100.0, 100.0),
        passes=(Pass(0, (5.0,)),),
    )


def at(fit: Fit, x: float) -> Fit:
    moved = fit.points + np.array([x - fit.pose.tx, 0.0])
    return replace(fit, points=moved, pose=replace(fit.pose, tx=x))


def walked(fit: Fit, gray: np.ndarray, start: float, step: float, number: int = 0) -> Track:
    """A track after ten frames of the same movement."""
    track = Track.started(number, at(fit, start), fit.score, gray)
    for i in range(1, 11):
        track = track.updated(at(fit, start + i * step), fit.score, gray)
    return track


def test_the_box_holds_the_points(fit: Fit) -> None:
    x, y, width, height = points_box(fit)
    assert (x, y) == pytest.approx(fit.points.min(axis=0))
    assert (x + width, y + height) == pytest.approx(fit.points.max(axis=0))


def test_a_walk_has_a_velocity_and_a_stop_ends_it(fit: Fit, gray: np.ndarray) -> None:
    track = walked(fit, gray, 100.0, 4.0)
    assert track.velocity == (pytest.approx(4.0, rel=0.05), 0.0)
    for _ in range(10):
        track = track.updated(track.face.fit, track.face.fit.score, gray)
    assert abs(track.velocity[0]) < 0.2


def test_of_two_tracks_on_one_face_the_face_itself_stays(fit: Fit, gray: np.ndarray) -> None:
    """Both fits are where the second face was and is; only one of them looks like it."""
    before = [walked(fit, gray, 100.0, 4.0), walked(fit, gray, 150.0, 0.0, number=1)]
    taken = at(fit, 151.0)
    for order in (before, before[::-1]):
        after = one_track_per_face(
            order, [track.updated(taken, taken.score, gray) for track in order], gray
        )
        assert [t.seen for t in after] == [t.face.id == 1 for t in order]
        (behind,) = (t for t in after if not t.seen)
        assert behind.may_reappear
        assert behind.pose.tx == pytest.approx(144.0, abs=0.5), "it goes on as it went"


def test_faces_apart_are_left_alone(fit: Fit, gray: np.ndarray) -> None:
    before = [walked(fit, gray, 100.0, 0.0), walked(fit, gray, 400.0, 0.0, number=1)]
    after = [t.updated(t.face.fit, t.face.fit.score, gray) for t in before]
    assert one_track_per_face(before, after, gray) == after
    gone = [before[0].without_fit(), after[1]]
    assert one_track_per_face(before, gone, gray) == gone, "nothing is before it: it is gone"


def test_a_face_lost_beside_another_is_behind_it(fit: Fit, gray: np.ndarray) -> None:
    before = [walked(fit, gray, 120.0, 4.0), walked(fit, gray, 200.0, 0.0, number=1)]
    now = one_track_per_face(before, [before[0].without_fit(), before[1]], gray)
    assert [t.may_reappear for t in now] == [True, False]


def test_a_hidden_face_comes_out_on_the_other_side(fit: Fit, gray: np.ndarray) -> None:
    front = walked(fit, gray, 200.0, 0.0)
    track = walked(fit, gray, 150.0, 4.0, number=1).occluded()
    frames = 0
    while track.is_occluded_by([front]):
        track, frames = track.occluded(), frames + 1
    assert 5 < frames < 40
    assert track.pose.tx > front.pose.tx + 0.8 * IOD
    assert not track.expired
    assert track.without_fit().may_reappear, "it is looked for a little longer"


def test_what_is_forgotten_when(fit: Fit, gray: np.ndarray) -> None:
    lost = hidden = walked(fit, gray, 100.0, 0.0)
    for _ in range(50):
        lost, hidden = lost.without_fit(), hidden.occluded()
    assert not lost.expired
    assert lost.without_fit().expired
    for _ in range(25):
        assert not hidden.expired
        hidden = hidden.occluded()
    assert hidden.occluded().expired


def test_who_may_have_come_back(fit: Fit, gray: np.ndarray) -> None:
    """The texture stands for faces: the same place is the same face."""
    track = walked(fit, gray, 300.0, 0.0)
    lost = track.without_fit()
    assert lost.may_match(at(fit, 310.0), gray), "where it was"
    assert not lost.may_match(at(fit, 300.0 + 2.5 * IOD), gray), "somebody else, near"
    elsewhere = np.roll(gray, int(1.8 * IOD), axis=1)
    for _ in range(9):
        lost = lost.without_fit()
    assert lost.may_match(at(fit, 300.0 + 1.8 * IOD), elsewhere), "itself, as far as it may be"
    far = np.roll(gray, int(8 * IOD), axis=1)
    assert not lost.may_match(at(fit, 300.0 + 8 * IOD), far), "itself, too far"


def test_a_box_is_on_a_face_only_while_it_is_seen(fit: Fit, gray: np.ndarray) -> None:
    track = walked(fit, gray, 300.0, 0.0)
    assert on_same_face(points_box(at(fit, 310.0)), [track])
    assert not on_same_face(points_box(at(fit, 420.0)), [track])
    assert not on_same_face(points_box(at(fit, 310.0)), [track.without_fit()])


def test_a_frame_without_a_face_has_no_points(fit: Fit) -> None:
    empty = FrameResult(3, 0.12, ())
    assert empty.lost
    assert empty.points is None
    found = FrameResult(3, 0.12, (TrackedFace(0, fit, 0.9),))
    assert not found.lost
    assert found.points is fit.points


def test_smoothed_points_come_before_raw_ones(fit: Fit) -> None:
    smoothed = fit.points + 0.1
    face = TrackedFace(0, fit, 0.9, smoothed)
    assert face.points is smoothed
    assert FrameResult(0, 0.0, (face,)).points is smoothed
    assert face.fit is fit
