"""Fits of the starter model to the sample's stills, and to what is no proper picture."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import pytest

from faceloop_datasets import FaceloopError
from faceloop_datasets.sample import sample_negatives
from faceloop_runtime import Detector, FaceModel, Fit, Fitter, HeadPose
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.start_network import describe

Nme = Callable[[np.ndarray, np.ndarray], float]
Faces = list[tuple[np.ndarray, np.ndarray]]
WHOLE = (0, 0, 384, 384)


def jittered(model: FaceModel, true: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mean shape on the true points, turned, scaled and shifted at random."""
    pose = Similarity.between(model.pdm.mean, true)
    off = Similarity.from_polar(
        np.exp(rng.normal(0, 0.07)), np.deg2rad(rng.normal(0, 6)), *rng.normal(0, 0.08, 2)
    )
    return pose.after(off).apply(model.pdm.mean)


def test_fits_from_jittered_starts(fitter: Fitter, faces: Faces, nme: Nme) -> None:
    rng = np.random.default_rng(0)
    errors, starts, predicted = [], [], []
    for gray, true in faces:
        start = jittered(fitter.model, true, rng)
        fit = fitter.fit(gray, start)
        errors.append(nme(fit.points, true))
        starts.append(nme(start, true))
        predicted.append(fit.predicted_error)
    assert np.median(errors) < 0.025
    assert np.median(errors) < 0.3 * np.median(starts)
    assert max(errors) < 0.08
    assert 0.5 < np.median(predicted) / np.median(errors) < 2


def test_fits_from_the_detector(fitter: Fitter, faces: Faces, nme: Nme) -> None:
    detector, errors = Detector(), []
    for gray, true in faces[::2]:
        boxes = detector.detect(gray)
        errors.append(nme(fitter.fit(gray, boxes[0]).points, true) if boxes else np.inf)
    assert np.median(errors) < 0.03
    assert np.mean(np.array(errors) > 0.1) <= 0.15  # turned heads that the cascade does not see


def test_what_is_no_face_is_told_from_a_face(fitter: Fitter, faces: Faces) -> None:
    on_faces = [fitter.fit(gray, true) for gray, true in faces[:10]]
    nowhere = []
    for path in sample_negatives()[:10]:
        gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        nowhere.append(fitter.fit(np.asarray(gray, np.uint8), (60, 20, 200, 200)))
    assert min(f.score for f in on_faces) > 0.5
    assert np.median([f.score for f in nowhere]) < 0.3
    worst = max(f.predicted_error for f in on_faces)
    assert min(f.predicted_error for f in nowhere) > worst


def test_the_fields_of_a_fit(fitter: Fitter, faces: Faces) -> None:
    gray, true = faces[0]
    fit = fitter.fit(gray, true)
    assert isinstance(fit, Fit)
    assert fit.points.shape == true.shape
    assert fit.confidence.shape == (70,)
    assert ((fit.confidence >= 0) & (fit.confidence <= 1)).all()
    assert 0 <= fit.score <= 1
    assert fit.error_bound > fit.predicted_error > 0
    assert fit.visibility.shape == (70,)
    assert ((fit.visibility >= 0) & (fit.visibility <= 1)).all()
    assert fit.iterations > 0
    assert fit.pose.scale == pytest.approx(np.linalg.norm(true[28] - true[23]), rel=0.15)
    np.testing.assert_allclose(fit.points, fit.pose.apply(fitter.model.pdm.shape(fit.b)), atol=1e-6)


def test_a_model_without_a_shape_in_space_asks_the_network_how_a_head_is_turned(
    starter: FaceModel, faces: Faces
) -> None:
    flat = replace(starter, shape3d=None, pose_correction=None)
    assert flat.start_map is not None
    fitter = Fitter(flat, "cpu")
    image, points = faces[3]
    fit = fitter.fit(image, points)
    seen = describe(image, flat.start_map.frame(fit.pose))
    head = HeadPose(seen.yaw, seen.pitch, seen.roll, seen.turn_error)
    assert fit.head_pose == head
    assert 2.0 < head.error < 15.0
    nowhere = fitter.fit(np.zeros_like(image), points)
    assert nowhere.head_pose is None
    assert Fitter(replace(flat, start=None), "cpu").fit(image, points).head_pose is None


def test_the_same_fit_twice_is_the_same(fitter: Fitter, faces: Faces) -> None:
    gray, true = faces[1]
    before = gray.copy()
    one, two = (fitter.fit(gray, true + 3) for _ in range(2))
    # not to the last bit: sums depend on where arrays lie in memory
    np.testing.assert_allclose(one.points, two.points, atol=1e-4)
    np.testing.assert_array_equal(gray, before)


def test_a_fit_does_not_depend_on_how_the_picture_lies_in_memory(
    fitter: Fitter, faces: Faces
) -> None:
    gray, true = faces[1]
    expected = fitter.fit(gray, true + 3).points
    framed = np.zeros((gray.shape[0] + 9, gray.shape[1] + 31), np.uint8)
    inside = framed[4:-5, 17:-14]
    inside[:] = gray
    columns = np.asfortranarray(gray)
    upside_down = np.ascontiguousarray(gray[::-1])[::-1]
    channel = np.repeat(gray[:, :, None], 3, axis=2)[:, :, 1]
    for same in (inside, columns, upside_down, channel):
        assert not same.flags.c_contiguous
        np.testing.assert_allclose(fitter.fit(same, true + 3).points, expected, atol=1e-4)


