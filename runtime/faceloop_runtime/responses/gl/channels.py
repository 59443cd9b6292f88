"""Channel maps as textures: drawn from a gray crop, or uploaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.imaging.channels import NEIGHBOURS, ORIENTATIONS, WINDOW, CropChannels

from .packing import LANES, groups, interleave
from .program import Program
from .textures import Target, Texture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.responses.base import ChannelMaps

    from .device import Device

_ACROSS, _DOWN = (1.0, 0.0), (0.0, 1.0)
# What is averaged along the first axis, then along the second. Gray values as differences from
# the one in the middle: a sum of large ones would have no digits left for a flat region.
_MEANS = "vec2(there.x - here.x, there.y)", "vec2(there.x + (there.z - here.z), there.y)"
_SQUARES = "vec2(there.x * there.x, 0.0)", "there.xy"
_ANGLES = 2 * np.pi * np.arange(ORIENTATIONS) / ORIENTATIONS
# What computes each map of a family in the shader.
_CALLS = {
    "raw": ["raw()"],
    "gradient": [f"gradient({np.cos(angle):.9f}, {np.sin(angle):.9f})" for angle in _ANGLES],
    "lbp": [f"lbp({dx:.1f}, {dy:.1f})" for dy, dx in NEIGHBOURS],
}


class ChannelShaders:
    """What computes the maps of some families in the current context, as `channel_stack` does.

    Parameters
    ----------
    families : tuple of str
    es : bool
        Whether the context is one of OpenGL ES.
    """

    def __init__(self, families: tuple[str, ...], es: bool) -> None:
        def blur(value: str) -> Program:
            return Program("blur", {"WINDOW": WINDOW, "VALUE": value}, es, ("source",))

        self.slopes = Program("slopes", {}, es, ("gray",))
        self.means = tuple(map(blur, _MEANS))
        self.squares = tuple(map(blur, _SQUARES)) if "raw" in families else ()
        samplers = "slopes", "means", "squares"
        calls = [call for family in families for call in _CALLS[family]]
        self.lanes = [
            Program("channels", {"LANES": _vector(calls[k : k + LANES])}, es, samplers)
            for k in range(0, len(calls), LANES)
        ]


class ChannelSource:
    """The channel maps of one crop after the other, four to a texel, in the current context.

    Parameters
    ----------
    device : Device
        What the context draws with.
    shaders : callable
        Returns the shaders for some families.
    """

    def __init__(
        self, device: Device, shaders: Callable[[tuple[str, ...]], ChannelShaders]
    ) -> None:
        self._device, self._shaders = device, shaders
        self._buffer = np.zeros((1, 1, LANES), np.float32)
        self._uploaded = Texture(self._buffer, device.limit)
        self._canvas: _Canvas | None = None

    def texture(self, channels: ChannelMaps) -> Texture | Target:
        """Draw or upload the maps; the groups of four stand one below the other."""
        if isinstance(channels, CropChannels):
            return self._draw(channels.crop, self._shaders(channels.families))
        return self._upload(channels)

    def _draw(self, crop: NDArray[np.float32], shaders: ChannelShaders) -> Target:
        height, width = crop.shape
        shape = len(shaders.lanes), height, width
        if self._canvas is None or self._canvas.shape != shape:
            if self._canvas is not None:
                self._canvas.delete()
            self._canvas = _Canvas(*shape, self._device.limit)
        return self._canvas.draw(crop, shaders)

    def _upload(self, maps: NDArray[np.float32]) -> Texture:
        shape = (groups(len(maps)) * maps.shape[1], maps.shape[2], LANES)
        if self._buffer.shape != shape:
            self._buffer = np.empty(shape, np.float32)
        interleave(maps, self._buffer)
        self._uploaded.write(self._buffer)
        return self._uploaded


class _Canvas:
    """Where the maps of crops of one size are drawn, step by step."""

    def __init__(self, layers: int, height: int, width: int, limit: int) -> None:
        self.shape = layers, height, width
        self._gray = Texture(np.zeros((height, width, 1), np.float32), limit)
        self._slopes, self._half, self._means, self._squares = (
            Target(width, height, floats=True) for _ in range(4)
        )
        self._maps = Target(width, layers * height, floats=True)

    def draw(self, crop: NDArray[np.float32], shaders: ChannelShaders) -> Target:
        _, height, width = self.shape
        size = (width, height)
        self._gray.write(crop[:, :, None])
        shaders.slopes.draw(self._slopes, (self._gray,), size=size)
        self._blur(self._slopes, self._means, shaders.means)
        if shaders.squares:
            self._blur(self._means, self._squares, shaders.squares)
        sources = self._slopes, self._means, self._squares
        for k, lanes in enumerate(shaders.lanes):
            rows = k * height, height
            lanes.draw(self._maps, sources, rows, size=size, first=(float(rows[0]),))
        return self._maps

    def _blur(self, source: Target, out: Target, programs: Sequence[Program]) -> None:
        ways = (source, self._half, _ACROSS), (self._half, out, _DOWN)
        for program, (before, after, along) in zip(programs, ways, strict=True):
            program.draw(after, (before,), size=out.size, along=along)

    def delete(self) -> None:
        for one in (self._gray, self._slopes, self._half, self._means, self._squares, self._maps):
            one.delete()


def _vector(calls: Sequence[str]) -> str:
    return f"vec4({', '.join([*calls, *['0.0'] * (LANES - len(calls))])})"
