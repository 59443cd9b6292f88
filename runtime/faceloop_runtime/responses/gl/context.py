"""What the backend needs of an OpenGL context, and the errors of OpenGL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from faceloop_datasets import FaceloopError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class GLError(FaceloopError):
    """OpenGL is not there, cannot do what is asked, or has failed."""


class GLContext(Protocol):
    """An OpenGL context that nobody else draws in.

    Desktop OpenGL 2.1 or newer in the compatibility profile, or OpenGL ES 3; the calls go
    through ``vispy.gloo.gl.gl2``, so the context must be one that libGL dispatches to.
    """

    def current(self) -> AbstractContextManager[None]:
        """Make it current in this thread; put back what was current there at the end.

        Raises
        ------
        GLError
            If the context is closed or lost.
        """
        ...

    def close(self) -> None:
        """Destroy the context and with it every GL object in it. Twice is once."""
        ...
