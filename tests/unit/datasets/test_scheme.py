from __future__ import annotations

import pickle
import tomllib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import Scheme, SchemeError
from faceloop_datasets.schemes.layout import scheme_layout

ALL = Scheme.bundled()

SMALL = """
name = "small"
title = "Four points"
names = ["left eye", "right eye", "nose", "chin"]
mirror = [[0, 1]]
iod = [0, 1]
triangles = [[0, 1, 2], [0, 2, 3]]
initialisation = { left_eye = [0], right_eye = [1], nose = [2] }
groups = { eyes = [0, 1], middle = [2, 3] }
contours = [{ name = "line", points = [2, 3], closed = false }]
"""


def test_bundled() -> None:
    assert ALL == ("clmtrackr71", "cofw29", "face70", "ibug68", "imm58", "muct76", "wflw98")
    assert [len(Scheme.load(n)) for n in ALL] == [71, 29, 70, 68, 58, 76, 98]


@pytest.mark.parametrize("name", ALL)
class TestEveryScheme:
    def test_is_named_like_its_file(self, name: str) -> None:
        assert Scheme.load(name).name == name

    def test_mirror_swaps_left_and_right_in_names(self, name: str) -> None:
        scheme = Scheme.load(name)
        for i, j in enumerate(scheme.mirror):
            assert scheme.mirror[j] == i
            swapped = scheme.names[i].replace("left", "@").replace("right", "left")
            assert scheme.names[j] == swapped.replace("@", "right")

    def test_contours_go_with_the_mirror(self, name: str) -> None:
        # every drawn edge is drawn again, between the mirrored points
        scheme = Scheme.load(name)
        edges = {
            frozenset(edge)
            for line in scheme.contours
            for edge in pairwise(line.points + (line.points[:1] if line.closed else ()))
        }
        assert {frozenset(scheme.mirror[p] for p in e) for e in edges} == edges

    def test_every_point_is_drawn_or_alone(self, name: str) -> None:
        scheme = Scheme.load(name)
        drawn = {p for line in scheme.contours for p in line.points}
        assert drawn == set(range(len(scheme)))

    def test_iod_is_the_outer_eye_corners_left_first(self, name: str) -> None:
        scheme = Scheme.load(name)
        assert [scheme.names[p] for p in scheme.iod] == ["left eye outer", "right eye outer"]

    def test_survives_toml_and_pickle(self, name: str) -> None:
        scheme = Scheme.load(name)
        assert Scheme.parse(scheme.to_toml(), "text") == scheme
        assert pickle.loads(pickle.dumps(scheme)) == scheme  # noqa: S301 - our own bytes

    def test_no_triangle_is_degenerate(self, name: str) -> None:
        scheme = Scheme.load(name)
        assert all(len(set(t)) == 3 for t in scheme.triangles)
        # a triangulation of a disc: every edge belongs to one or two triangles
        edges: dict[frozenset[int], int] = {}
        for a, b, c in scheme.triangles:
            for edge in ((a, b), (b, c), (c, a)):
                edges[frozenset(edge)] = edges.get(frozenset(edge), 0) + 1
        assert set(edges.values()) <= {1, 2}

    def test_triangles_have_one_orientation(self, name: str) -> None:
        # neighbours that turn the same way run through their shared edge in opposite directions
        directed = [
            edge for a, b, c in Scheme.load(name).triangles for edge in ((a, b), (b, c), (c, a))
        ]
        assert len(set(directed)) == len(directed)


def test_face70_is_clmtrackr71_without_its_point_41() -> None:
    names = list(Scheme.load("clmtrackr71").names)
    assert names.pop(41) == "nose bridge middle"
    assert Scheme.load("face70").names == tuple(names)


def test_inter_ocular_distance_and_initialisation() -> None:
    scheme = Scheme.parse(SMALL, "small")
    points = np.array([[0.0, 0.0], [3.0, 4.0], [1.0, 5.0], [1.0, 9.0]])
    assert scheme.inter_ocular_distance(points) == 5.0
    np.testing.assert_array_equal(scheme.initialisation_points(points), points[:3])


