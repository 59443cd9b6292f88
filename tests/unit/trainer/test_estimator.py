"""The estimator: pictures in, points out, as scikit-learn expects it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, cross_val_score

from faceloop_datasets import InputError, TrainingError
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_trainer import LandmarkEstimator

if TYPE_CHECKING:
    from numpy.typing import NDArray

Faces = tuple[list["NDArray[np.uint8]"], "NDArray[np.float64]", list[str]]


@pytest.fixture(scope="module")
def faces() -> Faces:
    """24 faces of the sample: pictures, points, people."""
    records = list(islice(sample_faces(), 24))
    pictures = [read_image(r.image.path, "rgb") for r in records if r.image is not None]
    return pictures, np.array([r.annotation.points for r in records]), [r.subject for r in records]


@pytest.fixture(scope="module")
def trained(faces: Faces) -> LandmarkEstimator:
    pictures, points, people = faces
    return LandmarkEstimator(components=10).fit(pictures[:16], points[:16], people[:16])


def test_points_come_out_where_they_are(trained: LandmarkEstimator, faces: Faces) -> None:
    pictures, points, _ = faces
    found = trained.predict(pictures[16:])
    assert found.shape == (8, 70, 2)
    iod = [trained.model_.scheme.inter_ocular_distance(p) for p in points[16:]]
    errors = np.linalg.norm(found - points[16:], axis=2).mean(axis=1) / iod
    assert np.median(errors) < 0.08
    assert 0.2 < trained.score(pictures[16:], points[16:]) < 1.0
    near = trained.predict(pictures[16:], starts=points[16:])
    assert np.abs(near - points[16:]).mean() < np.abs(found - points[16:]).mean() + 1.0


def test_gray_pictures_and_files_are_the_same(trained: LandmarkEstimator) -> None:
    (record,) = islice(sample_faces(), 20, 21)
    assert record.image is not None
    gray = read_image(record.image.path, "gray")
    of_file, of_array = trained.predict([record.image.path, gray])
    assert np.abs(of_file - of_array).max() < 0.5


def test_what_has_no_face_has_no_points(trained: LandmarkEstimator) -> None:
    assert np.isnan(trained.predict([np.full((80, 100), 90, np.uint8)])).all()


def test_settings_are_those_of_an_estimator(faces: Faces) -> None:
    made = clone(LandmarkEstimator(components=8, seed=3, mirror=False))
    assert made.get_params()["components"] == 8
    with pytest.raises(NotFittedError):
        made.predict(faces[0][:1])


@pytest.mark.long
def test_it_is_cross_validated(faces: Faces) -> None:
    pictures, points, people = faces
    made, folds = LandmarkEstimator(components=8), GroupKFold(2)
    scores = cross_val_score(
        made, pictures, points, groups=people, cv=folds, params={"subjects": people}
    )
    assert scores.shape == (2,)
    assert (scores > 0.1).all()


def test_bad_input_is_named(faces: Faces) -> None:
    pictures, points, people = faces
    made = LandmarkEstimator()
    with pytest.raises(InputError, match=r"shape \(3, 70, 2\) for 3 pictures .* got \(3, 69, 2\)"):
        made.fit(pictures[:3], points[:3, :69])
    with pytest.raises(InputError, match="Expected 3 subjects but got 2"):
        made.fit(pictures[:3], points[:3], people[:2])
    with pytest.raises(TrainingError):
        made.fit(pictures[:3], points[:3])
    with pytest.raises(TrainingError, match="components"):
        LandmarkEstimator(components=0).fit(pictures, points)


def test_one_picture_is_no_sequence_of_pictures(trained: LandmarkEstimator, faces: Faces) -> None:
    pictures, points, _ = faces
    colour = np.zeros((40, 50, 3), np.uint8)
    for one in (pictures[0], colour[..., 0], colour, "face.png"):
        for call in (
            trained.predict,
            lambda x: trained.score(x, points),
            lambda x: LandmarkEstimator().fit(x, points),
        ):
            with pytest.raises(InputError, match="Expected a sequence of pictures but got one"):
                call(one)
    assert trained.predict(np.zeros((2, 40, 50), np.uint8)).shape == (2, 70, 2)
