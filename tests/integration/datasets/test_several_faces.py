"""Several faces of one picture stay who they are when their file is edited and read again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import Annotation, Project
from faceloop_datasets.formats import source_scheme

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NAMES = ("nose", "left", "right")
SHAPE = np.array([(20.0, 30.0), (0.0, 0.0), (40.0, 0.0)])


class Faces:
    """A picture of faces beside each other, whose numbers say whose they are."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.kind = folder, kind
        folder.mkdir()
        Image.new("RGB", (400, 100)).save(folder / "a.png")
        self.file = folder / ("a.xml" if kind == "dlib" else "a.json")

    @property
    def format(self) -> str:
        return self.kind.split(" ")[0]

    def put(self, who: Iterable[int], moved: Iterable[int] = (), by: float = 2.0) -> None:
        faces = [(n, SHAPE + (80 * n, 10) + (by if n in moved else 0)) for n in who]
        self.file.write_text(getattr(self, f"_{self.format}")(faces), encoding="utf-8")

    def _coco(self, faces: list[tuple[int, np.ndarray]]) -> str:
        ids = self.kind == "coco"
        rows = [
            {"image_id": 1, "category_id": 1, "keypoints": np.c_[xy, [2, 2, 2]].ravel().tolist()}
            | ({"id": 50 + n} if ids else {})
            for n, xy in faces
        ]
        category = {"id": 1, "name": "face", "keypoints": NAMES, "skeleton": []}
        images = [{"id": 1, "file_name": "a.png"}]
        return json.dumps({"images": images, "categories": [category], "annotations": rows})

    def _labelme(self, faces: list[tuple[int, np.ndarray]]) -> str:
        shapes = [
            {"label": name, "points": [[x + 0.5, y + 0.5]], "group_id": n, "shape_type": "point"}
            for n, xy in faces
            for name, (x, y) in zip(NAMES, xy.tolist(), strict=True)
        ]
        return json.dumps({"version": "5", "flags": {}, "shapes": shapes, "imagePath": "a.png"})

    def _dlib(self, faces: list[tuple[int, np.ndarray]]) -> str:
        boxes = "".join(
            "<box top='0' left='0' width='9' height='9'>"
            + "".join(f"<part name='{k}' x='{x}' y='{y}'/>" for k, (x, y) in enumerate(xy.tolist()))
            + "</box>"
            for _, xy in faces
        )
        return f"<dataset><images><image file='a.png'>{boxes}</image></images></dataset>"


@pytest.fixture(params=["labelme", "coco", "coco without ids", "dlib"])
def faces(request: pytest.FixtureRequest, tmp_path: Path) -> Faces:
    made = Faces(tmp_path / "set", request.param)
    made.put([0, 1, 2, 3])
    return made


@pytest.fixture
def project(faces: Faces, tmp_path: Path) -> Iterator[Project]:
    """Of four faces; a person has named each, and corrected the third."""
    scheme = source_scheme(faces.format, [faces.file])
    with Project.create(tmp_path / "project", scheme=scheme) as made:
        made.import_from(faces.format, [faces.file])
        for number, item in enumerate(made.items()):
            made.set_subject([item.id], f"person {number}")
        third = made.faces()[2]
        corrected = Annotation(
            third.annotation.scheme, third.annotation.points + 0.25, third.annotation.states
        )
        made.save(third.item_id, corrected, third.revision_id)
        yield made


def said(project: Project) -> list[tuple[str, float]]:
    """Whom the first four items show, and where the nose is that a file said last."""
    found = []
    for item in project.items()[:4]:
        read = [one for one in project.history(item.id) if one.annotation.source.startswith("imp")]
        found.append((item.subject, float(read[-1].annotation.points[0, 0])))
    return found


def noses(**moved: float) -> list[tuple[str, float]]:
    return [(f"person {n}", 20.0 + 80 * n + moved.get(f"of_{n}", 0)) for n in range(4)]


def test_who_is_left_or_comes_in_another_order_is_known(faces: Faces, project: Project) -> None:
    for order in ([1, 2, 3], [0, 1, 2, 3], [3, 2, 1, 0], [2], [0, 1, 3], [3, 1]):
        faces.put(order)
        report = project.import_from(faces.format, [faces.file])
        assert (report.unchanged, report.faces) == (len(order), len(order))
        assert said(project) == noses()
    assert len(project.queue.list()) == 0


def test_one_is_edited_and_another_deleted(faces: Faces, project: Project) -> None:
    faces.put([1, 2, 3], moved=[2, 3])
    report = project.import_from(faces.format, [faces.file])
    assert (report.unchanged, report.updated, report.kept_aside) == (1, 1, 1)
    assert said(project) == noses(of_2=2, of_3=2)
    corrected = next(face for face in project.faces() if face.subject == "person 2")
    assert corrected.annotation.points[0, 0] == 180.25
    (entry,) = project.queue.list()
    assert entry.item_id == corrected.item_id
    faces.put([3, 2, 1], moved=[2])
    assert project.import_from(faces.format, [faces.file]).updated == 1
    assert said(project) == noses(of_2=2)


def test_a_face_in_place_of_a_deleted_one_is_new(faces: Faces, project: Project) -> None:
    faces.put([0, 1, 3, 4])
    report = project.import_from(faces.format, [faces.file])
    assert (report.unchanged, report.new, report.updated) == (3, 1, 0)
    assert not project.items()[4].subject.startswith("person")
    assert said(project) == noses()


def test_a_copy_without_the_first_and_with_others_edited(
    faces: Faces, project: Project, tmp_path: Path
) -> None:
    faces.put([1, 2, 3], moved=[3])
    copy = faces.folder.rename(tmp_path / "copy")
    project.import_from(faces.format, [copy / faces.file.name])
    # by its number alone it would be another's: the edited one is a new face then
    assert said(project) == noses(of_3=2 if faces.kind in ("labelme", "coco") else 0)


@pytest.mark.parametrize("faces", ["coco"], indirect=True)
def test_a_face_that_another_file_brings_too_shows_whom_the_first_does(
    faces: Faces, project: Project
) -> None:
    other = Faces(faces.folder.parent / "other", "labelme")
    other.file = faces.folder / f"other{other.file.suffix}"  # of the same picture
    other.put([3, 5, 1])
    assert project.import_from(other.format, [other.file]).new == 3
    shown = [item.subject for item in project.items()[4:]]
    assert shown[::2] == ["person 3", "person 1"]
    assert not shown[1].startswith("person")
