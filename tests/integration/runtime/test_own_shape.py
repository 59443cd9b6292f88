"""What is somebody's own is left out of the face that is drawn over theirs; how it moves is not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from faceloop_datasets import Video
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_runtime import Fitter, TrackedFace
from faceloop_runtime.render.cover.own_shape import OwnShapes, features

LIPS = ("inner upper lip middle", "inner lower lip middle")


@pytest.fixture(scope="module")
def fit(starter):
    return Fitter(starter, "cpu").fit(
        Video(sample_clip())[12].image, sample_clip_truth().points[12]
    )


def face_of(starter, fit, b):
    """A face that the model explains wholly."""
    shape = (starter.pdm.mean.ravel() + b @ starter.pdm.components).reshape(-1, 2)
    return TrackedFace(0, dataclasses.replace(fit, b=b, points=fit.pose.apply(shape)), 1.0)


def same_on_both_sides(starter, fit, points):
    """How far a shape is from the mean shape, (N,), in IOD; left and right taken together."""
    change = fit.pose.inverse().apply(points) - starter.pdm.mean
    mirrored = change[list(starter.scheme.mirror)] * (-1.0, 1.0)
    return np.linalg.norm((change + mirrored) / 2, axis=1)


def people(starter, count=6):
    spread = np.sqrt(starter.pdm.variances)
    return np.random.default_rng(3).normal(size=(count, len(spread))) * spread


def outside(starter):
    """Points of neither eye nor mouth."""
    inside = np.concatenate(features(starter.scheme, starter.pdm.mean))
    return np.setdiff1d(np.arange(len(starter.pdm.mean)), inside)


def test_eyes_with_their_pupils_and_the_whole_mouth_are_features(starter):
    found = features(starter.scheme, starter.pdm.mean)
    names = [{starter.scheme.names[k] for k in feature} for feature in found]
    assert sorted(map(len, names)) == [9, 9, 18]
    assert any({"left pupil", "left eye top"} <= feature for feature in names)
    assert any({*LIPS, "upper lip middle"} <= feature for feature in names)


def test_whoever_it_is_the_shape_is_the_average_one(starter, fit):
    for b in people(starter):
        face, own = face_of(starter, fit, b), OwnShapes(starter)
        own.add([face])
        before = same_on_both_sides(starter, fit, face.fit.points)
        after = same_on_both_sides(starter, fit, own.without(face))
        assert after[outside(starter)].max() < 1e-6
        assert after.mean() < before.mean() / 3


def test_what_moves_goes_on_moving(starter, fit):
    for b in people(starter):
        moves = people(starter)[0] * 0.3
        faces = [face_of(starter, fit, b + share * moves) for share in (-1.0, 1.0)]
        own = OwnShapes(starter)
        own.add(faces)
        drawn = own.without(faces[1]) - own.without(faces[0])
        was = faces[1].fit.points - faces[0].fit.points
        assert np.allclose(drawn[outside(starter)], was[outside(starter)])


def test_a_mouth_that_is_open_as_a_rule_still_shuts(starter):
    """It is scaled, not shifted: else the lips would be turned inside out."""
    truth, fitter, video = sample_clip_truth().points, Fitter(starter, "cpu"), Video(sample_clip())
    shut, *wide = [TrackedFace(0, fitter.fit(video[k].image, truth[k]), 1.0) for k in (12, 30, 32)]
    own = OwnShapes(starter)
    own.add(wide * 5)
    own.add([shut])
    upper, lower = (starter.scheme.point(lip) for lip in LIPS)
    opened = [points[lower, 1] - points[upper, 1] for points in map(own.without, [shut, *wide])]
    was = [face.fit.points[lower, 1] - face.fit.points[upper, 1] for face in [shut, *wide]]
    assert opened[0] == pytest.approx(was[0], abs=1.5)
    assert opened[0] > -0.5
    assert min(opened[1:]) > 0.6 * min(was[1:]) > opened[0]
