"""Against the real clmtrackr: live where it is, else by what it did when it was recorded."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import Conversion, FaceloopError, Video
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_runtime import Tracker
from faceloop_runtime.clmtrackr import ClmtrackrFitter, ClmtrackrModel, load
from faceloop_runtime.geometry import Similarity

from . import real_clmtrackr

HERE = Path(__file__).parent
FILE = HERE / "clmtrackr_model.js"
"""A model of ours, exported; tests/benchmarks/clmtrackr_parity.py wrote it and the trace."""
ITERATIONS = 40
live = pytest.mark.skipif(
    real_clmtrackr.missing() is not None, reason=str(real_clmtrackr.missing())
)


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    return [frame.gray() for frame in islice(Video(sample_clip()), 30)]


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    weights = Conversion.load("face70", "clmtrackr71").weights
    return np.array([weights @ points for points in sample_clip_truth().points[:30]])


@pytest.fixture(scope="module")
def model() -> ClmtrackrModel:
    return load(FILE)


def near(fitter: ClmtrackrFitter, points: np.ndarray) -> np.ndarray:
    """Start parameters: the mean shape, turned, too large and off its place."""
    pose = Similarity.between(fitter.centred_mean(), points)
    return fitter.start(pose.after(Similarity.from_polar(1.05, 0.06, 0.04, -0.05))).parameters


def apart(
    fitter: ClmtrackrFitter, frame: np.ndarray, start: np.ndarray, theirs: np.ndarray
) -> np.ndarray:
    """Largest distance of a point after each iteration, in pixels."""
    ours = islice(fitter.iterations(frame, fitter.state_at(start)), len(theirs))
    return np.array(
        [
            np.linalg.norm(state.points - fitter.model.points(p), axis=1).max()
            for state, p in zip(ours, theirs, strict=True)
        ]
    )


def nme(found: np.ndarray, true: np.ndarray) -> float:
    away = np.linalg.norm(found - true, axis=1).mean()
    return float(away / np.linalg.norm(true[28] - true[23]))


def test_every_iteration_ends_where_clmtrackr_was_recorded(
    model: ClmtrackrModel, frames: list[np.ndarray]
) -> None:
    trace = json.loads((HERE / "clmtrackr_trace.json").read_text())
    theirs = np.array(trace["parameters"])
    assert len(theirs) == ITERATIONS
    away = apart(ClmtrackrFitter(model), frames[0], np.array(trace["start"]), theirs)
    assert away.max() < 0.01  # the aim is 0.3; it is 1e-6, the digits of the trace
    assert np.allclose(model.points(theirs[-1]), trace["points"], atol=1e-4)


@live
def test_our_model_runs_in_clmtrackr_as_here(
    model: ClmtrackrModel, frames: list[np.ndarray], truth: np.ndarray
) -> None:
    fitter = ClmtrackrFitter(model)
    start = near(fitter, truth[0])
    theirs, points = real_clmtrackr.run(FILE, frames[:10], start, first=30, iterations=3)
    assert apart(fitter, frames[0], start, theirs[:30]).max() < 0.3
    assert nme(points[-1] - 0.5, truth[9]) < 0.05


@live
@pytest.mark.parametrize(
    "name",
    ["pca_10_svm", "pca_20_svm", "spca_10_svm", "spca_20_svm", "pca_10_mosse", "pca_20_mosse"],
)
def test_its_own_models_run_here_as_there(
    name: str, data_dir: Path, frames: list[np.ndarray], truth: np.ndarray
) -> None:
    file = data_dir / "clmtrackr_models" / f"model_{name}.json"
    fitter = ClmtrackrFitter(load(file))
    start = near(fitter, truth[0])
    theirs, _ = real_clmtrackr.run(file, frames[:1], start, first=ITERATIONS)
    assert apart(fitter, frames[0], start, theirs).max() < 0.3


def test_its_own_models_fit_a_face(
    data_dir: Path, frames: list[np.ndarray], truth: np.ndarray
) -> None:
    for file in sorted((data_dir / "clmtrackr_models").iterdir()):
        fitter = ClmtrackrFitter(load(file))
        points = fitter.centred_mean()
        start = Similarity.between(points, truth[0]).apply(points)
        assert nme(fitter.fit(frames[0], start).points, truth[0]) < 0.05, file.name


def test_a_fit_from_points_is_like_one_of_a_model_of_ours(
    model: ClmtrackrModel, frames: list[np.ndarray], truth: np.ndarray
) -> None:
    fitter = ClmtrackrFitter(model)
    start = truth[0].copy()
    start[40:] = np.nan
    fit = fitter.fit(frames[0], start)
    assert fit.converged
    assert fit.points.shape == (71, 2)
    assert nme(fit.points, truth[0]) < 0.04
    assert fit.score > 0.5
    assert ((fit.confidence >= 0) & (fit.confidence <= 1)).all()
    assert np.allclose(fit.pose.apply(fitter.centred_mean()).mean(0), truth[0].mean(0), atol=8)
    colour = np.repeat(frames[0][:, :, None], 3, axis=2)
    assert np.allclose(fitter.fit(colour, start).points, fit.points, atol=0.01)


def test_the_tracker_finds_and_follows_with_it(
    model: ClmtrackrModel, frames: list[np.ndarray], truth: np.ndarray
) -> None:
    results = list(Tracker(model).track(frames[:15]))
    assert not any(result.lost for result in results)
    assert max(nme(np.asarray(r.points), t) for r, t in zip(results, truth, strict=False)) < 0.05
    assert results[-1].faces[0].scale == pytest.approx(124, rel=0.1)


def test_a_picture_without_contrast_or_partly_outside_does_no_harm(
    model: ClmtrackrModel, frames: list[np.ndarray], truth: np.ndarray
) -> None:
    fitter = ClmtrackrFitter(model)
    for picture in (np.zeros((80, 80), np.uint8), frames[0][:, :200]):
        fit = fitter.fit(np.ascontiguousarray(picture), truth[0])
        assert np.isfinite(fit.points).all()
        assert np.isfinite([fit.score, fit.predicted_error]).all()


@pytest.mark.parametrize("init", [(5, 5, 0, 9), np.zeros((70, 2)), np.full((71, 2), np.nan)])
def test_an_unusable_start_is_refused(model: ClmtrackrModel, init: np.ndarray) -> None:
    with pytest.raises(FaceloopError, match="Cannot start a fit"):
        ClmtrackrFitter(model).fit(np.zeros((50, 50), np.uint8), init)
