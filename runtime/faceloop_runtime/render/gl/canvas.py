"""What one OpenGL context draws meshes with: checked raw calls, see `responses.gl.program`."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
from vispy.gloo.gl import gl2 as gl

from faceloop_runtime.render.mesh import painted_order
from faceloop_runtime.responses.gl import textures
from faceloop_runtime.responses.gl.device import Device, check
from faceloop_runtime.responses.gl.program import link_program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.render.texture import Texture
    from faceloop_runtime.render.warp import Window

    Image = NDArray[np.uint8]
    Points = NDArray[np.float64]
    Triangles = NDArray[np.intp]

_ATTRIBUTES = "place", "source"
_STEP = 64
"""Sides of what is drawn into are multiples of this, so that it is seldom made anew."""


class MeshCanvas:
    """Draws textures over meshes in the current context."""

    def __init__(self) -> None:
        self._device = Device.ask()
        here = files(__package__)
        sources = [
            (name, here.joinpath(name).read_text("utf-8")) for name in ("mesh.vert", "mesh.frag")
        ]
        self._program = link_program(*sources, es=self._device.es, attributes=_ATTRIBUTES)
        self._places = {
            name: int(gl.glGetUniformLocation(self._program, name))
            for name in ("image", "image_size", "size")
        }
        self._buffers = [gl.glCreateBuffer() for _ in _ATTRIBUTES]
        self._target: textures.Target | None = None
        self._uploaded: textures.Texture | None = None
        self._shown: Image | None = None
        check("making the program for meshes")

    def draw(
        self, texture: Texture, vertices: Points, triangles: Triangles, window: Window
    ) -> tuple[Image, NDArray[np.bool_]]:
        """Draw a texture, see `faceloop_runtime.render.warp.Warper`.

        Raises
        ------
        GLError
            If OpenGL fails.
        """
        source = texture.for_size_of(vertices, triangles)
        order = painted_order(vertices, triangles)
        target, uploaded = self._target_for(window), self._upload(source.image)
        target.bind()
        gl.glClearColor(0.0, 0.0, 0.0, 0.0)
        gl.glClear(gl.GL_COLOR_BUFFER_BIT)
        gl.glUseProgram(self._program)
        gl.glActiveTexture(gl.GL_TEXTURE0)
        gl.glBindTexture(gl.GL_TEXTURE_2D, uploaded.handle)
        gl.glUniform1i(self._places["image"], 0)
        gl.glUniform2f(self._places["image_size"], *map(float, uploaded.size))
        gl.glUniform2f(self._places["size"], *map(float, target.size))
        corners = vertices[order] - (window.x, window.y), source.vertices[order]
        for number, data in enumerate(corners):
            self._send(number, data)
        gl.glDrawArrays(gl.GL_TRIANGLES, 0, order.size)
        pixels = np.asarray(target.read(), np.uint8)[: window.height, : window.width]
        check("drawing a mesh")
        return pixels[..., :3].copy(), pixels[..., 3] > 0

    def _send(self, number: int, corners: NDArray[np.float64]) -> None:
        data = np.ascontiguousarray(corners.reshape(-1, 2), np.float32)
        gl.glBindBuffer(gl.GL_ARRAY_BUFFER, self._buffers[number])
        gl.glBufferData(gl.GL_ARRAY_BUFFER, data, gl.GL_DYNAMIC_DRAW)
        gl.glVertexAttribPointer(number, 2, gl.GL_FLOAT, False, 0, None)
        gl.glEnableVertexAttribArray(number)

    def _target_for(self, window: Window) -> textures.Target:
        width, height = (-(-side // _STEP) * _STEP for side in (window.width, window.height))
        if self._target is None or self._target.size != (width, height):
            if self._target is not None:
                self._target.delete()
            self._target = textures.Target(width, height, floats=False)
        return self._target

    def _upload(self, image: Image) -> textures.Texture:
        """Put a picture into the texture, unless it is there since the last drawing."""
        if self._uploaded is None or self._shown is not image:
            data = np.ones((*image.shape[:2], 4), np.float32)
            data[..., :3] = image / np.float32(255)
            if self._uploaded is None:
                self._uploaded = textures.Texture(data, self._device.limit)
            else:
                self._uploaded.write(data)
            self._shown = image
        return self._uploaded
