"""Who a training learns from, in which fold, and what it looks at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceloop_datasets import Monitor, Scheme, TrainingError
from faceloop_runtime import FaceModel
from faceloop_trainer.cache import Cache
from faceloop_trainer.crossfit.training_set import TrainingSet, folds_follow_names, pictured_faces
from faceloop_trainer.crossfit.variants import FaceVariant, few_variants, variants
from faceloop_trainer.data.completion import CompletedFace, ReferenceFrame
from faceloop_trainer.data.faces import TrainingFace
from faceloop_trainer.data.requirements import unmet_requirements
from faceloop_trainer.data.split import fold_of
from faceloop_trainer.experts.sampling import Sampling, Targets
from faceloop_trainer.experts.training import ScaleTraining
from faceloop_trainer.parallel import StepCounter
from faceloop_trainer.pdm.ppca import fit_pdm
from faceloop_trainer.pdm.prior import sample_prior
from faceloop_trainer.pdm.varimax import varimax

from .marked_faces import FOLDS, QUICK, SCHEME, faces_of

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
    assert [face.trains_experts for face in (FACES[0], shape, unseen)] == [True, False, False]
    assert hidden(FACES[0], 0, 1, 2, 3, 4).trains_experts
    training_set = TrainingSet.of(SCHEME, [*FACES, shape, unseen], QUICK)
    assert [known.original for known in training_set.faces] == FACES
    every = np.array([face.points for face in (*FACES, shape, unseen)])
    people = [face.subject for face in (*FACES, shape, unseen)]
    expected = fit_pdm(SCHEME, every, QUICK.components, people=people)
    np.testing.assert_array_equal(training_set.pdm.mean, expected.mean)
    np.testing.assert_array_equal(training_set.pdm.components, expected.components)


def test_shapes_in_a_mirror_are_shapes_of_the_same_people() -> None:
    training_set = TrainingSet.of(SCHEME, FACES, replace(QUICK, mirror=True))
    turned = [face.mirrored(SCHEME.mirror).points for face in FACES]
    every = np.array([*(face.points for face in FACES), *turned])
    people = [face.subject for face in FACES] * 2
    expected = fit_pdm(SCHEME, every, QUICK.components, people=people)
    np.testing.assert_array_equal(training_set.pdm.mean, expected.mean)
    np.testing.assert_array_equal(training_set.pdm.variances, expected.variances)
    other = TrainingSet.of(SCHEME, FACES, replace(QUICK, mirror=True, modes="varimax")).pdm
    np.testing.assert_array_equal(other.components, varimax(expected).components)


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
    found = TrainingSet.of(scheme, faces, config).pdm
    np.testing.assert_array_equal(found.components, expected.components)
    np.testing.assert_array_equal(found.variances, expected.variances)


def test_unknown_points_are_where_the_shapes_expect_them() -> None:
    points = FACES[0].points.copy()
    points[5] = np.nan
    faces = [replace(hidden(FACES[0], 5), points=points), *FACES[1:]]
    training_set = TrainingSet.of(SCHEME, faces, QUICK)
    np.testing.assert_array_equal(training_set.faces[0].points[:5], points[:5])
    expected = np.rint(training_set.pdm.complete(points)[5])
    np.testing.assert_array_equal(training_set.faces[0].points[5], expected)


def test_a_copy_is_learned_from_once_under_its_first_name() -> None:
    copy = replace(FACES[2], subject="somebody else", name="copy")
    for faces, kept, left in ((*FACES, copy), FACES[2], copy), ((copy, *FACES), copy, FACES[2]):
        found = {id(face) for face in pictured_faces(faces)}
        assert len(found) == len(FACES)
        assert id(kept) in found
        assert id(left) not in found


def test_a_fold_follows_from_the_name_where_none_is_empty() -> None:
    training_set = TrainingSet.of(SCHEME, FACES, QUICK)
    assert training_set.folds == (0,) * 6 + (1,) * 8
    assert folds_follow_names(FACES, QUICK.seed)
    other = next(s for s in range(1, 50) if fold_of(FACES[0].subject, 2, s) == 1)
    seeded = TrainingSet.of(SCHEME, FACES, replace(QUICK, seed=other))
    assert seeded.folds == tuple(fold_of(face.subject, 2, other) for face in FACES)
    assert len(set(seeded.folds)) == 2


def test_no_fold_is_empty() -> None:
    """People are dealt in turn, in the order of their names, where all names lie in one fold."""
    names = sorted(FOLDS[0][:3])
    faces = faces_of(names[2], names[0], names[1], each=4)
    training_set = TrainingSet.of(SCHEME, faces, QUICK)
    assert training_set.folds == (0,) * 4 + (0,) * 4 + (1,) * 4
    assert not folds_follow_names(faces, QUICK.seed)


def test_too_few_faces_or_people_are_refused() -> None:
    alone = faces_of("anna", each=12)
    with pytest.raises(TrainingError, match=r"12 usable faces of 1 person .* All show 'anna'"):
        TrainingSet.of(SCHEME, alone, QUICK)
    copies = [*FACES[:9], *(replace(face, name="copy") for face in FACES[:9])]
    with pytest.raises(TrainingError, match=r"18 usable faces .* only 9 of them different"):
        TrainingSet.of(SCHEME, copies, QUICK)
    shapes = [replace(face, picture=None, trains_patches=NOTHING) for face in FACES]
    with pytest.raises(TrainingError, match="9 usable faces of 5 people to train on") as told:
        TrainingSet.of(SCHEME, [*FACES[:9], *shapes[9:]], QUICK)
    assert str(told.value) == unmet_requirements(9, 5, 9)  # and no more
    clips = [replace(face, subject_source="picture") for face in FACES[:9]]
    with pytest.raises(TrainingError, match="9 usable faces of 5 pictures to train on; at least"):
        TrainingSet.of(SCHEME, clips, QUICK)


class TestViews:
    def test_of_all_faces_and_in_a_mirror(self) -> None:
        plain = variants(TrainingSet.of(SCHEME, FACES, QUICK), 100)
        assert [variant.completed.original for variant in plain] == FACES
        assert {variant.mirror for variant in plain} == {None}
        training_set = TrainingSet.of(SCHEME, FACES, replace(QUICK, mirror=True))
        both = variants(training_set, 100)
        assert [variant.completed.original for variant in both] == FACES * 2
        assert [variant.mirror for variant in both] == [None] * 14 + [SCHEME.mirror] * 14
        assert [variant.fold for variant in both] == list(training_set.folds) * 2
        assert len({variant.name for variant in both}) == 28

    def test_of_some_faces_the_same_whoever_else_comes(self) -> None:
        training_set = TrainingSet.of(SCHEME, FACES, QUICK)
        some = {variant.name for variant in variants(training_set, 5)}
        assert len(some) == 5
        more = TrainingSet.of(SCHEME, [*FACES, *faces_of("somebody new")], QUICK)
        assert len(some - {variant.name for variant in variants(more, 7)}) <= 2
        assert some <= {variant.name for variant in variants(training_set, 6)}

    def test_of_many_faces_each_is_shown_in_one_way(self) -> None:
        training_set = TrainingSet.of(SCHEME, FACES, replace(QUICK, mirror=True))
        assert len(few_variants(training_set, 28)) == 28
        some = few_variants(training_set, 27)
        assert {variant.completed.original for variant in some} == set(FACES)
        assert len(some) == len(FACES)
        assert {variant.mirror for variant in some} == {None, SCHEME.mirror}
        plain = TrainingSet.of(SCHEME, FACES, QUICK)
        assert len(few_variants(plain, len(FACES))) == len(FACES)

    def test_what_is_hidden_is_hidden_in_a_mirror(self) -> None:
        """The labels of the point that takes its place: mouth left is mouth right there."""
        face = hidden(FACES[0], 0, 3)
        measured = np.array([True, True, True, True, False, True])
        face = replace(face, measured=measured)
        known = CompletedFace(face, face.points)
        turned = FaceVariant(known, 0, SCHEME.mirror).face()
        away = turned.measured & ~turned.trains_patches
        assert np.nonzero(away)[0].tolist() == [1, 4]
        assert np.nonzero(~turned.measured)[0].tolist() == [3]
        assert FaceVariant(known, 0, None).face() is face
        assert turned.subject == face.subject
        np.testing.assert_array_equal(turned.picture, face.picture[:, ::-1])

    def test_points_in_a_mirror(self) -> None:
        known = CompletedFace(FACES[0], FACES[0].points)
        variant = FaceVariant(known, 1, SCHEME.mirror)
        expected = FACES[0].points[[1, 0, 2, 4, 3, 5]] * [-1, 1] + [199, 0]
        np.testing.assert_allclose(variant.points(), expected)
        np.testing.assert_allclose(variant.points(), variant.face().points)
        np.testing.assert_array_equal(FaceVariant(known, 1, None).points(), FACES[0].points)

    def test_a_turn_in_a_mirror(self) -> None:
        turned = replace(FACES[0], turn=(20.0, -5.0, 3.0))
        training_set = TrainingSet.of(SCHEME, [turned, *FACES[1:]], replace(QUICK, mirror=True))
        known = [one.turn() for one in variants(training_set, 100) if one.turn() is not None]
        assert known == [(20.0, -5.0, 3.0), (-20.0, -5.0, -3.0)]

    def test_random_numbers_of_their_own(self) -> None:
        one, other = (CompletedFace(face, face.points) for face in FACES[:2])
        drawn = [
            variant.rng(*purpose).random()
            for variant in (
                FaceVariant(one, 0, None),
                FaceVariant(one, 0, SCHEME.mirror),
                FaceVariant(other, 0, None),
            )
            for purpose in ((0,), (1,), (0, 1))
        ]
        assert len(set(drawn)) == 9
        assert FaceVariant(one, 1, None).rng(0).random() == drawn[0]


@pytest.mark.parametrize(("kind", "mirror"), [("mosse", False), ("ridge", True)])
def test_experts_are_trained_for_each_scale_and_eyes_and_nose(kind: str, mirror: bool) -> None:
    """Each by its definition; the places of the initialiser are found by filters in any case."""
    faces = [hidden(face, 1, 5) if face in FACES[:4] else face for face in FACES]
    config = replace(QUICK, mirror=mirror, experts=kind, seed=3)  # type: ignore[arg-type]
    training_set = TrainingSet.of(SCHEME, faces, config)
    work, ticks = StepCounter(Monitor(lambda progress: ticks.append(progress.done))), [0]
    work.total = 10_000
    trainings = training_set.experts(Cache(None), work)
    assert ticks[-1] == 4 * len(faces)
    marks = Targets(
        "marks", lambda points: points, lambda face: face.trains_patches, (1, 0, 2, 4, 3, 5)
    )
    places = Targets(
        "eyes and nose", lambda points: points[:3], lambda face: face.trains_patches[:3],
        (1, 0, 2), off_centre=4.0,
    )  # fmt: skip
    wanted = [(kind, marks, scale) for scale in config.scales] + [("ridge", places, 16.0)]
    assert len(trainings) == len(wanted)
    for training, (how, target, scale) in zip(trainings, wanted, strict=True):
        expected = ScaleTraining(
            how,  # type: ignore[arg-type]
            Sampling(
                target if mirror else replace(target, mirror=None),
                ReferenceFrame.of(training_set.pdm),
                config.channels,
                scale,
                config.seed,
            ),
            training_set.faces,
            training_set.folds,
            Cache(None),
            StepCounter(Monitor()),
        ).cross_fitted()
        found = training.cross_fitted()
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
        training_set = TrainingSet.of(SCHEME, faces, replace(QUICK, mirror=mirror))
        *_, places = training_set.experts(Cache(None), StepCounter(Monitor()))
        *_, finest, _ = training_set.experts(Cache(None), StepCounter(Monitor()))
        weights = places.cross_fitted().without[0].weights
        assert [bool(one.any()) for one in weights] == known
        trusted = finest.cross_fitted().calibration.reliability
        assert trusted.tolist() == [1.0, 0.0, 1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("modes", ["principal", "varimax", "sparse"])
def test_components_lie_as_a_cache_gives_them_back(modes: str) -> None:
    """Else products with them are rounded otherwise in a training that goes on from a cache."""
    config = replace(QUICK, modes=modes)  # type: ignore[arg-type]
    assert TrainingSet.of(SCHEME, FACES, config).pdm.components.flags.c_contiguous
