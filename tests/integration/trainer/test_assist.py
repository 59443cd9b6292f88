"""A face is found in a picture; errors of fits are learned from corrected faces."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from faceloop_datasets import Cancelled, FaceloopError, Monitor, Project
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces, sample_negatives
from faceloop_runtime import Detector, FaceModel, Fitter
from faceloop_trainer.assist import fit_errors, initial_face
from faceloop_trainer.assist.drag import FIT_ERRORS
from faceloop_trainer.assist.error_covariance import errors_in_model_frame, prior_covariance

MODEL = FaceModel.starter()


def test_the_face_is_found_and_fitted():
    face = next(iter(sample_faces()))
    assert face.image is not None
    gray = read_image(face.image.path, "gray")
    true = face.annotation.points
    iod = MODEL.scheme.inter_ocular_distance(true)
    points = initial_face.from_fit(Fitter(MODEL, "cpu"), Detector(), gray).points
    assert np.linalg.norm(points - true, axis=1).mean() < 0.05 * iod


def test_where_no_face_is_found_the_person_is_told_to_click():
    """Even where the detector takes something for a face, as in every second of these pictures."""
    fitter, detector = Fitter(MODEL, "cpu"), Detector()
    for picture in sample_negatives()[:10]:
        gray = read_image(picture, "gray")
        with pytest.raises(FaceloopError, match="three clicks instead: on the middle of the pupil"):
            initial_face.from_fit(fitter, detector, gray)


@pytest.fixture(scope="module")
def some_faces(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project.create(tmp_path_factory.mktemp("faces") / "some")
    project.import_entries("sample", islice(sample_faces(), 180), scheme="face70", copy=True)
    return project


def test_what_corrected_faces_teach_foretells_the_errors_of_others(some_faces):
    """Given the covariance learned on some faces, errors on others are likelier."""
    faces = some_faces.faces()
    general = prior_covariance(MODEL, FIT_ERRORS)
    learned = fit_errors.error_covariance(MODEL, faces[:100])
    assert np.allclose(learned, learned.T)
    assert np.linalg.eigvalsh(learned).min() > 0
    pairs = fit_errors.fitted_and_true(MODEL, faces[100:], Monitor())
    errors = errors_in_model_frame(MODEL.pdm, pairs).reshape(80, -1)

    def surprise(covariance: np.ndarray) -> float:
        """Negative log likelihood at the best scale."""
        distances = np.einsum("fi,fi->f", errors, np.linalg.solve(covariance, errors.T).T)
        size = len(covariance)
        return float(np.linalg.slogdet(covariance)[1] + size * np.log(distances.mean() / size))

    assert surprise(learned) < surprise(general) - 5.0


def test_faces_without_a_picture_teach_nothing_and_the_person_can_stop_it(some_faces, tmp_path):
    with Project.create(tmp_path / "shapes") as project:
        face = some_faces.faces()[0]
        item = project.add_item(None)
        project.save(item.id, face.annotation, None)
        assert np.array_equal(
            fit_errors.error_covariance(MODEL, project.faces()), prior_covariance(MODEL, FIT_ERRORS)
        )
        assert np.array_equal(
            fit_errors.error_covariance(MODEL, []), prior_covariance(MODEL, FIT_ERRORS)
        )
    with pytest.raises(Cancelled):
        fit_errors.error_covariance(
            MODEL, some_faces.faces(), progress=Monitor(cancel=lambda: True)
        )
