"""Who a training learns from, in which fold, and what it looks at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceloop_datasets import Scheme, TrainingError
from faceloop_runtime import FaceModel
from faceloop_trainer.cache import Cache
from faceloop_trainer.components import natural
from faceloop_trainer.groundwork import (
    Groundwork,
    View,
    can_show,
    dealt_by_name,
    pictured_faces,
    views,
)
from faceloop_trainer.patches import Looking, ScaleTraining, TargetSet
from faceloop_trainer.prior import sample_prior
from faceloop_trainer.reference import KnownFace, Reference
from faceloop_trainer.shape import fit_pdm
from faceloop_trainer.split import fold_of
from faceloop_trainer.trainingset import TrainingFace
from faceloop_trainer.work import Work

from .marked_faces import QUICK, SCHEME, faces_of

NAMES = [f"person {i}" for i in range(40)]
FOLDS = tuple([n for n in NAMES if fold_of(n, 2, QUICK.seed) == fold] for fold in (0, 1))
FACES = faces_of(*FOLDS[0][:3], *FOLDS[1][:4])
NOTHING = np.zeros(6, bool)


def hidden(face: TrainingFace, *points: int) -> TrainingFace:
    """A face of which some points are covered: no patch expert learns from those."""
    trains = face.trains_patches.copy()
    trains[list(points)] = False
    return replace(face, trains_patches=trains)


def test_faces_without_a_picture_teach_shapes_only() -> None:
    shape = replace(FACES[0], picture=None, points=FACES[0].points + 1, trains_patches=NOTHING)
    unseen = replace(FACES[1], points=FACES[1].points + 2, trains_patches=NOTHING)
    assert [can_show(face) for face in (FACES[0], shape, unseen)] == [True, False, False]
    assert can_show(hidden(FACES[0], 0, 1, 2, 3, 4))
    ground = Groundwork.of(SCHEME, [*FACES, shape, unseen], QUICK)
    assert [known.face for known in ground.faces] == FACES
    every = np.array([face.points for face in (*FACES, shape, unseen)])
    people = [face.subject for face in (*FACES, shape, unseen)]
    expected = fit_pdm(SCHEME, every, QUICK.components, people=people)
    np.testing.assert_array_equal(ground.pdm.mean, expected.mean)
    np.testing.assert_array_equal(ground.pdm.components, expected.components)


def test_shapes_in_a_mirror_are_shapes_of_the_same_people() -> None:
    ground = Groundwork.of(SCHEME, FACES, replace(QUICK, mirror=True))
    turned = [face.mirrored(SCHEME.mirror).points for face in FACES]
    every = np.array([*(face.points for face in FACES), *turned])
    people = [face.subject for face in FACES] * 2
    expected = fit_pdm(SCHEME, every, QUICK.components, people=people)
    np.testing.assert_array_equal(ground.pdm.mean, expected.mean)
    np.testing.assert_array_equal(ground.pdm.variances, expected.variances)
    other = Groundwork.of(SCHEME, FACES, replace(QUICK, mirror=True, modes="natural")).pdm
    np.testing.assert_array_equal(other.components, natural(expected).components)


@pytest.mark.parametrize("prior", ["sample", "none"])
def test_shapes_begin_with_those_of_the_sample_where_it_is_asked_for(prior: str) -> None:
    scheme = Scheme.load("face70")
    mean = FaceModel.starter().pdm.mean
    every = np.ones(len(scheme), bool)
    faces = []
    for number in range(12):
        rng = np.random.default_rng(number)
        points = 50 * (mean + rng.normal(0, 0.03, mean.shape)) + 100
        noise = rng.integers(0, 255, (20, 20), np.uint8)
        faces.append(TrainingFace("face", f"person {number}", noise, points, every, every))
    config = replace(QUICK, prior=prior, components=6)  # type: ignore[arg-type]
    known = sample_prior(scheme) if prior == "sample" else None
    assert (known is None) is (prior == "none")
    points = np.array([face.points for face in faces])
    people = [face.subject for face in faces]
    expected = fit_pdm(scheme, points, 6, people=people, prior=known)
    found = Groundwork.of(scheme, faces, config).pdm
    np.testing.assert_array_equal(found.components, expected.components)
    np.testing.assert_array_equal(found.variances, expected.variances)


def test_unknown_points_are_where_the_shapes_expect_them() -> None:
    points = FACES[0].points.copy()
    points[5] = np.nan
    faces = [replace(hidden(FACES[0], 5), points=points), *FACES[1:]]
    ground = Groundwork.of(SCHEME, faces, QUICK)
    np.testing.assert_array_equal(ground.faces[0].points[:5], points[:5])
    expected = np.rint(ground.pdm.complete(points)[5])
    np.testing.assert_array_equal(ground.faces[0].points[5], expected)


def test_a_copy_is_learned_from_once_under_its_first_name() -> None:
    copy = replace(FACES[2], subject="somebody else", name="copy")
    for faces, kept, left in ((*FACES, copy), FACES[2], copy), ((copy, *FACES), copy, FACES[2]):
        found = {id(face) for face in pictured_faces(faces)}
        assert len(found) == len(FACES)
        assert id(kept) in found
        assert id(left) not in found


def test_a_fold_follows_from_the_name_where_none_is_empty() -> None:
    ground = Groundwork.of(SCHEME, FACES, QUICK)
    assert ground.folds == (0,) * 6 + (1,) * 8
    assert dealt_by_name(FACES, QUICK.seed)
    other = next(s for s in range(1, 50) if fold_of(FACES[0].subject, 2, s) == 1)
    seeded = Groundwork.of(SCHEME, FACES, replace(QUICK, seed=other))
    assert seeded.folds == tuple(fold_of(face.subject, 2, other) for face in FACES)
    assert len(set(seeded.folds)) == 2


def test_no_fold_is_empty() -> None:
    """People are dealt in turn, in the order of their names, where all names lie in one fold."""
    names = sorted(FOLDS[0][:3])
    faces = faces_of(names[2], names[0], names[1], each=4)
    ground = Groundwork.of(SCHEME, faces, QUICK)
    assert ground.folds == (0,) * 4 + (0,) * 4 + (1,) * 4
    assert not dealt_by_name(faces, QUICK.seed)


def test_too_few_faces_or_people_are_refused() -> None:
    alone = faces_of("anna", each=12)
    with pytest.raises(TrainingError, match=r"12 usable faces of 1 person .* All show 'anna'"):
        Groundwork.of(SCHEME, alone, QUICK)
    copies = [*FACES[:9], *(replace(face, name="copy") for face in FACES[:9])]
    with pytest.raises(TrainingError, match=r"18 usable faces .* only 9 of them different"):
        Groundwork.of(SCHEME, copies, QUICK)
    shapes = [replace(face, picture=None, trains_patches=NOTHING) for face in FACES]
    with pytest.raises(TrainingError, match="9 usable faces of 5 people to train on") as told:
        Groundwork.of(SCHEME, [*FACES[:9], *shapes[9:]], QUICK)
    assert "All show" not in str(told.value)
    clips = [replace(face, subject_source="picture") for face in FACES[:9]]
    with pytest.raises(TrainingError, match="9 usable faces of 5 pictures to train on; at least"):
        Groundwork.of(SCHEME, clips, QUICK)


class TestViews:
    def test_of_all_faces_and_in_a_mirror(self) -> None:
        plain = views(Groundwork.of(SCHEME, FACES, QUICK), 100)
        assert [view.known.face for view in plain] == FACES
        assert {view.mirror for view in plain} == {None}
        ground = Groundwork.of(SCHEME, FACES, replace(QUICK, mirror=True))
        both = views(ground, 100)
        assert [view.known.face for view in both] == FACES * 2
        assert [view.mirror for view in both] == [None] * 14 + [SCHEME.mirror] * 14
        assert [view.fold for view in both] == list(ground.folds) * 2
        assert len({view.name for view in both}) == 28

    def test_of_some_faces_the_same_whoever_else_comes(self) -> None:
        ground = Groundwork.of(SCHEME, FACES, QUICK)
        some = {view.name for view in views(ground, 5)}
        assert len(some) == 5
        more = Groundwork.of(SCHEME, [*FACES, *faces_of("somebody new")], QUICK)
        assert len(some - {view.name for view in views(more, 7)}) <= 2
        assert some <= {view.name for view in views(ground, 6)}

    def test_what_is_hidden_is_hidden_in_a_mirror(self) -> None:
        """The labels of the point that takes its place: mouth left is mouth right there."""
        face = hidden(FACES[0], 0, 3)
        measured = np.array([True, True, True, True, False, True])
        face = replace(face, measured=measured)
        known = KnownFace(face, face.points)
        turned = View(known, 0, SCHEME.mirror).face()
        away = turned.measured & ~turned.trains_patches
        assert np.nonzero(away)[0].tolist() == [1, 4]
        assert np.nonzero(~turned.measured)[0].tolist() == [3]
        assert View(known, 0, None).face() is face
        assert turned.subject == face.subject
        np.testing.assert_array_equal(turned.picture, face.picture[:, ::-1])

    def test_points_in_a_mirror(self) -> None:
        known = KnownFace(FACES[0], FACES[0].points)
        view = View(known, 1, SCHEME.mirror)
        expected = FACES[0].points[[1, 0, 2, 4, 3, 5]] * [-1, 1] + [199, 0]
        np.testing.assert_allclose(view.points(), expected)
        np.testing.assert_allclose(view.points(), view.face().points)
        np.testing.assert_array_equal(View(known, 1, None).points(), FACES[0].points)

    def test_random_numbers_of_their_own(self) -> None:
        one, other = (KnownFace(face, face.points) for face in FACES[:2])
        drawn = [
            view.rng(*purpose).random()
            for view in (View(one, 0, None), View(one, 0, SCHEME.mirror), View(other, 0, None))
            for purpose in ((0,), (1,), (0, 1))
        ]
        assert len(set(drawn)) == 9
        assert View(one, 1, None).rng(0).random() == drawn[0]


@pytest.mark.parametrize(("kind", "mirror"), [("mosse", False), ("ridge", True)])
def test_experts_are_trained_for_each_scale_and_eyes_and_nose(kind: str, mirror: bool) -> None:
    """Each by its definition; the places of the initialiser are found by filters in any case."""
    faces = [hidden(face, 1, 5) if face in FACES[:4] else face for face in FACES]
    config = replace(QUICK, mirror=mirror, experts=kind, seed=3)  # type: ignore[arg-type]
    ground = Groundwork.of(SCHEME, faces, config)
    work, ticks = Work(lambda progress: ticks.append(progress.done), None), [0]
    work.total = 10_000
    trainings = ground.experts(Cache(None), work)
    assert ticks[-1] == 4 * len(faces)
    marks = TargetSet(
        "marks", lambda points: points, lambda face: face.trains_patches, (1, 0, 2, 4, 3, 5)
    )
    places = TargetSet(
        "eyes and nose", lambda points: points[:3], lambda face: face.trains_patches[:3],
        (1, 0, 2), off_centre=4.0,
    )  # fmt: skip
    wanted = [(kind, marks, scale) for scale in config.scales] + [("ridge", places, 16.0)]
    assert len(trainings) == len(wanted)
    for training, (how, target, scale) in zip(trainings, wanted, strict=True):
        expected = ScaleTraining(
            how,  # type: ignore[arg-type]
            Looking(
                target if mirror else replace(target, mirror=None),
                Reference.of(ground.pdm),
                config.channels,
                scale,
                config.seed,
            ),
            ground.faces,
            ground.folds,
            Cache(None),
            lambda _: None,
        ).folded()
        found = training.folded()
        for one, two in zip(found.without, expected.without, strict=True):
            assert one.scale == scale
            np.testing.assert_array_equal(one.weights, two.weights)
            np.testing.assert_array_equal(one.bias, two.bias)
        np.testing.assert_array_equal(found.calibration.gain, expected.calibration.gain)
        trusted = expected.calibration.reliability
        np.testing.assert_array_equal(found.calibration.reliability, trusted)


def test_a_place_that_nobody_shows_has_no_expert() -> None:
    """The right eye of nobody is seen; in a mirror it is the left eye of the same people."""
    faces = [hidden(face, 1) for face in FACES]
    for mirror, known in ((False, [True, False, True]), (True, [True, True, True])):
        ground = Groundwork.of(SCHEME, faces, replace(QUICK, mirror=mirror))
        *_, places = ground.experts(Cache(None), Work(None, None))
        *_, finest, _ = ground.experts(Cache(None), Work(None, None))
        weights = places.folded().without[0].weights
        assert [bool(one.any()) for one in weights] == known
        trusted = finest.folded().calibration.reliability
        assert trusted.tolist() == [1.0, 0.0, 1.0, 1.0, 1.0, 1.0]
