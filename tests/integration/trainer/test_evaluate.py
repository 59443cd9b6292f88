"""A model is measured on people it has never seen, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloop_datasets import Cancelled, Monitor, Project, TrainingError
from faceloop_runtime import FaceModel
from faceloop_trainer import TrainingResult, evaluate, evaluate_models
from faceloop_trainer.data.faces import TrainingFace
from faceloop_trainer.evaluation.measure import measure, measure_models
from faceloop_trainer.evaluation.protocol import EvaluationProtocol


def test_only_people_who_were_not_trained_on_are_measured(
    trained: TrainingResult, sample_project: Project
) -> None:
    assert trained.evaluation is not None
    found = evaluate(sample_project, trained.model)
    assert set(found.subjects) == set(trained.evaluation.subjects)
    # Reduced pictures, as training reads them, and whole ones give nearly the same fits.
    assert found.metrics()["nme_mean"] == pytest.approx(
        trained.evaluation.metrics()["nme_mean"], abs=0.003
    )


def test_the_same_seed_gives_the_same_figures(
    trained: TrainingResult, unseen_faces: list[TrainingFace]
) -> None:
    one, same, other = (
        measure(trained.model, unseen_faces[:4], 4, EvaluationProtocol(seed=s)) for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.errors, same.errors)
    assert not np.array_equal(one.errors, other.errors)


def test_from_the_detector(trained: TrainingResult, sample_project: Project) -> None:
    found = evaluate(sample_project, trained.model, EvaluationProtocol(start="detector")).metrics()
    assert found["start"] == "detector"
    assert found["faces"] == len(trained.evaluation.names)  # type: ignore[union-attr]
    assert found["nme_median"] < 0.05


def test_from_the_detector_other_people_in_the_picture_are_no_mistakes(
    trained: TrainingResult, unseen_faces: list[TrainingFace]
) -> None:
    left, right = unseen_faces[0], unseen_faces[-1]
    assert left.picture is not None
    assert right.picture is not None
    height = min(len(left.picture), len(right.picture))
    both = np.hstack([left.picture[:height], right.picture[:height]])
    moved = right.points + np.array([left.picture.shape[1], 0])
    faces = [replace(left, picture=both), replace(right, picture=both, points=moved)]
    found = measure(trained.model, faces, 2, EvaluationProtocol(start="detector"))
    assert (found.errors < 0.1).all()


def test_a_picture_without_a_face_is_a_face_not_found(
    trained: TrainingResult, unseen_faces: list[TrainingFace]
) -> None:
    empty = replace(unseen_faces[0], picture=np.full((200, 200), 128, np.uint8))
    found = measure(trained.model, [empty], 1, EvaluationProtocol(start="detector"))
    assert np.isinf(found.errors).all()
    assert np.isnan(found.predicted).all()
    assert found.metrics()["failure_rate"] == 1.0


def test_estimated_points_are_not_measured(
    trained: TrainingResult, unseen_faces: list[TrainingFace]
) -> None:
    measured = unseen_faces[0].measured.copy()
    measured[10:20] = False
    found = measure(trained.model, [replace(unseen_faces[0], measured=measured)], 1)
    np.testing.assert_array_equal(np.isnan(found.point_errors[0]), ~measured)
    assert found.errors[0] == pytest.approx(np.nanmean(found.point_errors[0]))


def test_models_measured_together_differ_in_nothing_but_themselves(
    trained: TrainingResult, quick_model: FaceModel, unseen_faces: list[TrainingFace]
) -> None:
    models, some = (trained.model, quick_model), unseen_faces[:4]
    for model, together in zip(models, measure_models(models, iter(some), 4), strict=True):
        alone = measure(model, some, 4)
        np.testing.assert_array_equal(together.errors, alone.errors)
        np.testing.assert_array_equal(together.fitted, alone.fitted)
        away = np.linalg.norm(together.fitted[0] - some[0].points, axis=1)
        iod = model.scheme.inter_ocular_distance(some[0].points)
        np.testing.assert_allclose(together.point_errors[0], away / iod)


def test_a_person_that_either_model_knows_is_left_out(
    trained: TrainingResult, quick_model: FaceModel, sample_project: Project
) -> None:
    one, other = evaluate_models(sample_project, (trained.model, quick_model))
    tested = {*_prints(one.subjects)}
    assert one.items == other.items
    for model in (trained.model, quick_model):
        assert not tested & set(model.provenance["training_subjects"])
    assert len(tested) < len(set(evaluate(sample_project, quick_model).subjects))


def _prints(subjects: tuple[str, ...]) -> set[str]:
    from faceloop_trainer.data.split import fingerprint

    return {fingerprint(subject) for subject in subjects}


def test_a_model_that_was_trained_on_everybody_cannot_be_measured(
    trained: TrainingResult, sample_project: Project
) -> None:
    everyone = sorted({*trained.report["training_subjects"], *_fingerprints(sample_project)})
    known = {**trained.report, "training_subjects": everyone}
    with pytest.raises(TrainingError, match="trained on every person"):
        evaluate(sample_project, replace(trained.model, provenance=known))


def _fingerprints(project: Project) -> set[str]:
    return _prints(tuple(f.subject for f in project.faces()))


def test_another_scheme_is_refused(trained: TrainingResult, tmp_path: Path) -> None:
    with (
        Project.create(tmp_path / "p", scheme="imm58") as project,
        pytest.raises(TrainingError, match=r"face70.*imm58"),
    ):
        evaluate(project, trained.model)


def test_a_project_without_a_model_says_so(sample_project: Project) -> None:
    with pytest.raises(TrainingError, match="no model yet"):
        evaluate(sample_project)


def test_unknown_starts_and_no_faces_are_refused(
    trained: TrainingResult, unseen_faces: list[TrainingFace]
) -> None:
    with pytest.raises(TrainingError, match="Unknown start 'centre'"):
        measure(trained.model, unseen_faces, 20, EvaluationProtocol(start="centre"))
    for seed in (-1, 1.5, "a", None):
        with pytest.raises(TrainingError, match=r"The seed .* a whole number from 0 up"):
            EvaluationProtocol(seed=seed)
    with pytest.raises(TrainingError, match="no faces"):
        measure(trained.model, [], 0)


def test_measuring_can_be_stopped(
    trained: TrainingResult, unseen_faces: list[TrainingFace]
) -> None:
    asked = iter([False, False, True])
    with pytest.raises(Cancelled, match="measuring fits"):
        measure(trained.model, unseen_faces, 20, progress=Monitor(cancel=lambda: next(asked)))


def test_the_plot_of_a_measurement(trained: TrainingResult, tmp_path: Path) -> None:
    assert trained.evaluation is not None
    trained.evaluation.plot(tmp_path / "ced.png")
    assert cv2.imread(str(tmp_path / "ced.png")) is not None
    assert [p.name for p in tmp_path.iterdir()] == ["ced.png"]


def test_a_project_without_faces_says_so(tmp_path: Path) -> None:
    with (
        Project.create(tmp_path / "empty") as project,
        pytest.raises(TrainingError, match="no annotated face"),
    ):
        evaluate(project, FaceModel.starter())
