"""Label Studio's own checks accept our tasks for the labelling interface beside them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloop_datasets import Annotation, Scheme
from faceloop_datasets.formats import FaceRecord, ImageRef, write_faces


def test_label_studio_accepts_our_tasks(tmp_path: Path) -> None:
    interface = pytest.importorskip("label_studio_sdk.label_interface")
    picture = tmp_path / "a b.png"
    cv2.imwrite(str(picture), np.zeros((480, 640), np.uint8))
    rng = np.random.default_rng(0)
    face = Annotation("face70", rng.uniform(50, 400, (70, 2)), rng.integers(0, 4, 70))
    one = FaceRecord("a", "Ada", ImageRef(picture), picture.name, face, "here")
    write_faces("labelstudio", [one, one], tmp_path / "tasks.json", scheme=Scheme.load("face70"))
    config = interface.LabelInterface((tmp_path / "tasks.config.xml").read_text())
    config.validate()
    (task,) = json.loads((tmp_path / "tasks.json").read_text())
    (annotation,) = task.pop("annotations")
    assert config.validate_task(task)
    assert config.validate_annotation(annotation)
    points = [r for r in annotation["result"] if r["type"] == "keypointlabels"]
    assert len(points) == 2 * face.present.sum()
    for region in annotation["result"]:
        assert config.validate_region(region), region
    broken = points[0] | {"value": points[0]["value"] | {"keypointlabels": ["no such point"]}}
    assert not config.validate_region(broken)