def test_fits_do_not_disturb_each_other(fitter: Fitter, faces: Faces) -> None:
    alone = [fitter.fit(gray, true + 3) for gray, true in faces[:6]]
    kept = [(f.points.copy(), f.confidence.copy(), f.features.copy(), f.b.copy()) for f in alone]

    def again(other: Fitter) -> list[Fit]:
        return [other.fit(gray, true + 3) for gray, true in faces[:6]]

    # Two fitters in two threads, and one fitter in both.
    own = [Fitter(fitter.model, backend="cpu") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        found = [*pool.map(again, own), *pool.map(again, [fitter, fitter])]
    for fits in found:
        for fit, first in zip(fits, alone, strict=True):
            np.testing.assert_allclose(fit.points, first.points, atol=1e-4)
            assert fit.predicted_error == pytest.approx(first.predicted_error, rel=1e-3)
    for fit, arrays in zip(alone, kept, strict=True):
        for now, then in zip(
            (fit.points, fit.confidence, fit.features, fit.b), arrays, strict=True
        ):
            np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_the_size_of_the_face_does_not_matter(
    fitter: Fitter, faces: Faces, nme: Nme, factor: int
) -> None:
    """At factor 8 the picture has 3072 pixels a side, and the face fills most of it."""
    apart = []
    for gray, true in faces[:6]:
        start = true + 4
        large = cv2.resize(gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
        fit = fitter.fit(np.asarray(large, np.uint8), (start + 0.5) * factor - 0.5)
        back = (fit.points + 0.5) / factor - 0.5
        apart.append(nme(back, fitter.fit(gray, start).points))
    assert np.median(apart) < 0.005
    assert max(apart) < 0.01


def test_colour_is_fitted_as_its_gray(fitter: Fitter, faces: Faces) -> None:
    gray, true = faces[2]
    colour = np.repeat(gray[:, :, None], 3, axis=2)
    np.testing.assert_allclose(
        fitter.fit(colour, true).points, fitter.fit(gray, true).points, atol=0.05
    )


def test_unknown_start_points_are_filled_in(fitter: Fitter, faces: Faces, nme: Nme) -> None:
    gray, true = faces[3]
    start = true.copy()
    start[10:] = np.nan
    start[27] = true[27]
    fit = fitter.fit(gray, start)
    assert np.isfinite(fit.points).all()
    assert nme(fit.points, true) < 0.15


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_a_face_partly_outside(fitter: Fitter, faces: Faces, nme: Nme, side: str) -> None:
    gray, true = faces[4]
    low, high = true.min(axis=0), true.max(axis=0)
    cut = (low + 0.25 * (high - low)).astype(int)
    end = (high - 0.25 * (high - low)).astype(int)
    part, shift = {
        "left": (gray[:, cut[0] :], (cut[0], 0)),
        "right": (gray[:, : end[0]], (0, 0)),
        "top": (gray[cut[1] :], (0, cut[1])),
        "bottom": (gray[: end[1]], (0, 0)),
    }[side]
    moved = true - shift
    fit = fitter.fit(np.ascontiguousarray(part), moved)
    assert np.isfinite(fit.points).all()
    assert nme(fit.points, moved) < 0.25


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 2), (1, 1, 3)])
def test_pictures_of_a_pixel(fitter: Fitter, shape: tuple[int, ...]) -> None:
    image = np.full(shape, 99, np.uint8)
    for box in ((0, 0, 1, 1), WHOLE):
        fit = fitter.fit(image, box)
        assert np.isfinite(fit.points).all()
        assert fit.score < 0.5
        assert fit.predicted_error > 0.1


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((50, 50), np.float32),
        np.zeros((50, 50), np.uint16),
        np.zeros((50, 50), bool),
        np.zeros((50, 50, 4), np.uint8),
        np.zeros((50, 50, 1), np.uint8),
        np.zeros((0, 50), np.uint8),
        np.zeros((50, 0, 3), np.uint8),
        np.zeros(50, np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(fitter: Fitter, image: np.ndarray) -> None:
    with pytest.raises(FaceloopError, match="Cannot use a picture of shape"):
        fitter.fit(image, (0, 0, 20, 20))


@pytest.mark.parametrize(
    "init",
    [
        5.0,
        (0, 0, 20),
        np.zeros((69, 2)),
        np.zeros((70, 3)),
        np.full((70, 2), np.nan),
        np.full((70, 2), 5.0),
        (0, 0, np.nan, 20),
        (np.inf, 0, 20, 20),
        (0, 0, 0, 20),
        (0, 0, -20, 20),
    ],
)
def test_what_is_no_start_is_refused(fitter: Fitter, init: object) -> None:
    with pytest.raises(FaceloopError, match="Cannot start a fit"):
        fitter.fit(np.zeros((50, 50), np.uint8), init)  # type: ignore[arg-type]


@pytest.mark.parametrize("box", [(-5000, 9000, 40, 40), (10, 10, 1e6, 1e6), (10, 10, 1e-3, 1e-3)])
def test_a_box_far_off_or_of_absurd_size(fitter: Fitter, box: tuple[float, ...]) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (240, 320), dtype=np.uint8)
    fit = fitter.fit(gray, box)
    assert np.isfinite(fit.points).all()
    assert fit.predicted_error > 0.1
