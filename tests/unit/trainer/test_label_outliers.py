"""Mistakes planted in shapes, and the sentences about them."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_datasets import Scheme
from faceloop_datasets.sample import sample_faces
from faceloop_trainer.labelcheck import find_outliers

SCHEME = Scheme.load("face70")
RNG = np.random.default_rng(0)
NONE = np.zeros(2)


@pytest.fixture(scope="module")
def shapes():
    """Points of 200 sample faces, and fits of them that are a little off."""
    faces = [f for f, _ in zip(sample_faces(), range(200), strict=False)]
    points = np.array([f.annotation.points for f in faces])
    visible = np.array([f.annotation.trains_patches for f in faces])
    return points, visible, points + RNG.normal(0, 1.0, points.shape)


def iod(points):
    return SCHEME.inter_ocular_distance(points)


def planted(shapes, face, change):
    points, visible, fitted = shapes
    points = points.copy()
    points[face] = change(points[face].copy())
    return find_outliers(SCHEME, points, visible, fitted)


def place(doubts, face):
    """Place in the list, from 0: not always the first, since winks are unusual too."""
    return sum(doubt.score > doubts[face].score for doubt in doubts)


def test_a_moved_point_is_named(shapes):
    def move(points):
        points[61] += [0.1 * iod(points), 0]
        return points

    doubts = planted(shapes, 17, move)
    assert place(doubts, 17) < 10
    assert "Point 61, nose tip, lies 0.1" in doubts[17].what


def test_exchanged_eyes_are_named(shapes):
    def exchange(points):
        order = list(range(70))
        for i in (*SCHEME.groups["left_eye"], *SCHEME.groups["right_eye"]):
            order[i] = SCHEME.mirror[i]
        return points[order]

    doubts = planted(shapes, 40, exchange)
    assert place(doubts, 40) < 10
    assert doubts[40].what == "The points of left eye and right eye look exchanged."


def test_a_face_with_left_and_right_exchanged_is_named(shapes):
    doubts = planted(shapes, 8, lambda points: points[list(SCHEME.mirror)])
    assert place(doubts, 8) < 10
    assert "Left and right look exchanged in the whole face" in doubts[8].what


def test_two_exchanged_points_are_named(shapes):
    def exchange(points):
        points[[43, 44]] = points[[44, 43]]
        return points

    doubts = planted(shapes, 99, exchange)
    assert place(doubts, 99) < 10
    assert "43, mouth left corner, and 44, upper lip left 1, look exchanged" in doubts[99].what


def contour_of(name):
    return next(c for c in SCHEME.contours if c.name == name)


@pytest.mark.parametrize("name", ["contour", "outer_lip", "left_eye", "right_brow", "nose"])
def test_a_contour_that_runs_backwards_is_named(shapes, name):
    line = list(contour_of(name).points)

    def reverse(points):
        points[line] = points[line[:1] + line[:0:-1] if contour_of(name).closed else line[::-1]]
        return points

    doubts = planted(shapes, 23, reverse)
    assert place(doubts, 23) < 10
    words = name.replace("_", " ")
    assert doubts[23].what in (
        f"The points of {words} run backwards.",
        # The same, where a whole part of the face is one symmetric contour.
        f"The points of {words} look as if left and right were exchanged.",
    )


@pytest.mark.parametrize("name", ["contour", "nose"])
@pytest.mark.parametrize(("step", "said"), [(1, "1 after it"), (-1, "1 before it"), (2, "2 after")])
def test_points_that_slipped_along_an_open_contour_are_named(shapes, name, step, said):
    line = list(contour_of(name).points)

    def slip(points):
        there = np.clip(np.arange(len(line)) + step, 0, len(line) - 1)
        points[line] = points[np.array(line)[there]]
        return points

    doubts = planted(shapes, 23, slip)
    assert place(doubts, 23) < 10
    assert f"The points of {name} look shifted: each lies where the point {said}" in doubts[23].what


@pytest.mark.parametrize(("step", "said"), [(1, "1 after it"), (-2, "2 before it")])
def test_a_closed_contour_begun_at_another_point_is_named(shapes, step, said):
    line = list(contour_of("outer_lip").points)

    def slip(points):
        points[line] = points[np.roll(line, -step)]
        return points

    doubts = planted(shapes, 23, slip)
    assert place(doubts, 23) < 10
    assert (
        f"The points of outer lip look shifted: each lies where the point {said}" in doubts[23].what
    )


def test_one_face_alone_does_not_make_its_own_mistake_usual(shapes):
    """With closed lips the points move little, less than other people differ."""
    mouth = [*range(43), *range(54, 42, -1), *range(55, 70)]
    doubts = planted(shapes, 110, lambda points: points[mouth])
    assert place(doubts, 110) < 10
    assert doubts[110].what == "The points of outer lip run backwards."


def test_a_point_at_the_end_of_a_contour_is_no_slip_of_all(shapes):
    def move(points):
        points[0] += [-0.3 * iod(points), 0]
        return points

    doubts = planted(shapes, 17, move)
    assert "Point 0, contour left temple, lies" in doubts[17].what


def test_an_exchange_is_named_though_the_fit_ended_elsewhere(shapes):
    points, visible, fitted = (array.copy() for array in shapes)
    points[8] = points[8][list(SCHEME.mirror)]
    fitted[8] += 3 * iod(points[9])
    assert "Left and right look exchanged" in find_outliers(SCHEME, points, visible, fitted)[8].what


@pytest.mark.parametrize(
    ("direction", "said"), [((0.1, 0), "0.10 to the right"), ((0, -0.1), "0.10 up")]
)
def test_a_shifted_face_is_seen_by_the_fits_only(shapes, direction, said):
    doubts = planted(shapes, 5, lambda points: points + np.array(direction) * iod(points))
    assert place(doubts, 5) < 10
    assert said in doubts[5].what


def test_a_part_beside_where_the_fits_see_it_is_named(shapes):
    mouth = list(SCHEME.groups["mouth"])

    def move(points):
        points[mouth] += np.array([0, 0.07]) * iod(points)
        return points

    doubts = planted(shapes, 5, move)
    assert place(doubts, 5) < 10
    assert doubts[5].what.startswith("The points of mouth lie beside the mouth in the picture: ")
    assert "0.07 down" in doubts[5].what


def test_what_a_person_said_is_right_is_no_doubt_and_the_next_fault_is_named(shapes):
    points, visible, fitted = (array.copy() for array in shapes)
    points[17, 61] += [0.12 * iod(points[17]), 0]
    points[17, 7] += [0, 0.1 * iod(points[17])]
    approved = np.zeros(visible.shape, dtype=bool)
    said = []
    for _ in range(3):
        found = find_outliers(SCHEME, points, visible, fitted, approved=approved)
        said.append(found[17])
        approved[17, list(found[17].points)] = True
    assert [fault.points for fault in said[:2]] == [(61,), (7,)]
    assert (said[0].score, said[1].score) > (1.5, 1.5)
    assert said[2].score < 1.5
    others = find_outliers(SCHEME, points, visible, fitted)
    assert [f.score for f in found[18:]] == [f.score for f in others[18:]]


@pytest.mark.parametrize("left", [(), (43,)])
def test_a_part_is_right_when_all_of_its_points_are(shapes, left):
    mouth = list(SCHEME.groups["mouth"])
    points, visible, fitted = (array.copy() for array in shapes)
    points[5, mouth] += np.array([0, 0.07]) * iod(points[5])
    approved = np.zeros(visible.shape, dtype=bool)
    approved[5, mouth] = True
    approved[5, list(left)] = False
    fault = find_outliers(SCHEME, points, visible, fitted, approved=approved)[5]
    # One point that nobody has said is right keeps the part in doubt, and is all it names.
    assert ("mouth in the picture" in fault.what) == bool(left)
    assert not set(fault.points) & set(np.flatnonzero(approved[5]))


def test_missing_points_and_faces_without_a_picture_are_no_doubt(shapes):
    points, visible, fitted = (array.copy() for array in shapes)
    before = find_outliers(SCHEME, points, visible, fitted)
    points[3, 10:14], visible[3, 10:14] = np.nan, False
    fitted[4] = np.nan
    after = find_outliers(SCHEME, points, visible, fitted)
    assert after[3].score < 2 * max(before[3].score, 1)
    assert np.isfinite([found.score for found in after]).all()


def test_size_and_place_of_a_face_do_not_count(shapes):
    points, visible, fitted = shapes
    moved = find_outliers(SCHEME, 2.5 * points + 40, visible, 2.5 * fitted + 40)
    still = find_outliers(SCHEME, points, visible, fitted)
    assert [found.what for found in moved] == [found.what for found in still]
    assert np.allclose(
        [found.score for found in moved], [found.score for found in still], rtol=1e-6
    )


def test_what_is_seen_where_it_was_placed_is_not_doubtful(shapes):
    """By a model from elsewhere: a point, or a part, that is unusual in this face only."""
    points, visible, fitted = (array.copy() for array in shapes)
    points[17, 61] += [0.12 * iod(points[17]), 0]
    mouth = list(SCHEME.groups["mouth"])
    points[5, mouth] += np.array([0, 0.12]) * iod(points[5])
    away = np.zeros_like(points)
    unsaid = find_outliers(SCHEME, points, visible, fitted)
    seen = find_outliers(SCHEME, points, visible, fitted, away)
    away[17, 61], away[5, mouth] = [0.12, 0], [0, 0.12]
    off = find_outliers(SCHEME, points, visible, fitted, away)
    unknown = find_outliers(SCHEME, points, visible, fitted, np.full_like(points, np.nan))
    for face in (5, 17):
        assert unsaid[face].score >= 1.5 > seen[face].score
        assert off[face] == unsaid[face] == unknown[face]
        assert seen[face].what == unsaid[face].what
    assert unsaid[17].points == (61,)
    assert unsaid[5].points == tuple(mouth)
