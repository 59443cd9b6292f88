"""The textures, target and program of one scale."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.imaging.channels import CropChannels
from faceloop_runtime.responses.experts import SEARCH

from .channels import ChannelShaders, ChannelSource
from .context import GLError
from .device import Device, check
from .packing import (
    LANES,
    Grid,
    filter_tiles,
    float_maps,
    groups,
    packed_maps,
    response_bounds,
)
from .program import Program
from .textures import Target, Texture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.responses.base import ChannelMaps
    from faceloop_runtime.responses.experts import PatchExperts


def prepare(experts: Sequence[PatchExperts], packed: bool | None) -> list[Level]:
    """Put the filters of every scale into the current context.

    Parameters
    ----------
    experts : sequence of PatchExperts
        One a scale.
    packed : bool, optional
        Whether responses are packed into bytes; where absent, only if floats cannot be
        drawn.

    Raises
    ------
    GLError
        If the context cannot do it.
    """
    device = Device.ask()
    if packed is None:
        packed = not _draws_floats()
    shaders = cache(partial(ChannelShaders, es=device.es))
    programs: dict[tuple[int, int], Program] = {}
    levels = []
    for one in experts:
        shape = one.weights.shape[1], one.patch
        if shape not in programs:
            programs[shape] = _program(*shape, packed, device.es)
        source = ChannelSource(device, shaders)
        levels.append(Level(one, device, programs[shape], source, packed))
    return levels


class Level:
    """Response maps of one scale, drawn in the current context.

    Parameters
    ----------
    experts : PatchExperts
    device : Device
        What the context draws with.
    program : Program
        For as many channels and as wide patches as the experts have.
    channels : ChannelSource
        Draws or uploads channel maps.
    packed : bool
        Whether the program packs responses into bytes, for want of targets of floats.
    """

    def __init__(
        self,
        experts: PatchExperts,
        device: Device,
        program: Program,
        channels: ChannelSource,
        packed: bool,
    ) -> None:
        self._experts, self._program, self._channels = experts, program, channels
        self._packed = packed
        tiles = filter_tiles(experts.weights, _outputs(packed))
        width = _tile_width(packed)
        self._grid = Grid.fitting(len(tiles), max(width, tiles.shape[2]), device.limit)
        self._target = Target(
            self._grid.columns * width, self._grid.rows * SEARCH, floats=not packed
        )
        self._filters = Texture(self._grid.spread(tiles), device.limit)
        self._corners = np.zeros((self._grid.rows, self._grid.columns, LANES), np.float32)
        self._places = Texture(self._corners, device.limit)

    def responses(self, channels: ChannelMaps, centres: NDArray[np.intp]) -> NDArray[np.float32]:
        """Draw the response maps of all landmarks, see `ResponseBackend.responses`.

        Raises
        ------
        GLError
            If OpenGL fails.
        """
        maps = self._packed_maps if self._packed else self._float_maps
        found = maps(channels, centres)
        check("drawing response maps")
        found += self._experts.bias[:, None, None]
        return found

    def _float_maps(self, channels: ChannelMaps, centres: NDArray[np.intp]) -> NDArray[np.float32]:
        source = self._channels.texture(channels)
        self._place(centres, 0.0)
        return float_maps(self._draw(source), self._grid)

    def _packed_maps(self, channels: ChannelMaps, centres: NDArray[np.intp]) -> NDArray[np.float32]:
        if isinstance(channels, CropChannels):
            channels = channels.maps
        bounds = response_bounds(self._experts.weights, channels)
        source = self._channels.texture(channels)
        self._place(centres, bounds)
        return packed_maps(self._draw(source), self._grid, bounds)

    def _place(self, centres: NDArray[np.intp], bounds: NDArray[np.float32] | float) -> None:
        place = self._corners.reshape(-1, LANES)[: self._grid.count]
        place[:, :2] = centres - (SEARCH + self._experts.patch - 1) // 2
        place[:, 2] = bounds
        self._places.write(self._corners)

    def _draw(self, channels: Texture | Target) -> NDArray[np.generic]:
        width, height = channels.size
        self._program.draw(
            self._target,
            (channels, self._filters, self._places),
            channels_size=(width, height),
            filters_size=self._filters.size,
            grid=(self._grid.columns, self._grid.rows),
            height=(height // groups(self._experts.weights.shape[1]),),
        )
        return self._target.read()


def _draws_floats() -> bool:
    try:
        Target(1, 1, floats=True)
    except GLError:
        return False
    return True


def _outputs(packed: bool) -> int:
    """Return how many neighbouring places a texel of the target holds."""
    return 1 if packed else LANES


def _tile_width(packed: bool) -> int:
    return -(-SEARCH // _outputs(packed))


def _program(channels: int, patch: int, packed: bool, es: bool) -> Program:
    constants = {
        "PATCH": patch,
        "GROUPS": groups(channels),
        "OUTPUTS": _outputs(packed),
        "TILE_WIDTH": _tile_width(packed),
        "TILE_HEIGHT": SEARCH,
    }
    return Program("responses", constants, es, ("channels", "filters", "places"))
