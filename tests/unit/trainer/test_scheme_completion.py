"""What a scheme leaves open follows from faces; a mirror map is compared with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import Scheme, TrainingError
from faceloop_datasets.sample import sample_faces
from faceloop_trainer.pdm.mirror_check import check_mirror_map, lone_points
from faceloop_trainer.pdm.procrustes import procrustes_mean
from faceloop_trainer.pdm.scheme_completion import completed_scheme

FACE70 = Scheme.load("face70")
SHAPES = np.array([face.annotation.points for face in sample_faces()])[::10]
MEAN = procrustes_mean(FACE70, SHAPES)


def part(points: list[int], **changes: object) -> Scheme:
    """Some points of face70, without a mirror map and without places to start from."""
    values = {
        "name": "part",
        "title": "part",
        "names": tuple(FACE70.names[p] for p in points),
        "groups": {"face": tuple(range(len(points)))},
        "contours": (),
        "mirror": (),
        "triangles": (),
        "iod": tuple(range(len(points))),
        "initialisation": {},
    }
    return Scheme(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["face70"])
def test_a_complete_scheme_stays_as_it_is(name: str) -> None:
    scheme = Scheme.load(name)
    assert completed_scheme(scheme, SHAPES, mirror=True) is scheme


def test_two_points_that_cannot_be_an_iod_are_told_by_the_spread_of_all() -> None:
    """The corners of one eye are .3 IOD apart, those of both eyes one."""
    true = float(np.linalg.norm(MEAN[25] - MEAN[23]))
    found = completed_scheme(replace(FACE70, iod=(23, 25)), SHAPES, mirror=False)
    assert found.size_in_iod == pytest.approx(true, rel=0.15)
    assert completed_scheme(replace(FACE70, iod=(27, 32)), SHAPES, mirror=False).size_in_iod is None
    whole = completed_scheme(replace(FACE70, iod=tuple(range(70))), SHAPES, mirror=False)
    assert whole.size_in_iod == pytest.approx(1.17, rel=0.01)
    for scheme in (found, whole):
        mean = procrustes_mean(scheme, SHAPES)
        assert scheme.inter_ocular_distance(mean) == pytest.approx(1.0)
        assert np.ptp(mean[:, 0]) == pytest.approx(np.ptp(MEAN[:, 0]), rel=0.15)


def test_the_chosen_places_are_far_apart_and_keep_left_and_right() -> None:
    chosen = completed_scheme(part(list(range(70))), SHAPES, mirror=False)
    left, right, nose = chosen.initialisation_points(MEAN)
    assert left[0] < right[0]
    assert nose[1] > max(left[1], right[1])
    apart = [np.linalg.norm(a - b) for a, b in ((left, right), (right, nose), (nose, left))]
    assert min(apart) > 0.3
    symmetric = completed_scheme(replace(FACE70, initialisation={}), SHAPES, mirror=True)
    places = symmetric.initialisation
    assert {FACE70.mirror[p] for p in places["left_eye"]} == set(places["right_eye"])
    assert {FACE70.mirror[p] for p in places["nose"]} == set(places["nose"])
    assert Scheme.parse(symmetric.to_toml(), "model") == symmetric


def test_two_points_are_too_few() -> None:
    with pytest.raises(TrainingError, match=r"part has 2 points; a model needs 3"):
        completed_scheme(part([23, 28]), SHAPES[:, [23, 28]], mirror=False)


@pytest.mark.parametrize("name", Scheme.bundled())
def test_right_mirror_maps_pass(name: str) -> None:
    """Symmetric faces of every scheme, as its own map has it."""
    scheme = Scheme.load(name)
    rng = np.random.default_rng(1)
    at = rng.normal(0, 0.5, (len(scheme), 2))
    mirror = list(scheme.mirror)
    mean = 0.5 * (at + (at * [-1, 1])[mirror])
    check_mirror_map(scheme, mean)
    assert lone_points(scheme, mean) == []


@given(st.integers(0, 69), st.integers(0, 69))
def test_exchanged_partners_are_named(a: int, b: int) -> None:
    """Two pairs that exchange partners far from each other."""
    c, d = FACE70.mirror[a], FACE70.mirror[b]
    wrong = list(FACE70.mirror)
    wrong[a], wrong[d], wrong[b], wrong[c] = d, a, c, b
    far = min(np.linalg.norm(MEAN[a] - MEAN[b]), np.linalg.norm(MEAN[c] - MEAN[d]))
    if len({a, b, c, d}) < 4 or far < 0.4:
        return
    with pytest.raises(TrainingError) as caught:
        check_mirror_map(replace(FACE70, mirror=tuple(wrong)), MEAN)
    assert f"point {a} ({FACE70.names[a]})" in str(caught.value) or "more" in str(caught.value)


def test_points_in_the_order_of_another_scheme_contradict_its_map() -> None:
    """Of such an order even the line of the eyes is wrong, which elsewhere says what is upright."""
    ibug = Scheme.load("ibug68")
    with pytest.raises(TrainingError, match=r"mirror map of the scheme ibug68 contradicts"):
        completed_scheme(ibug, SHAPES[:, :68], mirror=True)


def test_faces_that_all_look_to_one_side_do_not_contradict_the_map() -> None:
    """Seen half from the side the nose is off the middle, and no other point is opposite of it."""
    turned = MEAN.copy()
    depth = np.exp(-((MEAN - MEAN[61]) ** 2).sum(axis=1) / 0.2)
    turned[:, 0] = 0.7 * MEAN[:, 0] + 0.5 * depth
    check_mirror_map(FACE70, turned)


def test_the_mean_stands_as_faces_do_where_no_pair_of_eyes_tells() -> None:
    upright = procrustes_mean(replace(FACE70, iod=(61, 7)), SHAPES)  # nose and chin
    turn = np.arctan2(*(upright[28] - upright[23])[::-1])
    assert abs(np.rad2deg(turn)) < 5.0
    assert np.linalg.norm(upright[7] - upright[61]) == pytest.approx(1.0)