def test_a_user_scheme_is_loaded_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SMALL, encoding="utf-8")
    assert Scheme.load(path) == Scheme.load(str(path)) == Scheme.parse(SMALL, "x")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('name = "small"', "", "name is missing"),
        ('name = "small"', "name = 3", "name must be a text in quotes but is 3"),
        ('name = "small"', "nam = 3", "nam is not a key"),
        ('"right eye"', '"left eye"', "names has 'left eye' twice"),
        ("mirror = [[0, 1]]", "mirror = [[0, 1], [1, 2]]", "mirror has point 1 in two pairs"),
        ("mirror = [[0, 1]]", "mirror = [[0, 4]]", "mirror has 4, but points are numbered 0 to 3"),
        ("mirror = [[0, 1]]", "mirror = [[0]]", "mirror needs 2 points"),
        ("iod = [0, 1]", "iod = [0, 1, 2]", "iod needs 2 points"),
        ("iod = [0, 1]", "iod = [0, 1]\nsize = [0, 2]", "size is there beside iod"),
        ("iod = [0, 1]", "size = [2]", "size has 1 point"),
        ("iod = [0, 1]", "size = []", "size must be a list of point numbers"),
        ("iod = [0, 1]", "iod = [0, 1]\nsize_in_iod = 0", "size_in_iod must be a number from 0.02"),
        ("iod = [0, 1]", "iod = [0, 1]\nsize_in_iod = true", "size_in_iod must be a number"),
        ("iod = [0, 1]", "iod = [0, 1]\nlayout = [[0, 1]]", "layout has 1 places for 4 points"),
        (
            "iod = [0, 1]",
            "iod = [0, 1]\nlayout = [[0, 1], [2, 3], [4, 1e6], [0, 0]]",
            "layout needs two numbers up to 100000 a point but has [4, 1000000.0]",
        ),
        (
            "iod = [0, 1]",
            "iod = [0, 1]\nlayout = [[0, 1], [2, nan], [4, 5], [0, 0]]",
            "layout needs two numbers",
        ),
        ("mirror = [[0, 1]]", "mirror = [[0, 2]]", "groups.eyes is no group any more"),
        ("iod = [0, 1]", "iod = [0, true]", "iod has True"),
        ("[0, 2, 3]]", "[0, 1, 2]]", "triangles do not reach point 3"),
        ("[0, 2, 3]]", "[0, 2, 3], [2, 0, 3]]", "triangles has a triangle twice"),
        (", nose = [2] }", "}", "initialisation must have exactly the keys"),
        ("right_eye = [1]", "right_eye = [2]", "initialisation has eyes"),
        ("middle = [2, 3]", "middle = [2]", "groups has no group for point 3"),
        ("middle = [2, 3]", "middle = [1, 2, 3]", "groups has point 1 in more than one group"),
        ("closed = false", 'closed = "no"', "contours[0] needs"),
        ("closed = false", "shut = false", "contours[0] must have exactly"),
        ("mirror = [[0, 1]]", "mirror = [[0, 1]", "is not a TOML file"),
    ],
)
def test_each_inconsistency_names_file_and_key(old: str, new: str, complaint: str) -> None:
    text = SMALL.replace(old, new)
    assert text != SMALL
    with pytest.raises(SchemeError) as caught:
        Scheme.parse(text, "my.toml")
    assert "my.toml" in str(caught.value)
    assert complaint in str(caught.value)


