"""OpenGL for worker threads beside napari's canvas: contexts of Qt's that nobody sees.

napari draws in contexts of its own, on the GUI thread. What is drawn here shares nothing with
them. Outside a window, EGL does the same without Qt: `faceloop_runtime.responses.gl.EglContext`.
"""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING

from qtpy.QtCore import QThread
from qtpy.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext, QSurfaceFormat

from faceloop_runtime.responses.gl import GLError

if TYPE_CHECKING:
    from collections.abc import Iterator


class QtContexts:
    """Makes OpenGL contexts for worker threads.

    Make it and close it on the GUI thread, where window systems want their surfaces made; call
    it in any thread. A backend draws in what it makes::

        contexts = QtContexts()                                     # on the GUI thread
        backend = make_backend("auto", model.experts, contexts)     # in the worker
        Tracker(model, backend=backend)

    All its contexts draw on one surface, hence one at a time.

    Raises
    ------
    GLError
        If Qt has no surface to draw on here.
    """

    def __init__(self) -> None:
        self._surface = _Surface()

    def __call__(self) -> QtContext:
        """Make a context.

        Raises
        ------
        GLError
            If Qt cannot make one, or this is closed.
        """
        return QtContext(self._surface)

    def close(self) -> None:
        """Free the surface; a backend that still draws on it goes on with the CPU."""
        self._surface.close()


class QtContext:
    """An OpenGL context of its own, for any one thread at a time: a `GLContext`.

    Qt ties a context to the thread that made it. Between two uses this one belongs to no
    thread, so that the next may take it.
    """

    def __init__(self, surface: _Surface) -> None:
        self._surface = surface
        with surface.lock:
            surface.check()
            context = QOpenGLContext()
            context.setFormat(_format())
            if not context.create():
                raise GLError("Qt cannot make an OpenGL context. Use the cpu backend.")
            context.moveToThread(None)
        self._held = [context]
        self._close = weakref.finalize(self, _destroy, self._held, surface.lock)

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make it current in this thread; put back what was current there at the end.

        Raises
        ------
        GLError
            If the context or the surface is closed, or the context is lost.
        """
        with self._surface.lock:
            self._surface.check()
            if not self._held:
                raise GLError("The OpenGL context is closed.")
            (context,) = self._held
            before = QOpenGLContext.currentContext()
            shown = before.surface() if before else None
            context.moveToThread(QThread.currentThread())
            try:
                if not context.makeCurrent(self._surface.handle):
                    raise GLError("The OpenGL context is lost.")
                yield
            finally:
                context.doneCurrent()
                context.moveToThread(None)
                if before:
                    before.makeCurrent(shown)

    def close(self) -> None:
        """Destroy the context and with it every GL object in it."""
        self._close()


class _Surface:
    """What contexts are current on; nothing is ever drawn on it."""

    def __init__(self) -> None:
        # Without an application Qt does not even answer.
        if QGuiApplication.instance() is None or not QOpenGLContext.supportsThreadedOpenGL():
            raise GLError("Qt cannot draw by OpenGL in threads here. Use the cpu backend.")
        self.lock = RLock()
        self.handle = QOffscreenSurface()
        self.handle.setFormat(_format())
        self.handle.create()
        self.check()

    def check(self) -> None:
        if not self.handle.isValid():
            raise GLError("Qt has no surface to draw on by OpenGL. Use the cpu backend.")

    def close(self) -> None:
        with self.lock:
            self.handle.destroy()


def _format() -> QSurfaceFormat:
    """Ask for what `GLContext` promises, whatever format napari made the default."""
    wanted = QSurfaceFormat()
    wanted.setRenderableType(QSurfaceFormat.RenderableType.OpenGL)
    wanted.setProfile(QSurfaceFormat.OpenGLContextProfile.CompatibilityProfile)
    wanted.setVersion(2, 1)
    return wanted


def _destroy(held: list[QOpenGLContext], lock: RLock) -> None:
    # It has to be this thread's: what belongs to another, or to none, is destroyed only when that
    # thread gets round to it. Destroyed it is with the last reference, at the end.
    with lock:
        context = held.pop()
        context.moveToThread(QThread.currentThread())
        del context
