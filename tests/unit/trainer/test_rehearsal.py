"""What fits across folds teach is kept, belongs to its faces and settings, and takes its steps."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import TrainingError
from faceloop_runtime.backends.cpu import CpuResponses
from faceloop_runtime.fitter import FROM_START, FitRun
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.cache import Cache
from faceloop_trainer.config import TrainingConfig
from faceloop_trainer.groundwork import Groundwork, views
from faceloop_trainer.lessons import to_judge
from faceloop_trainer.rehearsal import Rehearsal
from faceloop_trainer.split import fold_of
from faceloop_trainer.starts import Jitter, jittered_pose
from faceloop_trainer.trainingset import TrainingFace
from faceloop_trainer.work import Work

from .marked_faces import QUICK, SCHEME, faces_of

NAMES = [f"person {i}" for i in range(40)]
FOLDS = tuple([n for n in NAMES if fold_of(n, 2, QUICK.seed) == fold] for fold in (0, 1))
FACES = faces_of(*FOLDS[0][:3], *FOLDS[1][:3])
NEW = faces_of(FOLDS[1][3])


class Ticks:
    """Work that counts."""

    def __init__(self) -> None:
        self.count = 0
        self.errors: list[float] = []
        self.work = Work(self._told, None)
        self.work.total = 10**6

    def _told(self, progress) -> None:  # type: ignore[no-untyped-def]
        self.count = progress.done
        if progress.error is not None:
            self.errors.append(progress.error)


def rehearsal(
    faces: list[TrainingFace] = FACES,
    config: TrainingConfig = QUICK,
    cache: Cache | None = None,
    ticks: Ticks | None = None,
) -> Rehearsal:
    work = (ticks or Ticks()).work
    return Rehearsal(SCHEME, faces, config, cache or Cache(None), work)


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


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rehearsal, Cache, int, Ticks]:
    """One that has done everything, the cache in which it was kept, and the steps that it took."""
    cache, ticks = Cache(tmp_path_factory.mktemp("kept") / "cache"), Ticks()
    made = rehearsal(cache=cache, ticks=ticks)
    promised = made.steps(made.base)
    made.experts()
    made.corrections(made.base)
    made.lessons()
    return made, cache, promised, ticks


def test_it_takes_the_steps_that_it_says(
    learned: tuple[Rehearsal, Cache, int, Ticks],
) -> None:
    """Faces by four scales to gather and to calibrate, then searches, then fits to judge."""
    made, _, promised, ticks = learned
    assert made.expert_steps(made.base) == 0  # they are there
    faces = len(FACES)
    # The trainings of today's faces were gathered by the training itself; here they were not.
    assert promised == 4 * faces + faces + len(to_judge(made.base))
    assert ticks.count == promised + 4 * faces
    assert len(ticks.errors) == faces + len(to_judge(made.base))


def test_of_a_snapshot_the_experts_are_gathered_too() -> None:
    made = rehearsal()
    today = Groundwork.of(SCHEME, [*FACES, *NEW], QUICK)
    assert made.expert_steps(today) == 4 * 2 * len(FACES)
    assert made.expert_steps(made.base) == 4 * len(FACES)
    steps = 4 * 2 * len(FACES) + len(FACES) + len(NEW) + len(to_judge(made.base))
    assert made.steps(today) == steps


def test_what_was_kept_is_all_that_was_made(
    learned: tuple[Rehearsal, Cache, int, Ticks],
) -> None:
    made, cache, _, _ = learned
    ticks = Ticks()
    again = rehearsal(cache=cache, ticks=ticks)
    assert again.kept
    assert not rehearsal().kept
    same(again.pdm, made.pdm)
    same(again.experts(), made.experts())
    same(again.lessons(), made.lessons())
    one, two = (which.corrections(which.base).whole(1.0) for which in (again, made))
    same(one, two)
    assert again.steps(again.base) == 0
    assert ticks.count == 0


def test_of_new_faces_only_those_are_searched(
    learned: tuple[Rehearsal, Cache, int, Ticks],
) -> None:
    made, cache, _, _ = learned
    ticks = Ticks()
    again = rehearsal(cache=cache, ticks=ticks)
    today = Groundwork.of(SCHEME, [*FACES, *NEW], QUICK)
    assert again.steps(today) == len(NEW)
    shown, searches = again.searched(today)
    assert ticks.count == len(NEW)
    assert [view.known.face for view in shown] == [*FACES, *NEW]
    old = dict(zip((v.name for v in shown), searches, strict=True))
    for view, search in zip(*made.searched(made.base), strict=True):
        same(old[view.name], search)
    of_today, of_then = (again.corrections(ground).whole(1.0) for ground in (today, made.base))
    same(of_then, made.corrections(made.base).whole(1.0))
    assert not np.array_equal(of_today.weights, of_then.weights)
    assert len(searches) == len(FACES) + len(NEW)


@pytest.mark.parametrize(
    "change", ["subject", "points", "measured", "backgrounds", "order", "seed", "scheme", "fewer"]
)
def test_what_was_kept_belongs_to_these_faces_and_settings(
    learned: tuple[Rehearsal, Cache, int, Ticks], change: str
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
    other = Rehearsal(scheme, faces, config, cache, Work(None, None))
    assert not other.kept
    if change == "seed":  # the views are the same, but other experts search them
        assert other.steps(other.base) == 5 * len(FACES) + len(to_judge(other.base))


@pytest.mark.parametrize("setting", [{"limit": 5}, {"holdout": 0.5}])
def test_who_is_chosen_does_not_matter_once_they_are(
    learned: tuple[Rehearsal, Cache, int, Ticks], setting: dict[str, float]
) -> None:
    _, cache, _, _ = learned
    assert rehearsal(config=replace(QUICK, **setting), cache=cache).kept  # type: ignore[arg-type]


def test_only_all_of_it_is_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    made = rehearsal(cache=cache)
    made.experts()
    half = rehearsal(cache=cache)
    assert not half.kept
    assert half.expert_steps(half.base) == 0
    assert half.steps(half.base) == len(FACES) + len(to_judge(half.base))
    same(half.experts(), made.experts())


def test_experts_of_trainings_that_were_asked_already_are_the_same() -> None:
    ground = Groundwork.of(SCHEME, FACES, QUICK)
    ticks = Ticks()
    trainings = ground.experts(Cache(None), ticks.work)
    made = Rehearsal.on(ground, FACES, Cache(None), ticks.work)
    assert made.base is ground
    assert made.is_on(ground)
    assert not made.is_on(Groundwork.of(SCHEME, FACES, QUICK))
    assert made.pdm is ground.pdm
    before = ticks.count
    found = made.experts(trainings)
    assert ticks.count == before + 4 * len(FACES)
    same(found, rehearsal().experts())


def test_a_search_begins_wrong_and_ends_with_experts_that_do_not_know_the_person(
    learned: tuple[Rehearsal, Cache, int, Ticks],
) -> None:
    made, _, _, _ = learned
    for number in (0, len(FACES) - 1):
        view = views(made.base, 100)[number]
        fold = fold_of(view.known.face.subject, 2, QUICK.seed)
        run = made.search(view, Jitter())
        *scales, initialiser = made.experts()
        for used, known in zip(run.model.experts, scales, strict=True):
            same(used, known.without[fold])
        same(run.model.initialiser, initialiser.without[fold])
        iod = SCHEME.inter_ocular_distance(view.known.face.points)
        rng = view.rng(QUICK.seed, 0)
        start = jittered_pose(made.pdm, view.points(), iod, Jitter(), rng)
        again = FitRun(run.model, CpuResponses(run.model.experts), view.known.picture, start, None)
        again.search(FROM_START)
        np.testing.assert_allclose(again.pose.matrix(), run.pose.matrix(), atol=1e-4)
        elsewhere = made.search(view, Jitter(), 1)
        assert not np.allclose(elsewhere.pose.matrix(), run.pose.matrix(), atol=1e-4)


def test_a_search_may_look_at_another_picture_and_be_corrected(
    learned: tuple[Rehearsal, Cache, int, Ticks],
) -> None:
    made, _, _, _ = learned
    view = views(made.base, 100)[0]
    face = view.face()
    assert face.picture is not None
    moved = replace(
        face,
        picture=np.roll(face.picture, (7, 5), axis=(0, 1)),
        points=face.points + np.array([5, 7]),
    )
    run, other = made.search(view, Jitter()), made.search(view, Jitter(), face=moved)
    there = other.pose.apply(made.pdm.shape(other.b))
    np.testing.assert_allclose(there - [5, 7], run.pose.apply(made.pdm.shape(run.b)), atol=0.1)
    own = made.corrections(made.base)
    regressors = [own.without(fold, own.strength) for fold in (0, 1)]
    corrected = made.search(view, Jitter(), regressors=regressors)
    assert corrected.model.regressor is regressors[view.fold]
    corrected.correct()
    last = made.search(views(made.base, 100)[-1], Jitter(), regressors=regressors)
    assert last.model.regressor is regressors[1]


def test_distances_are_those_of_the_points_in_inter_ocular_distances(
    learned: tuple[Rehearsal, Cache, int, Ticks],
) -> None:
    made, _, _, _ = learned
    view = views(made.base, 100)[1]
    run, face = made.search(view, Jitter()), view.known.face
    fitted = run.pose.apply(made.pdm.shape(run.b))
    iod = float(np.hypot(*(face.points[0] - face.points[1])))
    expected = [float(np.hypot(*off)) / iod for off in fitted - face.points]
    np.testing.assert_allclose(made.distances(face, run), expected, rtol=1e-9)


def test_the_error_of_a_search_is_measured_where_a_person_placed_points() -> None:
    measured = np.array([True, False, True, True, False, True])
    faces = [replace(face, measured=measured) for face in FACES]
    ticks = Ticks()
    made = rehearsal(faces, ticks=ticks)
    shown, searches = made.searched(made.base)
    for view, search in zip(shown, searches, strict=True):
        shape = Similarity(*map(float, search.pose)).apply(search.shape)
        face = view.known.face
        iod = SCHEME.inter_ocular_distance(face.points)
        away = np.linalg.norm(shape - face.points, axis=1)[measured] / iod
        assert float(search.error) == pytest.approx(away.mean(), rel=1e-6)
    assert sorted(ticks.errors) == pytest.approx(sorted(float(s.error) for s in searches))


def test_a_mirror_doubles_what_is_searched() -> None:
    made = rehearsal(config=replace(QUICK, mirror=True))
    shown, searches = made.searched(made.base)
    assert len(shown) == len(searches) == 2 * len(FACES)
    assert np.mean([float(one.error) for one in searches]) < 0.1
    for view, one in zip(shown, searches, strict=True):
        middle = Similarity(*map(float, one.pose)).apply(one.shape).mean(axis=0)
        np.testing.assert_allclose(middle, view.points().mean(axis=0), atol=6)


class TestServes:
    """Whether a snapshot teaches for the faces of today."""

    def test_faces_that_are_seen_and_described_alike(self) -> None:
        today = Groundwork.of(SCHEME, [*FACES, *NEW], QUICK)
        assert rehearsal().serves(today)

    def test_not_if_shapes_have_other_numbers_of_modes(self) -> None:
        today = Groundwork.of(SCHEME, [*FACES, *NEW], replace(QUICK, components=4))
        assert not rehearsal().serves(today)

    def test_not_if_a_face_is_shown_in_another_size(self) -> None:
        wide = [replace(face, points=face.points.copy()) for face in [*FACES, *NEW]]
        for face in wide:
            face.points[5] += (face.points[5] - face.points[2]) * 0.6  # longer chins
        today = Groundwork.of(SCHEME, wide, QUICK)
        assert not rehearsal().serves(today)

    def test_not_if_a_fold_was_or_is_empty(self) -> None:
        one_sided = faces_of(*FOLDS[0][:6])
        today = Groundwork.of(SCHEME, FACES, QUICK)
        assert not rehearsal(one_sided).serves(today)
        assert not rehearsal().serves(Groundwork.of(SCHEME, one_sided, QUICK))

    def test_not_if_there_were_too_few_faces(self) -> None:
        few = rehearsal([*FACES[:2], *FACES[-2:]])
        assert not few.serves(Groundwork.of(SCHEME, FACES, QUICK))
        with pytest.raises(TrainingError):
            _ = few.base
