"""Faults that all points of many faces share, found by a model that was trained on none of them."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import Annotation, Monitor, Project
from faceloop_datasets.formats import FaceRecord, ImageRef
from faceloop_datasets.sample import sample_faces
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.labelcheck import check_labels
from faceloop_trainer.labelcheck.reference_comparison import ReferenceComparison
from faceloop_trainer.labelcheck.whole_face_faults import find_whole_face_faults
from faceloop_trainer.parallel import StepCounter

FACES = 12
W = H = 384  # of the sample's pictures


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Twelve people, rightly annotated."""
    folder = tmp_path_factory.mktemp("faults") / "project"
    with Project.create(folder) as project:
        records = list(sample_faces())[: 4 * FACES : 4]
        project.import_entries("sample", records, scheme="face70", copy=True)
    return folder


@pytest.fixture
def project(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "project")
    with Project.open(tmp_path / "project") as project:
        yield project


def change(project, count, points, order=None):
    """Save other points for the first faces; returns their numbers and right annotations."""
    right = {face.item_id: face for face in project.faces()[:count]}
    for face in right.values():
        old = face.annotation
        kept = list(range(70)) if order is None else list(order)
        changed = Annotation("face70", points(old.points)[kept], old.states[kept], old.source)
        project.save(face.item_id, changed, face.revision_id)
    return right


def faults(project):
    """What the starter model finds wrong, without the comparison of all with each other."""
    faces, sizes = project.faces(), {m.sha256: (m.width, m.height) for m in project.media()}
    read, _ = load_faces(project.scheme, faces, 36.0)
    steps = StepCounter(Monitor())
    loaded = {face.item_id: face for face in read}
    comparison = ReferenceComparison.of(project.scheme, faces, loaded, sizes, steps)
    found = find_whole_face_faults(comparison, steps)
    return {faces[i].item_id: finding for i, finding in found.items()}


def explained(project, found, right, kind, words):
    """Check that these and no others are explained so, and mended exactly."""
    assert {n for n, one in found.items() if one.kind == kind and words in one.what} == {*right}
    for number, face in right.items():
        mend = found[number].mend
        assert mend.revision_id == project.annotation(number).id
        assert np.abs(mend.points - face.annotation.points).max() < 1e-9
        assert np.array_equal(mend.states, face.annotation.states)


def test_nothing_is_said_of_what_is_right(project):
    doubts = check_labels(project)
    assert sum(doubt.doubtful for doubt in doubts) <= 1
    assert all(doubt.mend is None for doubt in doubts)


@pytest.mark.parametrize("count", [1, FACES])
def test_labels_of_the_stored_picture_are_turned(tmp_path, count):
    """As files with EXIF orientation 6 give them: the picture is turned when it is shown."""
    records = []
    for n, record in enumerate(list(sample_faces())[: 4 * FACES : 4]):
        path, points = tmp_path / f"{n}.png", record.annotation.points
        with Image.open(record.image.path) as picture:
            tag = Image.Exif()
            if n < count:
                tag[0x0112] = 6
                points = np.stack([points[:, 1], W - 1 - points[:, 0]], axis=1)
                picture.transpose(Image.Transpose.ROTATE_90).save(path, exif=tag)
            else:
                picture.save(path)
        annotation = Annotation("face70", points, record.annotation.states)
        records.append(
            FaceRecord(
                name=f"{n}", subject=f"person {n}", image=ImageRef(path), image_name=path.name,
                annotation=annotation, origin=f"faces.csv:{n + 2}",
            )
        )  # fmt: skip
    with Project.create(tmp_path / "project") as project:
        project.import_entries("sample", records, scheme="face70")
        doubts = {doubt.name: doubt for doubt in check_labels(project)}
        stored = {n for n, doubt in doubts.items() if "turned by 90 degrees" in doubt.what}
    assert stored == {str(n) for n in range(count)}
    assert all("EXIF orientation 6" in doubts[n].what for n in stored)
    assert sum(doubt.doubtful for doubt in doubts.values()) <= count + 1


