"""Response maps of a fit in a real picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Video
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_runtime import FaceModel, Fitter
from faceloop_workbench.live.responses import ResponseMaps, response_maps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime import Fit

    Floats = NDArray[np.float64]

FRAME = 60


@pytest.fixture(scope="module")
def fit_and_maps() -> tuple[Fit, ResponseMaps]:
    model, truth = FaceModel.starter(), sample_clip_truth().points[FRAME]
    gray = Video(sample_clip())[FRAME].gray()
    fitter = Fitter(model, "cpu")
    fit = fitter.fit(gray, truth)
    return fit, response_maps(model, fitter.backend, gray, fit)


def places(maps: ResponseMaps, rows: Floats, columns: Floats) -> Floats:
    """Where one place of each map is in the picture, (N, 2)."""
    spots = np.stack([columns, rows], axis=1).astype(float)
    return np.array([t.apply(xy[None])[0] for t, xy in zip(maps.to_picture, spots, strict=True)])


def test_there_is_a_map_for_each_point_and_each_is_a_distribution(
    fit_and_maps: tuple[Fit, ResponseMaps],
) -> None:
    _, maps = fit_and_maps
    assert maps.maps.shape == (70, 11, 11)
    assert len(maps.to_picture) == 70
    assert np.allclose(maps.maps.sum(axis=(1, 2)), 1, atol=1e-5)


def test_the_middle_of_each_map_is_where_the_fit_put_the_point(
    fit_and_maps: tuple[Fit, ResponseMaps],
) -> None:
    fit, maps = fit_and_maps
    middles = places(maps, np.full(70, 5), np.full(70, 5))
    pixel = maps.to_picture[0].scale  # a pixel of the crop; windows begin at whole ones
    assert 1 < pixel < 4
    assert np.linalg.norm(middles - fit.points, axis=1).max() < 0.75 * pixel


def test_sharp_peaks_are_at_the_true_places_and_nowhere_else(
    fit_and_maps: tuple[Fit, ResponseMaps],
) -> None:
    _, maps = fit_and_maps
    truth = sample_clip_truth().points[FRAME]
    sharp = np.argsort(-maps.maps.max(axis=(1, 2)))[:20]
    rows, columns = np.divmod(maps.maps.reshape(70, -1).argmax(axis=1), 11)

    def away(rows: Floats, columns: Floats) -> float:
        peaks = places(maps, rows, columns)
        return float(np.median(np.linalg.norm(peaks - truth, axis=1)[sharp]))

    assert away(rows, columns) < 4
    assert away(columns, rows) > away(rows, columns)
    assert away(10 - rows, columns) > away(rows, columns)
    assert away(rows, 10 - columns) > away(rows, columns)
