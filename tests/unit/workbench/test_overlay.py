"""Fits drawn into pictures."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_datasets import Scheme
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import HeadPose
from faceloop_workbench.services.overlay import (
    AXIS_COLOURS,
    draw_fit,
    draw_fits,
    fit_text,
    head_axes,
)

from .fits import make_fit

SCHEME = Scheme.load("face70")


@pytest.fixture(scope="module")
def face() -> tuple[np.ndarray, np.ndarray]:
    record = next(iter(sample_faces()))
    assert record.image is not None
    return read_image(record.image.path, "rgb"), record.annotation.points


def test_it_draws_at_the_points_and_leaves_the_picture(face: tuple[np.ndarray, ...]) -> None:
    image, points = face
    before = image.copy()
    drawn = draw_fits(image, [make_fit(points)], SCHEME)
    np.testing.assert_array_equal(image, before)
    for x, y in np.rint(points).astype(int):
        assert (drawn[y, x] != image[y, x]).any()
    changed = (drawn != image).any(axis=2).mean()
    assert 0.02 < changed < 0.3


def test_sure_points_are_green_and_unsure_ones_red(face: tuple[np.ndarray, ...]) -> None:
    image, points = face
    drawn = draw_fits(image, [make_fit(points)], SCHEME)
    first, last = (drawn[tuple(np.rint(points[i]).astype(int)[::-1])] for i in (0, -1))
    assert first[0] > first[1]
    assert last[1] > last[0]


def test_a_face_that_looks_to_the_right_has_an_axis_to_the_right(
    face: tuple[np.ndarray, ...],
) -> None:
    image, points = face
    fit = make_fit(points, head_pose=HeadPose(90.0, 0.0, 0.0, 3.0))
    side, down, ahead = head_axes(fit, SCHEME)
    across = np.array([0.6 * SCHEME.frontal_iod(points), 0.0])
    middle = points.mean(axis=0)
    np.testing.assert_allclose(ahead, [middle, middle + across], atol=1e-9)
    np.testing.assert_allclose(down, [middle, middle + across[::-1]], atol=1e-9)
    np.testing.assert_allclose(side[1], middle, atol=1e-9)
    x, y = np.rint(middle + 0.5 * across).astype(int)
    clean, drawn = (draw_fits(image, [one], SCHEME) for one in (make_fit(points), fit))
    assert (drawn[y, x] == AXIS_COLOURS[2]).all()
    assert (clean[y, x] != drawn[y, x]).any()
    without = image.copy()
    draw_fit(without, fit, SCHEME, axes=False)
    assert (without[y, x] == image[y, x]).all()


def test_a_turn_that_is_not_known_has_no_axes(face: tuple[np.ndarray, ...]) -> None:
    assert head_axes(make_fit(face[1]), SCHEME).shape == (0, 2, 2)


def test_points_that_a_person_placed_have_no_predicted_error() -> None:
    assert fit_text(make_fit(predicted_error=0.02)) == "predicted error 0.020"
    turned = make_fit(predicted_error=0.0, head_pose=HeadPose(9.6, 0.0, -4.0, np.nan))
    assert fit_text(turned) == "corrected, yaw +10, pitch +0, roll -4"


def test_without_a_face_it_says_so(face: tuple[np.ndarray, ...]) -> None:
    image, _ = face
    drawn = draw_fits(image, [], SCHEME)
    changed = (drawn != image).any(axis=2)
    assert changed[: len(image) // 8].any()
    assert not changed[len(image) // 4 :].any()


@pytest.mark.parametrize("shift", [1e3, 1e9, -1e9])
def test_points_far_outside_are_harmless(face: tuple[np.ndarray, ...], shift: float) -> None:
    image, points = face
    assert draw_fits(image, [make_fit(points + shift)], SCHEME).shape == image.shape
