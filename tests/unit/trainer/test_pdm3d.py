"""Shapes in space learned from points in pictures, and corrections learned beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceloop_datasets import Scheme
from faceloop_runtime.pdm3d import (
    SpacePoses,
    poses_of,
    rotations,
    small_turns,
    turn_vectors,
    turns_of,
)
from faceloop_trainer.pdm3d.correction import PoseRows, learn_correction
from faceloop_trainer.pdm3d.depth import first_mean, reversed_depth, seen_from
from faceloop_trainer.pdm3d.learning import Views, learn_shape
from faceloop_trainer.pdm3d.structure import (
    Observations,
    Structure,
    _structure,
    structure_from,
    without_turns,
)
from faceloop_trainer.pdm3d.words import space_words

from .heads import COUNT, MIRROR, Heads, heads, mirrored

SCHEME = Scheme(
    name="head",
    title="a head",
    names=tuple(f"p{n}" for n in range(COUNT)),
    groups={},
    contours=(),
    mirror=MIRROR,
    triangles=(),
    iod=(0, 1),
    initialisation={},
)
"""The first pair of points is one apart."""


def views_of(made: Heads, *, told: bool = True, mirror: bool = True) -> Views:
    """Show heads as they are and mirrored, with or without what a network says of their turn."""
    points, turns = made.points, made.turns
    if mirror:
        points = np.concatenate([points, mirrored(points)])
        turns = np.concatenate([turns, turns * [-1, 1, -1]])
    mean = np.nanmean(points, axis=0)
    completed = np.where(np.isnan(points), mean, points)
    seen = rotations(turns) if told else None
    weights = np.ones(len(points))
    return Views(points, completed, weights, seen, MIRROR if mirror else ())


def aside(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the angles between rotations, in degrees."""
    between = np.swapaxes(found, 1, 2) @ true
    return np.rad2deg(np.linalg.norm(turn_vectors(between), axis=1))


def made_structure(count: int = 5) -> Structure:
    made = heads(count)
    rotation = rotations(made.turns)
    poses = SpacePoses(np.full(count, 1.2), rotation, np.ones((count, 2)), np.ones((count, 3)))
    loadings = np.random.default_rng(0).normal(size=(3, COUNT, 3))
    return Structure(made.mean, loadings, np.ones(COUNT), poses)


# Structure


def test_a_rigid_head_is_found_from_its_pictures() -> None:
    made = heads()
    seen = Observations(made.points, np.ones((60, COUNT), bool), np.ones(60))
    rough = first_mean(made.points, np.ones(60), ())
    found = structure_from(seen, rough, 0)
    (size,) = np.linalg.lstsq(found.mean.reshape(-1, 1), made.mean.reshape(-1), rcond=None)[0]
    # It may be seen from a little aside: nothing but the mirror says where ahead is.
    turn = turn_vectors(np.swapaxes(found.poses.rotation, 1, 2) @ rotations(made.turns))
    ahead = seen_from(found, small_turns(np.median(turn, axis=0)))
    np.testing.assert_allclose(ahead.mean * size, made.mean, atol=0.03)
    assert aside(ahead.poses.rotation, rotations(made.turns)).max() < 2.0
    assert np.sqrt(found.noise.mean()) == pytest.approx(0.004)  # no less is believed


def test_missing_points_are_no_obstacle() -> None:
    made = heads(80, modes=2)
    known = np.random.default_rng(1).uniform(size=(80, COUNT)) > 0.2
    hidden = replace(made, points=np.where(known[..., None], made.points, np.nan))
    learned = learn_shape(SCHEME, views_of(hidden))
    assert learned.model is not None
    poses = poses_of(learned.model, hidden.points, 0.01**2)
    assert np.median(aside(poses.rotation, rotations(made.turns))) < 3.0


