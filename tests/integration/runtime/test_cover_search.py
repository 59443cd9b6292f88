"""Whether a followed face is drawn over, or rather covered, and what a detector adds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from faceloop_datasets import Video
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_runtime import Detector, Fitter, TrackedFace
from faceloop_runtime.render.cover.search import FaceSearch

FRAME = 12


@pytest.fixture(scope="module")
def image():
    return Video(sample_clip())[FRAME].image


@pytest.fixture(scope="module")
def face(starter, image):
    fit = Fitter(starter, "cpu").fit(image, sample_clip_truth().points[FRAME])
    return TrackedFace(0, fit, 1.0)


def moved(face, dx):
    fit = dataclasses.replace(face.fit, points=face.fit.points + np.array([dx, 0.0]))
    return dataclasses.replace(face, fit=fit)


def search(starter, **options):
    return FaceSearch(starter, Detector(), 25.0, (480, 360), draw_over=True, **options)


def held(places, points):
    """Whether one box holds all the points."""
    return any((points >= p[:2]).all() and (points <= p[2:]).all() for p in places)


def test_a_face_that_fit_and_detector_agree_on_is_drawn_over(starter, image, face):
    looking = search(starter)
    assert looking.look(0, image, [face], thorough=True) == (face,)
    assert looking.chains.now(0) == []


def test_a_face_that_nobody_follows_is_covered(starter, image, face):
    looking = search(starter)
    assert looking.look(0, image, [], thorough=True) == ()
    assert held(looking.chains.now(0), face.fit.points)


def test_a_doubtful_fit_is_covered_and_not_drawn_over(starter, image, face):
    fit = dataclasses.replace(face.fit, predicted_error=0.11)
    looking = search(starter)
    assert looking.look(0, image, [dataclasses.replace(face, fit=fit)], thorough=True) == ()
    assert held(looking.chains.now(0), face.fit.points)


def test_a_fit_beside_the_face_leaves_it_covered(starter, image, face):
    looking = search(starter)
    looking.look(0, image, [moved(face, 60.0)], thorough=True)
    assert held(looking.chains.now(0), face.fit.points)
    looking = search(starter)
    looking.look(0, image, [moved(face, 200.0)], thorough=True)
    assert held(looking.chains.now(0), face.fit.points)


@pytest.mark.parametrize("live", [False, True])
def test_a_fit_that_slips_off_a_face_nobody_finds_leaves_it_covered(starter, image, face, live):
    """The detector sees nothing any more, and the tracker is sure of something else."""
    looking = search(starter, live=live)
    blank = np.full_like(image, 90)
    assert looking.look(0, image, [face], thorough=True)
    drawn = [
        bool(looking.look(k, blank, [moved(face, 8.0 * k)], thorough=False)) for k in range(1, 9)
    ]
    assert drawn == [True] * 3 + [False] * 5
    assert held(looking.chains.now(8), face.fit.points)


class Asked(Detector):
    """Notes how thoroughly it was asked to search."""

    def __init__(self):
        super().__init__()
        self.wanted = []

    def detect(self, image, *, wanted=1):
        self.wanted.append(wanted)
        return super().detect(image, wanted=wanted)


def test_all_means_are_used_when_asked_for_and_for_a_face_that_is_missing(starter, image, face):
    detector, blank = Asked(), np.full((90, 120, 3), 90, np.uint8)
    looking = FaceSearch(starter, detector, 25.0, (480, 360), draw_over=True)
    for number in range(3):
        looking.look(number, image, [face], thorough=number == 0)
    for number in range(3, 13):
        looking.look(number, blank, [], thorough=False)
    assert detector.wanted[0] > 100
    assert detector.wanted[1:3] == [0, 0]
    assert detector.wanted[3:] == [1] * 5 + [0, 0, 1, 0, 0]
