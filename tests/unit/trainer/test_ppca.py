"""The shape model finds what was planted, with points missing too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faceloop_datasets import Scheme, TrainingError
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.pdm.ppca import ShapePrior, fit_pdm
from faceloop_trainer.pdm.procrustes import aligned, procrustes_mean
from faceloop_trainer.pdm.weights import repeated_measures_weights

SCHEME = Scheme.load("imm58")
N = len(SCHEME)
MODES = 3
VARIANCES = np.array([0.06, 0.03, 0.012])
NOISE = 0.004
SLOW = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def mean_shape() -> np.ndarray:
    """A shape in the model frame: centred, eye corners level and one apart."""
    shape = np.random.default_rng(5).uniform(-1.2, 1.2, (N, 2))
    left, right = SCHEME.iod
    shape[right] = shape[left] + [1.0, 0.0]
    return shape - shape.mean(axis=0)


def planted_modes(mean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Orthonormal modes that no similarity can produce, (MODES, 2N)."""
    turned = mean[:, ::-1] * [-1, 1]
    poses = [mean.ravel(), turned.ravel(), np.tile([1.0, 0.0], N), np.tile([0.0, 1.0], N)]
    basis, _ = np.linalg.qr(np.column_stack([*poses, *rng.normal(size=(MODES, 2 * N))]))
    return basis[:, 4:].T


