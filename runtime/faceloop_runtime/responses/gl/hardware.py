"""Whether this machine has a graphics processor worth using, found out once a process."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from .context import GLError
from .egl import EglContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from .context import GLContext
    from .device import Device

# Linux: what the kernel's graphics drivers offer to programs without a window.
_NODES = ("dri/renderD*", "nvidia[0-9]*", "dxg", "mali0", "kgsl-3d0")
_lock = Lock()


@dataclass(frozen=True)
class Hardware:
    """What was found.

    Parameters
    ----------
    usable : bool
        Whether OpenGL draws on a graphics processor here.
    reason : str
        The renderer, or why there is none worth using.
    """

    usable: bool
    reason: str


def hardware(make_context: Callable[[], GLContext] = EglContext) -> Hardware:
    """Look for a graphics processor; the first call may take a quarter of a second.

    Where the system shows no graphics device, no driver is touched.

    Parameters
    ----------
    make_context : callable, optional
        Makes the context to draw in. What EGL finds is remembered.
    """
    with _lock:
        return _look_by_egl() if make_context is EglContext else _look(make_context)


def renderer() -> str:
    """Return renderer and version of OpenGL here, also of one in software.

    Raises
    ------
    GLError
        If there is no OpenGL without a window here.
    """
    device = _device(EglContext)
    kind = "" if device.hardware else " (software)"
    return f"{device.renderer}{kind}, OpenGL {device.version}"


@cache
def _look_by_egl() -> Hardware:
    return _look(EglContext)


def _look(make_context: Callable[[], GLContext]) -> Hardware:
    if sys.platform == "linux" and not device_nodes():
        return Hardware(False, "there is no graphics device that this user may open")
    try:
        device = _device(make_context)
    except GLError as error:
        return Hardware(False, str(error))
    if not device.hardware:
        return Hardware(False, f"OpenGL is drawn in software here, by {device.renderer}")
    return Hardware(True, f"OpenGL is drawn by {device.renderer}")


def _device(make_context: Callable[[], GLContext]) -> Device:
    context = make_context()  # before the next, which may lack a library of vispy's
    from .device import Device  # noqa: PLC0415 - vispy is slow to import

    try:
        with context.current():
            return Device.ask()
    finally:
        context.close()


def device_nodes(root: Path = Path("/dev")) -> list[Path]:
    """Return the graphics devices that this user may open."""
    nodes = [node for pattern in _NODES for node in root.glob(pattern)]
    return [node for node in nodes if os.access(node, os.R_OK | os.W_OK)]
