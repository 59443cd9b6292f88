"""OpenGL without a window, a screen or an environment variable: EGL, by ctypes.

`vispy.app` has an EGL backend too, but it asks for the default display, which without an
X server needs ``EGL_PLATFORM`` in the environment. Here the display is asked for by
platform: first each device (EGL_EXT_platform_device, what NVIDIA's driver offers), then
Mesa's surfaceless platform, which also draws in software.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_int, c_uint, c_void_p
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .context import GLError

if TYPE_CHECKING:
    from collections.abc import Iterator

# vispy draws through libGL, and only logs a warning where there is none.
LIBRARIES = ("libGL.so.1", "libEGL.so.1")
_EXTENSIONS, _NONE, _DRAW, _READ = 0x3055, 0x3038, 0x3059, 0x305A
_PLATFORM_DEVICE, _PLATFORM_SURFACELESS = 0x313F, 0x31DD
_SURFACE_TYPE, _RENDERABLE_TYPE, _PBUFFER = 0x3033, 0x3040, 0x0001
_MAX_DEVICES = 32
# The API to bind, the bit of a config that can draw it, and what to ask of the context.
_OPENGL = (0x30A2, 0x0008, ())
_OPENGL_ES = (0x30A0, 0x0040, (0x3098, 3))
# After a reset of the graphics processor the context is lost and says so. Without this some
# drivers end the process.
_LOSE_ON_RESET = (0x31BD, 0x31BF)
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "eglGetProcAddress": (c_void_p, (c_char_p,)),
    "eglQueryString": (c_char_p, (c_void_p, c_int)),
    "eglGetError": (c_int, ()),
    "eglInitialize": (c_uint, (c_void_p, c_void_p, c_void_p)),
    "eglBindAPI": (c_uint, (c_uint,)),
    "eglQueryAPI": (c_uint, ()),
    "eglChooseConfig": (c_uint, (c_void_p, POINTER(c_int), POINTER(c_void_p), c_int, c_void_p)),
    "eglCreateContext": (c_void_p, (c_void_p, c_void_p, c_void_p, POINTER(c_int))),
    "eglDestroyContext": (c_uint, (c_void_p, c_void_p)),
    "eglMakeCurrent": (c_uint, (c_void_p, c_void_p, c_void_p, c_void_p)),
    "eglGetCurrentContext": (c_void_p, ()),
    "eglGetCurrentDisplay": (c_void_p, ()),
    "eglGetCurrentSurface": (c_void_p, (c_int,)),
}


class EglContext:
    """An OpenGL context of its own on an EGL display, without any surface.

    Displays belong to the process and may be in use by others: they are initialised, which
    may be done any number of times, and never terminated.

    Parameters
    ----------
    display : int, optional
        An initialised EGL display, from `displays`; the first that works where absent.
    es : bool
        Ask for OpenGL ES 3 instead of desktop OpenGL.

    Raises
    ------
    GLError
        If there is no EGL library, no display, or no context to be had.
    """

    def __init__(self, display: int | None = None, es: bool = False) -> None:
        self._egl = library()
        self._api = _OPENGL_ES if es else _OPENGL
        self._display, self._handle = self._first(displays() if display is None else [display])
        self._pid = os.getpid()
        self._close = weakref.finalize(
            self, _destroy, self._egl, self._display, self._handle, self._pid
        )

    def close(self) -> None:
        """Destroy the context and with it every GL object in it."""
        self._close()

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make it current in this thread; put back what was current there at the end.

        Raises
        ------
        GLError
            If the context is closed or lost, was made before this process was forked off,
            or this thread has a context of another window system (GLX) current.
        """
        if not self._close.alive or self._pid != os.getpid():
            raise GLError("The OpenGL context is closed or belongs to the parent process.")
        egl = self._egl
        api, before = egl.eglQueryAPI(), egl.eglGetCurrentContext()
        display = egl.eglGetCurrentDisplay() if before else self._display
        draw, read = egl.eglGetCurrentSurface(_DRAW), egl.eglGetCurrentSurface(_READ)
        egl.eglBindAPI(self._api[0])
        try:
            if not egl.eglMakeCurrent(self._display, None, None, self._handle):
                raise GLError(
                    "The OpenGL context is lost, or this thread draws in a window by GLX: "
                    f"EGL error {_error(egl)}."
                )
            yield
        finally:
            if before is None:
                egl.eglMakeCurrent(self._display, None, None, None)
            egl.eglBindAPI(api)
            if before is not None:
                egl.eglMakeCurrent(display, draw, read, before)

    def _first(self, candidates: list[int]) -> tuple[int, int]:
        before = self._egl.eglQueryAPI()
        try:
            for display in candidates:
                handle = self._create(display)
                if handle:
                    return display, handle
        finally:
            self._egl.eglBindAPI(before)
        raise GLError(
            f"EGL offers {len(candidates)} displays but no OpenGL context on any "
            f"(EGL error {_error(self._egl)}). Install an OpenGL driver "
            "(Debian: libegl-mesa0 libgl1-mesa-dri), or use the cpu backend."
        )

    def _create(self, display: int) -> int | None:
        """Make a context that can do without a surface; None where that is not to be had."""
        egl, (api, bit, asked) = self._egl, self._api
        if b"EGL_KHR_surfaceless_context" not in (egl.eglQueryString(display, _EXTENSIONS) or b""):
            return None
        wanted = _attributes(_SURFACE_TYPE, _PBUFFER, _RENDERABLE_TYPE, bit)
        config, count = c_void_p(), c_int()
        found = egl.eglChooseConfig(display, wanted, byref(config), 1, byref(count))
        if not found or not count.value or not egl.eglBindAPI(api):
            return None
        ways = _attributes(*asked, *_LOSE_ON_RESET), _attributes(*asked)
        handles = (egl.eglCreateContext(display, config, None, way) for way in ways)
        return next((handle for handle in handles if handle), None)


