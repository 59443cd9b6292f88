from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import Fitter
from faceloop_runtime.detect.boxes import FaceBox
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.model import FaceModel
from faceloop_runtime.start.initialiser import BOX_IOD, Initialiser, _peaks, box_pose


def test_peaks_are_the_strongest_local_maxima() -> None:
    log = np.full((11, 11), -9.0, np.float32)
    log[5, 5], log[5, 6] = 0.0, -0.5  # beside the first: no peak
    log[0, 10], log[10, 0], log[2, 2], log[8, 8] = -1.0, -2.0, -3.0, -4.0
    strengths, places = _peaks(log)
    assert strengths.tolist() == [0.0, -1.0, -2.0, -3.0]
    assert places.tolist() == [[0, 0], [5, -5], [-5, 5], [-3, -3]]


def test_a_flat_picture_leaves_a_face_about_where_the_box_has_it(small_model: FaceModel) -> None:
    box = FaceBox(100, 80, 120, 120)
    pose = Initialiser(small_model)(np.full((300, 400), 90, np.uint8), box)
    there = box_pose(small_model, box)
    assert there.scale == pytest.approx(120 * BOX_IOD)
    assert np.hypot(pose.tx - there.tx, pose.ty - there.ty) < 1.5 * there.scale
    assert 0.5 < pose.scale / there.scale < 2


@given(st.floats(-180, 180), st.floats(20, 300), st.floats(-50, 400))
def test_the_start_is_tilted_as_the_box_is(
    small_model: FaceModel, roll: float, width: float, x: float
) -> None:
    """The face keeps its place in the box, which turns round its middle."""
    upright = FaceBox(x, 80, width, width)
    turn = Similarity.from_polar(1.0, np.deg2rad(roll), 0.0, 0.0)
    centre = np.array(upright.centre)
    mean = small_model.pdm.mean
    plain = box_pose(small_model, upright).apply(mean)
    tilted = box_pose(small_model, replace(upright, roll=roll)).apply(mean)
    np.testing.assert_allclose(tilted, turn.apply(plain - centre) + centre, atol=1e-6)


def test_a_face_upside_down_is_fitted_from_its_box() -> None:
    model = FaceModel.starter()
    record = next(iter(sample_faces()))
    assert record.image is not None
    gray = read_image(record.image.path, "gray")
    low, high = record.annotation.points.min(axis=0), record.annotation.points.max(axis=0)
    side = float((high - low).max())
    box = FaceBox(float(low[0] + high[0] - side) / 2, float(high[1] - side), side, side)
    upright = Fitter(model, "cpu").fit(gray, box).points
    turn = Similarity(-1.0, 0.0, gray.shape[1] - 1.0, gray.shape[0] - 1.0)
    turned = np.ascontiguousarray(gray[::-1, ::-1])
    fit = Fitter(model, "cpu").fit(turned, box.moved(turn))
    iod = model.scheme.inter_ocular_distance(upright)
    assert np.linalg.norm(fit.points - turn.apply(upright), axis=1).mean() < 0.01 * iod
