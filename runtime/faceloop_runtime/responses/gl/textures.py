"""Textures to read from, targets to draw into: checked raw calls.

All of this needs a context that is current in the calling thread. What is not deleted goes
with its context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from vispy.gloo.gl import gl2 as gl

from .context import GLError
from .device import check

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RGBA32F, _R32F, _RED = 0x8814, 0x822E, 0x1903
_FORMATS = {1: (_R32F, _RED), 4: (_RGBA32F, gl.GL_RGBA)}


class Texture:
    """A texture of one or four float32 a texel, read at the middle of its texels.

    Parameters
    ----------
    data : ndarray of float32, shape (H, W, 1) or (H, W, 4)
        What it holds first.
    limit : int
        Largest width and height that the device takes.
    """

    def __init__(self, data: NDArray[np.float32], limit: int) -> None:
        self.limit, self.size = limit, (0, 0)
        self.handle = gl.glCreateTexture()
        gl.glBindTexture(gl.GL_TEXTURE_2D, self.handle)
        _sample_texels()
        self.write(data)

    def write(self, data: NDArray[np.float32]) -> None:
        """Replace what it holds; another size makes it anew."""
        if data.ndim != 3 or data.shape[2] not in _FORMATS or data.dtype != np.float32:
            raise ValueError(
                f"A texture is float32 (H, W, 1) or (H, W, 4), not {data.dtype} {data.shape}."
            )
        height, width, lanes = data.shape
        inside, outside = _FORMATS[lanes]
        if not 0 < height <= self.limit or not 0 < width <= self.limit:
            raise GLError(
                f"A texture of {width} x {height} is beyond what this OpenGL driver takes "
                f"({self.limit} a side). Use the cpu backend."
            )
        gl.glBindTexture(gl.GL_TEXTURE_2D, self.handle)
        if (width, height) == self.size:
            gl.glTexSubImage2D(gl.GL_TEXTURE_2D, 0, 0, 0, outside, gl.GL_FLOAT, data)
        else:
            gl.glTexImage2D(gl.GL_TEXTURE_2D, 0, inside, outside, gl.GL_FLOAT, data)
            check("making a float texture")
            self.size = (width, height)

    def delete(self) -> None:
        """Free it."""
        gl.glDeleteTexture(self.handle)


class Target:
    """What is drawn into, and then read back or from: four floats or four bytes a texel.

    Attributes
    ----------
    handle : int
        The texture.
    size : (int, int)
        Width and height.
    """

    def __init__(self, width: int, height: int, floats: bool) -> None:
        self.size = width, height
        self._type = gl.GL_FLOAT if floats else gl.GL_UNSIGNED_BYTE
        self._dtype = np.float32 if floats else np.uint8
        self.handle = gl.glCreateTexture()
        gl.glBindTexture(gl.GL_TEXTURE_2D, self.handle)
        _sample_texels()
        inside = _RGBA32F if floats else gl.GL_RGBA
        gl.glTexImage2D(gl.GL_TEXTURE_2D, 0, inside, gl.GL_RGBA, self._type, (height, width))
        self._frame = gl.glCreateFramebuffer()
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, self._frame)
        gl.glFramebufferTexture2D(
            gl.GL_FRAMEBUFFER, gl.GL_COLOR_ATTACHMENT0, gl.GL_TEXTURE_2D, self.handle, 0
        )
        gl.glDisable(gl.GL_DITHER)
        status = gl.glCheckFramebufferStatus(gl.GL_FRAMEBUFFER)
        check("making a target")
        if status != gl.GL_FRAMEBUFFER_COMPLETE:
            kind = "floats" if floats else "bytes"
            raise GLError(f"This OpenGL driver cannot draw {kind} (status {int(status):#x}).")

    def bind(self, rows: tuple[int, int] | None = None) -> None:
        """Draw into this from here on: into all of it, or (first, count) of its rows."""
        width, height = self.size
        first, count = rows or (0, height)
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, self._frame)
        gl.glViewport(0, first, width, count)

    def read(self) -> NDArray[np.generic]:
        """Return what was drawn last, shape (height, width, 4)."""
        width, height = self.size
        data = gl.glReadPixels(0, 0, width, height, gl.GL_RGBA, self._type)
        return np.frombuffer(data, self._dtype).reshape(height, width, 4)

    def delete(self) -> None:
        """Free it."""
        gl.glDeleteFramebuffer(self._frame)
        gl.glDeleteTexture(self.handle)


def _sample_texels() -> None:
    for what in (gl.GL_TEXTURE_MIN_FILTER, gl.GL_TEXTURE_MAG_FILTER):
        gl.glTexParameteri(gl.GL_TEXTURE_2D, what, gl.GL_NEAREST)
    for what in (gl.GL_TEXTURE_WRAP_S, gl.GL_TEXTURE_WRAP_T):
        gl.glTexParameteri(gl.GL_TEXTURE_2D, what, gl.GL_CLAMP_TO_EDGE)
