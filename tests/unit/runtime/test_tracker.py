from __future__ import annotations

from dataclasses import replace

import numpy as np

from faceloop_runtime import FaceModel, Fit, Fitter, FrameResult, TrackedFace
from faceloop_runtime.fitter import Pass
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.tracker import _distinct, _Track


def fits(model: FaceModel, *places: float) -> list[Fit]:
    fitter, gray = Fitter(model, "cpu"), np.zeros((200, 600), np.uint8)
    pose = Similarity(30.0, 0.0, 0.0, 100.0)
    once = (Pass(0, (5.0,)),)
    return [fitter.fit_pose(gray, replace(pose, tx=x), passes=once) for x in places]


def test_of_two_tracks_on_one_face_the_better_stays(small_model: FaceModel) -> None:
    near, same, far = fits(small_model, 100, 110, 450)
    tracks = [
        _Track(TrackedFace(0, near, 0.5)),
        _Track(TrackedFace(1, same, 0.9)),
        _Track(TrackedFace(2, far, 0.4)),
    ]
    assert {t.face.id for t in _distinct(tracks)} == {1, 2}


def test_a_lost_track_takes_no_place_of_a_followed_one(small_model: FaceModel) -> None:
    near, same = fits(small_model, 100, 110)
    tracks = [
        _Track(TrackedFace(0, near, 0.9), missing=2),
        _Track(TrackedFace(1, same, 0.5)),
    ]
    assert {t.face.id for t in _distinct(tracks) if not t.missing} == {1}


def test_a_prediction_goes_on_as_before(small_model: FaceModel) -> None:
    (fit,) = fits(small_model, 100)
    pose = _Track(TrackedFace(0, fit, 0.9), velocity=(3.0, -2.0)).predicted()
    assert (pose.tx - fit.pose.tx, pose.ty - fit.pose.ty) == (3.0, -2.0)
    assert pose.scale == fit.pose.scale


def test_a_frame_without_a_face_has_no_points(small_model: FaceModel) -> None:
    (fit,) = fits(small_model, 100)
    empty = FrameResult(3, 0.12, ())
    assert empty.lost
    assert empty.points is None
    found = FrameResult(3, 0.12, (TrackedFace(0, fit, 0.9),))
    assert not found.lost
    assert found.points is fit.points
