"""Where fits start: as chosen, as far as the model can; and they say so."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from faceloop_datasets import InputError, Video
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_clip, sample_dir
from faceloop_runtime import Detector, FaceBox, FaceModel, Fitter, Tracker
from faceloop_runtime.model.face_model import START_NETWORK
from faceloop_runtime.start.initialiser import box_pose
from faceloop_runtime.start_network import StartMap, frame_of_box, network_key
from faceloop_runtime.start_network.network import FEATURES

ERROR = 0.05


@pytest.fixture(scope="module")
def old() -> FaceModel:
    """As of a version of faceloop that knew no start network."""
    return replace(FaceModel.starter(), start=None)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return read_image(sample_dir() / "stills" / "s0000.jpg", "gray")


@pytest.fixture(scope="module")
def box(picture: np.ndarray) -> FaceBox:
    return Detector("cascade").detect(picture)[0]


def with_map(model: FaceModel, box: FaceBox) -> FaceModel:
    """Return it with a map that has the mean face in the middle of whatever the network sees."""
    pose = frame_of_box(box).inverse().after(box_pose(model, box))
    components, points = len(model.pdm.variances), len(model.pdm)
    place = np.array([pose.a, pose.b, pose.tx, pose.ty], np.float32)
    wide = 4 + components + points
    start = StartMap(
        weights=np.zeros((FEATURES, wide), np.float32),
        offset=np.concatenate([place, np.zeros(components), np.ones(points)]).astype(np.float32),
        spread=np.sqrt(model.pdm.variances).astype(np.float32),
        place=place,
        error=np.array([ERROR], np.float32),
    )
    known = {**model.provenance, START_NETWORK: network_key()}
    return replace(model, start=start, provenance=known)


def test_a_fit_says_where_it_started(old: FaceModel, picture: np.ndarray, box: FaceBox) -> None:
    fitter = Fitter(old, "cpu")
    fit = fitter.fit(picture, box)
    assert fit.start == "eyes"
    assert fitter.fit(picture, fit.points).start == "points"
    assert fitter.fit_pose(picture, fit.pose).start == "last frame"


def test_a_start_is_the_one_that_was_chosen(
    old: FaceModel, picture: np.ndarray, box: FaceBox
) -> None:
    new = with_map(old, box)
    for choice in ("network", "eyes", "box"):
        assert Fitter(new, "cpu", choice).fit(picture, box).start == choice
    assert Fitter(new, "cpu").fit(picture, box).start == "network"
    pose = box_pose(new, box)
    assert Fitter(new, "cpu").fit_near(picture, pose).start == "network"
    assert Fitter(new, "cpu", "eyes").fit_near(picture, pose).start == "last frame"
    assert Fitter(old, "cpu", "box").fit(picture, box).start == "box"


def test_chosen_eyes_stay_so_where_the_fit_looks_poor(old: FaceModel) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8)
    starts = set()
    for x in range(0, 100, 20):
        nothing = FaceBox(float(x), 40.0, 90.0, 90.0)
        starts.add(Fitter(old, "cpu").fit(noise, nothing).start)
        assert Fitter(old, "cpu", "eyes").fit(noise, nothing).start == "eyes"
    assert "box" in starts


def test_a_model_that_cannot_start_so_says_why(old: FaceModel, box: FaceBox) -> None:
    with pytest.raises(InputError, match=r"no start map.*Train the model again"):
        Fitter(old, "cpu", "network")
    new = with_map(old, box)
    other = replace(new, provenance={**new.provenance, START_NETWORK: "0" * 64})
    with pytest.raises(InputError, match=r"start network of another version"):
        Tracker(other, "cpu", start="network")
    with pytest.raises(InputError, match=r"no start 'nose'; expected auto, network, eyes, box"):
        Fitter(old, "cpu", "nose")


def test_a_tracked_face_starts_from_the_last_frame(old: FaceModel) -> None:
    frames = islice(Video(sample_clip()), 4)
    found = [f.faces[0].fit.start for f in Tracker(old, "cpu", start="box").track(frames)]
    assert found == ["box", *["last frame"] * 3]


def test_a_model_says_how_it_can_start(old: FaceModel, box: FaceBox) -> None:
    about = old.summary()
    assert (about["start_error"], about["start_map"]) == (None, "none")
    new = with_map(old, box)
    assert new.summary()["start_error"] == pytest.approx(ERROR)
    assert new.summary()["start_map"] == "for this start network"
    other = replace(new, provenance={**new.provenance, START_NETWORK: "0" * 64})
    assert other.summary()["start_map"] == "for another start network"
