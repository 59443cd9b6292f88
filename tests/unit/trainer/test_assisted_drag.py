"""What points do that nobody drags, while others are dragged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.assist.drag import FIT_ERRORS, SHAPE_ERRORS, most_probable
from faceloop_trainer.assist.error_covariance import (
    errors_in_model_frame,
    learned_covariance,
    prior_covariance,
)

MODEL = FaceModel.starter()
N = len(MODEL.pdm)
IOD = 100.0
TRUE = next(iter(sample_faces())).annotation.points
seeds = st.integers(0, 2**32 - 1)
with_reference = st.booleans()


def a_face(seed: int) -> np.ndarray:
    """A likely face with an IOD of about 100 pixels."""
    rng = np.random.default_rng(seed)
    b = rng.normal(size=len(MODEL.pdm.variances)) * np.sqrt(MODEL.pdm.variances)
    pose = Similarity.from_polar(IOD, rng.normal(scale=0.2), *rng.uniform(100, 300, 2))
    return pose.apply(MODEL.pdm.shape(b))


def a_drag(seed: int, count: int = 5, far: float = 0.1) -> tuple[np.ndarray, ...]:
    """A face, the same with some points dragged, and which."""
    rng = np.random.default_rng((seed, 1))
    before = a_face(seed)
    placed = np.zeros(N, dtype=bool)
    placed[rng.choice(N, count, replace=False)] = True
    after = before + placed[:, None] * rng.normal(scale=far * IOD, size=(N, 2))
    return before, after, placed


@given(seeds, st.integers(1, N), with_reference)
def test_placed_points_stay_exactly_and_the_others_stay_near(seed, count, given_reference):
    before, after, placed = a_drag(seed, count, far=0.5)
    result = most_probable(MODEL, after, placed, before if given_reference else None)
    assert np.array_equal(result[placed], after[placed])
    # No explosion: nothing moves much farther than the wildest drags, whose sigma is half an IOD.
    assert np.abs(result - before).max() < 8 * IOD


@given(seeds, st.integers(1, N))
def test_a_point_that_is_touched_but_not_moved_moves_nothing(seed, count):
    before, _, placed = a_drag(seed, count)
    assert np.abs(most_probable(MODEL, before, placed, before) - before).max() < 1e-9


@given(seeds, st.integers(1, 30), with_reference)
def test_a_turned_and_enlarged_face_is_helped_alike(seed, count, given_reference):
    before, after, placed = a_drag(seed, count)
    move = Similarity.from_polar(3.7, 2.5, -40.0, 90.0)
    plain = most_probable(MODEL, after, placed, before if given_reference else None)
    moved = most_probable(
        MODEL, move.apply(after), placed, move.apply(before) if given_reference else None
    )
    assert np.abs(moved - move.apply(plain)).max() < 1e-6


@given(seeds, st.integers(1, 30), with_reference)
def test_a_small_movement_of_the_mouse_moves_the_others_little(seed, count, given_reference):
    before, after, placed = a_drag(seed, count)
    reference = before if given_reference else None
    one = int(np.flatnonzero(placed)[0])
    nudged = after.copy()
    nudged[one] += [1e-4, -1e-4]
    plain = most_probable(MODEL, after, placed, reference)
    assert np.abs(most_probable(MODEL, nudged, placed, reference) - plain).max() < 0.05


@given(seeds, with_reference)
def test_neighbours_that_are_pulled_apart_pull_no_other_point_out_of_the_face(
    seed, given_reference
):
    before = a_face(seed)
    eyelids = MODEL.scheme.names.index("left eye top"), MODEL.scheme.names.index("left eye bottom")
    placed = np.zeros(N, dtype=bool)
    placed[list(eyelids)] = True
    after = before.copy()
    after[eyelids[0]] += [0, 0.3 * IOD]
    after[eyelids[1]] -= [0, 0.3 * IOD]
    result = most_probable(MODEL, after, placed, before if given_reference else None)
    if given_reference:
        assert np.abs(result - before)[~placed].max() < 0.3 * IOD
    assert np.isfinite(result).all()


def test_the_dragged_jaw_takes_its_neighbours_along_and_leaves_the_eyes():
    before = Similarity(IOD, 0.0, 200.0, 200.0).apply(MODEL.pdm.mean)
    chin = MODEL.scheme.names.index("chin")
    placed = np.arange(N) == chin
    after = before + placed[:, None] * [0.0, 10.0]
    moved = most_probable(MODEL, after, placed, before) - before
    assert moved[[chin - 1, chin + 1], 1].min() > 3.0
    eyes = [*MODEL.scheme.groups["left_eye"], *MODEL.scheme.groups["right_eye"]]
    assert np.abs(moved[eyes]).max() < 1.5


def test_the_more_points_are_placed_right_the_nearer_are_the_others():
    start = Similarity.between(MODEL.pdm.mean, TRUE).apply(MODEL.pdm.mean)
    iod = MODEL.scheme.inter_ocular_distance(TRUE)
    for reference in (start, None):
        errors = []
        for count in (6, 15, 40):
            placed = np.zeros(N, dtype=bool)
            placed[np.linspace(0, N - 1, count).astype(int)] = True
            points = np.where(placed[:, None], TRUE, start)
            moved = most_probable(MODEL, points, placed, reference)
            errors.append(np.linalg.norm(moved - TRUE, axis=1)[~placed].mean() / iod)
        plain = np.linalg.norm(start - TRUE, axis=1)[~placed].mean() / iod
        assert plain > errors[0] > errors[1] > errors[2]
        assert errors[2] < 0.02


def test_a_start_that_turns_out_rough_is_treated_as_one():
    """After large corrections the shape model counts: one jaw point moves those far away."""
    before = Similarity(IOD, 0.0, 200.0, 200.0).apply(MODEL.pdm.mean)
    jaw = list(MODEL.scheme.groups["contour"])
    placed = np.zeros(N, dtype=bool)
    placed[jaw[::7]] = True
    outward = (before - before.mean(axis=0)) * placed[:, None]

    def share(size: float) -> float:
        """Return how far the jaw's other points follow, as a share of the drag."""
        moved = most_probable(MODEL, before + size * outward, placed, before) - before
        free = [k for k in jaw if not placed[k]]
        return float(np.linalg.norm(moved[free], axis=1).mean() / size)

    assert share(0.3) > 1.2 * share(0.003)


