"""How numbers lie in textures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_runtime.responses.experts import SEARCH
from faceloop_runtime.responses.gl.packing import (
    Grid,
    filter_tiles,
    groups,
    interleave,
    packed_maps,
    response_bounds,
)

sizes = st.integers(1, 9)


@given(st.integers(1, 300), st.integers(1, 40), st.integers(40, 500))
def test_a_grid_holds_every_tile_within_the_limit(count: int, width: int, limit: int) -> None:
    grid = Grid.fitting(count, width, limit)
    assert grid.columns * width <= limit
    assert grid.rows * grid.columns >= count > (grid.rows - 1) * grid.columns


@given(st.integers(1, 30), sizes, sizes, st.integers(9, 60))
def test_what_is_spread_can_be_gathered(count: int, height: int, width: int, limit: int) -> None:
    tiles = np.random.default_rng(0).normal(size=(count, height, width, 4)).astype(np.float32)
    grid = Grid.fitting(count, width, limit)
    texture = grid.spread(tiles)
    assert texture.shape == (grid.rows * height, grid.columns * width, 4)
    np.testing.assert_array_equal(grid.gather(texture, height), tiles)


@given(st.integers(1, 15), sizes, sizes)
def test_channels_stand_four_to_a_texel(count: int, height: int, width: int) -> None:
    channels = np.random.default_rng(0).normal(size=(count, height, width)).astype(np.float32)
    out = np.full((groups(count) * height, width, 4), np.nan, np.float32)
    interleave(channels, out)
    lanes = out.reshape(-1, height, width, 4).transpose(0, 3, 1, 2).reshape(-1, height, width)
    np.testing.assert_array_equal(lanes[:count], channels)
    assert not lanes[count:].any()


@pytest.mark.parametrize("outputs", [1, 4])
def test_filter_rows_end_in_nothing(outputs: int) -> None:
    weights = np.random.default_rng(0).normal(size=(3, 6, 5, 5)).astype(np.float32)
    tiles = filter_tiles(weights, outputs)
    steps = 5 + outputs - 1
    assert tiles.shape == (3, 5, 2 * steps, 4)
    np.testing.assert_array_equal(tiles[1, 2, 3], weights[1, :4, 2, 3])
    np.testing.assert_array_equal(tiles[2, 4, steps, :2], weights[2, 4:, 4, 0])
    assert not tiles.reshape(3, 5, 2, steps, 4)[:, :, :, 5:].any()
    assert not tiles[:, :, steps:, 2:].any()


def test_bytes_are_digits_of_the_response() -> None:
    # What the shader computes, in whole numbers: exact to 2**-31 of the bound.
    values = np.random.default_rng(0).uniform(-1, 1, (2, SEARCH, SEARCH))
    whole = np.floor((0.5 + 0.5 * values) * 2.0**32).astype(np.uint64)
    digits = np.stack([(whole >> np.uint64(s)) & np.uint64(255) for s in (24, 16, 8, 0)], axis=-1)
    grid = Grid(2, 1)
    texture = digits.astype(np.uint8).reshape(2 * SEARCH, SEARCH, 4)
    bounds = np.array([1.0, 50.0], np.float32)
    maps = packed_maps(texture, grid, bounds)
    np.testing.assert_allclose(maps / bounds[:, None, None], values, rtol=0, atol=1e-7)


@given(st.integers(0, 10_000))
def test_no_response_exceeds_its_bound(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(4, 3, 5, 5)).astype(np.float32)
    patches = rng.normal(size=(3, 5, 5)).astype(np.float32)
    if seed % 2:  # the worst patch there is for the first landmark
        patches = np.sign(weights[0])
    responses = np.einsum("ncij,cij->n", weights, patches)
    bounds = response_bounds(weights, patches)
    assert (np.abs(responses) <= bounds * (1 + 1e-6)).all()
