"""Something held before a face: on the picture, and on the points that it hides."""

from __future__ import annotations

import numpy as np

from faceloop_trainer.data.occlusion import occlude

TEXTURES = [np.full((40, 60), 5, np.uint8), np.full((30, 30), 250, np.uint8)]
SPREAD = np.stack(np.meshgrid(np.linspace(20, 180, 12), np.linspace(20, 180, 12)), -1)
POINTS = SPREAD.reshape(-1, 2)


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(80, 160, (200, 200)).astype(np.uint8)


def test_what_is_hidden_has_changed_and_what_is_seen_has_not() -> None:
    face, points = picture(), POINTS.copy()
    points[5] = np.nan
    for seed in range(12):
        before = face.copy()
        found, hidden = occlude(face, points, 60.0, TEXTURES, np.random.default_rng(seed))
        np.testing.assert_array_equal(face, before)
        x, y = np.rint(np.nan_to_num(points)).astype(int).T
        apart = np.abs(found.astype(int) - face)
        assert not hidden[5]
        assert 0 < hidden.sum() < len(points)
        assert apart[y[hidden], x[hidden]].mean() > 10
        edge = 2  # the cover's rim is soft
        told = ~hidden & ~np.isnan(points[:, 0])
        same = apart[y[told], x[told]] == 0
        assert same.mean() > 1 - edge / 10
        assert found.dtype == np.uint8
        assert found.shape == face.shape


def test_the_same_seed_gives_the_same_cover() -> None:
    one, other = (
        occlude(picture(), POINTS, 60.0, TEXTURES, np.random.default_rng(4)) for _ in range(2)
    )
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])


def test_a_cover_beside_the_picture_hides_nothing() -> None:
    face = picture()
    found, hidden = occlude(face, POINTS[:1] + 2000, 60.0, TEXTURES, np.random.default_rng(0))
    np.testing.assert_array_equal(found, face)
    assert not hidden.any()
