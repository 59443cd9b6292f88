"""Filters that are solved for on planes are those of the channels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from faceloop_runtime.imaging.channels import CropChannels
from faceloop_runtime.responses.experts import windows
from faceloop_trainer.experts.channel_basis import ChannelBasis
from faceloop_trainer.experts.filters import PATCH, ridge_filters
from faceloop_trainer.experts.moments import RADIUS, WIDTH, MomentGatherer
from faceloop_trainer.lapack import solve_symmetric


def crops(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    noise = rng.uniform(0, 255, (count, 61, 61))
    return [cv2.GaussianBlur(n, (0, 0), 1.5).astype(np.float32) * 3 for n in noise]


def filters(families: tuple[str, ...], on_planes: bool) -> np.ndarray:
    basis = ChannelBasis.of(families, PATCH)
    if not on_planes:
        basis = ChannelBasis.plain(basis.channels, PATCH)
    gatherer = MomentGatherer(2, len(basis.supports))
    centres = np.array([[26, 30], [33, 31]])
    assert centres.min() > RADIUS
    for crop in crops(8):
        channels = CropChannels(crop, families)
        maps = channels.planes if on_planes else channels.maps
        offset = np.array([[1.0, -0.5], [0.25, 2.0]])
        gatherer.add(windows(maps, centres, WIDTH), offset, np.ones(2, bool))
    return ridge_filters(gatherer.sums, basis)


@pytest.mark.parametrize("families", [("gradient",), ("raw", "gradient")])
def test_filters_from_planes_are_those_from_channels(families: tuple[str, ...]) -> None:
    found, expected = filters(families, True), filters(families, False)
    assert found.shape == expected.shape
    assert np.linalg.norm(found - expected) < 0.01 * np.linalg.norm(expected)


def test_a_filter_does_the_same_on_channels_as_on_planes() -> None:
    families = ("gradient", "lbp")
    basis = ChannelBasis.of(families, PATCH)
    channels = CropChannels(crops(1)[0], families)
    on_planes = np.random.default_rng(2).normal(size=len(basis.penalty))
    on_channels = (on_planes @ basis.expansion).reshape(-1, PATCH, PATCH)
    y, x = 25, 31
    expected, start = 0.0, 0
    for plane, support in zip(channels.planes, basis.supports, strict=True):
        rows, columns = (
            slice(corner + first, corner + first + length)
            for corner, first, length in zip((y, x), support.first, support.shape, strict=True)
        )
        part = on_planes[start : start + support.size]
        expected += float((plane[rows, columns].ravel() * part).sum())
        start += support.size
    found = (channels.maps[:, y : y + PATCH, x : x + PATCH] * on_channels).sum()
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-3)
    assert (on_channels**2).sum() == pytest.approx(on_planes @ basis.penalty @ on_planes)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_symmetric_systems_are_solved(kind: type) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, 20))
    matrix, right = (rows.T @ rows).astype(kind), rng.normal(size=(3, 20)).astype(kind)
    found = solve_symmetric(np.triu(matrix), right.copy())
    np.testing.assert_allclose(found @ matrix, right, atol=1e-3 if kind is np.float32 else 1e-9)


def test_a_matrix_that_is_not_definite_is_refused() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        solve_symmetric(-np.eye(4), np.ones(4))
