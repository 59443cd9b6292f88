"""What a face looks like: colours, symbols, lines, and texts that do not cover each other."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_datasets import PointState, Scheme
from faceloop_workbench.annotate.face_state import FaceState
from faceloop_workbench.annotate.point_style import PointStyle, mark_size, place_labels


@pytest.mark.parametrize("name", Scheme.bundled())
def test_every_scheme_has_a_colour_for_each_group(name):
    scheme = Scheme.load(name)
    style = PointStyle(scheme)
    assert set(style.groups) == set(scheme.groups)
    for group, members in scheme.groups.items():
        assert (style.colours[list(members)] == style.groups[group]).all()
    if len(scheme.groups) <= 8:
        assert len(set(style.groups.values())) == len(style.groups)


def test_states_are_told_apart_and_missing_points_cannot_be_seen():
    scheme = Scheme.load("face70")
    points = np.random.default_rng(0).uniform(0, 100, (70, 2))
    face = FaceState.estimated(points, "m").placed_at([0, 1], points[[0, 1]])
    face = face.occlusion_toggled([1]).without([2])
    marks = PointStyle(scheme).marks(face)
    assert len({marks.symbols[k] for k in (0, 1, 3)}) == 3
    assert marks.faces[0, 3] == 1.0
    assert marks.faces[3, 3] == 0.0  # an estimate is hollow
    assert marks.edges[3, 3] > 0.5
    assert marks.faces[2, 3] == marks.edges[2, 3] == 0.0
    assert face.states[2] == PointState.MISSING


def test_lines_follow_the_contours_and_end_at_missing_points():
    scheme = Scheme.load("face70")
    points = np.random.default_rng(0).uniform(10, 100, (70, 2))
    style = PointStyle(scheme)
    lines = style.lines(points)
    assert np.allclose(lines[0], [points[0], points[1] - points[0]])
    closed = [contour for contour in scheme.contours if contour.closed]
    first, last = closed[0].points[0], closed[0].points[-1]
    assert [last, first] in style.segments.tolist()
    points[1] = np.nan
    gone = style.lines(points)[(style.segments == 1).any(axis=1)]
    assert len(gone) == 2
    assert (gone == 0).all()


def test_texts_do_not_cover_each_other_and_more_of_them_are_shown_nearer():
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 200, (40, 2))
    names = [f"name {k}" for k in range(40)]
    far, near = (place_labels(points, names, range(40), pixel) for pixel in (1.0, 0.05))
    assert 0 < len(far) < len(near) == 40
    assert sum(" " in text for text in near.values()) > sum(" " in text for text in far.values())
    for texts, pixel in ((far, 1.0), (near, 0.05)):
        boxes = [(*(points[k] / pixel), 9 * len(text)) for k, text in texts.items()]
        for n, (x, y, width) in enumerate(boxes):
            for left, top, length in boxes[n + 1 :]:
                beside = x + width < left or left + length < x
                assert beside or abs(y - top) > 15


def test_the_point_that_is_asked_for_first_gets_its_text():
    points = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert place_labels(points, ["a", "b"], [1, 0], 1.0) == {1: "1 b"}


def test_marks_suit_the_face():
    face = np.array([[0.0, 0.0], [90.0, 45.0], [np.nan, np.nan]])
    assert mark_size(face) == pytest.approx(2.0)
    assert mark_size(face[:1]) > 0
