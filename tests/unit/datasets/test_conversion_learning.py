"""Conversions learned from faces with both sets of points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceloop_datasets import Conversion, Scheme, SchemeError
from faceloop_datasets.schemes.learning import SAME_MARK, PairedFaces, learn_conversion

SOURCE = Scheme.parse(
    'name = "six"\nnames = ["left eye", "right eye", "nose", "left mouth", "right mouth", "chin"]\n'
    "mirror = [[0, 1], [3, 4]]\niod = [0, 1]",
    "six",
)
TARGET = Scheme.parse(
    'name = "four"\nnames = ["left cheek", "right cheek", "between", "elsewhere"]\n'
    "mirror = [[0, 1]]\niod = [0, 1]",
    "four",
)
WEIGHTS = np.zeros((4, 6))
WEIGHTS[0, [0, 3]] = WEIGHTS[1, [1, 4]] = (0.4, 0.6)
WEIGHTS[2, [0, 1]] = 0.5
WEIGHTS[3, [2, 5]] = (2.0, -1.0)


def faces(count: int, noise: float, seed: int = 0) -> PairedFaces:
    """Heads that vary in space, seen from several sides; the last target point is off by noise."""
    rng = np.random.default_rng(seed)
    mean = [[-50, 0, 0], [50, 0, 0], [0, 60, 40], [-30, 100, 5], [30, 100, 5], [0, 150, 0]]
    heads = np.array(mean) + rng.normal(0, 4, (count, 6, 3))
    yaw, size = rng.uniform(-0.5, 0.5, count), rng.uniform(0.5, 3, count)
    turned = heads[..., 0] * np.cos(yaw)[:, None] + heads[..., 2] * np.sin(yaw)[:, None]
    points = np.stack([turned, heads[..., 1]], axis=-1) * size[:, None, None] + 200
    made = np.einsum("ts,fsd->ftd", WEIGHTS, points)
    iod = np.array([TARGET.frontal_iod(face) for face in made])
    made[:, 3] += rng.normal(0, noise, (count, 2)) * iod[:, None]
    return PairedFaces(SOURCE, TARGET, points, made, [f"p{k // 3}" for k in range(count)])


def test_weights_that_hold_are_found_and_are_the_same_marks() -> None:
    learned = learn_conversion(faces(60, 0.0))
    np.testing.assert_allclose(learned.weights.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(learned.weights[:3], WEIGHTS[:3], atol=0.02)
    assert learned.same_mark[:3].all()
    assert (learned.expected[:3] < SAME_MARK).all()
    assert learned.expected[3] < SAME_MARK
    off = off_by(learned.weights, faces(200, 0.0, seed=1))
    assert off.max() < 0.015


def test_the_expected_error_is_that_of_other_people() -> None:
    learned = learn_conversion(faces(60, 0.05))
    seen = off_by(learned.weights, faces(300, 0.05, seed=1))
    assert learned.expected[3] == pytest.approx(seen[3], rel=0.25)
    assert learned.same_mark.tolist() == [True, True, True, False]


def test_few_faces_promise_no_more_than_they_keep() -> None:
    expected, seen = [], []
    for seed in range(12):
        learned = learn_conversion(faces(10, 0.2, seed))
        expected.append(learned.expected[3])
        seen.append(off_by(learned.weights, faces(100, 0.2, seed=100 + seed))[3])
    assert np.mean(expected) > 0.93 * np.mean(seen)


def test_a_point_that_is_off_by_more_than_two_hundredths_is_an_estimate() -> None:
    for noise, same in ((0.011, True), (0.022, False)):  # the mean distance is 1.25 of it
        learned = learn_conversion(faces(150, noise))
        assert bool(learned.same_mark[3]) is same


def off_by(weights: np.ndarray, pairs: PairedFaces) -> np.ndarray:
    """Mean distance of each target point in sizes of a face."""
    off = np.einsum("ts,fsd->ftd", weights, pairs.source_points) - pairs.target_points
    iod = np.array([TARGET.frontal_iod(face) for face in pairs.target_points])
    return np.asarray((np.linalg.norm(off, axis=2) / iod[:, None]).mean(axis=0))


def test_mirroring_and_converting_commute() -> None:
    weights = learn_conversion(faces(20, 0.03)).weights
    np.testing.assert_allclose(weights[list(TARGET.mirror)][:, list(SOURCE.mirror)], weights)


def test_without_mirror_maps_nothing_is_mirrored() -> None:
    sided = replace(TARGET, mirror=())
    weights = learn_conversion(replace(faces(60, 0.0), target=sided)).weights
    np.testing.assert_allclose(weights[:3], WEIGHTS[:3], atol=0.03)


def test_missing_points_are_done_without() -> None:
    pairs = faces(40, 0.0)
    pairs.source_points[::2, 5] = np.nan  # the chin, too often
    pairs.target_points[3:, 2] = np.nan  # and too few faces have this one
    learned = learn_conversion(pairs)
    assert not learned.weights[:, 5].any()
    assert learned.without_source.tolist() == [False, False, True, False]
    np.testing.assert_allclose(learned.weights[:2], WEIGHTS[:2], atol=0.02)


def test_too_few_faces_are_refused() -> None:
    with pytest.raises(SchemeError, match="5 faces of 2 subjects are annotated in both six and"):
        learn_conversion(faces(5, 0.0))
    with pytest.raises(SchemeError, match="at least 8 faces of 2 people"):
        learn_conversion(replace(faces(20, 0.0), subjects=["anna"] * 20))


def test_a_learned_conversion_survives_its_file() -> None:
    learned = learn_conversion(faces(30, 0.03))
    again = Conversion.parse(learned.to_toml(), "text")
    assert (again.source, again.target) == ("six", "four")
    np.testing.assert_allclose(again.weights.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(again.weights, learned.weights, atol=3e-4)
    np.testing.assert_allclose(again.expected, learned.expected, atol=1e-4)
    np.testing.assert_array_equal(again.same_mark, learned.same_mark)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('points = [6, 4]', "points = [6, 4000]"), "must be how many points"),
        (("[[sums]]\ntarget = 0", "[[sums]]\ntarget = 'x'"), "needs a number as target"),
        (("error = ", "error = -"), "is no distance"),
        (("weights = { ", "weights = { x = 1, "), "is no number of a point"),
        (("weights = { ", "weights = { 9 = nan, "), "is no small number"),
        (("weights = { ", "weights = { 9 = 0.0, "), "uses point 9; the source has 6"),
    ],
)  # fmt: skip
def test_a_file_that_was_changed_is_refused(change: tuple[str, str], complaint: str) -> None:
    text = learn_conversion(faces(30, 0.03)).to_toml()
    assert change[0] in text
    with pytest.raises(SchemeError, match=complaint):
        Conversion.parse(text.replace(*change, 1), "some.toml")
