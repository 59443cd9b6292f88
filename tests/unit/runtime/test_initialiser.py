from __future__ import annotations

import numpy as np
import pytest

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
    box = np.array([100.0, 80.0, 120.0, 120.0])
    pose = Initialiser(small_model)(np.full((300, 400), 90, np.uint8), box)
    there = box_pose(small_model, box)
    assert there.scale == pytest.approx(120 * BOX_IOD)
    assert np.hypot(pose.tx - there.tx, pose.ty - there.ty) < 1.5 * there.scale
    assert 0.5 < pose.scale / there.scale < 2
