"""Which of the two warpers draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_runtime.responses.gl.egl import EglContext
from faceloop_runtime.responses.gl.hardware import hardware

from .gl import GlWarper
from .warp import CpuWarper

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_runtime.responses.gl.context import GLContext

    from .warp import Warper


def make_warper(make_context: Callable[[], GLContext] = EglContext) -> Warper:
    """Return the one of OpenGL where a graphics processor draws it, else the one of the CPU.

    Parameters
    ----------
    make_context : callable, optional
        Makes the context to draw in.
    """
    return GlWarper(make_context) if hardware(make_context).usable else CpuWarper()
