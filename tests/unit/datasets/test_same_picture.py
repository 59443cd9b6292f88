"""Which of several faces of a picture is which: each rule of the module's text by itself."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_datasets import Annotation
from faceloop_datasets.importing.same_picture import PlacedFace, pair_faces, split_place

SHAPE = np.random.default_rng(0).uniform(0, 100, (58, 2))
SIZE = float(np.ptp(SHAPE, axis=0).max())


def face(key: str, x: float) -> PlacedFace:
    """Return a face so many times its size away from the first."""
    return PlacedFace(key, Annotation("imm58", SHAPE + np.array([x * SIZE, 0]), np.zeros(58)))


def paired(now: list[PlacedFace], known: list[PlacedFace]) -> dict[int, int]:
    return pair_faces(now, known, lambda _a, _b: True)


THREE = [face("", 0), face("2", 2), face("3", 4)]
OWN = [face("id7", 0), face("id8", 2), face("id9", 4)]


def test_equal_points_are_the_same_face_whatever_it_is_called() -> None:
    assert paired([face("", 2), face("2", 4)], THREE) == {0: 1, 1: 2}
    assert paired([face("id7", 2), face("id8", 4)], OWN) == {0: 1, 1: 2}  # numbered anew
    twins = [face("", 0), face("2", 0)]
    assert paired(twins, twins) == {0: 0, 1: 1}
    assert pair_faces(THREE, THREE, lambda a, b: a == b == 1) == {1: 1}  # the others' is another


def test_nearly_equal_ones_are_if_all_others_are_far() -> None:
    assert paired([face("", 2.1), face("2", 3.9)], THREE) == {0: 1, 1: 2}
    assert paired([face("", 1)], THREE) == {}
    assert paired([face("", 0.1)], [face("2", 0), face("3", 0.2)]) == {}
    assert paired([face("2", 0.1), face("3", -0.1)], [face("", 0)]) == {}  # two of them are


def test_equal_keys_are_where_nothing_says_that_they_have_moved() -> None:
    assert paired([face("", 0), face("2", 2.4), face("3", 4)], THREE) == {0: 0, 1: 1, 2: 2}
    assert paired([face("", 0), face("2", 2.4)], THREE) == {0: 0}  # of numbers, one is gone
    assert paired([face("id7", 0), face("id8", 2.4)], OWN) == {0: 0, 1: 1}
    assert paired([face("id7", 2), face("id8", 2.4)], OWN) == {0: 1}
    assert paired([face("id8", 5)], OWN) == {}  # the name was given to another face


def test_what_has_no_point_in_common_is_not_the_same() -> None:
    empty = PlacedFace("2", Annotation("imm58", np.full((58, 2), np.nan), np.full(58, 3)))
    assert paired([face("", 0), empty], [face("2", 2), PlacedFace("", None)]) == {}


@pytest.mark.parametrize(
    ("place", "parts"),
    [
        ("/a/f.json:p.jpg#2", ("/a/f.json:p.jpg", "2")),
        ("/a/f.json:p.jpg#id17", ("/a/f.json:p.jpg", "id17")),
        ("/a/f.json:p#1.jpg", ("/a/f.json:p#1.jpg", "")),
        ("/a/p#2", ("/a/p#2", "")),
    ],
)
def test_places(place: str, parts: tuple[str, str]) -> None:
    assert split_place(place) == parts