def test_the_name_of_a_scheme_that_comes_along_is_not_for_other_points(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('name = "face70"\nnames = ["left", "right", "nose"]\n', encoding="utf-8")
    with pytest.raises(SchemeError, match=r"own\.toml: name: found 'face70', .* name of your own"):
        Scheme.load(own)
    own.write_text(Scheme.load("face70").to_toml(), encoding="utf-8")
    assert Scheme.load(own) == Scheme.load("face70")


@given(
    st.lists(st.tuples(*[st.floats(-1e5, 1e5)] * 2), min_size=4, max_size=4),
    st.permutations(["left eye", "right eye", 'a "nose"', "mouth\\"]),
)
def test_layouts_and_names_survive_toml(
    layout: list[tuple[float, float]], names: list[str]
) -> None:
    scheme = replace(Scheme.parse(SMALL, "small"), layout=tuple(layout), names=tuple(names))
    assert Scheme.parse(scheme.to_toml(), "again") == scheme
    drawn = scheme_layout(scheme)
    assert drawn is not None
    np.testing.assert_array_equal(drawn, layout)


def test_bundled_schemes_are_drawn_upright_and_symmetric() -> None:
    for name in ALL:
        scheme = Scheme.load(name)
        drawn = scheme_layout(scheme)
        assert drawn is not None
        assert drawn.shape == (len(scheme), 2)
        np.testing.assert_allclose(drawn[list(scheme.mirror)] * [-1, 1], drawn, atol=2e-3)
        np.testing.assert_allclose(drawn[list(scheme.iod)], [[-0.5, 0], [0.5, 0]], atol=2e-3)
    assert scheme_layout(Scheme.parse(SMALL, "small")) is None


def test_unknown_scheme_lists_the_known_ones() -> None:
    with pytest.raises(SchemeError, match=r"no scheme 'face71'.*face70"):
        Scheme.load("face71")


def test_unreadable_scheme(tmp_path: Path) -> None:
    with pytest.raises(SchemeError, match=r"absent\.toml cannot be read: there is no such file"):
        Scheme.load(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes(SMALL.encode() + "\n# ä".encode("latin-1"))
    line = SMALL.count("\n") + 2
    with pytest.raises(SchemeError, match=rf"latin\.toml:{line}: the scheme is no text in UTF-8"):
        Scheme.load(tmp_path / "latin.toml")


def test_what_editors_put_before_and_after_lines_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "bom.toml").write_bytes(SMALL.replace("\n", "\r\n").encode("utf-8-sig"))
    assert Scheme.load(tmp_path / "bom.toml") == Scheme.parse(SMALL, "small")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_any_point_name_survives_toml(name: str) -> None:
    scheme = Scheme.parse(SMALL, "small")
    odd = Scheme(**{**vars(scheme), "names": (name, *(f"{name}{k}" for k in range(3)))})
    tomllib.loads(odd.to_toml())
    assert Scheme.parse(odd.to_toml(), "odd") == odd


LEAST = """\
name = "least"
names = ["a", "b", "c", "d"]
"""


def test_a_scheme_may_leave_open_everything_but_its_names() -> None:
    scheme = Scheme.parse(LEAST, "least.toml")
    assert (scheme.mirror, scheme.iod, dict(scheme.initialisation)) == ((), (0, 1, 2, 3), {})
    assert dict(scheme.groups) == {"face": (0, 1, 2, 3)}
    assert scheme.mirror_or_self == (0, 1, 2, 3)
    assert scheme.title == "least"
    assert not scheme.has_level_iod
    assert Scheme.parse(scheme.to_toml(), "again") == scheme
    with pytest.raises(SchemeError, match=r"least names no places to start from"):
        scheme.initialisation_points(np.zeros((4, 2)))


def test_no_mirror_and_no_pair_are_not_the_same() -> None:
    """Without `mirror` nothing is known; an empty one says that every point mirrors itself."""
    scheme = Scheme.parse(LEAST + "mirror = []\n", "least.toml")
    assert scheme.mirror == (0, 1, 2, 3)
    assert Scheme.parse(scheme.to_toml(), "again") == scheme


@pytest.mark.parametrize("line", ["size = [0, 2, 3]", "iod = [1, 3]\nsize_in_iod = 0.38"])
def test_what_measures_a_face_survives_toml(line: str) -> None:
    scheme = Scheme.parse(LEAST + line + "\n", "least.toml")
    assert Scheme.parse(scheme.to_toml(), "again") == scheme


def test_the_size_of_a_face_is_the_extent_of_some_points() -> None:
    square = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
    whole = Scheme.parse(LEAST, "least.toml")
    assert whole.inter_ocular_distance(square) == pytest.approx(2 * np.sqrt(2))
    two = Scheme.parse(LEAST + "iod = [0, 2]\n", "least.toml")
    assert two.inter_ocular_distance(square) == pytest.approx(2 * np.sqrt(2))
    third = Scheme.parse(LEAST + "iod = [0, 1]\nsize_in_iod = 0.25\n", "least.toml")
    assert third.inter_ocular_distance(square) == 8.0
    square[3] = np.nan
    assert whole.inter_ocular_distance(square) == pytest.approx(2 * np.sqrt(16 / 9))
    square[2] = np.nan
    assert np.isnan(whole.inter_ocular_distance(square))
    assert np.isnan(two.inter_ocular_distance(square))