def planted(
    count: int, seed: int, noise: float = NOISE
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Faces in random poses: mean shape, modes and shapes (count, N, 2)."""
    rng = np.random.default_rng(seed)
    mean = mean_shape()
    modes = planted_modes(mean, rng)
    b = rng.normal(size=(count, MODES)) * np.sqrt(VARIANCES)
    flat = mean.ravel() + b @ modes + rng.normal(0, noise, (count, 2 * N))
    shapes = flat.reshape(count, N, 2)
    poses = [
        Similarity.from_polar(
            rng.uniform(20, 300), rng.uniform(-1, 1), rng.uniform(0, 500), rng.uniform(0, 500)
        )
        for _ in range(count)
    ]
    return mean, modes, np.array([p.apply(s) for p, s in zip(poses, shapes, strict=True)])


def with_holes(shapes: np.ndarray, share: float, seed: int) -> np.ndarray:
    holes = np.random.default_rng(seed).uniform(size=shapes.shape[:2]) < share
    holes[:, list(SCHEME.iod)] = False
    return np.where(holes[..., None], np.nan, shapes)


def captured(modes: np.ndarray, found: np.ndarray) -> float:
    """Share of the planted modes that lies in the found ones, the worst direction."""
    return float(np.linalg.svd(modes @ found.T, compute_uv=False).min())


@SLOW
@given(seed=st.integers(0, 10_000))
def test_planted_modes_are_recovered(seed: int) -> None:
    mean, modes, shapes = planted(150, seed)
    pdm = fit_pdm(SCHEME, shapes, MODES)
    assert captured(modes, pdm.components) > 0.99
    # The mean of 150 faces is off by their spread over sqrt(150).
    assert np.abs(pdm.mean - mean).max() < 0.06
    np.testing.assert_allclose(pdm.variances, VARIANCES, rtol=0.5)
    assert pdm.noise == pytest.approx(NOISE**2, rel=0.3)


@SLOW
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.4))
def test_planted_modes_are_recovered_from_faces_with_holes(seed: int, share: float) -> None:
    _, modes, shapes = planted(60, seed)
    pdm = fit_pdm(SCHEME, with_holes(shapes, share, seed), MODES)
    assert captured(modes, pdm.components) > 0.95
    assert pdm.noise < 4 * NOISE**2


def test_missing_points_are_filled_better_than_by_the_mean() -> None:
    _, _, shapes = planted(150, 1)
    seen = with_holes(shapes, 0.3, 2)
    holes = np.isnan(seen).any(axis=2)
    pdm = fit_pdm(SCHEME, seen, MODES)
    completed = np.array([pdm.complete(s) for s in seen])
    placed = np.array([Similarity.between(pdm.mean, s).apply(pdm.mean) for s in seen])
    iod = np.array([SCHEME.inter_ocular_distance(s) for s in shapes])[:, None]
    wrong = {
        name: float((np.linalg.norm(guess - shapes, axis=2) / iod)[holes].mean())
        for name, guess in {"model": completed, "mean": placed}.items()
    }
    assert wrong["model"] < 0.35 * wrong["mean"]


def test_known_points_stay_when_the_others_are_filled() -> None:
    _, _, shapes = planted(40, 3)
    seen = with_holes(shapes, 0.2, 3)
    pdm = fit_pdm(SCHEME, seen, MODES)
    known = ~np.isnan(seen[0])
    np.testing.assert_array_equal(pdm.complete(seen[0])[known], seen[0][known])


def test_em_beats_plain_pca_of_mean_filled_shapes() -> None:
    # Half of the points is missing in half of the faces: filling with the mean shrinks the modes.
    _, modes, shapes = planted(80, 4)
    seen = shapes.copy()
    gone = np.arange(N) >= N // 2
    gone[list(SCHEME.iod)] = False
    seen[::2, gone] = np.nan
    pdm = fit_pdm(SCHEME, seen, MODES)
    mean = procrustes_mean(SCHEME, seen)
    rows = np.array([Similarity.between(s, mean).apply(s) for s in seen]).reshape(len(seen), -1)
    filled = np.where(np.isnan(rows), np.nanmean(rows, axis=0), rows)
    values = np.linalg.eigvalsh(np.cov(filled, rowvar=False))[::-1][:MODES]
    spread = VARIANCES.sum()
    assert abs(pdm.variances.sum() - spread) < 0.5 * abs(values.sum() - spread)
    assert captured(modes, pdm.components) > 0.95


def test_what_missing_points_leave_open_counts_as_variation() -> None:
    # Eight points of every second face leave most of its shape open. Without the conditional
    # covariance those faces would pass for average, free of noise.
    _, _, shapes = planted(80, 2, noise=0.05)
    known = [*SCHEME.iod, *np.random.default_rng(0).choice(N, 6, replace=False)]
    seen = shapes.copy()
    seen[::2, np.setdiff1d(np.arange(N), known)] = np.nan
    found, whole = fit_pdm(SCHEME, seen, MODES), fit_pdm(SCHEME, shapes, MODES)
    assert found.noise == pytest.approx(whole.noise, rel=0.15)
    assert found.variances.sum() == pytest.approx(whole.variances.sum(), rel=0.15)


@SLOW
@given(seed=st.integers(0, 10_000))
def test_the_mean_shape_is_centred_level_and_of_unit_iod(seed: int) -> None:
    _, _, shapes = planted(20, seed)
    mean = procrustes_mean(SCHEME, with_holes(shapes, 0.1, seed))
    left, right = mean[SCHEME.iod[0]], mean[SCHEME.iod[1]]
    np.testing.assert_allclose(right - left, [1.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(mean.mean(axis=0), 0.0, atol=1e-9)


@SLOW
@given(seed=st.integers(0, 10_000))
def test_the_model_does_not_depend_on_where_faces_lie(seed: int) -> None:
    _, _, shapes = planted(30, 0)
    rng = np.random.default_rng(seed)
    moved = np.array(
        [
            Similarity.from_polar(rng.uniform(0.2, 5), rng.uniform(-3, 3), *rng.normal(0, 99, 2))
            .apply(s)
            for s in shapes
        ]
    )  # fmt: skip
    one, other = fit_pdm(SCHEME, shapes, MODES), fit_pdm(SCHEME, moved, MODES)
    np.testing.assert_allclose(one.mean, other.mean, atol=1e-4)
    np.testing.assert_allclose(one.variances, other.variances, rtol=1e-2)
    assert captured(one.components, other.components) > 0.999


def test_modes_are_orthonormal_and_sorted() -> None:
    _, _, shapes = planted(30, 6)
    pdm = fit_pdm(SCHEME, with_holes(shapes, 0.2, 6), 8)
    np.testing.assert_allclose(pdm.components @ pdm.components.T, np.eye(8), atol=1e-9)
    assert (np.diff(pdm.variances) <= 0).all()
    assert (pdm.variances >= pdm.noise).all()


def test_no_more_modes_than_faces_allow() -> None:
    _, _, shapes = planted(4, 0)
    assert len(fit_pdm(SCHEME, shapes, 30).variances) == 3


def test_two_fits_of_the_same_shapes_are_equal() -> None:
    _, _, shapes = planted(30, 0)
    seen = with_holes(shapes, 0.2, 0)
    one, other = (fit_pdm(SCHEME, seen, 5) for _ in range(2))
    np.testing.assert_array_equal(one.components, other.components)
    np.testing.assert_array_equal(one.mean, other.mean)


def test_one_face_is_no_shape_model() -> None:
    _, _, shapes = planted(1, 0)
    with pytest.raises(TrainingError, match="at least 2 faces but got 1"):
        fit_pdm(SCHEME, shapes, 3)


def test_a_landmark_that_nobody_placed_is_named() -> None:
    _, _, shapes = planted(5, 0)
    shapes[:, 7] = np.nan
    with pytest.raises(TrainingError, match=SCHEME.names[7]):
        procrustes_mean(SCHEME, shapes)


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_modes_of_few_points_leave_growth_and_turning_to_the_pose(missing: float) -> None:
    """Where faces turn a lot and else hardly vary, growth varies more than the last modes do."""
    scheme = replace(
        SCHEME,
        names=SCHEME.names[:5],
        iod=(0, 1),
    )
    rng = np.random.default_rng(0)
    mean = np.array([[-0.5, -0.4], [0.5, -0.4], [0.0, 0.0], [-0.3, 0.4], [0.3, 0.4]])
    narrow = rng.uniform(0.3, 1.0, (60, 1))
    shapes = mean + rng.normal(0, 0.002, (60, 5, 2))
    shapes[..., 0] *= narrow
    shapes *= 100
    shapes[rng.uniform(size=(60, 5)) < missing] = np.nan
    pdm = fit_pdm(scheme, shapes, 50)
    tangent = pdm.tangent(np.zeros(len(pdm.variances)))
    assert tangent.shape == (10, 10)
    assert np.linalg.cond(tangent) < 10


def test_shapes_with_nothing_in_common_have_no_model() -> None:
    shapes = np.random.default_rng(0).uniform(0, 300, (40, N, 2))
    with pytest.raises(TrainingError, match="no shape in common; check the annotations"):
        fit_pdm(SCHEME, shapes, 20)


def test_points_that_nobody_placed_are_named_with_their_numbers() -> None:
    shapes = planted(5, 0)[2]
    shapes[:, [7, 9]] = np.nan
    named = rf"2, points 7 \({SCHEME.names[7]}\), 9 \({SCHEME.names[9]}\)\. Annotate"
    with pytest.raises(TrainingError, match=named):
        fit_pdm(SCHEME, shapes, 20)


def conditional_moments(
    rows: np.ndarray, mean: np.ndarray, covariance: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of what is unknown given what is known, spelled out face by face."""
    filled, open_ = rows.copy(), np.zeros_like(covariance)
    for face, weight in zip(filled, weights, strict=True):
        gone = np.nonzero(np.isnan(face))[0]
        here = np.nonzero(~np.isnan(face))[0]
        across = covariance[gone][:, here] @ np.linalg.inv(covariance[here][:, here])
        face[gone] = mean[gone] + across @ (face[here] - mean[here])
        left = covariance[gone][:, gone] - across @ covariance[here][:, gone]
        open_[np.ix_(gone, gone)] += weight * left
    return filled, open_ / weights.sum()


def spelled_out(
    rows: np.ndarray,
    start: np.ndarray,
    weights: np.ndarray,
    count: int,
    prior: ShapePrior | None,
    *,
    few_points: bool,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean, covariance and noise by EM (Tipping & Bishop, 1999), with dense matrices.

    Of few points growing, turning and shifting are taken out: they belong to the pose.
    """

    def covariance_of(filled: np.ndarray, more: np.ndarray) -> np.ndarray:
        middle = weights @ filled / weights.sum()
        apart = filled - middle
        own = (apart.T * weights) @ apart / weights.sum() + more
        if prior is None:
            return own
        return (weights.sum() * own + prior.weight * prior.covariance) / (
            weights.sum() + prior.weight
        )

    def principal(covariance: np.ndarray) -> tuple[np.ndarray, float]:
        if few_points:
            covariance = shapes_alone @ covariance @ shapes_alone
        values, vectors = np.linalg.eigh(covariance)
        noise = max(float(values[:-count].clip(0).mean()), 1e-8)
        modes = vectors[:, -count:]
        kept = modes @ np.diag(values[-count:].clip(noise)) @ modes.T
        return kept, noise

    mean = start
    x, y = start[0::2], start[1::2]
    pose = np.zeros((4, len(start)))
    pose[0], pose[1, 0::2], pose[1, 1::2] = start, -y, x
    pose[2, 0::2] = pose[3, 1::2] = 1.0
    away = np.linalg.qr(pose.T)[0]
    shapes_alone = np.eye(len(start)) - away @ away.T
    nothing = np.zeros((rows.shape[1], rows.shape[1]))
    covariance = covariance_of(np.where(np.isnan(rows), mean, rows), nothing)
    for _ in range(40 if np.isnan(rows).any() else 1):
        modes, noise = principal(covariance)
        joint = modes + noise * np.eye(len(mean))
        filled, more = conditional_moments(rows, mean, joint, weights)
        before, mean = mean, weights @ filled / weights.sum()
        covariance = covariance_of(filled, more)
        if np.abs(mean - before).max() < 1e-5:
            break
    return mean, *principal(covariance)


@pytest.mark.parametrize(
    ("share", "repeated", "with_prior", "components"),
    [
        (0.0, False, False, 5),
        (0.0, True, True, 60),
        (0.25, True, False, 5),
        (0.25, False, True, 5),
        (0.25, True, True, 60),
    ],
)
def test_the_model_is_that_of_em_spelled_out(
    share: float, repeated: bool, with_prior: bool, components: int
) -> None:
    _, _, shapes = planted(14, 8)
    if repeated:  # eight of them show the first person, three the second
        shapes[1:8] = 0.9 * shapes[0] + 0.1 * shapes[1:8]
        shapes[9:11] = 0.9 * shapes[8] + 0.1 * shapes[9:11]
    seen = with_holes(shapes, share, 9)
    people = [f"person {(i > 7) + max(i - 10, 0)}" for i in range(14)] if repeated else None
    other = np.random.default_rng(1).normal(0, 0.05, (200, 2 * N))
    prior = ShapePrior(np.cov(other, rowvar=False), 12.0) if with_prior else None
    pdm = fit_pdm(SCHEME, seen, components, people=people, prior=prior)
    count = min(components, 60 if with_prior else 13)
    assert len(pdm.variances) == count
    mean = procrustes_mean(SCHEME, seen)
    weights = np.ones(14)
    if people is not None:
        rows = laid_over(seen, mean)
        weights = repeated_measures_weights(
            np.where(np.isnan(rows), mean.reshape(-1), rows), people
        )
        assert weights.min() < 0.5 * weights.max()
        mean = procrustes_mean(SCHEME, seen, weights)
    rows = laid_over(seen, mean)
    centre, modes, noise = spelled_out(
        rows, mean.reshape(-1), weights, count, prior, few_points=components > 5
    )
    np.testing.assert_allclose(pdm.mean.reshape(-1), centre, atol=1e-9)
    made = (pdm.components.T * pdm.variances) @ pdm.components
    np.testing.assert_allclose(made, modes, atol=1e-9)
    assert pdm.noise == pytest.approx(noise, rel=1e-6)
    largest = np.abs(pdm.components).argmax(axis=1)
    assert (pdm.components[np.arange(count), largest] > 0).all()


def laid_over(shapes: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Each shape by the similarity that brings it nearest to the mean, (F, 2N)."""
    rows = np.array([Similarity.between(s, mean).apply(s) for s in shapes])
    np.testing.assert_allclose(aligned(shapes, mean), rows.reshape(len(rows), -1), atol=1e-9)
    return rows.reshape(len(rows), -1)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_mean_shape_is_the_mean_of_the_shapes_laid_over_it(weighted: bool) -> None:
    _, _, shapes = planted(9, 4, noise=0.03)
    seen = with_holes(shapes, 0.2, 5)
    weights = np.random.default_rng(0).uniform(0.1, 2.0, 9) if weighted else np.ones(9)
    mean = procrustes_mean(SCHEME, seen, weights if weighted else None)
    rows = laid_over(seen, mean)
    known = ~np.isnan(rows)
    average = np.where(known, rows, 0).T @ weights / (known.T @ weights)
    again = Similarity.between(average.reshape(-1, 2), mean).apply(average.reshape(-1, 2))
    np.testing.assert_allclose(again, mean, atol=2e-6)