def test_missing_points_stay_missing_and_count_for_nothing():
    before, after, placed = a_drag(0)
    gone = int(np.flatnonzero(placed)[0])
    with_gap = after.copy()
    with_gap[gone] = np.nan
    result = most_probable(MODEL, with_gap, placed, before)
    without = placed & (np.arange(N) != gone)
    assert np.isnan(result[gone]).all()
    expected_rest = most_probable(MODEL, after, without, before)
    assert np.allclose(np.delete(result, gone, 0), np.delete(expected_rest, gone, 0))


def test_a_reference_with_gaps_is_completed_by_the_shape_model():
    before, after, placed = a_drag(3)
    gaps = before.copy()
    gaps[::9] = np.nan
    result = most_probable(MODEL, after, placed, gaps)
    assert np.isfinite(result).all()
    assert np.abs(result - most_probable(MODEL, after, placed, before)).max() < 0.1 * IOD


@pytest.mark.parametrize("known", [0, 1, 2])
def test_hardly_any_point_known_is_no_fault(known):
    points = np.full((N, 2), np.nan)
    points[:known] = TRUE[:known]
    placed = np.arange(N) == 0
    for reference in (None, TRUE, points):
        result = most_probable(MODEL, points, placed, reference)
        assert np.array_equal(np.isnan(result), np.isnan(points))
        assert np.array_equal(result[:1], points[:1], equal_nan=True)


def test_points_that_all_lie_in_one_place_are_left_there():
    points = np.full((N, 2), 7.0)
    placed = np.arange(N) < 3
    for reference in (None, points):
        assert np.array_equal(most_probable(MODEL, points, placed, reference), points)
    # One that was dragged out of a heap says nothing about the pose either, if it is all there is.
    apart = points.copy()
    apart[0] += 5.0
    assert np.isfinite(most_probable(MODEL, apart, placed, points)).all()


@pytest.mark.parametrize("spread", [FIT_ERRORS, SHAPE_ERRORS])
def test_the_covariance_is_one_and_the_same_in_a_mirror(spread):
    covariance = prior_covariance(MODEL, spread)
    assert np.linalg.eigvalsh(covariance).min() > 0
    order = np.asarray(MODEL.scheme.mirror)
    flip = np.stack([2 * order, 2 * order + 1], axis=1).ravel()
    sign = np.tile([-1.0, 1.0], N)
    mirrored = (covariance * sign[:, None] * sign)[np.ix_(flip, flip)]
    # The shape model was trained on mirrored faces too, to rounding of its optimisation.
    assert np.abs(mirrored - covariance).max() < 0.01 * covariance.max()


def test_errors_that_were_seen_together_are_corrected_together():
    """In these faces the chin is wrong exactly when, and as far as, the nose's tip is."""
    rng = np.random.default_rng(0)
    tip, chin = MODEL.scheme.names.index("nose tip"), MODEL.scheme.names.index("chin")
    errors = rng.normal(scale=0.01, size=(600, N, 2))
    errors[:, tip] = rng.normal(scale=0.05, size=(600, 2))
    errors[:, chin] = errors[:, tip]
    seen = learned_covariance(MODEL, FIT_ERRORS, errors)
    before = Similarity(IOD, 0.0, 200.0, 200.0).apply(MODEL.pdm.mean)
    placed = np.arange(N) == tip
    after = before + placed[:, None] * [4.0, 0.0]
    plain = most_probable(MODEL, after, placed, before) - before
    taught = most_probable(MODEL, after, placed, before, seen) - before
    assert plain[chin, 0] < 1.5
    assert taught[chin, 0] > 1.4


def test_without_any_face_the_general_spread_is_learned():
    none = errors_in_model_frame(MODEL.pdm, [])
    assert np.array_equal(
        learned_covariance(MODEL, FIT_ERRORS, none), prior_covariance(MODEL, FIT_ERRORS)
    )


def test_unknown_true_points_do_not_make_a_point_look_right():
    """Where a mark is never confirmed, what is expected stays what it was."""
    rng = np.random.default_rng(1)
    errors = rng.multivariate_normal(np.zeros(2 * N), prior_covariance(MODEL, FIT_ERRORS), 300)
    errors = errors.reshape(-1, N, 2)
    tip = MODEL.scheme.names.index("nose tip")
    errors[:, tip] = np.nan
    seen = learned_covariance(MODEL, FIT_ERRORS, errors)
    before = prior_covariance(MODEL, FIT_ERRORS)[2 * tip, 2 * tip]
    assert np.isfinite(seen).all()
    assert seen[2 * tip, 2 * tip] > 0.3 * before
