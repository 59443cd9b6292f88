"""Fits and response maps as layers want them."""

from __future__ import annotations

import numpy as np

from faceloop_datasets import Scheme
from faceloop_runtime import HeadPose
from faceloop_runtime.geometry import Similarity
from faceloop_workbench.live.layer_data import affine, axis_segments, nearest, segments
from faceloop_workbench.services.overlay import head_axes

from .fits import make_fit


def test_contours_become_lines_from_point_to_point() -> None:
    scheme = Scheme.load("face70")
    points = np.random.default_rng(0).uniform(0, 100, (len(scheme), 2))
    lines = segments(points, scheme)
    wanted = sum(len(c.points) - (not c.closed) for c in scheme.contours)
    assert lines.shape == (wanted, 2, 2)
    first = scheme.contours[0].points
    assert np.allclose(lines[0, 0], points[first[0]][::-1])
    assert np.allclose(lines[0].sum(axis=0), points[first[1]][::-1])


def test_a_closed_contour_comes_back_to_its_first_point() -> None:
    scheme = Scheme.load("face70")
    points = np.arange(2.0 * len(scheme)).reshape(-1, 2)
    ends = segments(points, scheme).sum(axis=1)[:, ::-1]
    for contour in (c for c in scheme.contours if c.closed):
        assert (ends == points[contour.points[0]]).all(axis=1).any()


def test_axes_of_heads_are_three_lines_each() -> None:
    scheme = Scheme.load("face70")
    points = np.random.default_rng(0).uniform(0, 100, (len(scheme), 2))
    turned = make_fit(points, head_pose=HeadPose(20.0, 10.0, 5.0, 2.0))
    lines = axis_segments([turned, make_fit(points), turned], scheme)
    assert lines.shape == (6, 2, 2)
    ends = head_axes(turned, scheme)
    np.testing.assert_allclose(lines[:3, 0], ends[:, 0, ::-1])
    np.testing.assert_allclose(lines[:3].sum(axis=1), ends[:, 1, ::-1])
    assert axis_segments([make_fit(points)], scheme).shape == (0, 2, 2)


def test_a_click_means_the_nearest_point_of_any_face() -> None:
    near = make_fit(np.array([[10.0, 10.0], [20.0, 10.0]]))
    far = make_fit(np.array([[100.0, 10.0], [110.0, 12.0]]))
    assert nearest([near, far], (19.0, 11.0), 5.0) == (0, 1)
    assert nearest([near, far], (109.0, 11.0), 5.0) == (1, 1)


def test_a_click_beside_the_face_means_no_point() -> None:
    fit = make_fit(np.array([[10.0, 10.0], [20.0, 10.0]]))
    assert nearest([fit], (50.0, 50.0), 5.0) is None
    assert nearest([], (50.0, 50.0), 5.0) is None


def test_the_matrix_of_a_layer_does_what_the_transform_does() -> None:
    to_picture = Similarity.from_polar(1.7, 0.3, 40.0, 25.0)
    x, y = to_picture.apply(np.array([[3.0, 8.0]]))[0]
    row, column, _ = affine(to_picture) @ [8.0, 3.0, 1.0]
    assert np.allclose((column, row), (x, y))
