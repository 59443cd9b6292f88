"""What fits across folds teach is kept, belongs to its faces and settings, and takes its steps."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import Monitor, TrainingError
from faceloop_runtime.fit.schedule import FROM_START
from faceloop_runtime.fit.steps import SearchStart, search
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.responses.cpu import CpuResponses
from faceloop_trainer.cache import Cache
from faceloop_trainer.config import TrainingConfig
from faceloop_trainer.crossfit.crossfit import CrossFit
from faceloop_trainer.crossfit.training_set import TrainingSet
from faceloop_trainer.crossfit.variants import variants
from faceloop_trainer.data.faces import TrainingFace
from faceloop_trainer.data.perturbation import Jitter, jittered_pose
from faceloop_trainer.data.split import fold_of
from faceloop_trainer.parallel import StepCounter
from faceloop_trainer.quality.training import QualityTraining
from faceloop_trainer.train import train_faces

from .marked_faces import FOLDS, QUICK, SCHEME, faces_of

FACES = faces_of(*FOLDS[0][:3], *FOLDS[1][:3])
NEW = faces_of(FOLDS[1][3])


class Ticks:
    """Counts steps, and keeps the errors of fits."""

    def __init__(self) -> None:
        self.count = 0
        self.errors: list[float] = []
        self.work = StepCounter(Monitor(self._told))
        self.work.total = 10**6

    def _told(self, progress) -> None:  # type: ignore[no-untyped-def]
        self.count = progress.done
        if progress.error is not None:
            self.errors.append(progress.error)


def crossfit(
    faces: list[TrainingFace] = FACES,
    config: TrainingConfig = QUICK,
    cache: Cache | None = None,
    ticks: Ticks | None = None,
) -> CrossFit:
    work = (ticks or Ticks()).work
    return CrossFit(SCHEME, faces, config, cache or Cache(None), work)


def same(one: object, other: object) -> None:
    """Equal to the bit, field by field."""
    if is_dataclass(one):
        assert type(one) is type(other)
        for field in fields(one):
            same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, tuple | list):
        assert len(one) == len(other)  # type: ignore[arg-type]
        for a, b in zip(one, other, strict=True):  # type: ignore[call-overload]
            same(a, b)
    else:
        np.testing.assert_array_equal(one, other)  # type: ignore[arg-type]


def examples(faces: int) -> int:
    """How many fits the quality is learned from: each face, and every second one occluded too."""
    return faces + (faces + 1) // 2


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[CrossFit, Cache, int, Ticks]:
    """One that has done everything, the cache in which it was kept, and the steps that it took."""
    cache, ticks = Cache(tmp_path_factory.mktemp("kept") / "cache"), Ticks()
    made = crossfit(cache=cache, ticks=ticks)
    quality = QualityTraining(made)
    promised = made.step_count(made.training_set, [made.training_set]) + quality.step_count
    made.experts()
    made.corrections(made.training_set)
    quality.models()
    return made, cache, promised, ticks


def test_it_takes_the_steps_that_it_says(
    learned: tuple[CrossFit, Cache, int, Ticks],
) -> None:
    """Faces by four scales to gather and to calibrate, then searches, then examples of fits."""
    made, _, promised, ticks = learned
    assert made.expert_step_count(made.training_set) == 0  # they are there
    faces = len(FACES)
    # The moments of today's faces were gathered by the training itself; here they were not.
    assert promised == 4 * faces + faces + examples(faces)
    assert ticks.count == promised + 4 * faces
    assert len(ticks.errors) == faces + examples(faces)
    assert made.corrections(made.training_set) is made.corrections(made.training_set)  # made once


def test_of_a_snapshot_the_experts_are_gathered_too() -> None:
    made = crossfit()
    today = TrainingSet.of(SCHEME, [*FACES, *NEW], QUICK)
    assert made.expert_step_count(today) == 4 * 2 * len(FACES)
    assert made.expert_step_count(made.training_set) == 4 * len(FACES)
    steps = 4 * 2 * len(FACES) + len(FACES) + len(NEW)
    assert made.step_count(today, [today, made.training_set]) == steps
    assert QualityTraining(made).step_count == examples(len(FACES))


def test_what_was_kept_is_all_that_was_made(
    learned: tuple[CrossFit, Cache, int, Ticks],
) -> None:
    made, cache, _, _ = learned
    ticks = Ticks()
    again = crossfit(cache=cache, ticks=ticks)
    quality = QualityTraining(again)
    assert again.experts_cached
    assert quality.cached
    assert not crossfit().experts_cached
    assert not QualityTraining(crossfit()).cached
    same(again.pdm, made.pdm)
    same(again.experts(), made.experts())
    same(quality.models(), QualityTraining(made).models())
    one, two = (which.corrections(which.training_set).whole(1.0) for which in (again, made))
    same(one, two)
    assert again.step_count(again.training_set, [again.training_set]) == 0
    assert quality.step_count == 0
    assert ticks.count == 0


def test_of_new_faces_only_those_are_searched(
    learned: tuple[CrossFit, Cache, int, Ticks],
) -> None:
    made, cache, _, _ = learned
    ticks = Ticks()
    again = crossfit(cache=cache, ticks=ticks)
    today = TrainingSet.of(SCHEME, [*FACES, *NEW], QUICK)
    assert again.step_count(today, [today]) == len(NEW)
    shown, searches = again.fits(today)
    assert ticks.count == len(NEW)
    assert [variant.completed.original for variant in shown] == [*FACES, *NEW]
    old = dict(zip((v.name for v in shown), searches, strict=True))
    for variant, fit in zip(*made.fits(made.training_set), strict=True):
        same(old[variant.name], fit)
    of_today, of_then = (
        again.corrections(training_set).whole(1.0) for training_set in (today, made.training_set)
    )
    same(of_then, made.corrections(made.training_set).whole(1.0))
    assert not np.array_equal(of_today.weights, of_then.weights)
    assert len(searches) == len(FACES) + len(NEW)


@pytest.mark.parametrize(
    "change", ["subject", "points", "measured", "backgrounds", "order", "seed", "scheme", "fewer"]
)
def test_what_was_kept_belongs_to_these_faces_and_settings(
    learned: tuple[CrossFit, Cache, int, Ticks], change: str
) -> None:
    _, cache, _, _ = learned
    scheme, config, face = SCHEME, QUICK, FACES[0]
    if change == "subject":
        face = replace(face, subject="somebody else")
    if change == "points":
        face = replace(face, points=face.points + 1e-9)
    if change == "measured":
        face = replace(face, measured=~face.measured)
    if change == "backgrounds":
        face = replace(face, backgrounds=(np.zeros((96, 96), np.uint8),))
    if change == "seed":
        config = replace(QUICK, seed=1)
    if change == "scheme":
        scheme = replace(SCHEME, iod=(1, 0))
    faces = [face, *FACES[1:]]
    if change == "order":
        faces = faces[::-1]
    if change == "fewer":
        faces = faces[1:]
    other = CrossFit(scheme, faces, config, cache, StepCounter(Monitor()))
    assert not other.experts_cached
    assert not QualityTraining(other).cached
    if change == "seed":  # the variants are the same, but other experts search them
        own = other.training_set
        assert other.step_count(own, [own]) == 5 * len(FACES)
        assert QualityTraining(other).step_count == examples(len(FACES))


@pytest.mark.parametrize("setting", [{"limit": 5}, {"holdout": 0.5}])
def test_who_is_chosen_does_not_matter_once_they_are(
    learned: tuple[CrossFit, Cache, int, Ticks], setting: dict[str, float]
) -> None:
    _, cache, _, _ = learned
    made = crossfit(config=replace(QUICK, **setting), cache=cache)  # type: ignore[arg-type]
    assert made.experts_cached
    assert QualityTraining(made).cached


def test_experts_are_kept_before_the_rest_is_there(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    made = crossfit(cache=cache)
    made.experts()
    half = crossfit(cache=cache)
    assert half.experts_cached
    assert not QualityTraining(half).cached
    assert half.expert_step_count(half.training_set) == 0
    assert half.step_count(half.training_set, [half.training_set]) == len(FACES)
    assert QualityTraining(half).step_count == examples(len(FACES))
    same(half.experts(), made.experts())


def test_experts_of_trainings_that_were_asked_already_are_the_same() -> None:
    training_set = TrainingSet.of(SCHEME, FACES, QUICK)
    ticks = Ticks()
    trainings = training_set.experts(Cache(None), ticks.work)
    made = CrossFit.of(training_set, FACES, Cache(None), ticks.work)
    assert made.training_set is training_set
    assert made.is_of(training_set)
    assert not made.is_of(TrainingSet.of(SCHEME, FACES, QUICK))
    assert made.pdm is training_set.pdm
    before = ticks.count
    found = made.experts(trainings)
    assert ticks.count == before + 4 * len(FACES)
    same(found, crossfit().experts())


def test_a_search_begins_wrong_and_ends_with_experts_that_do_not_know_the_person(
    learned: tuple[CrossFit, Cache, int, Ticks],
) -> None:
    made, _, _, _ = learned
    crude = train_faces(SCHEME, FACES, QUICK)
    for number in (0, len(FACES) - 1):
        variant = variants(made.training_set, 100)[number]
        fold = fold_of(variant.completed.original.subject, 2, QUICK.seed)
        run = made.searcher.search(variant, Jitter())
        *scales, initialiser = made.experts()
        own = tuple(scale.without[fold] for scale in scales)
        model = replace(crude, experts=own, initialiser=initialiser.without[fold])
        iod = SCHEME.inter_ocular_distance(variant.completed.original.points)
        rng = variant.rng(QUICK.seed, 0)
        start = jittered_pose(made.pdm, variant.points(), iod, Jitter(), rng)
        at = SearchStart.at(model.pdm, start)
        again = search(model, CpuResponses(own), variant.completed.picture, at, FROM_START)
        np.testing.assert_allclose(again.pose.matrix(), run.pose.matrix(), atol=1e-4)
        elsewhere = made.searcher.search(variant, Jitter(), 1)
        assert not np.allclose(elsewhere.pose.matrix(), run.pose.matrix(), atol=1e-4)


def test_a_search_may_look_at_another_picture(
    learned: tuple[CrossFit, Cache, int, Ticks],
) -> None:
    made, _, _, _ = learned
    variant = variants(made.training_set, 100)[0]
    face = variant.face()
    assert face.picture is not None
    moved = replace(
        face,
        picture=np.roll(face.picture, (7, 5), axis=(0, 1)),
        points=face.points + np.array([5, 7]),
    )
    run, other = (
        made.searcher.search(variant, Jitter()),
        made.searcher.search(variant, Jitter(), face=moved),
    )
    there = other.pose.apply(made.pdm.shape(other.b))
    np.testing.assert_allclose(there - [5, 7], run.pose.apply(made.pdm.shape(run.b)), atol=0.1)


def test_distances_are_those_of_the_points_in_inter_ocular_distances(
    learned: tuple[CrossFit, Cache, int, Ticks],
) -> None:
    made, _, _, _ = learned
    variant = variants(made.training_set, 100)[1]
    run, face = made.searcher.search(variant, Jitter()), variant.completed.original
    fitted = run.pose.apply(made.pdm.shape(run.b))
    iod = float(np.hypot(*(face.points[0] - face.points[1])))
    expected = [float(np.hypot(*off)) / iod for off in fitted - face.points]
    np.testing.assert_allclose(made.searcher.point_errors(face, run), expected, rtol=1e-9)


def test_the_error_of_a_search_is_measured_where_a_person_placed_points() -> None:
    measured = np.array([True, False, True, True, False, True])
    faces = [replace(face, measured=measured) for face in FACES]
    ticks = Ticks()
    made = crossfit(faces, ticks=ticks)
    shown, searches = made.fits(made.training_set)
    for variant, fit in zip(shown, searches, strict=True):
        shape = Similarity(*map(float, fit.pose)).apply(fit.shape)
        face = variant.completed.original
        iod = SCHEME.inter_ocular_distance(face.points)
        away = np.linalg.norm(shape - face.points, axis=1)[measured] / iod
        assert float(fit.error) == pytest.approx(away.mean(), rel=1e-6)
    assert sorted(ticks.errors) == pytest.approx(sorted(float(s.error) for s in searches))


def test_a_mirror_doubles_what_is_searched() -> None:
    made = crossfit(config=replace(QUICK, mirror=True))
    shown, searches = made.fits(made.training_set)
    assert len(shown) == len(searches) == 2 * len(FACES)
    assert np.mean([float(one.error) for one in searches]) < 0.1
    for variant, one in zip(shown, searches, strict=True):
        middle = Similarity(*map(float, one.pose)).apply(one.shape).mean(axis=0)
        np.testing.assert_allclose(middle, variant.points().mean(axis=0), atol=6)


class TestAppliesTo:
    """Whether a snapshot teaches for the faces of today."""

    def test_faces_that_are_seen_and_described_alike(self) -> None:
        today = TrainingSet.of(SCHEME, [*FACES, *NEW], QUICK)
        assert crossfit().applies_to(today)

    def test_not_if_shapes_have_other_numbers_of_modes(self) -> None:
        today = TrainingSet.of(SCHEME, [*FACES, *NEW], replace(QUICK, components=4))
        assert not crossfit().applies_to(today)

    def test_not_if_a_face_is_shown_in_another_size(self) -> None:
        wide = [replace(face, points=face.points.copy()) for face in [*FACES, *NEW]]
        for face in wide:
            face.points[5] += (face.points[5] - face.points[2]) * 2.0  # longer chins
        today = TrainingSet.of(SCHEME, wide, QUICK)
        assert not crossfit().applies_to(today)

    def test_not_if_a_fold_was_or_is_empty(self) -> None:
        one_sided = faces_of(*FOLDS[0][:6])
        today = TrainingSet.of(SCHEME, FACES, QUICK)
        assert not crossfit(one_sided).applies_to(today)
        assert not crossfit().applies_to(TrainingSet.of(SCHEME, one_sided, QUICK))

    def test_not_if_there_were_too_few_faces(self) -> None:
        few = crossfit([*FACES[:2], *FACES[-2:]])
        assert not few.applies_to(TrainingSet.of(SCHEME, FACES, QUICK))
        with pytest.raises(TrainingError):
            _ = few.training_set
