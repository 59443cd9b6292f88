"""pycocotools reads what we write, and finds it equal to itself."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloop_datasets import Annotation, Scheme
from faceloop_datasets.formats import FaceRecord, ImageRef, write_faces

pytest.importorskip("pycocotools")


def test_pycocotools_evaluates_our_file_against_itself(tmp_path: Path) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    scheme, rng = Scheme.load("face70"), np.random.default_rng(0)
    faces = []
    for k in range(3):
        picture = tmp_path / f"p{k}.png"
        cv2.imwrite(str(picture), np.zeros((480, 640), np.uint8))
        states = rng.integers(0, 4, 70)
        face = Annotation("face70", rng.uniform(50, 400, (70, 2)), states)
        one = FaceRecord(str(k), "s", ImageRef(picture), picture.name, face, "here")
        faces += [one, one] if k == 1 else [one]
    file = tmp_path / "faces.json"
    write_faces("coco", faces, file, scheme=scheme)

    truth = COCO(str(file))
    rows = truth.loadAnns(truth.getAnnIds())
    for row, face in zip(rows, faces, strict=True):
        assert truth.loadImgs(row["image_id"])[0]["file_name"] == face.image_name
        x, y, v = np.array(row["keypoints"]).reshape(-1, 3).T
        there = face.annotation.present
        np.testing.assert_array_equal(np.column_stack([x, y])[there], face.annotation.points[there])
        expected = np.array([2, 1, 1, 0])[face.annotation.states]
        np.testing.assert_array_equal(v, expected)
        assert row["num_keypoints"] == there.sum()
    (category,) = truth.loadCats(truth.getCatIds())
    assert category["keypoints"] == list(scheme.names)
    assert min(min(pair) for pair in category["skeleton"]) >= 1

    results = tmp_path / "results.json"
    keys = ("image_id", "category_id", "keypoints")
    results.write_text(json.dumps([{k: row[k] for k in keys} | {"score": 1.0} for row in rows]))
    evaluation = COCOeval(truth, truth.loadRes(str(results)), "keypoints")
    evaluation.params.kpt_oks_sigmas = np.full(70, 0.05)
    evaluation.params.areaRng = evaluation.params.areaRng[:1]
    evaluation.params.areaRngLbl = evaluation.params.areaRngLbl[:1]
    evaluation.evaluate()
    evaluation.accumulate()
    assert (evaluation.eval["precision"] == 1).all()