@pytest.mark.parametrize(
    ("moved", "kind", "words"),
    [
        (lambda p: (W - 1, H - 1) - p, "turned", "turned by 180 degrees"),
        (
            lambda p: np.stack([H - 1 - p[:, 1], p[:, 0]], axis=1),
            "turned",
            "turned by 90 degrees clockwise",
        ),
        (lambda p: (W - 1, 0) + p * (-1, 1), "mirrored", "mirrored from left to right"),
        (lambda p: (0, H - 1) + p * (1, -1), "mirrored", "mirrored upside down"),
    ],
)
def test_turned_and_mirrored_labels_are_named_though_all_are(project, moved, kind, words):
    right = change(project, FACES, moved)
    explained(project, faults(project), right, kind, words)


def test_labels_of_the_mirrored_picture_are_named(project):
    """Their numbering is right and they look like a face: only the picture tells."""
    mirror = project.scheme.mirror
    right = change(project, 6, lambda p: (W - 1, 0) + p * (-1, 1), mirror)
    said = "as if they were placed in the mirrored picture"
    explained(project, faults(project), right, "mirrored", said)


def test_left_and_right_are_exchanged_in_all_faces(project):
    right = change(project, FACES, lambda p: p, project.scheme.mirror)
    said = "Left and right look exchanged in the whole face"
    explained(project, faults(project), right, "exchanged", said)


@pytest.mark.parametrize("count", [2, FACES])
def test_labels_that_were_exchanged_say_whose_they_are(project, count):
    faces = project.faces()[:count]
    for face, other in zip(faces, [*faces[1:], faces[0]], strict=True):
        project.save(face.item_id, other.annotation, face.revision_id)
    right = {face.item_id: face for face in faces}
    doubts = {doubt.item_id: doubt for doubt in check_labels(project)}
    assert sorted(doubts) == [item.id for item in project.items()]
    assert sum(doubt.doubtful for doubt in doubts.values()) <= count + 1
    explained(project, doubts, right, "other-picture", "of another picture")
    for face, other in zip(faces, [*faces[1:], faces[0]], strict=True):
        assert other.name in doubts[face.item_id].what
        assert ("the two look exchanged" in doubts[face.item_id].what) == (count == 2)


def test_whose_labels_are_lost_cannot_be_mended(project):
    """The first face's were saved over: in its place are the second's, a second time."""
    first, second = project.faces()[0], project.faces()[5]
    project.save(first.item_id, second.annotation, first.revision_id)
    found = faults(project)
    assert second.name in found[first.item_id].what
    assert found[first.item_id].kind == "other-picture"
    assert found[first.item_id].mend is None
    assert second.item_id not in found


def test_labels_of_pictures_of_another_size_are_shifted(project):
    right = change(project, FACES, lambda p: 0.5 * p)
    found = faults(project)
    assert {one.kind for one in found.values()} == {"shifted"}
    assert all("0.50 times as large" in one.what for one in found.values())
    for number, face in right.items():
        assert np.abs(found[number].mend.points - face.annotation.points).max() < 3


def test_one_face_beside_its_picture_is_said_to_be_and_not_mended(project):
    (number,) = change(project, 1, lambda p: p - [60, 40])
    (found,) = faults(project).items()
    assert (found[0], found[1].kind, found[1].mend) == (number, "shifted", None)
    assert "to the left" in found[1].what


def test_labels_outside_the_picture_are_told_of(project):
    anywhere = np.random.default_rng(0).uniform(2000, 4000, (70, 2))
    (number,) = change(project, 1, lambda _: anywhere)
    assert "outside the picture" in faults(project)[number].what
    assert {d.item_id: d for d in check_labels(project)}[number].doubtful


def test_a_point_at_one_pixel_is_named_in_every_face(project):
    def at_one_pixel(points):
        moved = points.copy()
        moved[63] = [10, 10]
        return moved

    change(project, FACES, at_one_pixel)
    doubts = check_labels(project)
    assert len(doubts) == FACES
    for doubt in doubts:
        assert doubt.doubtful
        assert (doubt.kind, doubt.points) == ("constant", (63,))
        said = "Point 63, left eyelid top inner, is at one pixel in all 12 pictures: (10, 10)."
        assert doubt.what.startswith(said)
    assert sum(doubt.what != said for doubt in doubts) <= 1  # the others look as they did before