@pytest.mark.parametrize("told", [True, False])
def test_faces_that_differ_are_told_from_turns(told: bool) -> None:
    learned = learn_shape(SCHEME, views_of(heads(120, modes=4), told=told))
    other = heads(60, modes=4)
    assert learned.model is not None
    poses = poses_of(learned.model, other.points)
    off = turns_of(poses.rotation) - other.turns
    assert np.abs(off).mean(axis=0).max() < 4.0
    slope = np.polyfit(other.turns[:, 0], turns_of(poses.rotation)[:, 0], 1)[0]
    assert slope == pytest.approx(1.0, abs=0.1)
    assert learned.model.mean[11, 2] > learned.model.mean[0, 2]  # the nose in front of the rim
    assert learned.about["faces"] == 120


def test_modes_explain_what_a_rigid_shape_leaves() -> None:
    views = views_of(heads(80, modes=2))
    seen = Observations(views.points, np.ones((160, COUNT), bool), np.ones(160), MIRROR)
    rough = first_mean(views.completed, np.ones(160), MIRROR)
    rigid, free = (structure_from(seen, rough, modes) for modes in (0, 4))
    assert free.noise.mean() < 0.2 * rigid.noise.mean()


def test_a_round_of_em_is_the_regularised_least_squares_of_each_point_spelled_out() -> None:
    rng = np.random.default_rng(5)
    before = made_structure(30)
    poses = replace(before.poses, z=rng.normal(size=(30, 3)))
    before = replace(before, loadings=before.loadings * 0.05, noise=rng.uniform(1e-4, 1e-3, COUNT))
    known = rng.uniform(size=(30, COUNT)) > 0.3
    weights = rng.uniform(0.2, 1.0, 30)
    points = poses.project(before.mean + np.tensordot(poses.z, before.loadings, axes=1))
    seen = Observations(points + rng.normal(0, 0.02, points.shape), known, weights)
    uncertain = np.array([np.diag(rng.uniform(0.1, 0.5, 3)) for _ in range(30)])
    found = _structure(seen, before, poses, uncertain)
    rows = np.empty((COUNT, 12))
    for point in range(COUNT):
        normal = np.diag([1e-3] * 3 + [before.noise[point] / 0.05**2] * 9)
        right = np.concatenate([1e-3 * before.mean[point], np.zeros(9)])
        for face in np.flatnonzero(known[:, point]):
            latent = np.array([1.0, *poses.z[face]])
            second = np.outer(latent, latent)
            second[1:, 1:] += uncertain[face]
            axes = poses.scale[face] * poses.rotation[face, :2]
            away = seen.points[face, point] - poses.shift[face]
            normal += weights[face] * np.kron(second, axes.T @ axes)
            right += weights[face] * np.kron(latent, axes.T @ away)
        rows[point] = np.linalg.solve(normal, right)
    mean = rows[:, :3] - rows[:, :3].mean(axis=0)
    np.testing.assert_allclose(found.mean, mean, atol=1e-9)
    loadings = without_turns(mean, rows[:, 3:].reshape(COUNT, 3, 3).swapaxes(0, 1))
    np.testing.assert_allclose(found.loadings, loadings, atol=1e-9)
    point = 4  # its noise: what is left on the average, and what is not known of the shape
    left = 0.0
    for face in np.flatnonzero(known[:, point]):
        axes = poses.scale[face] * poses.rotation[face, :2]
        ways = axes @ rows[point, 3:].reshape(3, 3).T
        away = seen.points[face, point] - poses.shift[face] - axes @ rows[point, :3]
        off = away - ways @ poses.z[face]
        left += weights[face] * (off @ off + np.trace(ways @ uncertain[face] @ ways.T))
    assert found.noise[point] == pytest.approx(
        left / (2 * (known * weights[:, None]).sum(0)[point])
    )


def test_the_mean_of_faces_and_their_mirror_images_is_symmetric() -> None:
    learned = learn_shape(SCHEME, views_of(heads(80, modes=2)))
    assert learned.model is not None
    np.testing.assert_allclose(
        learned.model.mean, learned.model.mean[list(MIRROR)] * [-1, 1, 1], atol=1e-9
    )
    modes = learned.model.components
    np.testing.assert_allclose(modes @ modes.T, np.eye(len(modes)), atol=1e-9)
    assert (np.diff(learned.model.variances) <= 0).all()
    assert SCHEME.inter_ocular_distance(learned.model.mean[:, :2]) == pytest.approx(1.0)


