"""LabelMe's own reader and writer, and Datumaro's of CVAT and COCO, on what we write.

Datumaro is what CVAT converts its exports with.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloop_datasets import Annotation, Scheme
from faceloop_datasets.formats import FaceRecord, ImageRef, read_faces, write_faces

SCHEME = Scheme.load("face70")


@pytest.fixture
def faces(tmp_path: Path) -> list[FaceRecord]:
    rng, made = np.random.default_rng(0), []
    (tmp_path / "images").mkdir()
    for k in range(3):
        picture = tmp_path / "images" / f"p{k}.png"
        cv2.imwrite(str(picture), np.zeros((480, 640), np.uint8))
        face = Annotation("face70", rng.uniform(50, 400, (70, 2)), rng.integers(0, 4, 70))
        made.append(
            FaceRecord(
                str(k), "Ada", ImageRef(picture), picture.name, face, "here",
                subject_source="person", expression="smile",
            )
        )  # fmt: skip
    return made


def test_labelme_loads_and_saves_what_we_write(faces: list[FaceRecord], tmp_path: Path) -> None:
    pytest.importorskip("PyQt5")
    labelme = pytest.importorskip("labelme._label_file")
    dest = tmp_path / "labels"
    write_faces("labelme", faces, dest, scheme=SCHEME)
    for face in faces:
        file = dest / f"{Path(face.image_name).stem}.json"
        loaded = labelme.LabelFile(str(file))
        assert loaded.image_data  # it has found the picture
        assert len(loaded.shapes) == face.annotation.present.sum()
        x, y = loaded.shapes[0]["points"][0]
        first = face.annotation.points[face.annotation.present][0]
        np.testing.assert_allclose((x, y), first + 0.5)
        labelme.write_label_file(
            str(file), shapes=loaded.shapes, image_path=loaded.image_path, image_height=480,
            image_width=640, image_data=loaded.image_data, other_data=loaded.other_data,
        )  # fmt: skip
    for face, back in zip(faces, read_faces("labelme", [dest]), strict=True):
        assert isinstance(back, FaceRecord)
        np.testing.assert_array_equal(back.annotation.states, face.annotation.states)
        np.testing.assert_allclose(back.annotation.points, face.annotation.points)
        assert (back.subject, back.expression) == ("Ada", "smile")


def test_datumaro_reads_what_we_write(faces: list[FaceRecord], tmp_path: Path) -> None:
    datumaro = pytest.importorskip("datumaro")
    (tmp_path / "annotations").mkdir()
    write_faces("cvat", faces, tmp_path / "annotations.xml", scheme=SCHEME)
    coco = tmp_path / "annotations" / "person_keypoints_default.json"
    write_faces("coco", faces, coco, scheme=SCHEME)
    by_name = {Path(face.image_name).stem: face.annotation for face in faces}
    for kind, offset in (("cvat", 0.5), ("coco_person_keypoints", 0.0)):
        found = list(datumaro.Dataset.import_from(str(tmp_path), kind))
        assert len(found) == 3
        for item in found:
            face = by_name[Path(item.id).name]
            points = [one for one in item.annotations if type(one).__name__ == "Points"]
            flat = np.concatenate([np.reshape(one.points, (-1, 2)) for one in points])
            there = face.present if len(flat) == 70 else face.present[face.present]
            expected = face.points[face.present] + offset
            np.testing.assert_allclose(flat[there], expected, atol=0.01)  # it rounds
