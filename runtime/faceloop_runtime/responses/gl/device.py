"""What the current OpenGL context draws with, and what it complains about."""

from __future__ import annotations

from dataclasses import dataclass

from vispy.gloo.gl import gl2 as gl

from .context import GLError

_SOFTWARE = ("llvmpipe", "softpipe", "swrast", "software rasterizer", "swiftshader")
_MAX_ERRORS = 16


@dataclass(frozen=True)
class Device:
    """What the current context draws with.

    Attributes
    ----------
    renderer, version : str
        As the driver calls itself.
    es : bool
        OpenGL ES instead of desktop OpenGL.
    limit : int
        Largest width and height of a texture.
    """

    renderer: str
    version: str
    es: bool
    limit: int

    @classmethod
    def ask(cls) -> Device:
        """Look at the current context.

        Raises
        ------
        GLError
            If it does not answer.
        """
        try:
            version = str(gl.glGetParameter(gl.GL_VERSION))
        except RuntimeError as error:  # vispy did not find the library
            raise GLError(f"OpenGL cannot be used: {error}.") from error
        if not version:
            raise GLError("The OpenGL context does not answer.")
        limit = int(gl.glGetParameter(gl.GL_MAX_TEXTURE_SIZE))
        renderer = str(gl.glGetParameter(gl.GL_RENDERER))
        return cls(renderer, version, version.startswith("OpenGL ES"), limit)

    @property
    def hardware(self) -> bool:
        """Whether this is more than a program for the CPU."""
        return not any(name in self.renderer.lower() for name in _SOFTWARE)


def check(doing: str) -> None:
    """Raise what OpenGL has to complain about.

    Raises
    ------
    GLError
        With the codes of the errors since the last check.
    """
    codes: list[str] = []
    while code := gl.glGetError():
        codes.append(f"{int(code):#x}")
        if len(codes) == _MAX_ERRORS:  # a lost context can report errors without end
            break
    if codes:
        raise GLError(f"OpenGL failed while {doing}: error {', '.join(codes)}.")