def test_what_the_network_says_settles_which_way_depth_points() -> None:
    made = heads(80)
    hollow = replace(made, points=made.points, turns=made.turns * [-1, -1, 1])
    learned = learn_shape(SCHEME, views_of(hollow))
    assert learned.model is not None
    assert learned.model.mean[11, 2] < learned.model.mean[0, 2]


def test_a_pitch_of_zero_is_the_networks() -> None:
    made = heads(80)
    raised = replace(made, turns=made.turns + np.array([0.0, 7.0, 0.0]))
    plain, other = (learn_shape(SCHEME, views_of(one)).model for one in (made, raised))
    assert plain is not None
    assert other is not None
    pitch = [turns_of(poses_of(one, made.points).rotation)[:, 1] for one in (plain, other)]
    assert (pitch[1] - pitch[0]).mean() == pytest.approx(7.0, abs=0.3)


def usual_yaw(made: Heads, *, told: bool) -> float:
    """Learn without mirror images; return the median yaw that is found."""
    learned = learn_shape(SCHEME, views_of(made, told=told, mirror=False))
    assert learned.model is not None
    return float(np.median(turns_of(poses_of(learned.model, made.points).rotation)[:, 0]))


def test_without_a_mirror_the_network_says_what_yaw_is_zero_and_without_it_the_usual_one() -> None:
    made = heads(80)
    beside = replace(made, turns=made.turns + np.array([8.0, 0.0, 0.0]))
    assert usual_yaw(beside, told=True) == pytest.approx(np.median(beside.turns[:, 0]), abs=1.0)
    assert usual_yaw(made, told=False) == pytest.approx(0.0, abs=1.0)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (heads(11), "11 faces are too few"),
        (heads(40, spread=(1.0, 1.0, 3.0)), "too little to tell depth from"),
    ],
)
def test_faces_that_do_not_show_depth_have_no_shape_in_space(made: Heads, said: str) -> None:
    learned = learn_shape(SCHEME, views_of(made))
    assert learned.model is None
    assert said in str(learned.about["lacking"])


def test_points_that_do_not_move_as_heads_turn_have_no_shape_in_space() -> None:
    made = heads(60)
    shuffled = replace(made, turns=made.turns[np.random.default_rng(0).permutation(60)])
    learned = learn_shape(SCHEME, views_of(shuffled))
    assert learned.model is None
    assert "is not how heads turn" in str(learned.about["lacking"])


def test_four_points_are_too_few() -> None:
    four = replace(SCHEME, names=SCHEME.names[:4], mirror=())
    made = heads(30)
    views = views_of(replace(made, points=made.points[:, :4]), mirror=False)
    assert "4 points" in str(learn_shape(four, views).about["lacking"])


def test_modes_that_look_like_a_turn_are_ruled_out() -> None:
    mean = heads().mean
    x, y, z = mean.T
    none = np.zeros(COUNT)
    ruled_out = [
        np.ones((COUNT, 3)) * [1.0, 2.0, -1.0],  # a shift
        mean,  # growing
        np.column_stack([-y, x, none]),  # a turn in the picture
        np.column_stack([z, none, none]),  # what a yaw looks like, and what else it does
        np.column_stack([none, none, -x]),
        np.column_stack([none, z, none]),  # a pitch
        np.column_stack([none, none, -y]),
    ]
    np.testing.assert_allclose(without_turns(mean, np.array(ruled_out)), 0.0, atol=1e-12)
    rest = without_turns(mean, np.random.default_rng(0).normal(size=(2, COUNT, 3)))
    np.testing.assert_allclose(without_turns(mean, rest), rest, atol=1e-12)
    for way in ruled_out:
        np.testing.assert_allclose(np.tensordot(rest, way, axes=2), 0.0, atol=1e-12)


# Depth


