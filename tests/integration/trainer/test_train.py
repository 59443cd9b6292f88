"""From annotations to a model: accuracy, repeatability, cancelling, and what cannot work."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloop_datasets import (
    Annotation,
    Cancelled,
    Face,
    Monitor,
    PointState,
    Progress,
    Project,
    Scheme,
    TrainingError,
)
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces, sample_negatives
from faceloop_runtime import FaceModel
from faceloop_runtime.fit.fitter import Fitter
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.start.finding import find_learned
from faceloop_runtime.start.initialiser import box_pose
from faceloop_trainer import TrainingConfig, TrainingResult, train
from faceloop_trainer.data.faces import TrainingFace, load_faces
from faceloop_trainer.data.perturbation import Jitter, jittered_pose
from faceloop_trainer.data.split import fingerprint
from faceloop_trainer.evaluation.measure import measure
from faceloop_trainer.train import train_faces

QUICK = TrainingConfig(channels=("raw",), mirror=False, components=8)  # as `quick_model`


def start_errors(model: FaceModel, faces: list[TrainingFace]) -> np.ndarray:
    """NME of the jittered starts themselves, before any fit."""
    rng, errors = np.random.default_rng(0), []
    for face in faces:
        iod = model.scheme.inter_ocular_distance(face.points)
        pose = jittered_pose(model.pdm, face.points, iod, Jitter(), rng)
        away = np.linalg.norm(pose.apply(model.pdm.mean) - face.points, axis=1)
        errors.append(away[face.measured].mean() / iod)
    return np.array(errors)


def test_fits_of_people_never_seen_are_far_better_than_their_starts(
    trained: TrainingResult, sample_project: Project
) -> None:
    evaluation = trained.evaluation
    assert evaluation is not None
    known = {f.name: f for f in load_faces(sample_project.scheme, sample_project.faces(), 54.0)[0]}
    starts = start_errors(trained.model, [known[n] for n in evaluation.names])
    metrics = evaluation.metrics()
    assert metrics["nme_mean"] < 0.045
    assert metrics["nme_mean"] < 0.4 * starts.mean()
    assert metrics["failures"] == 0


def test_nobody_is_trained_on_and_measured(trained: TrainingResult) -> None:
    assert trained.evaluation is not None
    tested = {fingerprint(s) for s in trained.evaluation.subjects}
    assert not tested & set(trained.report["training_subjects"])
    assert len(tested) + len(trained.report["training_subjects"]) == 16


def test_the_report_says_what_was_done(trained: TrainingResult) -> None:
    report = trained.report
    assert report["faces"] == report["pictured"] == 4 * report["subjects"]
    assert report["config"]["experts"] == "ridge"
    assert report["metrics"] == trained.evaluation.metrics()  # type: ignore[union-attr]
    assert len(report["snapshot"]) == 64
    assert report["unusable"] == 0
    assert trained.model.provenance is report


def test_the_model_knows_a_face_and_its_own_error(
    trained: TrainingResult, unseen_faces: list[TrainingFace]
) -> None:
    model, rng = trained.model, np.random.default_rng(0)
    fitter = Fitter(model)
    good, beside = [], []
    for face in unseen_faces:
        iod = model.scheme.inter_ocular_distance(face.points)
        pose = jittered_pose(model.pdm, face.points, iod, Jitter(), rng)
        assert face.picture is not None
        good.append(fitter.fit_pose(face.picture, pose))
        blank = np.random.default_rng(1).integers(0, 255, face.picture.shape, dtype=np.uint8)
        beside.append(fitter.fit_pose(blank, pose))
    assert np.median([f.score for f in good]) > 0.9
    assert np.median([f.score for f in beside]) < 0.2
    assert np.median([f.predicted_error for f in good]) < 0.06
    assert np.median([f.predicted_error for f in beside]) > 0.08


def test_the_model_finds_faces_of_people_it_has_never_seen(
    trained: TrainingResult, tmp_path: Path
) -> None:
    trained.model.save(tmp_path / "m.safetensors")
    model, found, off = FaceModel.load(tmp_path / "m.safetensors"), 0, 0
    assert model.detector is not None
    for name, value in vars(trained.model.detector).items():
        np.testing.assert_array_equal(getattr(model.detector, name), value)
    for record in islice(sample_faces(), 200, 400, 10):
        assert record.image is not None
        boxes = find_learned(model, read_image(record.image.path, "gray"))
        true = Similarity.between(model.pdm.mean, record.annotation.points)
        poses = [box_pose(model, box) for box in boxes]
        good = [
            np.hypot(p.tx - true.tx, p.ty - true.ty) < 0.3 * true.scale
            and abs(np.log(p.scale / true.scale)) < 0.25
            for p in poses
        ]
        found, off = found + any(good), off + (bool(good) and not good[0])
    assert found >= 16
    assert off <= 4
    empty = [read_image(path, "gray") for path in sample_negatives()[:10]]
    assert sum(bool(find_learned(model, gray, wanted=0)) for gray in empty) <= 1


def test_training_twice_gives_the_same_file(
    few_faces: list[TrainingFace], quick_model: FaceModel, scheme: Scheme, tmp_path: Path
) -> None:
    quick_model.save(tmp_path / "one")
    train_faces(scheme, few_faces, QUICK).save(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_another_seed_gives_another_model(
    few_faces: list[TrainingFace], quick_model: FaceModel, scheme: Scheme
) -> None:
    other = train_faces(scheme, few_faces, replace(QUICK, seed=1))
    assert not np.array_equal(quick_model.experts[0].weights, other.experts[0].weights)


@pytest.mark.parametrize("experts", ["mosse", "svm", "logistic"])
def test_every_kind_of_expert_learns_to_find_faces(
    experts: str,
    few_faces: list[TrainingFace],
    unseen_faces: list[TrainingFace],
    scheme: Scheme,
) -> None:
    config = replace(QUICK, experts=experts)  # type: ignore[arg-type]
    model = train_faces(scheme, few_faces, config)
    found = measure(model, unseen_faces, len(unseen_faces))
    assert np.median(found.errors) < 0.75 * np.median(start_errors(model, unseen_faces))
    assert model.provenance["config"]["experts"] == experts
    assert (model.experts[-1].gain > 1.0).mean() > 0.8


def test_a_landmark_without_pictures_is_carried_by_the_shape(
    few_faces: list[TrainingFace], unseen_faces: list[TrainingFace], scheme: Scheme
) -> None:
    hidden = scheme.names.index("left eye top")
    faces = []
    for face in few_faces:
        trains = face.trains_patches.copy()
        trains[hidden] = False
        faces.append(replace(face, trains_patches=trains))
    model = train_faces(scheme, faces, QUICK)
    for experts in model.experts:
        assert experts.reliability[hidden] == 0
        assert not experts.weights[hidden].any()
        assert np.delete(experts.reliability, hidden).min() > 0
    found = measure(model, unseen_faces, len(unseen_faces)).point_errors
    assert np.median(found[:, hidden]) < np.median(found)


def test_faces_without_a_picture_count_for_the_shape(
    few_faces: list[TrainingFace],
    quick_model: FaceModel,
    sample_project: Project,
    scheme: Scheme,
) -> None:
    others, _ = load_faces(scheme, sample_project.faces()[20:40], 54.0)
    none = np.zeros(len(scheme), bool)
    shapes = [replace(f, picture=None, trains_patches=none, backgrounds=()) for f in others]
    more = train_faces(scheme, [*few_faces, *shapes], QUICK)
    assert more.provenance["faces"] == len(few_faces) + len(shapes)
    assert more.provenance["pictured"] == len(few_faces)
    # Shapes of other people are explained better by a model that has seen more people.
    test, _ = load_faces(scheme, sample_project.faces()[40:60], 54.0)
    unexplained = [
        np.mean(
            [
                np.linalg.norm(pose.apply(m.pdm.shape(b)) - f.points, axis=1).mean() / pose.scale
                for f in test
                for pose, b in [m.pdm.parameters(f.points)]
            ]
        )
        for m in (quick_model, more)
    ]
    assert unexplained[1] < 0.95 * unexplained[0]


def test_missing_points_do_not_stop_a_face_from_training(
    few_faces: list[TrainingFace], quick_model: FaceModel, scheme: Scheme
) -> None:
    rng, faces = np.random.default_rng(0), []
    for face in few_faces:
        gone = rng.uniform(size=len(scheme)) < 0.15
        gone[list(scheme.iod)] = False
        faces.append(
            replace(
                face,
                points=np.where(gone[:, None], np.nan, face.points),
                trains_patches=face.trains_patches & ~gone,
                measured=face.measured & ~gone,
            )
        )
    model = train_faces(scheme, faces, QUICK)
    assert model.provenance["pictured"] == len(faces)
    assert np.abs(model.pdm.mean - quick_model.pdm.mean).max() < 0.04


# Stopping


def test_progress_rises_to_the_end(quick_training: tuple[FaceModel, list[Progress]]) -> None:
    _, steps = quick_training
    done = [s.done for s in steps]
    assert done == sorted(done)
    assert {s.total for s in steps} == {steps[-1].done}
    assert [*dict.fromkeys(s.what for s in steps)] == [
        "training patch experts",
        "learning corrections",
        "learning to judge fits",
        "learning to find faces",
    ]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.9, 0.99])
def test_a_training_can_be_stopped_at_any_moment(
    share: float, sample_project: Project, tmp_path: Path
) -> None:
    def files() -> list[str]:
        kept = sample_project.path / "cache"
        return sorted(p.name for p in sample_project.path.rglob("*") if kept not in (p, *p.parents))

    before = files()
    config = replace(QUICK, limit=16, holdout=0.0)
    seen: list[Progress] = []

    def enough() -> bool:
        training = [p for p in seen if p.what != "reading faces"]
        return bool(training) and training[-1].done >= share * (training[-1].total or 1)

    with pytest.raises(Cancelled, match="nothing half-written"):
        train(sample_project, config, progress=Monitor(seen.append, enough))
    assert files() == before
    assert sample_project.models() == []


def test_a_training_can_be_stopped_while_it_reads(sample_project: Project) -> None:
    asked = iter([False] * 5 + [True] * 1000)
    with pytest.raises(Cancelled, match="reading faces"):
        train(sample_project, progress=Monitor(cancel=lambda: next(asked)))


# What cannot work


def annotated(project: Project, image: Path, subject: str, points: np.ndarray, state: int) -> None:
    item = project.add_item(project.add_media(image), subject=subject)
    states = np.full(len(points), state)
    project.save(item.id, Annotation(project.scheme.name, points, states), None)


@pytest.fixture
def photographs(tmp_path: Path) -> list[Path]:
    """Pictures of nothing."""
    rng, files = np.random.default_rng(0), []
    for i in range(12):
        files.append(tmp_path / f"p{i}.png")
        cv2.imwrite(str(files[-1]), rng.integers(0, 255, (120, 120), dtype=np.uint8))
    return files


SHAPE = np.random.default_rng(4).uniform(20, 100, (58, 2))


def test_an_empty_project_is_told_apart_from_a_broken_one(tmp_path: Path) -> None:
    with (
        Project.create(tmp_path / "p", scheme="imm58") as project,
        pytest.raises(TrainingError, match=r"0 usable faces of 0 people.*Annotate or import"),
    ):
        train(project)


def test_too_few_faces(tmp_path: Path, photographs: list[Path]) -> None:
    with Project.create(tmp_path / "p", scheme="imm58") as project:
        for i, file in enumerate(photographs[:4]):
            annotated(project, file, f"person {i}", SHAPE * [1 + i, 1], PointState.VISIBLE)
        with pytest.raises(TrainingError, match="4 usable faces of 4 people"):
            train(project, TrainingConfig(holdout=0.0))


def test_one_person_is_not_enough(tmp_path: Path, photographs: list[Path]) -> None:
    with Project.create(tmp_path / "p", scheme="imm58") as project:
        for file in photographs:
            annotated(project, file, "anna", SHAPE, PointState.VISIBLE)
        with pytest.raises(TrainingError, match="12 usable faces of 1 person"):
            train(project)


def test_faces_without_any_visible_point_train_nothing(
    tmp_path: Path, photographs: list[Path]
) -> None:
    with Project.create(tmp_path / "p", scheme="imm58") as project:
        for i, file in enumerate(photographs):
            state = PointState.MISSING if i % 2 else PointState.OCCLUDED
            points = np.full_like(SHAPE, np.nan) if i % 2 else SHAPE
            annotated(project, file, f"person {i}", points, state)
        with pytest.raises(TrainingError, match="0 usable faces of 0 people"):
            train(project, TrainingConfig(holdout=0.0))


def test_pictures_that_were_lost_since_are_told(
    few_faces: list[TrainingFace], tmp_path: Path, photographs: list[Path]
) -> None:
    with Project.create(tmp_path / "p", scheme="imm58") as project:
        for i, file in enumerate(photographs):
            annotated(project, file, f"person {i}", SHAPE, PointState.VISIBLE)
            file.unlink()
        with pytest.raises(TrainingError, match="0 usable faces"):
            train(project, TrainingConfig(holdout=0.0))


def test_annotations_that_fit_no_picture_are_told(tmp_path: Path, photographs: list[Path]) -> None:
    # Points strewn over noise: the experts cannot find again what they were shown.
    rng = np.random.default_rng(0)
    with Project.create(tmp_path / "p", scheme="imm58") as project:
        for i, file in enumerate(photographs):
            points = rng.uniform(20, 100, SHAPE.shape)
            annotated(project, file, f"person {i}", points, PointState.VISIBLE)
        with pytest.raises(TrainingError, match="check the annotations"):
            train(project, replace(QUICK, holdout=0.0))


def test_a_landmark_that_nobody_placed_is_named(
    few_faces: list[TrainingFace], scheme: Scheme
) -> None:
    faces = []
    for face in few_faces:
        points = face.points.copy()
        points[5] = np.nan
        faces.append(
            replace(
                face,
                points=points,
                trains_patches=face.trains_patches & False | (np.arange(len(scheme)) != 5),
            )
        )
    with pytest.raises(TrainingError, match=scheme.names[5]):
        train_faces(scheme, faces, QUICK)


def test_labelled_faces_teach_what_faces_express(
    trained: TrainingResult, sample_project: Project, tmp_path: Path
) -> None:
    """On people who were held out: far better than always the most frequent one."""
    model, about = trained.model, trained.report["expressions"]
    assert model.expression_names == tuple(about["names"])
    labels = [face.expression for face in sample_project.faces()]
    assert {*about["names"]} < {*labels}  # the rare ones are left out
    assert any("left out: " in said for said in trained.warnings)
    assert np.shape(about["confusion"]) == (len(about["names"]),) * 2
    assert 1.5 / len(about["names"]) < about["accuracy"] <= 1
    held = [f for f in sample_project.faces() if f.subject_key not in _trained_people(trained)]
    known = [face for face in held if face.expression in about["names"]]
    right = [_expression_of(model, face) == face.expression for face in known]
    assert len(known) >= 8
    assert np.mean(right) > 1.5 / len(about["names"])
    model.save(tmp_path / "m.safetensors")
    assert FaceModel.load(tmp_path / "m.safetensors").summary()["expression_accuracy"] > 0


def _trained_people(result: TrainingResult) -> set[str]:
    seen = set(result.report["training_subjects"])
    return {f"sample-id{k:03d}" for k in range(100) if fingerprint(f"sample-id{k:03d}") in seen}


def _expression_of(model: FaceModel, face: Face) -> str:
    fit = Fitter(model, "cpu").fit(face.read_gray(), face.annotation.points)
    assert fit.expressions is not None
    return max(fit.expressions, key=fit.expressions.__getitem__)


def test_labels_change_nothing_else_of_a_model(
    few_faces: list[TrainingFace], quick_model: FaceModel, scheme: Scheme
) -> None:
    plain = quick_model
    assert not any(face.expression for face in few_faces)
    marked = [replace(f, expression=("a", "b")[k % 2]) for k, f in enumerate(few_faces)]
    knowing = train_faces(scheme, marked, QUICK)
    assert (plain.expressions, plain.expression_names) == (None, ())
    assert knowing.expression_names == ("a", "b")
    for name in ("pdm", "regressor", "validator", "error_predictor", "point_predictor", "start"):
        for field in fields(getattr(plain, name)):  # what is computed from them is not compared
            one, other = (getattr(getattr(m, name), field.name) for m in (plain, knowing))
            if isinstance(one, np.ndarray):
                np.testing.assert_array_equal(one, other)
