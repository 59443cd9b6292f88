"""Triangles over a face: they cover the whole of it, once, and move as it does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import Scheme
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.render.mesh import FaceMesh, doubled_areas, outline, painted_order

_SCHEME = Scheme.load("face70")
_MEAN = FaceModel.starter().pdm.mean
_MESH = FaceMesh.of(_SCHEME, _MEAN)
_FEW = Scheme.parse(
    """
    name = "five"
    names = ["left eye", "right eye", "nose", "mouth left", "mouth right"]
    iod = [0, 1]
    [initialisation]
    left_eye = [0]
    right_eye = [1]
    nose = [2]
    """,
    "five.toml",
)
_FEW_MEAN = _MEAN[[23, 28, 61, 43, 49]]


def polygon_area(line):
    x, y = line.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def without_triangles(scheme):
    return dataclasses.replace(scheme, triangles=())


@pytest.mark.parametrize(
    ("scheme", "mean"),
    [(_SCHEME, _MEAN), (without_triangles(_SCHEME), _MEAN), (_FEW, _FEW_MEAN)],
)
@pytest.mark.parametrize("reach", [1.0, 1.9])
def test_it_covers_all_within_the_ring_once(scheme, mean, reach):
    mesh = FaceMesh.of(scheme, mean, reach)
    vertices = np.concatenate([mesh.mean, mesh.ring])
    areas = doubled_areas(vertices[mesh.triangles])
    assert (areas > -1e-12).all()
    assert areas.sum() == pytest.approx(polygon_area(mesh.ring), rel=1e-6)
    assert set(mesh.triangles.ravel()) == set(range(len(vertices)))


def test_the_ring_holds_face_and_forehead():
    top, eyes = _MESH.ring[:, 1].min(), _MEAN[[27, 32], 1].mean()
    assert eyes - top == pytest.approx(0.9, abs=0.02)
    assert _MESH.ring[:, 1].max() > _MEAN[:, 1].max()
    assert np.abs(_MESH.ring[:, 0]).max() > np.abs(_MEAN[:, 0]).max()


def test_the_schemes_own_triangles_are_kept():
    assert _MESH.triangles[-len(_SCHEME.triangles) :].tolist() == [
        list(t) for t in _SCHEME.triangles
    ]


numbers = st.floats(-2.0, 2.0)


@given(st.lists(numbers, min_size=4, max_size=4), st.lists(numbers, min_size=2, max_size=2))
def test_the_ring_follows_affine_maps(linear, shift):
    matrix = np.array(linear).reshape(2, 2)
    moved = _MEAN @ matrix + shift
    assert np.allclose(_MESH.ring_of(moved), _MESH.ring @ matrix + shift, atol=1e-6)


@given(numbers, numbers, numbers, numbers)
def test_of_few_points_it_follows_similarities(a, b, x, y):
    mesh, pose = FaceMesh.of(_FEW, _FEW_MEAN), Similarity(a, b, x, y)
    assert np.allclose(mesh.ring_of(pose.apply(_FEW_MEAN)), pose.apply(mesh.ring), atol=1e-6)


def test_a_smile_widens_no_forehead_of_few_points():
    smile = _FEW_MEAN + np.array([[0, 0], [0, 0], [0, 0], [-0.1, 0], [0.1, 0]])
    mesh = FaceMesh.of(_FEW, _FEW_MEAN)
    high = mesh.ring[:, 1] < _FEW_MEAN[:, 1].min() - 0.5
    assert np.abs(mesh.ring_of(smile) - mesh.ring)[high, 0].max() < 0.01


def test_the_ring_keeps_to_the_cheek_of_a_face_that_turns():
    points = max(
        (r.annotation.points for r in sample_faces()),
        key=lambda p: abs((p[61] - (p[23] + p[28]) / 2)[0]) / np.linalg.norm(p[23] - p[28]),
    )
    ring = _MESH.ring_of(points)
    size = _SCHEME.frontal_iod(points)
    below = ring[:, 1] > points[[27, 32], 1].mean() + 0.2 * size
    away = np.linalg.norm(ring[below][:, None] - points[:15], axis=2).min(axis=1)
    assert away.max() < 0.25 * size


def test_the_edge_of_triangles_is_one_line_or_none():
    square = np.array([[0, 1, 2], [0, 2, 3]])
    assert outline(square).tolist() == [0, 1, 2, 3]
    apart = np.array([[0, 1, 2], [3, 4, 5]])
    assert outline(apart) is None
    at_one_point = np.array([[0, 1, 2], [2, 3, 4]])
    assert outline(at_one_point) is None
    assert outline(np.zeros((0, 3), int)) is None


def test_triangles_that_are_turned_away_are_painted_first():
    places = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    clockwise, turned = [0, 1, 2], [0, 3, 2]
    assert painted_order(places, np.array([clockwise, turned])).tolist() == [turned, clockwise]