def test_a_first_guess_of_depth_bulges_as_a_head_does() -> None:
    made = heads()
    guess = first_mean(made.points, np.ones(60), MIRROR)
    assert np.corrcoef(guess[:, 2], made.mean[:, 2])[0, 1] > 0.95
    np.testing.assert_allclose(guess[:, 2], guess[list(MIRROR), 2], atol=1e-12)


def test_both_ways_depth_may_point_look_the_same() -> None:
    found = made_structure()
    other = reversed_depth(found)
    shapes = [one.mean + np.tensordot(one.poses.z, one.loadings, axes=1) for one in (found, other)]
    np.testing.assert_allclose(
        other.poses.project(shapes[1]), found.poses.project(shapes[0]), atol=1e-12
    )
    np.testing.assert_allclose(
        turns_of(other.poses.rotation), turns_of(found.poses.rotation) * [-1, -1, 1], atol=1e-9
    )


def test_another_frame_looks_the_same() -> None:
    found = made_structure()
    other = seen_from(found, rotations(np.array([5.0, -8.0, 3.0])))
    shapes = [one.mean + np.tensordot(one.poses.z, one.loadings, axes=1) for one in (found, other)]
    np.testing.assert_allclose(
        other.poses.project(shapes[1]), found.poses.project(shapes[0]), atol=1e-12
    )


# Corrections


def rows_of(count: int = 400, noise: float = 4.0, seed: int = 0) -> PoseRows:
    """Poses that are wrong by a fixed pitch and a share of the yaw, and what a network says."""
    rng = np.random.default_rng(seed)
    turns = rng.normal(size=(count, 3)) * [25.0, 8.0, 3.0]
    own = turns * [1.2, 1.0, 1.0] - [0.0, 5.0, 0.0]
    said = turns + rng.normal(0, noise, (count, 3))
    return PoseRows(
        rotations(own), rng.normal(size=(count, 4)), rotations(said), np.arange(count) % 2
    )


def test_a_correction_averages_what_the_network_says() -> None:
    rows, other = rows_of(), rows_of(200, noise=0.0, seed=1)
    learned = learn_correction(rows)
    assert learned is not None
    before = aside(other.rotation, other.seen)
    after = aside(learned(other.rotation, other.latent), other.seen)
    assert before.mean() > 6.0
    assert after.mean() < 2.0  # of single looks it is 6.4
    assert learned.error[0] == pytest.approx(6.4, rel=0.15)
    np.testing.assert_allclose(
        learned.reach, np.abs(turns_of(rows.rotation))[:, :2].max(axis=0), rtol=1e-5
    )


def test_what_the_network_got_wholly_wrong_is_left_out() -> None:
    rows = rows_of(noise=1.0)
    seen = rows.seen.copy()
    seen[:20] = rotations(turns_of(seen[:20]) + np.array([120.0, 0.0, 0.0]))
    clean, spoilt = (
        learn_correction(rows.of(np.arange(400) >= 20)),
        learn_correction(replace(rows, seen=seen)),
    )
    assert clean is not None
    assert spoilt is not None
    np.testing.assert_allclose(spoilt.weights, clean.weights, atol=1e-6)


def test_a_network_that_knows_nothing_leaves_a_mean_turn() -> None:
    rows = rows_of(60)
    said = rotations(np.random.default_rng(3).normal(size=(60, 3)) * 20.0)
    learned = learn_correction(replace(rows, seen=rows.rotation @ said))
    assert learned is not None
    assert np.abs(learned.weights).max() < 0.01


def test_few_faces_or_one_fold_teach_no_correction() -> None:
    rows = rows_of(20)
    assert learn_correction(rows.of(np.arange(20) < 11)) is None
    assert learn_correction(replace(rows, folds=np.zeros(20, int))) is None
    assert learn_correction(rows.of(np.zeros(20, bool))) is None


def test_a_model_says_from_what_it_knows_space() -> None:
    assert "Train it again" in space_words({})
    assert (
        space_words({"shape3d": {"faces": 7, "lacking": "7 faces are few."}}) == "7 faces are few."
    )
    said = space_words({"shape3d": {"faces": 40, "turn": 17.5}})
    assert "40 faces" in said
    assert "17.5°" in said
