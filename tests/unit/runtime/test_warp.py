"""Textures over meshes, against the plainest way to draw them."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_runtime.render.blend import matched_colours, put_over, soft_edge
from faceloop_runtime.render.texture import Texture
from faceloop_runtime.render.warp import CpuWarper, Window, affine_maps

_RNG = np.random.default_rng(5)
_TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]])


def smooth(height, width):
    y, x = np.mgrid[:height, :width]
    return np.stack([3 * x, 2 * y, 40 + x + y], axis=2).astype(np.uint8)


def drawn_plainly(texture, vertices, triangles, window):
    """Each pixel by the barycentric coordinates of the last triangle that it is in."""
    image = np.zeros((window.height, window.width, 3))
    inside = np.zeros(image.shape[:2], bool)
    for row in range(window.height):
        for column in range(window.width):
            place = np.array([column + window.x, row + window.y, 1.0])
            for triangle in triangles:
                corners = np.vstack([vertices[triangle].T, np.ones(3)])
                shares = np.linalg.solve(corners, place)
                if (shares >= 0).all():
                    x, y = shares @ texture.vertices[triangle]
                    x0, y0 = int(x), int(y)
                    part = texture.image[y0 : y0 + 2, x0 : x0 + 2].astype(float)
                    across = part[:, 0] * (1 - x + x0) + part[:, 1] * (x - x0)
                    image[row, column] = across[0] * (1 - y + y0) + across[1] * (y - y0)
                    inside[row, column] = True
    return image, inside


def test_it_draws_what_barycentric_coordinates_say():
    texture = Texture(smooth(60, 70), np.array([[5.0, 5], [60, 8], [55, 50], [8, 45]]))
    vertices = np.array([[2.3, 3.1], [41.2, 6.4], [38.7, 33.3], [6.1, 36.8]])
    window = Window(1, 2, 42, 36)
    image, inside = CpuWarper().warp(texture, vertices, _TRIANGLES, window)
    expected, there = drawn_plainly(texture, vertices, _TRIANGLES, window)
    assert inside[there].all()
    assert inside.sum() - there.sum() < 160  # pixels on the edge are drawn whole
    assert np.abs(image[there] - expected[there]).max() <= 1.5
    assert (image[~inside] == 0).all()


def test_a_mesh_in_its_own_place_is_the_picture():
    image = _RNG.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    places = np.array([[0.0, 0], [49, 0], [49, 39], [0, 39]])
    drawn, inside = CpuWarper().warp(
        Texture(image, places), places, _TRIANGLES, Window(0, 0, 50, 40)
    )
    assert inside.all()
    assert np.array_equal(drawn, image)


def test_the_triangle_that_faces_us_hides_the_one_that_is_turned_away():
    image = np.zeros((20, 20, 3), np.uint8)
    image[:, 10:] = 200
    source = np.array([[1.0, 1], [8, 1], [8, 18], [11, 1], [18, 1], [18, 18]])
    there = np.array([[0.0, 0], [10, 0], [10, 10], [10, 10], [10, 0], [0, 0]])
    for order in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]):
        drawn, _ = CpuWarper().warp(
            Texture(image, source), there, np.array(order), Window(0, 0, 11, 11)
        )
        assert drawn[3, 8, 0] == 0


def test_a_picture_drawn_small_is_halved_first():
    noise = _RNG.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    places = np.array([[0.0, 0], [255, 0], [255, 255], [0, 255]])
    small = places / 8
    drawn, _ = CpuWarper().warp(Texture(noise, places), small, _TRIANGLES, Window(0, 0, 32, 32))
    assert drawn.std() < 20  # 74 without


def test_a_halved_picture_has_its_vertices_in_the_same_place():
    image = smooth(80, 80)
    texture = Texture(image, np.array([[10.0, 10], [70, 10], [70, 70], [10, 70]]))
    half = texture.for_size_of(texture.vertices / 2, _TRIANGLES)
    assert half.image.shape == (40, 40, 3)
    x, y = np.rint(half.vertices[2]).astype(int)
    assert np.abs(half.image[y, x].astype(int) - image[70, 70]).max() <= 3
    assert texture.for_size_of(texture.vertices / 2, _TRIANGLES) is half
    assert texture.for_size_of(texture.vertices * 3, _TRIANGLES) is texture


def test_affine_maps_take_corners_to_corners():
    drawn, source = _RNG.normal(size=(2, 5, 3, 2))
    drawn[4] = drawn[4, :1]  # without an area
    maps = affine_maps(drawn, source)
    places = np.concatenate([drawn, np.ones((5, 3, 1))], axis=2)
    assert np.allclose(np.einsum("tij,tkj->tki", maps, places)[:4], source[:4])
    assert np.allclose(maps[4] @ [*drawn[4, 0], 1], source[4, 0])


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([[1.5, 2.5], [4.2, 6.9]], Window(0, 1, 7, 8)),
        ([[-3.0, -3], [2, 2]], Window(0, 0, 4, 4)),
        ([[-9.0, 2], [-2, 4]], None),
        ([[30.0, 2], [40, 4]], None),
    ],
)
def test_a_window_is_what_lies_in_the_picture_and_a_pixel_round_it(points, expected):
    assert Window.round(np.array(points), (20, 10)) == expected


def test_a_face_takes_on_the_light_of_the_scene():
    face = _RNG.integers(60, 160, (30, 30, 3), dtype=np.uint8)
    scene = np.rint(face * [0.9, 0.7, 1.2]).astype(np.uint8)
    everywhere = np.ones((30, 30), bool)
    assert np.abs(matched_colours(face, scene, everywhere) - scene.astype(int)).max() <= 2
    assert matched_colours(face, scene, ~everywhere) is face


def test_what_is_dark_stays_dark_and_gray_stays_gray():
    face = np.full((30, 30, 3), 120, np.uint8) + _RNG.integers(-20, 20, (30, 30, 1)).astype("u1")
    face[:3] = 8  # a mouth
    scene = np.rint(face * [1.0, 0.8, 0.6]).astype(np.uint8)
    made = matched_colours(face, scene, np.ones((30, 30), bool))
    assert made[0, 0].max() <= 10


def test_an_edge_is_soft_inwards_but_not_where_the_picture_ends():
    where = np.zeros((20, 40), bool)
    where[:, :30] = True
    alpha = soft_edge(where, 8)
    assert (alpha[~where] == 0).all()
    assert (alpha[:, :20] == 1).all()
    assert 0 < alpha[10, 28] < alpha[10, 24] < 1


def test_what_is_put_over_hides_by_its_share():
    scene = np.full((1, 3, 3), 100, np.uint8)
    put_over(scene, np.full((1, 3, 3), 200, np.uint8), np.array([[0.0, 0.5, 1.0]], np.float32))
    assert scene[0, :, 0].tolist() == [100, 150, 200]
