"""What an import does does not grow faster than its faces, and says the same of few and many."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from faceloop_datasets import Project, Scheme
from faceloop_datasets.formats._rows import _median
from faceloop_datasets.importing.matching import annotation_place

PARTS = st.sampled_from(["a", "b.jpg", ".", "..", "", "c d", ".e", "x:1", "#2"])


def written(folder: Path, faces: int, pictures: int) -> Path:
    names = list(Scheme.load("imm58").names)
    ring = np.linspace(0, 6, 58)
    mean = np.column_stack([30 + 20 * np.cos(ring), 25 + 20 * np.sin(ring), np.full(58, 2)])
    for k in range(pictures):
        cv2.imwrite(str(folder / f"p{chr(97 + k)}.png"), np.full((48, 64), 20 * k, np.uint8))
    images = [{"id": k, "file_name": f"p{chr(97 + k)}.png"} for k in range(pictures)]
    annotations = [
        {"id": k, "image_id": k * pictures // faces, "category_id": 1,
         "keypoints": (np.array([k / 100, 0, 0]) + mean).ravel().tolist(),
         "attributes": {"expression": "smile"} if k == faces - 1 else {}}
        for k in range(faces)
    ]  # fmt: skip
    category = {"id": 1, "name": "face", "keypoints": names}
    content = {"images": images, "categories": [category], "annotations": annotations}
    file = folder / "faces.json"
    file.write_text(json.dumps(content))
    return file


@pytest.mark.parametrize("dry_run", [True, False])
def test_new_faces_are_written_together(tmp_path: Path, dry_run: bool) -> None:
    file = written(tmp_path, faces=603, pictures=3)
    statements = []

    def note(*call: object) -> None:
        statements.append(call[2])

    with Project.create(tmp_path / "project", scheme="imm58") as project:
        event.listen(Engine, "before_cursor_execute", note)
        try:
            report = project.import_from("coco", [file], dry_run=dry_run)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        assert (report.new, report.faces, report.shape_only) == (603, 603, 0)
        assert len(statements) < 100
        if dry_run:
            assert not project.items()
            return
        faces = project.faces()
        assert [face.item_id for face in faces] == sorted(face.item_id for face in faces)
        first = [face.annotation.points[0, 0] for face in faces]
        np.testing.assert_allclose(first, 50 + np.arange(603) / 100)
        items = project.items()
        assert [item.media_id for item in items] == sorted(item.media_id for item in items)
        assert (items[0].name, items[1].name) == ("pa.png", "pa.png#2")
        assert all(len(project.history(item.id)) == 1 for item in items[::200])
        assert project.expression(items[-1].id) == "smile"
        again = project.import_from("coco", [file])
        assert (again.unchanged, again.new, again.updated) == (603, 0, 0)


@given(st.lists(PARTS, min_size=1, max_size=4), st.lists(PARTS, max_size=5))
def test_a_place_is_written_as_a_path_writes_it(root: list[str], path: list[str]) -> None:
    one, other = "/" + "/".join(root), "/".join(path)
    assert annotation_place(one, other) == str(PurePosixPath(one) / other)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_the_median_is_that_of_numpy(values: list[float]) -> None:
    assert _median(np.array(values)) == np.median(values)
