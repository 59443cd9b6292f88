"""Fits of the starter model to a picture of the sample."""

from __future__ import annotations

import numpy as np

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.labelcheck.reference_fit import ReferenceFit, ReferenceFitter

FITTER = ReferenceFitter()
RECORD = next(iter(sample_faces()))
TRUE = RECORD.annotation.points
GRAY = read_image(RECORD.image.path, "gray")
IOD = Similarity.between(FITTER.model.pdm.mean, TRUE).scale


def error(fit: ReferenceFit | None) -> float:
    assert fit is not None
    return float(np.linalg.norm(fit.points - TRUE, axis=1).mean() / IOD)


def test_a_face_is_found_from_its_points_and_by_the_detector() -> None:
    for fit in (FITTER.from_points(GRAY, TRUE), FITTER.from_detector(GRAY)):
        assert error(fit) < 0.05
        assert fit is not None
        assert fit.reliable


def test_of_many_starts_the_one_on_the_face_is_taken() -> None:
    wrong = [TRUE[::-1] * 0.3, TRUE + 150, np.full_like(TRUE, np.nan), TRUE * [1, -1] + [0, 383]]
    assert error(FITTER.from_best_start(GRAY, [*wrong, TRUE])) < 0.05
    assert FITTER.from_best_start(GRAY, []) is None


def test_points_in_one_place_define_no_pose() -> None:
    assert FITTER.from_points(GRAY, np.full_like(TRUE, 7.0)) is None
    assert FITTER.from_points(GRAY, np.full_like(TRUE, np.nan)) is None


def test_a_picture_without_a_face_has_no_fit() -> None:
    flat = np.full_like(GRAY, 120)
    assert FITTER.from_detector(flat) is None
    assert FITTER.from_best_start(flat, [TRUE]) is None


def test_a_fit_goes_over_to_other_pixels_with_its_points() -> None:
    fit = FITTER.from_points(GRAY, TRUE)
    assert fit is not None
    move = Similarity.from_polar(2.0, 0.5, 10.0, -3.0)
    moved = fit.transformed(move)
    shape = fit.pose.inverse().apply(fit.points)
    assert np.allclose(moved.points, move.apply(fit.points))
    assert np.allclose(moved.pose.apply(shape), moved.points)
    assert moved.error == fit.error
