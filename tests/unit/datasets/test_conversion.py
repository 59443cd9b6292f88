from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceloop_datasets import Annotation, Conversion, PointState, Scheme, SchemeError

SAME_WORDS = [("muct76", "face70"), ("clmtrackr71", "face70"), ("face70", "clmtrackr71")]
PAIRS = [*SAME_WORDS, ("ibug68", "face70"), ("face70", "ibug68")]
coordinates = st.floats(-1000, 1000)


def face(scheme: str, seed: int = 0) -> Annotation:
    size = len(Scheme.load(scheme))
    points = np.random.default_rng(seed).uniform(0, 500, (size, 2))
    return Annotation(scheme, points, np.zeros(size, dtype=int), "import:test")


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_target_point_has_weights_that_sum_to_one(source: str, target: str) -> None:
    weights = Conversion.load(source, target).weights
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_mirroring_and_converting_commute(source: str, target: str) -> None:
    weights = Conversion.load(source, target).weights
    rows, columns = list(Scheme.load(target).mirror), list(Scheme.load(source).mirror)
    np.testing.assert_array_equal(weights[rows][:, columns], weights)


@pytest.mark.parametrize(("source", "target"), SAME_WORDS)
def test_same_names_are_copied(source: str, target: str) -> None:
    # the two schemes name what both have alike, so names check the numbers
    a, b = Scheme.load(source).names, Scheme.load(target).names
    weights = Conversion.load(source, target).weights
    shared = set(a) & set(b)
    assert len(shared) >= 65
    for name in shared:
        assert weights[b.index(name), a.index(name)] == 1.0


@pytest.mark.parametrize(("source", "target"), PAIRS)
@given(
    matrix=arrays(float, (2, 2), elements=st.floats(-3, 3)),
    shift=arrays(float, 2, elements=coordinates),
)
def test_conversion_commutes_with_affine_maps(
    source: str, target: str, matrix: np.ndarray, shift: np.ndarray
) -> None:
    convert = Conversion.load(source, target)
    before = face(source)
    moved = Annotation(source, before.points @ matrix.T + shift, before.states, before.source)
    np.testing.assert_allclose(
        convert.apply(moved).points, convert.apply(before).points @ matrix.T + shift, atol=1e-6
    )


def test_to_clmtrackr71_and_back_changes_nothing() -> None:
    before = face("face70")
    there = Conversion.load("face70", "clmtrackr71").apply(before)
    np.testing.assert_allclose(there.points[41], (there.points[33] + there.points[62]) / 2)
    assert Conversion.load("clmtrackr71", "face70").apply(there) == before


def test_what_ibug68_and_face70_share_comes_back_and_the_rest_is_estimated() -> None:
    there, back = Conversion.load("face70", "ibug68"), Conversion.load("ibug68", "face70")
    assert there.same_mark.sum() == back.same_mark.sum() == 27
    before = face("face70")
    after = back.apply(there.apply(before))
    shared = back.same_mark
    np.testing.assert_array_equal(after.points[shared], before.points[shared])
    assert (after.states[shared] == PointState.VISIBLE).all()
    assert (after.states[~shared] == PointState.ESTIMATED).all()
    for conversion in (there, back):
        known = conversion.expected[~np.isnan(conversion.expected)]
        assert len(known) > 25
        assert ((known > 0.005) & (known < 0.06)).all()
        assert np.isnan(conversion.expected[conversion.same_mark]).all()


def test_states_take_the_greatest_doubt_of_the_sources() -> None:
    states = np.zeros(76, dtype=int)
    states[16] = PointState.OCCLUDED  # of brow point 16, beside the visible 20
    states[17] = PointState.ESTIMATED
    states[23] = PointState.MISSING
    states[0] = PointState.MISSING
    source = face("muct76")
    result = Conversion.load("muct76", "face70").apply(
        Annotation("muct76", source.points, states, source.source)
    )
    expected = np.zeros(70, dtype=int)
    expected[16] = PointState.OCCLUDED
    expected[17] = PointState.ESTIMATED
    expected[21] = PointState.MISSING
    expected[0] = PointState.MISSING
    expected[33] = PointState.ESTIMATED  # the bridge, never more than an estimate
    np.testing.assert_array_equal(result.states, expected)
    assert result.source == "import:test"
    np.testing.assert_array_equal(result.points[15], source.points[15])


def test_a_missing_bridge_neighbour_leaves_no_bridge() -> None:
    states = np.zeros(76, dtype=int)
    states[67] = PointState.MISSING
    source = Annotation("muct76", face("muct76").points, states)
    result = Conversion.load("muct76", "face70").apply(source)
    assert result.states[33] == PointState.MISSING


def test_identity() -> None:
    before = face("imm58")
    assert Conversion.load("imm58", Scheme.load("imm58")).apply(before) == before


def test_no_such_conversion() -> None:
    with pytest.raises(
        SchemeError, match=r"imm58 to face70.*from clmtrackr71, cofw29, ibug68, mediapipe478"
    ):
        Conversion.load("imm58", "face70")


def test_wrong_scheme_is_refused() -> None:
    with pytest.raises(SchemeError, match=r"muct76 with 76 points but got one of face70 with 70"):
        Conversion.load("muct76", "face70").apply(face("face70"))


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("copies = [[0, 0, 71]]", "makes point 70"),
        ("copies = [[70, 0, 2]]", "uses point 71"),
        ("copies = [[0, 0, 2], [5, 1, 1]]", "makes point 1 a second time"),
        ("sums = [{ target = 0, same_mark = true, weights = { 1 = 0.4 } }]", "sum to 0.4"),
        ("sums = [{ target = 0, weights = { 1 = 1.0 } }]", "must have exactly the keys"),
        ("copies = [", "is not a TOML file"),
    ],
)
def test_inconsistent_file(rows: str, complaint: str) -> None:
    text = f'source = "clmtrackr71"\ntarget = "face70"\n{rows}\n'
    with pytest.raises(SchemeError, match=complaint):
        Conversion.parse(text, "some.toml")


def test_target_points_without_a_row_are_missing() -> None:
    text = 'source = "clmtrackr71"\ntarget = "face70"\ncopies = [[0, 0, 41]]\n'
    result = Conversion.parse(text, "some.toml").apply(face("clmtrackr71"))
    assert result.present.tolist() == [True] * 41 + [False] * 29
