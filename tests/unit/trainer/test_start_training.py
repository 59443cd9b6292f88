"""The map from the start network to a scheme's own pose and shape: ridge regression."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from faceloop_datasets import Cancelled, Monitor, Scheme
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_trainer.cache import Cache
from faceloop_trainer.config import TrainingConfig
from faceloop_trainer.crossfit.start_training import StartTraining
from faceloop_trainer.crossfit.training_set import TrainingSet
from faceloop_trainer.crossfit.variants import variants
from faceloop_trainer.data.faces import TrainingFace
from faceloop_trainer.parallel import StepCounter
from faceloop_trainer.ridge import Ridge as OwnRidge

from .marked_faces import QUICK, SCHEME, faces_of

if TYPE_CHECKING:
    from pathlib import Path

_CONFIG = TrainingConfig(mirror=False, prior="none", components=8)


def steps() -> StepCounter:
    return StepCounter(Monitor.of(None))


@pytest.fixture(scope="module")
def faces() -> list[TrainingFace]:
    """48 rendered faces of 12 people."""
    every = np.ones(70, bool)
    return [
        TrainingFace(
            name=record.name,
            subject=record.subject,
            picture=read_image(str(record.image), "gray"),
            points=record.annotation.points,
            trains_patches=record.annotation.trains_patches,
            measured=every,
        )
        for record in islice(sample_faces(), 48)
    ]


@pytest.fixture(scope="module")
def training_set(faces: list[TrainingFace]) -> TrainingSet:
    return TrainingSet.of(Scheme.load("face70"), faces, _CONFIG)


@pytest.fixture(scope="module")
def made(training_set: TrainingSet) -> StartTraining:
    return StartTraining(training_set, Cache(None), steps())


@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_it_is_ridge_regression(strength: float) -> None:
    rng = np.random.default_rng(0)
    rows, targets = rng.normal(size=(30, 50)), rng.normal(size=(30, 4))
    weights, offset = OwnRidge.of(rows, targets).weights(strength)
    other = Ridge(alpha=strength * len(rows)).fit(rows, targets)
    np.testing.assert_allclose(weights, other.coef_.T, atol=1e-9)
    np.testing.assert_allclose(offset, other.intercept_, atol=1e-9)


def test_searches_start_near_faces_of_people_it_has_not_seen(
    made: StartTraining, training_set: TrainingSet
) -> None:
    errors, shown = [], variants(training_set, 100)
    for one, start in zip(shown, made.out_of_fold().starts(shown, made.looks(shown)), strict=True):
        truth = one.points()
        points = start.pose.apply(training_set.pdm.shape(start.b))
        iod = np.linalg.norm(truth[28] - truth[23])
        errors.append(np.linalg.norm(points - truth, axis=1).mean() / iod)
    assert np.mean(errors) < 0.12
    assert np.mean(errors) == pytest.approx(made.error, rel=0.35)


def test_a_face_does_not_move_its_own_start(
    made: StartTraining, training_set: TrainingSet, faces: list[TrainingFace]
) -> None:
    """Nor do other faces of its fold: maps of the other fold start it."""
    one = variants(training_set, 100)[0]
    fold = one.fold
    moved = [
        replace(face, points=face.points + 5.0) if kept == fold and number else face
        for number, (face, kept) in enumerate(zip(faces, training_set.folds, strict=True))
    ]
    pdm = training_set.pdm  # the shape model sees all faces; the map must not
    other = replace(TrainingSet.of(training_set.scheme, moved, _CONFIG), pdm=pdm)
    again = StartTraining(other, Cache(None), steps())
    again.__dict__["strength"] = made.strength
    (before,), (after,) = (m.out_of_fold().starts([one], m.looks([one])) for m in (made, again))
    np.testing.assert_allclose(before.pose.matrix(), after.pose.matrix(), rtol=0.02, atol=1.0)


def test_hidden_points_are_expected_hidden(made: StartTraining, training_set: TrainingSet) -> None:
    every = variants(training_set, 100)
    shown = [one.face().trains_patches for one in every]
    expected = [start.visibility for start in made.out_of_fold().starts(every, made.looks(every))]
    seen, hidden = np.array(expected)[np.array(shown)], np.array(expected)[~np.array(shown)]
    assert seen.mean() > hidden.mean() + 0.08


def test_a_cache_changes_nothing(training_set: TrainingSet, tmp_path: Path) -> None:
    maps = [StartTraining(training_set, Cache(tmp_path), steps()).whole() for _ in range(2)]
    assert maps[0] is not None
    assert maps[1] is not None
    np.testing.assert_array_equal(maps[0].weights, maps[1].weights)
    np.testing.assert_array_equal(maps[0].offset, maps[1].offset)


def test_where_the_network_does_not_help_there_is_no_map() -> None:
    """Noise with points in it: a search starts from the box."""
    rng = np.random.default_rng(0)
    some = faces_of(*(f"person {k}" for k in range(8)))
    noise = [
        replace(face, picture=rng.integers(0, 255, (200, 200)).astype(np.uint8)) for face in some
    ]
    made = StartTraining(TrainingSet.of(SCHEME, noise, QUICK), Cache(None), steps())
    assert made.whole() is None


def test_it_may_be_stopped_before_any_face(training_set: TrainingSet) -> None:
    asked: list[bool] = []

    def enough() -> bool:
        asked.append(True)
        return len(asked) > 3

    with pytest.raises(Cancelled):
        StartTraining(training_set, Cache(None), StepCounter(Monitor(None, enough)))
