"""Ways to start a face that look at pictures or at the project, and what is learned from faces."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Annotation, Cancelled, FaceloopError, Monitor, Project
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_clip, sample_faces, sample_negatives
from faceloop_runtime import FaceModel
from faceloop_workbench.annotate import habits, starts
from faceloop_workbench.annotate.assist import OF_FITS
from faceloop_workbench.annotate.spread import expected

if TYPE_CHECKING:
    from pathlib import Path

    from faceloop_datasets import Item

MODEL = FaceModel.starter()


def test_the_face_is_found_and_fitted():
    face = next(iter(sample_faces()))
    assert face.image is not None
    gray = read_image(face.image.path, "gray")
    true = face.annotation.points
    iod = MODEL.scheme.inter_ocular_distance(true)
    low, high = true.min(axis=0), true.max(axis=0)
    for box in (None, np.concatenate([low, high - low])):
        points = starts.from_fit(MODEL, gray, box)
        assert np.linalg.norm(points - true, axis=1).mean() < 0.05 * iod


def test_where_no_face_is_found_the_person_is_told_to_click():
    """Even where the detector takes something for a face, as in every second of these pictures."""
    for picture in sample_negatives()[:10]:
        gray = read_image(picture, "gray")
        with pytest.raises(FaceloopError, match="three clicks instead: on both pupils and on the"):
            starts.from_fit(MODEL, gray)


@pytest.fixture
def frames(tmp_path: Path) -> tuple[Project, dict[int, Item]]:
    """Items of a clip's frames, added out of order; those of 10 and 40 are annotated."""
    project = Project.create(tmp_path / "clip")
    media = project.add_media(sample_clip())
    items = {frame: project.add_item(media, frame) for frame in (40, 20, 10, 5, 50)}
    for frame in (10, 40):
        points = MODEL.pdm.mean * 100 + frame
        annotation = Annotation("face70", points, np.zeros(len(points)))
        project.save(items[frame].id, annotation, None)
    return project, {frame: project.item(item.id) for frame, item in items.items()}


def test_frames_know_the_annotated_ones_around_them(frames):
    project, items = frames
    before, after, share = starts.surrounding(project, items[20])
    assert before.points[0, 0] == MODEL.pdm.mean[0, 0] * 100 + 10
    assert after.points[0, 0] == MODEL.pdm.mean[0, 0] * 100 + 40
    assert share == pytest.approx(1 / 3)
    between = starts.between(before.points, after.points, share)
    assert np.allclose(between, MODEL.pdm.mean * 100 + 20)
    assert [starts.surrounding(project, items[frame]) for frame in (5, 10, 40, 50)] == [None] * 4


def test_the_previous_frame_is_the_nearest_earlier_one_that_is_annotated(frames):
    project, items = frames
    assert starts.previous(project, items[5]) is None
    assert starts.previous(project, items[10]) is None
    for frame, expected_frame in ((20, 10), (40, 10), (50, 40)):
        found = starts.previous(project, items[frame])
        assert found is not None
        assert found.points[0, 0] == MODEL.pdm.mean[0, 0] * 100 + expected_frame


def test_pictures_and_other_videos_have_no_frames_around_them(frames, tmp_path):
    project, _ = frames
    face = next(iter(sample_faces()))
    assert face.image is not None
    still = project.add_item(project.add_media(face.image.path))
    assert starts.previous(project, still) is None
    assert starts.surrounding(project, still) is None


@pytest.fixture(scope="module")
def some_faces(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project.create(tmp_path_factory.mktemp("habits") / "some")
    project.import_entries("sample", islice(sample_faces(), 180), scheme="face70", copy=True)
    return project


def test_what_corrected_faces_teach_foretells_the_errors_of_others(some_faces):
    """Given the covariance learned on some faces, errors on others are likelier."""
    faces = some_faces.faces()
    general = expected(MODEL, OF_FITS)
    learned = habits.covariance(MODEL, faces[:100])
    assert np.allclose(learned, learned.T)
    assert np.linalg.eigvalsh(learned).min() > 0
    pairs = habits.fits(MODEL, faces[100:], Monitor())
    errors = habits.in_model_frame(MODEL.pdm, pairs).reshape(80, -1)

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
        assert np.array_equal(habits.covariance(MODEL, project.faces()), expected(MODEL, OF_FITS))
        assert np.array_equal(habits.covariance(MODEL, []), expected(MODEL, OF_FITS))
    with pytest.raises(Cancelled):
        habits.covariance(MODEL, some_faces.faces(), progress=Monitor(cancel=lambda: True))