@cache
def library() -> Any:
    """Load libEGL, once a process.

    Raises
    ------
    GLError
        If there is none, or vispy lacks a library.
    """
    try:
        _, egl = map(ctypes.CDLL, LIBRARIES)
        import_module("vispy.gloo.gl.gl2")  # it looks for fonts: what servers may lack, too
    except OSError as error:
        raise GLError(
            f"OpenGL needs libGL, libEGL and libfontconfig: {error}. Install them (Debian: libgl1 "
            "libegl1 libegl-mesa0 libgl1-mesa-dri libfontconfig1), or use the cpu backend."
        ) from error
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(egl, name)
        function.restype, function.argtypes = result, arguments
    return egl


def displays() -> list[int]:
    """Return the initialised displays that need no window system, devices first."""
    egl = library()
    get = _extension(egl, "eglGetPlatformDisplayEXT", c_void_p, c_uint, c_void_p, c_void_p)
    if get is None:
        return []
    places = [(_PLATFORM_DEVICE, device) for device in _devices(egl)]
    asked = [
        get(platform, device, None) for platform, device in (*places, (_PLATFORM_SURFACELESS, None))
    ]
    return [found for found in asked if found and egl.eglInitialize(found, None, None)]


def _devices(egl: Any) -> list[int]:
    query = _extension(egl, "eglQueryDevicesEXT", c_uint, c_int, POINTER(c_void_p), POINTER(c_int))
    found, count = (c_void_p * _MAX_DEVICES)(), c_int()
    if query is None or not query(_MAX_DEVICES, found, byref(count)):
        return []
    return [device for device in found[: count.value] if device]


def _extension(egl: Any, name: str, result: Any, *arguments: Any) -> Any:
    address = egl.eglGetProcAddress(name.encode())
    return ctypes.CFUNCTYPE(result, *arguments)(address) if address else None


def _attributes(*values: int) -> ctypes.Array[c_int]:
    return (c_int * (len(values) + 1))(*values, _NONE)


def _error(egl: Any) -> str:
    return f"{egl.eglGetError():#x}"


def _destroy(egl: Any, display: int, handle: int, pid: int) -> None:
    if os.getpid() == pid:
        egl.eglDestroyContext(display, handle)
