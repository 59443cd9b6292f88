"""Textures drawn over meshes by OpenGL, in a context of its own."""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.render.warp import CpuWarper
from faceloop_runtime.responses.gl.context import GLError
from faceloop_runtime.responses.gl.egl import EglContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from faceloop_runtime.render.texture import Texture
    from faceloop_runtime.render.warp import Window
    from faceloop_runtime.responses.gl.context import GLContext

    from .canvas import MeshCanvas

    Image = NDArray[np.uint8]
    Points = NDArray[np.float64]
    Triangles = NDArray[np.intp]

_log = logging.getLogger(__name__)


class GlWarper:
    """Draws textures over meshes by OpenGL, as `CpuWarper` does.

    The context is made at the first use (or by `open`) and is current only during a call. When
    OpenGL fails, that call and all later ones are answered by the CPU, and the log says so once.

    Parameters
    ----------
    make_context : callable, optional
        Makes the context.
    """

    def __init__(self, make_context: Callable[[], GLContext] = EglContext) -> None:
        self._make_context = make_context
        self._lock = Lock()
        self._context: GLContext | None = None
        self._canvas: MeshCanvas | None = None
        self._fallback: CpuWarper | None = None

    @property
    def working(self) -> bool:
        """Whether OpenGL has not failed so far."""
        return self._fallback is None

    def open(self) -> None:
        """Make the context and the program now.

        Raises
        ------
        GLError
            If OpenGL cannot do it.
        """
        with self._lock:
            self._open()

    def close(self) -> None:
        """Free everything in OpenGL; the next call starts anew."""
        with self._lock:
            self._close()

    def warp(
        self, texture: Texture, vertices: Points, triangles: Triangles, window: Window
    ) -> tuple[Image, NDArray[np.bool_]]:
        """Draw a texture, see `faceloop_runtime.render.warp.Warper`."""
        with self._lock:
            if self._fallback is None:
                try:
                    context, canvas = self._open()
                    with context.current():
                        return canvas.draw(texture, vertices, triangles, window)
                except GLError as error:
                    _log.warning("%s Going on with the CPU.", error)
                    self._fallback = CpuWarper()
                    self._close()
        return self._fallback.warp(texture, vertices, triangles, window)

    def _open(self) -> tuple[GLContext, MeshCanvas]:
        if self._context is None or self._canvas is None:
            context = self._make_context()  # before the next, which may lack a library of vispy's
            from .canvas import MeshCanvas  # noqa: PLC0415 - vispy is slow to import

            try:
                with context.current():
                    self._canvas = MeshCanvas()
            except GLError:
                context.close()
                raise
            self._context = context
        return self._context, self._canvas

    def _close(self) -> None:
        if self._context is not None:
            self._context.close()
        self._context, self._canvas = None, None
