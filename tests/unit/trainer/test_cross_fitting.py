"""Who is fitted or measured is unknown to the experts that do it: the data would show a leak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloop_datasets import Annotation, Monitor, PointState, Project
from faceloop_runtime import Fitter
from faceloop_runtime.model import FaceModel
from faceloop_runtime.model.arrays import to_arrays
from faceloop_trainer import TrainingConfig, train
from faceloop_trainer.cache import Cache
from faceloop_trainer.crossfit.out_of_fold_points import out_of_fold_points
from faceloop_trainer.crossfit.training_set import TrainingSet
from faceloop_trainer.data.faces import TrainingFace
from faceloop_trainer.data.split import fold_of, split_faces
from faceloop_trainer.experts.training import CrossFittedExperts
from faceloop_trainer.parallel import StepCounter
from faceloop_trainer.train import train_faces

from .marked_faces import FOLDS, NAMES, QUICK, SCHEME, faces_of

PEOPLE = [*FOLDS[0][:4], *FOLDS[1][:4]]


def in_fold(face: TrainingFace) -> int:
    return fold_of(face.subject, 2, QUICK.seed)


def test_people_are_fitted_as_the_others_are_annotated() -> None:
    """Two groups that place all points otherwise: each is fitted as the other one does it."""
    apart = 0.06  # in IOD, to either side of the marks
    faces = []
    for face in faces_of(*PEOPLE):
        aside = apart * SCHEME.inter_ocular_distance(face.points) * (-1 if in_fold(face) else 1)
        faces.append(replace(face, points=face.points + np.array([aside, 0.0])))
    fits = out_of_fold_points(SCHEME, faces, QUICK)
    assert len(fits) == len(faces)
    for fold, sign in ((0, -1), (1, 1)):
        off = [
            (fit - face.points)[:, 0].mean() / SCHEME.inter_ocular_distance(face.points)
            for fit, face in zip(fits, faces, strict=True)
            if in_fold(face) == fold
        ]
        assert np.mean(off) == pytest.approx(sign * 2 * apart, abs=0.04)


def test_a_cross_fit_finds_what_the_others_show() -> None:
    faces = faces_of(*PEOPLE)
    twice = [*faces, replace(faces[3], subject="a copy under another name")]
    fits = out_of_fold_points(SCHEME, twice, QUICK)
    np.testing.assert_array_equal(fits[-1], fits[3])
    for fit, face in zip(fits, twice, strict=True):
        error = np.linalg.norm(fit - face.points, axis=1).mean()
        assert error < 0.05 * SCHEME.inter_ocular_distance(face.points)


def experts(faces: Sequence[TrainingFace], config: TrainingConfig) -> list[CrossFittedExperts]:
    training_set, work = TrainingSet.of(SCHEME, faces, config), StepCounter(Monitor())
    assert [face.original.key for face in training_set.faces] == [face.key for face in faces]
    assert list(training_set.folds) == [in_fold(face) for face in faces]
    return [training.cross_fitted() for training in training_set.experts(Cache(None), work)]


@pytest.mark.parametrize(
    ("kind", "mirror"), [("ridge", False), ("ridge", True), ("mosse", True), ("svm", False)]
)
def test_experts_without_a_fold_never_saw_its_pictures(kind: str, mirror: bool) -> None:
    """Whatever the pictures of a fold show, the experts without it are the same to the bit."""
    config = replace(QUICK, experts=kind, mirror=mirror)  # type: ignore[arg-type]
    faces = faces_of(*PEOPLE)
    other = [
        replace(face, picture=np.ascontiguousarray(face.picture[::-1])) if in_fold(face) else face
        for face in faces
        if face.picture is not None
    ]
    for before, after in zip(experts(faces, config), experts(other, config), strict=True):
        same = [
            np.array_equal(one.weights, two.weights) and np.array_equal(one.bias, two.bias)
            for one, two in zip(before.without, after.without, strict=True)
        ]
        assert same == [False, True]


HOLDOUT = TrainingConfig(channels=("raw",), components=3, prior="none", holdout=0.4)


def sides() -> tuple[list[str], list[str]]:
    """Names of people who train, and of some who are held out."""
    faces = [face_of(name, i) for i, name in enumerate(NAMES)]
    choice = split_faces(faces, HOLDOUT)
    return [f.subject for f in choice.training], [f.subject for f in choice.held_out]


def face_of(name: str, number: int):  # type: ignore[no-untyped-def]
    from faceloop_datasets.face import Face

    annotation = Annotation("six", np.zeros((6, 2)), np.full(6, PointState.VISIBLE))
    return Face(number, number, name, name, annotation, Path("there"), None, None)


def project_of(folder: Path, faces: Sequence[TrainingFace]) -> Project:
    """A project in which these faces were saved one after the other."""
    folder.mkdir()
    scheme = folder / "six.toml"
    scheme.write_text(SCHEME.to_toml(), "utf-8")
    project = Project.create(folder / "project", scheme=scheme)
    for face in faces:
        file = folder / f"{face.name}.png"
        cv2.imwrite(str(file), face.picture)
        item = project.add_item(project.add_media(file), subject=face.subject)
        states = np.full(len(SCHEME), PointState.VISIBLE)
        project.save(item.id, Annotation("six", face.points, states), None)
    return project


def numbers(model: FaceModel) -> dict[str, np.ndarray]:
    parts = {
        "initialiser": model.initialiser,
        "regressor": model.regressor,
        "validator": model.validator,
        "predictor": model.error_predictor,
        "points": model.point_predictor,
        "levels": model.error_calibration,
        **{f"experts {i}": e for i, e in enumerate(model.experts)},
    }
    arrays = {"mean": model.pdm.mean, "modes": model.pdm.components}
    for name, part in parts.items():
        arrays |= {f"{name} {field}": array for field, array in to_arrays(part).items()}
    return arrays


def test_who_is_held_out_leaves_no_trace_even_if_once_trained_on(tmp_path: Path) -> None:
    """Of few faces nobody is held out, and the snapshot that is fitted across knows everybody.

    Then one face more is there, and so enough. Nothing that those held out show, or have shown
    in the snapshot, may change a single number of the model.
    """
    inside, outside = sides()
    early = faces_of(*inside[:4]) + faces_of(inside[4], each=1)  # nine: too few by themselves
    held = faces_of(*outside[:5])
    later = faces_of(inside[5], each=1)
    models = []
    for number, others in enumerate((held, [other(face) for face in held])):
        with project_of(tmp_path / str(number), [*early, *others, *later]) as project:
            config = replace(HOLDOUT, mirror=False)
            assert split_faces(project.faces()[:-1], config).held_out == ()
            assert len(split_faces(project.faces(), config).held_out) == len(held)
            result = train(project, config)
        assert result.evaluation is not None
        assert len(result.evaluation.errors) == len(held)
        models.append(numbers(result.model))
    assert models[0].keys() == models[1].keys()
    for name, array in models[0].items():
        np.testing.assert_array_equal(array, models[1][name], err_msg=name)


def other(face: TrainingFace) -> TrainingFace:
    """The same person with another look and points elsewhere."""
    assert face.picture is not None
    return replace(face, picture=255 - face.picture, points=face.points + np.array([4.0, -3.0]))


def blindfold(face: TrainingFace) -> TrainingFace:
    """Something flat before the left eye, as whoever annotated it has said."""
    assert face.picture is not None
    picture, (x, y) = face.picture.copy(), face.points[0].astype(int)
    flat = np.random.default_rng(x * y).normal(128, 4, (33, 33))
    picture[y - 16 : y + 17, x - 16 : x + 17] = flat.clip(0, 255)
    return replace(face, picture=picture, trains_patches=np.arange(len(SCHEME)) > 0)


def test_what_is_hidden_on_the_left_is_hidden_on_the_right_in_a_mirror() -> None:
    """Learned the other way round, both eyes would seem to be seen as often in both."""
    known = [blindfold(face) for face in faces_of(*NAMES[:10])]
    fitter = Fitter(train_faces(SCHEME, known, replace(QUICK, mirror=True)), backend="cpu")
    others = [blindfold(face) for face in faces_of("anna", "bob", "carl")]
    plain, turned = (
        np.mean([fitter.fit(face.picture, face.points).visibility for face in faces], axis=0)
        for faces in (others, [face.mirrored(SCHEME.mirror) for face in others])
    )
    assert plain[1] - plain[0] > 0.08
    assert turned[0] - turned[1] > 0.06
