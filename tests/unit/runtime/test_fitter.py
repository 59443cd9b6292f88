"""A fit is the passes that it is made of, spelled out; and it says what it cannot start from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from faceloop_datasets import FaceloopError
from faceloop_datasets.media.images import to_gray
from faceloop_runtime import Fit, Fitter
from faceloop_runtime.detect.boxes import FaceBox
from faceloop_runtime.fit.inputs import as_start
from faceloop_runtime.fit.meanshift import (
    Evidence,
    ShapeState,
    landmark_weights,
    local_support,
    regularised_mean_shift,
    spread_and_offset,
)
from faceloop_runtime.fit.schedule import FROM_START, Pass
from faceloop_runtime.fit.steps import SearchStart, correct, search, surroundings
from faceloop_runtime.geometry import Similarity, as_complex, as_points
from faceloop_runtime.imaging.channels import CropChannels, channel_stack
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.model import FaceModel
from faceloop_runtime.quality.conformal import ConformalCalibration
from faceloop_runtime.quality.estimate import estimate_quality
from faceloop_runtime.quality.features import FitFeatures, point_features
from faceloop_runtime.quality.validator import whole_face_features
from faceloop_runtime.regressor import ShapeRegressor, cell_features, regression_features
from faceloop_runtime.responses.cpu import CpuResponses
from faceloop_runtime.responses.experts import SEARCH
from faceloop_runtime.start.initialiser import Initialiser, box_pose

POSE = Similarity.from_polar(60.0, 0.2, 150.0, 145.0)
BOX = (90.0, 80.0, 120.0, 120.0)
PASSES = (Pass(0, (20.0, 10.0)), Pass(2, (5.0,)), Pass(1, (10.0, 5.0)))


@pytest.fixture(scope="module")
def gray() -> np.ndarray:
    noise = np.random.default_rng(0).uniform(0, 255, (300, 310))
    return (cv2.GaussianBlur(noise, (0, 0), 2.0) * 4 - 382).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def model(small_model: FaceModel) -> FaceModel:
    """With three scales, as a fit expects; experts and predictors are sure of themselves."""
    coarse, fine = (replace(e, gain=20 * e.gain) for e in small_model.experts)
    finest = replace(fine, scale=36.0, weights=fine.weights[::-1].copy())
    predictor = small_model.point_predictor
    assert predictor is not None
    visible = predictor.visible
    visible = replace(visible, hidden=50 * visible.hidden, out=10 * visible.out)
    predictor = replace(predictor, visible=visible, typical=30 * predictor.typical)
    return replace(small_model, experts=(coarse, fine, finest), point_predictor=predictor)


def spelled_out(
    model: FaceModel,
    gray: np.ndarray,
    start: tuple[Similarity, np.ndarray],
    passes: Sequence[Pass],
) -> dict[str, object]:
    """One pass after the other, then the correction, then what its quality is estimated from."""
    pose, b = start
    pdm = model.pdm
    face = FaceImage(gray, pose, model.extent, model.experts[-1].scale)
    backend = CpuResponses(model.experts)
    for one in passes:
        experts = model.experts[one.level]
        size = model.crop_size(experts.scale, experts.patch)
        channels = CropChannels(face.crop(pose, experts.scale, size), model.channels)
        wanted = np.rint(pdm.shape(b) * experts.scale + (size - 1) / 2)
        centres = inside(wanted, size, experts.patch)
        responses = backend.responses(one.level, channels, centres)
        maps = experts.probabilities(responses)
        seen = Evidence(
            maps,
            as_complex((centres - (size - 1) / 2) / experts.scale),
            experts.scale,
            landmark_weights(maps, experts.reliability),
        )
        state, last = regularised_mean_shift(
            pdm, seen, ShapeState(1 + 0j, 0j, b), one.variances, noise=3.0
        )
        before = pose
        pose, b = moved(before, state), state.b
    coarse = model.crop_size(16.0, 1)
    whole = whole_face_features(channel_stack(face.crop(pose, 16.0, coarse), model.channels))
    points = state.turn * as_complex(pdm.shape(b)) + state.shift
    cells = cell_features(channels, as_points(points) * experts.scale + (size - 1) / 2)
    step = model.regressor(regression_features(cells, whole, b, pdm.deviations))
    state = ShapeState(
        state.turn * (1 + step[0] + 1j * step[1]),
        state.shift + state.turn * (step[2] + 1j * step[3]),
        b + step[4:],
    )
    ended = state.turn * as_complex(pdm.shape(state.b)) + state.shift
    mass, pull = local_support(seen, ended, 2.0)
    spread, offset = spread_and_offset(seen, ended)
    predictor = model.point_predictor
    typicality = (
        np.zeros(len(pdm)) if predictor is None else (cells * predictor.typical).sum(axis=1)
    )
    features = FitFeatures(
        whole_face=whole,
        points=point_features(
            peaks=responses.max(axis=(1, 2)),
            support=np.minimum(mass, 1.0).astype(np.float64),
            typicality=typicality.astype(np.float32),
            correction=np.abs(ended - points),
            spread=spread,
            offset=offset,
            pull=pull,
        ),
        z=state.b / np.sqrt(pdm.variances),
        displacement=pdm.shape(state.b) - pdm.mean,
        correction=float(np.abs(ended - points).mean()),
    )
    quality = estimate_quality(
        features, model.validator, model.error_predictor, predictor, model.error_calibration
    )
    return {
        "points": moved(before, state).apply(pdm.shape(state.b)),
        "confidence": np.minimum(mass, 1.0),
        "score": quality.score,
        "predicted_error": quality.error,
        "error_bound": quality.bound,
        "visibility": quality.visibility,
        "features": quality.features,
        "b": state.b,
        "pose": moved(before, state).matrix(),
        "iterations": sum(len(one.variances) for one in passes),
        "converged": last < 0.005,
    }


def inside(wanted: np.ndarray, size: int, patch: int) -> np.ndarray:
    """Middles of search windows that lie in the crop with room for the patch."""
    border = (SEARCH + patch) // 2
    centres = wanted.astype(np.intp)
    for point in centres:
        for axis in range(2):
            point[axis] = max(border, min(point[axis], size - 1 - border))
    return centres


def moved(pose: Similarity, state: ShapeState) -> Similarity:
    turn, shift = state.turn, state.shift
    return pose.after(Similarity(turn.real, turn.imag, shift.real, shift.imag))


def check(fit: Fit, expected: dict[str, object]) -> None:
    for name, value in expected.items():
        found = fit.pose.matrix() if name == "pose" else getattr(fit, name)
        np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("predictor", [True, False])
def test_a_fit_is_its_passes(model: FaceModel, gray: np.ndarray, predictor: bool) -> None:
    if not predictor:  # as files of version 1 have none
        model = replace(model, point_predictor=None, error_calibration=None)
    b = np.array([0.5, -1.0, 0.7]) * np.sqrt(model.pdm.variances)
    fit = Fitter(model, backend="cpu").fit_pose(gray, POSE, b, PASSES)
    check(fit, spelled_out(model, gray, (POSE, b), PASSES))
    assert np.isnan(fit.error_bound) is not predictor
    assert fit.confidence.dtype == np.float64


def test_a_search_by_itself_says_where_it_ended(model: FaceModel, gray: np.ndarray) -> None:
    """As corrections are learned from: what would be corrected, and what it looks like there."""
    backend = CpuResponses(model.experts)
    found = search(model, backend, gray, SearchStart.at(model.pdm, POSE), PASSES)
    none = ShapeRegressor(np.zeros_like(model.regressor.weights), np.zeros(7, np.float32))
    fit = correct(model.pdm, none, found)
    np.testing.assert_array_equal(fit.b, found.b)
    np.testing.assert_allclose(found.pose.matrix(), fit.pose.matrix(), rtol=1e-12)
    np.testing.assert_array_equal(fit.movements, 0.0)
    points = found.pose.apply(model.pdm.shape(found.b))
    there = found.last.crop_pose.inverse().apply(points)
    middle = (found.last.channels.crop.shape[0] - 1) / 2
    cells = cell_features(found.last.channels, there * found.last.evidence.scale + middle)
    np.testing.assert_allclose(surroundings(model.pdm, found), cells, atol=1e-5)


def test_it_begins_with_the_mean_shape_and_all_scales(model: FaceModel, gray: np.ndarray) -> None:
    fit = Fitter(model, backend="cpu").fit_pose(gray, POSE)
    check(fit, spelled_out(model, gray, (POSE, np.zeros(3)), FROM_START))
    assert fit.iterations == 13


def test_what_looks_unlike_the_landmark_is_hidden(model: FaceModel, gray: np.ndarray) -> None:
    """As the predictor of this model has learned: it goes by how the surroundings usually look."""
    predictor = model.point_predictor
    assert predictor is not None
    other = replace(model, point_predictor=replace(predictor, typical=-predictor.typical))
    one, two = (Fitter(m, backend="cpu").fit_pose(gray, POSE, None, PASSES) for m in (model, other))
    assert np.abs(one.visibility - two.visibility).max() > 0.01
    np.testing.assert_array_equal(one.confidence, two.confidence)


def test_points_that_were_hidden_in_the_last_frame_have_no_say(
    model: FaceModel, gray: np.ndarray
) -> None:
    """Without any that is seen, the search stays where it is, at the most probable shape."""
    searching = replace(model, regressor=model.regressor.scaled(0.0))
    fitter, b = Fitter(searching, backend="cpu"), np.zeros(3)
    last = replace(fitter.fit_pose(gray, POSE), b=b)
    hidden = replace(last, visibility=np.zeros_like(last.visibility))
    stays = fitter.fit_next(gray, POSE, hidden, PASSES)
    np.testing.assert_allclose(stays.points, POSE.apply(model.pdm.mean), atol=1e-6)
    seen = replace(last, visibility=np.ones_like(last.visibility))
    moves = fitter.fit_next(gray, POSE, seen, PASSES)
    np.testing.assert_array_equal(moves.points, fitter.fit_pose(gray, POSE, b, PASSES).points)
    unknowing = Fitter(replace(searching, point_predictor=None), backend="cpu")
    unknown = unknowing.fit_next(gray, POSE, hidden, PASSES)
    np.testing.assert_array_equal(unknown.points, moves.points)


def test_search_windows_stay_in_the_crop(model: FaceModel, gray: np.ndarray) -> None:
    """Of a shape that no face has the points lie outside it, on every side."""
    b = np.array([40.0, -40.0, 40.0]) * np.sqrt(model.pdm.variances)
    experts = model.experts[0]
    size = model.crop_size(experts.scale, experts.patch)
    wanted = np.rint(model.pdm.shape(b) * experts.scale + (size - 1) / 2)
    assert (wanted.min(axis=0) < 0).all()
    assert (wanted.max(axis=0) >= size).all()
    one = (Pass(0, (20.0,)),)
    fit = Fitter(model, backend="cpu").fit_pose(gray, POSE, b, one)
    check(fit, spelled_out(model, gray, (POSE, b), one))


def test_a_fit_that_does_not_move_any_more_has_converged(
    model: FaceModel, gray: np.ndarray
) -> None:
    """The last update counts, whatever those before it did."""
    fitter = Fitter(model, backend="cpu")
    quiet = (*PASSES, Pass(0, (10.0,) * 40))
    for passes, still in ((PASSES, False), (quiet, True), ((*quiet, Pass(2, (5.0,))), False)):
        fit = fitter.fit_pose(gray, POSE, None, passes)
        assert fit.converged is still
        check(fit, spelled_out(model, gray, (POSE, np.zeros(3)), passes))


class TestStarts:
    def test_from_points(self, model: FaceModel, gray: np.ndarray) -> None:
        points = POSE.apply(model.pdm.shape(np.array([0.2, 0.1, -0.05])))
        points[3] = np.nan, 7.0
        points[5] = np.inf, 7.0
        before = points.copy()
        fit = Fitter(model, backend="cpu").fit(gray, points)
        np.testing.assert_array_equal(points, before)
        points[[3, 5]] = np.nan
        pose, b = model.pdm.parameters(points)
        check(fit, spelled_out(model, gray, (pose, b), FROM_START))

    def test_from_two_points_and_from_lists(self, model: FaceModel, gray: np.ndarray) -> None:
        points = np.full(model.pdm.mean.shape, np.nan)
        points[[0, 1]] = POSE.apply(model.pdm.mean)[[0, 1]]
        fit = Fitter(model, backend="cpu").fit(gray, points.tolist())
        check(fit, spelled_out(model, gray, model.pdm.parameters(points), FROM_START))

    @pytest.mark.parametrize("case", ["none", "one", "one place", "too few"])
    def test_points_that_say_nothing(self, model: FaceModel, gray: np.ndarray, case: str) -> None:
        points = np.full(model.pdm.mean.shape, np.nan)
        if case == "one":
            points[7] = 50.0
        if case == "one place":
            points[:] = 50.0
        if case == "too few":
            points = np.ones((5, 2))
        with pytest.raises(FaceloopError, match="at least two different known points, or a box"):
            Fitter(model, backend="cpu").fit(gray, points)

    def test_from_a_box_of_a_pixel(self, model: FaceModel, gray: np.ndarray) -> None:
        fit = Fitter(model, backend="cpu").fit(gray, (100, 100, 1, 1))
        assert np.abs(fit.points - 100).max() < 10

    @pytest.mark.parametrize(
        "box", [(0, 0, 0, 50), (0, 0, 50, -1), (0, np.nan, 50, 50), (np.inf, 0, 50, 50)]
    )
    def test_boxes_that_are_none(
        self, model: FaceModel, gray: np.ndarray, box: tuple[float, ...]
    ) -> None:
        with pytest.raises(FaceloopError, match=r"shape \(4,\); expected \(58, 2\)"):
            Fitter(model, backend="cpu").fit(gray, box)

    def test_a_box_is_tried_another_way_where_the_first_looks_wrong(
        self, model: FaceModel, gray: np.ndarray
    ) -> None:
        """The better of both then counts; where the first looks good, it is not asked further."""
        box = FaceBox(*BOX)
        plain = box_pose(model, box)
        seen: set[str] = set()
        for turn in range(4):  # somewhere the first is better, elsewhere the other
            picture = np.ascontiguousarray(np.rot90(gray[:300, :300], turn))
            found = Initialiser(model)(picture, box)
            fitter = Fitter(model, backend="cpu")
            first, other = (fitter.fit_pose(picture, pose) for pose in (found, plain))
            better = min(first, other, key=lambda fit: fit.predicted_error)
            seen.add("first" if better is first else "other")
            worst = max(first.predicted_error, other.predicted_error)
            for error, expected in ((5.0, better), (1e-6, first)):
                certain = shifted(model, float(np.log(error / worst)))
                fit = Fitter(certain, backend="cpu").fit(picture, BOX)
                np.testing.assert_allclose(fit.points, expected.points, atol=1e-3)
        assert seen == {"first", "other"}

    def test_the_error_that_is_too_large_is_six_hundredths(
        self, model: FaceModel, gray: np.ndarray
    ) -> None:
        found = Fitter(model, backend="cpu").fit_pose(gray, Initialiser(model)(gray, FaceBox(*BOX)))
        plain = Fitter(model, backend="cpu").fit_pose(gray, box_pose(model, FaceBox(*BOX)))
        for error, asked in ((0.059, False), (0.061, True)):
            shift = float(np.log(error / found.predicted_error))
            fit = Fitter(shifted(model, shift), backend="cpu").fit(gray, BOX)
            better = plain if asked and plain.predicted_error < found.predicted_error else found
            np.testing.assert_allclose(fit.points, better.points, atol=1e-3)


def shifted(model: FaceModel, by: float) -> FaceModel:
    """All errors are expected to be larger by a factor, whatever fits look like."""
    calibration = model.error_calibration
    assert calibration is not None
    return replace(
        model,
        error_calibration=ConformalCalibration(
            calibration.predicted,
            calibration.median + np.float32(by),
            calibration.bound + np.float32(by),
        ),
    )


class TestPictures:
    def test_colours_are_fitted_as_gray(self, model: FaceModel) -> None:
        image = np.random.default_rng(3).integers(0, 256, (300, 310, 3), np.uint8)
        fitter = Fitter(model, backend="cpu")
        points = POSE.apply(model.pdm.mean)
        np.testing.assert_array_equal(
            fitter.fit(image, points).points, fitter.fit(to_gray(image), points).points
        )

    @pytest.mark.parametrize(
        "image",
        [
            np.zeros((0, 5), np.uint8),
            np.zeros((5, 0, 3), np.uint8),
            np.zeros((20, 20), np.float32),
            np.zeros((20, 20, 3), np.uint16),
            np.zeros((20, 20, 4), np.uint8),
            np.zeros((20, 20, 1), np.uint8),
            np.zeros(20, np.uint8),
            np.zeros((2, 20, 20, 3), np.uint8),
        ],
    )
    def test_what_is_no_picture(self, model: FaceModel, image: np.ndarray) -> None:
        with pytest.raises(FaceloopError, match=r"Cannot use a picture of shape .* uint8"):
            Fitter(model, backend="cpu").fit(image, BOX)


class Watched(CpuResponses):
    """Notes how many threads BLAS has, and can fail."""

    threads: tuple[int, ...] = ()
    fails = False

    def responses(self, *given: object) -> np.ndarray:
        self.threads += tuple(blas_threads())
        if self.fails:
            raise RuntimeError("no graphics any more")
        return super().responses(*given)  # type: ignore[arg-type]


def blas_threads() -> Iterator[int]:
    return (one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")


@pytest.mark.parametrize("fails", [False, True])
def test_blas_has_one_thread_while_a_face_is_fitted(
    model: FaceModel, gray: np.ndarray, fails: bool
) -> None:
    backend = Watched(model.experts)
    backend.fails = fails
    with threadpool_limits(3, "blas"):
        before = list(blas_threads())
        assert max(before) > 1
        fitter = Fitter(model, backend=backend)
        assert fitter.backend is backend
        if fails:
            with pytest.raises(RuntimeError, match="no graphics"):
                fitter.fit_pose(gray, POSE)
        else:
            fitter.fit_pose(gray, POSE)
        assert list(blas_threads()) == before
    assert set(backend.threads) == {1}


@pytest.mark.parametrize(
    "box",
    [
        FaceBox(np.nan, 0, 50, 50),
        FaceBox(0, np.inf, 50, 50),
        FaceBox(0, 0, 50, 50, roll=np.nan),
        FaceBox(100, 100, -50, -50),
        FaceBox(0, 0, 50, 0),
        FaceBox(0, 0, 1e300, 1e300),
        FaceBox(100, 100, 1e-300, 1e-300),
    ],
)
def test_boxes_that_are_none_are_refused(box: FaceBox) -> None:
    with pytest.raises(FaceloopError, match="Cannot start a fit from FaceBox"):
        as_start(box, 70)
    assert as_start(FaceBox(0, 0, 50, 50, roll=720.0), 70) is not None
