"""dlib itself reads what we write, and trains on it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloop_datasets import Annotation, Scheme
from faceloop_datasets.formats import FaceRecord, ImageRef, read_faces, write_faces

dlib = pytest.importorskip("dlib")


def test_dlib_reads_and_trains_on_what_we_write(tmp_path: Path) -> None:
    scheme, rng = Scheme.load("face70"), np.random.default_rng(0)
    ring = np.linspace(0, 6, 70)
    mean = np.column_stack([100 + 40 * np.cos(ring), 90 + 50 * np.sin(ring)])
    faces = []
    for k in range(4):
        picture = tmp_path / f"p {k}.png"
        cv2.imwrite(str(picture), rng.integers(0, 255, (180, 200), np.uint8))
        states = np.zeros(70, int)
        states[12] = 3 if k == 2 else k % 2
        face = Annotation("face70", mean + rng.normal(0, 2, (70, 2)), states)
        faces.append(FaceRecord(str(k), "s", ImageRef(picture), picture.name, face, "here"))
    file = tmp_path / "faces.xml"
    write_faces("dlib", faces, file, scheme=scheme)

    data = dlib.image_dataset_metadata.load_image_dataset_metadata(str(file))
    ours = list(read_faces("dlib", [file]))
    for image, one in zip(data.images, ours, strict=True):
        (box,) = image.boxes
        assert isinstance(one, FaceRecord)
        assert image.filename == one.image_name
        for place, (name, part) in enumerate(sorted(box.parts.items())):
            number = int(name)
            assert number == place or one.annotation.states[12] == 3
            assert one.annotation.points[number].tolist() == [part.x, part.y]
        assert len(box.parts) == one.annotation.present.sum()

    options = dlib.shape_predictor_training_options()
    options.cascade_depth, options.num_trees_per_cascade_level, options.tree_depth = 2, 5, 2
    options.oversampling_amount, options.num_test_splits, options.num_threads = 2, 2, 1
    options.feature_pool_size = 20
    dlib.train_shape_predictor(str(file), str(tmp_path / "model.dat"), options)
    predictor = dlib.shape_predictor(str(tmp_path / "model.dat"))
    found = predictor(np.zeros((180, 200), np.uint8), dlib.rectangle(60, 40, 140, 140))
    shape = np.array([(p.x, p.y) for p in found.parts()])
    assert np.abs(shape - mean).mean() < 8  # in the order of the scheme
