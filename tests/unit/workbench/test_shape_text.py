"""Points as text for a spreadsheet, back again, and laid on another face."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import InputError, PointState, Scheme, SchemeError
from faceloop_runtime.geometry import Similarity
from faceloop_workbench.annotate.face_state import FaceState
from faceloop_workbench.annotate.shape_pasting import aligned_points
from faceloop_workbench.annotate.shape_text import (
    CopiedPoints,
    coordinate,
    parse_points,
    points_text,
)

FACE70 = Scheme.load("face70")
V, H, E, M = PointState.VISIBLE, PointState.OCCLUDED, PointState.ESTIMATED, PointState.MISSING

coordinates = st.floats(-1e6, 1e6, allow_nan=False)


@st.composite
def copied(draw: st.DrawFn) -> CopiedPoints:
    numbers = draw(st.lists(st.integers(0, 69), min_size=1, max_size=70, unique=True))
    states = draw(st.lists(st.sampled_from([V, H, E, M]), min_size=len(numbers),
                           max_size=len(numbers)))  # fmt: skip
    places = [
        (np.nan, np.nan) if state == M else (draw(coordinates), draw(coordinates))
        for state in states
    ]
    return CopiedPoints(tuple(numbers), np.array(places), np.array(states, dtype=np.uint8))


@given(copied())
def test_what_is_copied_comes_back_bit_for_bit(points: CopiedPoints) -> None:
    back = parse_points(points_text(FACE70, points), FACE70)
    assert back.numbers == points.numbers
    assert np.array_equal(back.points, points.points, equal_nan=True)
    assert np.array_equal(back.states, points.states)


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=3, max_size=9, unique=True))
def test_names_of_any_scheme_come_back_or_their_numbers_do(names: list[str]) -> None:
    lines = ", ".join(
        '"' + "".join(f"\\U{ord(letter):08x}" for letter in name) + '"' for name in names
    )
    try:
        scheme = Scheme.parse(f'name = "odd"\nnames = [{lines}]\niod = [0, 1]\n', "odd.toml")
    except SchemeError:
        return  # only schemes that can be are looked at
    every = CopiedPoints(
        tuple(range(len(names))), np.arange(2.0 * len(names)).reshape(-1, 2),
        np.zeros(len(names), np.uint8),
    )  # fmt: skip
    assert parse_points(points_text(scheme, every), scheme).numbers == every.numbers


@given(st.text(alphabet="\t\n0123456789.,-+eENa xystaefor\"'=", max_size=80))
def test_any_text_is_a_table_or_one_line_that_names_the_row(text: str) -> None:
    said, found = "", None
    try:
        found = parse_points(text, FACE70)
    except InputError as error:
        said = str(error)
    if found is None:
        assert "clipboard" in said
        assert len(said.splitlines()) == 1
    else:
        assert len(set(found.numbers)) == len(found.numbers) > 0
        there = found.states != M
        assert np.array_equal(np.isfinite(found.points).all(axis=1), there)


def test_columns_of_a_spreadsheet_may_stand_in_any_order() -> None:
    name = FACE70.names[9]
    row = f"2,5\toccluded\t1\t{name.upper()}\tsee"
    found = parse_points(f"Y\tState\tX\tName\tnote\n{row}\n", FACE70)
    assert found.numbers == (9,)
    assert found.points.tolist() == [[1.0, 2.5]]
    assert found.states.tolist() == [H]
    plain = parse_points("5\t1\t2\n\n7\t3\t4\n", FACE70)
    assert plain.numbers == (5, 7)
    assert plain.states.tolist() == [V, V]
    assert parse_points(f"0\t{name}\t\t\n", FACE70).states.tolist() == [M]
    assert parse_points(f"0\t{name}\t1\t1\n", FACE70).numbers == (9,)  # the name counts


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no points"),
        ("x\ty\tname\n", "holds no points"),
        ("hello", "Row 1 of the clipboard: 1 column; expected number, name, x, y and state"),
        ("0\t1\t2\n0\t3\t4", "Row 2 of the clipboard: .* is there twice"),
        ("0\t1\tlow", "Row 1 of the clipboard: y is 'low'; expected a number of pixels"),
        ("0\t1\t", "Row 1 of the clipboard: y is ''"),
        ("0\tnan\t1", "x is 'nan'"),
        ("0\t1e7\t1", "at most 1000000"),
        ("70\t1\t2", r"Row 1 of the clipboard: face70 has no landmark '70'.*0\.\.69"),
        ("name\tx\ty\njaw\t1\t2", "Row 2 of the clipboard: face70 has no landmark 'jaw'"),
        ("0\tnose\t1\t2\tgone", "expected seen, occluded, estimated, missing|no landmark"),
        ("x" * 200_001, "200001 characters"),
    ],
)
def test_a_bad_text_is_refused_by_its_row(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_points(text, FACE70)


def test_coordinates_are_typed_as_people_write_them() -> None:
    assert [coordinate(text) for text in (" 1.5 ", "1,5", "-3", "x", "", "nan", "-inf")] == [
        1.5, 1.5, -3.0, None, None, None, None,
    ]  # fmt: skip


def face(points: np.ndarray) -> FaceState:
    return FaceState.estimated(points, "test")


@given(
    st.floats(0.2, 5), st.floats(-3.1, 3.1), st.floats(-500, 500), st.floats(-500, 500),
)  # fmt: skip
def test_aligned_points_lie_where_the_face_has_moved_to(
    scale: float, angle: float, tx: float, ty: float
) -> None:
    shape = np.random.default_rng(3).uniform(50, 150, (70, 2))
    turn = Similarity.from_polar(scale, angle, tx, ty)
    there = turn.apply(shape)
    rough = there + np.random.default_rng(4).normal(0, 9, there.shape)
    rough[list(FACE70.iod)] = there[list(FACE70.iod)]
    every = CopiedPoints(tuple(range(70)), shape, np.zeros(70, np.uint8))
    assert np.allclose(aligned_points(FACE70, every, face(rough)), there)
    # Without the eye corners among them, by all that both have; the others stay.
    some = CopiedPoints((3, 40, 50), shape[[3, 40, 50]], np.zeros(3, np.uint8))
    moved = aligned_points(FACE70, some, face(there))
    assert np.allclose(moved, there)


def test_points_that_share_nothing_with_a_face_cannot_be_aligned() -> None:
    lone = np.full((70, 2), np.nan)
    lone[[3, 5]] = [[1, 1], [4, 4]]
    one = CopiedPoints((3,), np.array([[9.0, 9.0]]), np.zeros(1, np.uint8))
    with pytest.raises(InputError, match=r"no two points in common.*Start the face first"):
        aligned_points(FACE70, one, face(lone))
