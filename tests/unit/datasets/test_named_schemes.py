"""Schemes and conversions of points that a file names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import Annotation, PointState, Scheme, SchemeError
from faceloop_datasets.importing.fitting import points_do_not_fit, taken_by_number
from faceloop_datasets.schemes.named import (
    conversion_by_names,
    conversion_by_numbers,
    namesakes,
    scheme_of_names,
)
from faceloop_datasets.wording import enumerated


def test_names_of_a_known_scheme_are_that_scheme() -> None:
    for name in Scheme.bundled():
        assert scheme_of_names("any", Scheme.load(name).names) == Scheme.load(name)


@pytest.mark.parametrize("form", ["{}", "{:02d}", "{:04d}"])
@pytest.mark.parametrize("first", [0, 1])
def test_68_numbered_points_are_those_of_ibug(form: str, first: int) -> None:
    names = [form.format(k + first) for k in range(68)]
    assert scheme_of_names("dlib", names).name == "ibug68"
    names[3], names[4] = names[4], names[3]
    assert scheme_of_names("dlib", names).name == "dlib"
    assert scheme_of_names("dlib", names[:20]).names == tuple(names[:20])


@pytest.mark.parametrize("count", [29, 58, 70, 71, 76, 98])
def test_other_numbers_of_points_say_nothing(count: int) -> None:
    names = [str(k) for k in range(count)]
    made = scheme_of_names("labelme", names)
    assert (made.name, made.names) == ("labelme", tuple(names))
    assert conversion_by_numbers(made, Scheme.load("face70")) is None
    assert conversion_by_numbers(made, Scheme.load("ibug68")) is None


def test_a_file_may_say_of_which_scheme_its_numbers_are() -> None:
    made = scheme_of_names("face70", [str(k + 1) for k in range(70)])
    assert (made, made.numbered_from) == (Scheme.load("face70"), 1)
    own = scheme_of_names("own", ["a", "b", "c"])
    numbers = scheme_of_names("own", ["0", "1", "2"])
    made = conversion_by_numbers(numbers, own)
    assert made is not None
    assert np.array_equal(made.weights, np.eye(3))
    assert taken_by_number(made, numbers, own) == (
        "3 numbered points are taken for points 0 to 2 of own, by number from 0."
    )
    assert conversion_by_numbers(scheme_of_names("other", ["0", "1", "2"]), own) is None


@pytest.mark.parametrize(("names", "first"), [(range(36, 48), 0), (range(37, 69), 1)])
def test_some_numbers_of_ibugs_are_those_points(names: range, first: int) -> None:
    ibug, some = Scheme.load("ibug68"), scheme_of_names("eyes", list(map(str, names)))
    made = conversion_by_numbers(some, ibug)
    assert made is not None
    assert np.flatnonzero(~made.without_source).tolist() == [k - first for k in names]
    assert f"points {names[0]} to {names[-1]} of ibug68" in taken_by_number(made, some, ibug)
    assert conversion_by_numbers(some, Scheme.load("face70")) is None


def test_names_that_differ_in_case_only_are_two_points() -> None:
    both = scheme_of_names("ceph", ["N", "n", "Pg", "pg"])
    assert np.array_equal(namesakes(both, both), np.eye(4))
    other = scheme_of_names("other", ["n", "N ", "PG", "p.g", "P-G", "pg_"])
    assert np.argwhere(namesakes(both, other)).tolist() == [[0, 1]]
    one = scheme_of_names("one", ["n ", "left"])
    assert np.argwhere(namesakes(one, both)).size == 0
    assert namesakes(one, scheme_of_names("two", ["Left", "x"])).tolist() == [
        [False, True],
        [False, False],
    ]


def test_names_of_files_are_short_in_messages_and_hold_no_half_character() -> None:
    long = scheme_of_names("N" * 100_000, ["L" * 100_000, "M" * 100_000, "n\nn"])
    other = scheme_of_names("other", ["a", "b"])
    assert len(long.name) < 200
    with pytest.raises(SchemeError) as caught:
        conversion_by_names(long, other)
    told = points_do_not_fit(["a.json"], long, other, Path("project"))
    assert max(len(str(caught.value)), len(str(told))) < 1200
    assert len(enumerated(long.names)) < 300
    assert "\n" not in str(caught.value) + enumerated(long.names)
    for bad in (["a\ud800", "b"], ["a", "\udfffb"]):
        with pytest.raises(SchemeError, match="half a character"):
            scheme_of_names("cat", bad)
    with pytest.raises(SchemeError, match=r"'c\\udc00'.*half a character"):
        scheme_of_names("c\udc00", ["a", "b"])


def test_a_scheme_as_text_commands_no_terminal() -> None:
    made = scheme_of_names("cat\x1b[31m", ["a\x1b[31m", "b\x9b31m", "c\x7f"])
    assert not any(0x7F <= ord(c) <= 0x9F or c == "\x1b" for c in made.to_toml())
    assert Scheme.parse(made.to_toml(), "again") == made


def test_own_names_are_a_scheme_with_its_lines_and_sides() -> None:
    names = ["left_eye", "right_eye", "nose", "mouth-left", "mouth-right"]
    edges = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 4)]
    made = scheme_of_names("cat", names, edges)
    assert made.name == "cat"
    assert made.mirror == (1, 0, 2, 4, 3)
    assert [(line.points, line.closed) for line in made.contours] == [
        ((0, 1, 2), True),
        ((3, 4), False),
    ]
    assert Scheme.parse(made.to_toml(), "again") == made
    assert scheme_of_names("face70", names).name == "face70-5"
    assert scheme_of_names("cat", ["a", "b", "c"]).mirror == ()
    with pytest.raises(SchemeError, match="1 named point; expected 2 to 1000"):
        scheme_of_names("cat", ["a"])
    with pytest.raises(SchemeError, match="twice"):
        scheme_of_names("cat", ["a", "a"])


def test_points_are_taken_by_their_names() -> None:
    source = scheme_of_names("cat", ["Nose_Tip", "left  eye", "ear"])
    target = scheme_of_names("cat", ["left eye", "right eye", "nose tip"])
    face = Annotation("cat", [[1, 2], [3, 4], [5, 6]], [PointState.OCCLUDED, 0, 0], "import:x")
    made = conversion_by_names(source, target).apply(face)
    assert np.array_equal(made.points, [[3, 4], [np.nan, np.nan], [1, 2]], equal_nan=True)
    assert made.states.tolist() == [0, PointState.MISSING, PointState.OCCLUDED]


def test_namesakes_by_chance_are_no_conversion() -> None:
    source = scheme_of_names("dog", [*"abcdef", "nose"])
    with pytest.raises(SchemeError, match=r"1 of the 7 points of dog .* learn-conversion"):
        conversion_by_names(source, scheme_of_names("cat", ["nose", "ear", "eye"]))
