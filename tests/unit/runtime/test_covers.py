"""Where a face may be that was seen now and then: there it has to be covered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceloop_runtime import FaceBox
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.render.cover.chains import HOLD, HOLD_INSIDE, Chains, Sighting
from faceloop_runtime.render.cover.hide import cover_places, pixelate, pixelated_whole
from faceloop_runtime.render.cover.places import grown, head_of_box, holds, place_of, union
from faceloop_runtime.render.cover.search import Cover

_RATE, _SIZE = 10.0, (400, 300)
_LONG, _SHORT = round(HOLD_INSIDE * _RATE), round(HOLD * _RATE)


def place(x, y, half=20.0):
    return np.array([x - half, y - half, x + half, y + half])


def chains(sightings):
    """Of ``(frame, place)`` or ``(frame, place, face)``."""
    made = Chains(_RATE, _SIZE)
    frames = {frame for frame, *_ in sightings}
    for frame in range(max(frames) + 1):
        made.add(frame, [Sighting(*rest) for at, *rest in sightings if at == frame])
    return made


def contains(outer, inner):
    return (outer[:2] <= inner[:2]).all() and (outer[2:] >= inner[2:]).all()


def covered(places, inner):
    return any(contains(outer, inner) for outer in places)


def test_a_face_that_is_not_found_for_a_while_is_covered_all_the_while():
    seen = [(k, place(100 + 4 * k, 150), 0) for k in range(41) if not 12 <= k < 30]
    covers = chains(seen).whole(41, [])
    for frame in range(41):
        assert covered(covers[frame], place(100 + 4 * frame, 150, 19))


@given(st.lists(st.booleans(), min_size=30, max_size=30), st.floats(-2, 2), st.floats(-2, 2))
@settings(max_examples=25)
def test_whatever_is_missed_of_a_moving_face_it_is_covered(found, dx, dy):
    found = [True, *found, True]
    way = [(200 + dx * k, 150 + dy * k) for k in range(len(found))]
    covers = chains([(k, place(*way[k]), 0) for k, here in enumerate(found) if here]).whole(
        len(found), []
    )
    for frame, at in enumerate(way):
        assert covered(covers[frame], place(*at, 19))


def test_a_face_lost_in_the_picture_stays_covered_and_was_before_it_was_found():
    seen = [(k, place(200, 150), 0) for k in range(80, 90)]
    covers = chains(seen).whole(200, [])
    around = [k for k in range(200) if covers[k]]
    assert around == list(range(80 - _LONG, 90 + _LONG))
    sizes = [np.ptp(covers[k][0][::2]) for k in range(90, 90 + _LONG)]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 1.5 * sizes[0]


def test_a_face_that_leaves_is_covered_on_its_way():
    seen = [(k, place(300 + 10 * k, 150), 0) for k in range(9)]
    covers = chains(seen).whole(100, [])
    assert [bool(c) for c in covers] == [k < 9 + _SHORT for k in range(100)]
    for frame in range(9, 13):
        assert covered(covers[frame], place(300 + 10 * frame, 150, 19))


def test_a_face_at_the_edge_that_does_not_move_is_not_one_that_leaves():
    seen = [(k, place(5, 150) + 0.05 * (-1) ** k, 0) for k in range(10)]
    assert chains(seen).whole(100, [])[9 + _LONG]


def test_what_only_the_detector_saw_once_is_covered_for_a_short_time():
    covers = chains([(50, place(200, 150))]).whole(100, [])
    assert [k for k in range(100) if covers[k]] == list(range(50 - _SHORT, 51 + _SHORT))


def test_a_cut_ends_it_soon():
    seen = [(k, place(200, 150), 0) for k in range(60, 70)]
    covers = chains(seen).whole(200, [58, 72])
    found = [k for k in range(200) if covers[k]]
    assert found == list(range(58 - 4, 72 + 4))


def test_faces_side_by_side_keep_their_places():
    seen = [(k, place(x, 150), None) for k in (0, 1, 2, 6, 7, 8) for x in (100, 250)]
    covers = chains(seen).whole(9, [])
    for frame in range(9):
        assert len(covers[frame]) == 2
        for x in (100, 250):
            assert covered(covers[frame], place(x, 150, 19))


def test_a_face_that_is_drawn_over_needs_no_cover_until_it_is_lost():
    made = Chains(_RATE, _SIZE)
    for frame in range(3):
        made.add(frame, [Sighting(place(200, 150), 0, drawn_over=True)])
        assert made.now(frame) == []
    made.add(3, [])
    assert made.expected(4) == [2]
    (only,) = made.now(3)
    assert contains(only, place(200, 150))
    for frame in range(4, 3 + _LONG):
        made.add(frame, [])
    assert made.now(2 + _LONG)
    made.add(3 + _LONG, [])
    assert made.now(3 + _LONG) == []
    assert made.expected(4 + _LONG) == []


@given(st.floats(-180, 180), st.floats(20, 100))
def test_the_head_of_a_tilted_face_is_in_its_place(roll, side):
    box = FaceBox(100, 80, side, side, roll)
    turn = Similarity.from_polar(side, np.deg2rad(roll), *box.centre)
    chin, hairline, ears = [[0, 0.62]], [[0, -0.58]], [[-0.55, 0], [0.55, 0]]
    there = head_of_box(box)
    assert all(holds(there, p) for p in turn.apply(np.array(chin + hairline + ears)))


def test_boxes():
    assert union(place(0, 0, 1), place(4, 4, 1)).tolist() == [-1, -1, 5, 5]
    assert grown(place(10, 10, 2), 2.0).tolist() == [6, 6, 14, 14]
    assert place_of(np.array([[1.0, 5], [3, 2]])).tolist() == [1, 2, 3, 5]


def checkers(height, width):
    y, x = np.mgrid[:height, :width]
    return np.repeat(((x + y) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)


def test_pixels_leave_nothing_within_a_cell():
    made = pixelate(checkers(48, 64), 8.0)
    cells = made.reshape(6, 8, 8, 8, 3)
    assert (cells == cells[:, :1, :, :1]).all()
    assert np.abs(made.astype(int) - 127).max() <= 1


@pytest.mark.parametrize("at", [(200.0, 150.0), (2.0, 3.0), (399.0, 299.0)])
def test_a_place_is_pixelated_whole_and_nothing_else(at):
    image = checkers(300, 400)
    cover_places(image, Cover(places=(place(*at, 40.0),)))
    untouched = image == checkers(300, 400)
    y, x = np.mgrid[:300, :400]
    inside = (np.abs(x - at[0]) <= 40) & (np.abs(y - at[1]) <= 40)
    assert not untouched[inside].any()
    assert untouched[(np.abs(x - at[0]) > 42) | (np.abs(y - at[1]) > 42)].all()


def test_a_place_outside_the_picture_covers_nothing():
    image = checkers(30, 40)
    cover_places(image, Cover(places=(place(-100, 10), place(500, 500))))
    assert np.array_equal(image, checkers(30, 40))


def test_a_frame_of_which_nothing_is_known_is_pixelated_all_over():
    assert (pixelated_whole(checkers(300, 400)) != checkers(300, 400)).all()
