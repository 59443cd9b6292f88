"""Ways to start a face that need no picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import FaceloopError, PointState, Scheme
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.assist.initial_face import clicks_of, from_clicks, interpolate, mirrored

MODEL = FaceModel.starter()
SCHEME = MODEL.scheme
N = len(SCHEME)
PLACE = Similarity.from_polar(120.0, 0.3, 210.0, 190.0)
FACE = PLACE.apply(MODEL.pdm.mean)
VISIBLE = np.zeros(N, dtype=np.uint8)
ASKED = [point for _, points in clicks_of(SCHEME) for point in points]
shares = st.floats(0.0, 1.0)


def error(points: np.ndarray, true: np.ndarray) -> float:
    """Mean distance over the inter-ocular distance."""
    distance = np.linalg.norm(points - true, axis=1).mean()
    return float(distance / SCHEME.inter_ocular_distance(true))


# Three clicks


def test_clicks_on_the_mean_shape_give_the_mean_shape():
    assert np.abs(from_clicks(MODEL, FACE[ASKED]) - FACE).max() < 1e-6


def test_the_clicked_places_are_kept_and_the_face_is_as_long_as_it_was_clicked():
    """A long and a short face need another shape, not only another pose."""
    for longer in (0.85, 1.15):
        stretched = PLACE.apply(MODEL.pdm.mean * [1.0, longer])
        points = from_clicks(MODEL, stretched[ASKED])
        assert np.abs(points[ASKED] - stretched[ASKED]).max() < 0.1
        rigid = Similarity.between(FACE[ASKED], stretched[ASKED]).apply(FACE)
        assert error(points, stretched) < 0.75 * error(rigid, stretched)


def test_three_clicks_start_the_sample_faces_well():
    true = [face.annotation.points for face in sample_faces()][::20]
    errors = [error(from_clicks(MODEL, points[ASKED]), points) for points in true]
    assert np.median(errors) < 0.09


@pytest.mark.parametrize("name", Scheme.bundled())
def test_every_scheme_says_where_the_third_click_goes(name):
    scheme = Scheme.load(name)
    left, right, (label, members) = clicks_of(scheme)
    assert left[0].startswith("middle of the pupil on the left")
    assert (left[1], right[1]) == tuple(scheme.initialisation[k] for k in ("left_eye", "right_eye"))
    assert label == "chin"
    assert [scheme.names[k] for k in members] == ["chin"]


def test_a_scheme_without_a_chin_takes_the_mouth_or_else_the_nose():
    names = tuple("jaw end" if n == "chin" else n for n in SCHEME.names)
    scheme = replace(SCHEME, names=names)
    assert clicks_of(scheme)[2] == ("middle of the mouth", SCHEME.groups["mouth"])
    rest = {("lips" if k == "mouth" else k): v for k, v in SCHEME.groups.items()}
    noseless = replace(scheme, groups=rest)
    assert clicks_of(noseless)[2] == ("tip of the nose", SCHEME.initialisation["nose"])
    by_mouth = replace(MODEL, scheme=scheme)
    clicks = np.array([FACE[27], FACE[32], FACE[list(SCHEME.groups["mouth"])].mean(axis=0)])
    assert np.abs(from_clicks(by_mouth, clicks) - FACE).max() < 1e-6


def test_places_that_a_training_chose_are_called_by_their_points():
    places = {"left_eye": (0,), "right_eye": (14,), "nose": (43, 49)}
    groups = {"face": tuple(range(N))}
    names = tuple("jaw end" if n == "chin" else n for n in SCHEME.names)
    scheme = replace(SCHEME, names=names, initialisation=places, groups=groups)
    assert [name for name, _ in clicks_of(scheme)] == [
        "point contour left temple",
        "point contour right temple",
        "middle of mouth left corner and mouth right corner",
    ]


def test_nothing_is_mirrored_without_a_mirror_map():
    model = replace(MODEL, scheme=replace(SCHEME, mirror=()))
    with pytest.raises(FaceloopError, match=r"does not say which points mirror each other"):
        mirrored(model, FACE, VISIBLE, "left")


def test_two_clicks_in_one_place_are_refused_with_what_to_do():
    clicks = FACE[ASKED].copy()
    clicks[1] = clicks[0]
    with pytest.raises(FaceloopError, match=r"the middle of the pupil on the left.*and the chin"):
        from_clicks(MODEL, clicks)


# Between key frames


def test_a_face_that_turns_keeps_its_size_half_way():
    """Points that go straight would draw the face together: by half at a quarter turn each way."""
    quarter = Similarity.from_polar(1.0, np.pi / 2, 300.0, 20.0)
    after = quarter.apply(FACE)
    half = interpolate(FACE, after, 0.5)
    assert SCHEME.inter_ocular_distance(half) == pytest.approx(SCHEME.inter_ocular_distance(FACE))
    turn = Similarity.between(FACE, half)
    assert turn.angle == pytest.approx(np.pi / 4)
    assert np.allclose(half.mean(axis=0), (FACE.mean(axis=0) + after.mean(axis=0)) / 2)


@given(shares)
def test_shape_changes_go_over_evenly_where_nothing_turns(share):
    opened = FACE.copy()
    opened[[52, 53]] += [0.0, 8.0]
    expected = (1 - share) * FACE + share * opened
    assert np.abs(interpolate(FACE, opened, share) - expected).max() < 0.2


@given(st.floats(-3.0, 3.0), st.floats(0.3, 3.0), shares)
def test_the_ends_are_the_key_frames_and_the_way_back_is_the_same(angle, scale, share):
    after = Similarity.from_polar(scale, angle, 5.0, -70.0).apply(FACE)
    after[:3] += 4.0
    assert np.abs(interpolate(FACE, after, 0.0) - FACE).max() < 1e-6
    assert np.abs(interpolate(FACE, after, 1.0) - after).max() < 1e-6
    back = interpolate(after, FACE, 1 - share)
    assert np.abs(
        interpolate(FACE, after, share) - back
    ).max() < 0.1 * SCHEME.inter_ocular_distance(FACE)


def test_a_point_that_one_key_frame_lacks_is_missing_between():
    gap = FACE.copy()
    gap[5] = np.nan
    made = interpolate(FACE, gap, 0.4)
    assert np.isnan(made[5]).all()
    assert np.allclose(np.delete(made, 5, 0), np.delete(FACE, 5, 0))
    alone = np.where((np.arange(N) == 9)[:, None], FACE, np.nan)
    assert np.allclose(interpolate(alone, alone + 2.0, 0.5)[9], FACE[9] + 1.0)


# The other half


def symmetric_face() -> np.ndarray:
    """A tilted face whose halves are mirror images."""
    order = np.asarray(SCHEME.mirror)
    return PLACE.apply(0.5 * (MODEL.pdm.mean + (MODEL.pdm.mean * [-1.0, 1.0])[order]))


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_spoiled_half_is_made_anew_from_the_good_one(side):
    true = symmetric_face()
    x = MODEL.pdm.mean[:, 0]
    away = (x > x[list(SCHEME.mirror)]) if side == "left" else (x < x[list(SCHEME.mirror)])
    rng = np.random.default_rng(0)
    spoiled = true + away[:, None] * rng.normal(scale=15.0, size=true.shape)
    made = mirrored(MODEL, spoiled, VISIBLE, side)
    assert np.abs(made - true).max() < 1e-6
    gone = np.where(away[:, None], np.nan, true)
    assert np.abs(mirrored(MODEL, gone, VISIBLE, side) - true).max() < 1e-6


def test_the_axis_is_where_a_person_put_points_not_where_estimates_are():
    true = symmetric_face()
    jaw = np.isin(np.arange(N), SCHEME.groups["contour"])
    wrong = true + jaw[:, None] * np.array([25.0, 10.0])
    states = np.where(jaw, PointState.ESTIMATED, PointState.VISIBLE).astype(np.uint8)
    made = mirrored(MODEL, wrong, states, "left")
    eye = list(SCHEME.groups["right_eye"])
    assert np.abs(made[eye] - true[eye]).max() < 1e-6
    trusting = mirrored(MODEL, wrong, VISIBLE, "left")
    assert np.abs(trusting[eye] - true[eye]).max() > 1.0


def test_what_has_no_partner_stays():
    points = symmetric_face()
    left, right = SCHEME.iod
    points[left] = np.nan
    points[right] += 3.0
    made = mirrored(MODEL, points, VISIBLE, "left")
    assert np.array_equal(made[right], points[right])
    assert np.isnan(made[left]).all()


def test_a_half_without_points_cannot_be_mirrored():
    nothing = np.full((N, 2), np.nan)
    with pytest.raises(FaceloopError, match="left half of the face has 0 points; expected at le"):
        mirrored(MODEL, nothing, VISIBLE + PointState.MISSING, "left")
