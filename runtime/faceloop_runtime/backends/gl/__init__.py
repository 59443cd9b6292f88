"""Response maps in OpenGL shaders, beside whatever else draws in this process."""

from __future__ import annotations

from .context import GLContext, GLError
from .egl import EglContext
from .hardware import Hardware, hardware, renderer
from .responses import GlResponses

__all__ = [
    "EglContext",
    "GLContext",
    "GLError",
    "GlResponses",
    "Hardware",
    "hardware",
    "renderer",
]
