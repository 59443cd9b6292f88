"""A fragment shader and its uniforms: checked raw calls.

Only the calls of `vispy.gloo.gl.gl2`: the objects of `vispy.gloo` keep the current program
and canvas in variables of the process and so draw into whatever napari has open.

The shaders keep to what GLSL 1.20 and GLSL ES 1.00 share, which every context since 2006
takes. Newer GLSL gains nothing: Mesa's software renderer takes 60 % longer for
``texelFetch`` than for ``texture2D`` at the middle of a texel (5.1 against 3.1 ms of CPU).
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
from vispy.gloo.gl import gl2 as gl

from .context import GLError
from .device import check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .textures import Target, Texture

_DESKTOP = "#version 120\n"
_ES = "#version 100\nprecision highp float;\nprecision highp sampler2D;\n"
_CORNERS = np.array([[-1.0, -1.0], [3.0, -1.0], [-1.0, 3.0]], np.float32)


class Program:
    """A fragment shader over a target.

    Parameters
    ----------
    name : str
        Name of the ``.frag`` file beside this module.
    constants : mapping of str to int or str
        What the shader wants set before.
    es : bool
        Whether the context is one of OpenGL ES.
    samplers : tuple of str
        The shader's textures, in the order `draw` is given them.
    """

    def __init__(
        self, name: str, constants: Mapping[str, int | str], es: bool, samplers: tuple[str, ...]
    ) -> None:
        set_before = "".join(f"#define {key} {value}\n" for key, value in constants.items())
        vertex, fragment = (
            (file, set_before + files(__package__).joinpath(file).read_text("utf-8"))
            for file in ("cover.vert", f"{name}.frag")
        )
        self._handle = link_program(vertex, fragment, es=es, attributes=("corner",))
        self._places: dict[str, int] = {}
        gl.glUseProgram(self._handle)
        for unit, sampler in enumerate(samplers):
            gl.glUniform1i(self._place(sampler), unit)
        corners = gl.glCreateBuffer()
        gl.glBindBuffer(gl.GL_ARRAY_BUFFER, corners)
        gl.glBufferData(gl.GL_ARRAY_BUFFER, _CORNERS, gl.GL_STATIC_DRAW)
        gl.glVertexAttribPointer(0, 2, gl.GL_FLOAT, False, 0, None)
        gl.glEnableVertexAttribArray(0)
        check(f"making {name}")

    def draw(
        self,
        target: Target,
        textures: Sequence[Texture | Target],
        rows: tuple[int, int] | None = None,
        **uniforms: tuple[float, ...],
    ) -> None:
        """Fill the target, or (first, count) of its rows, from the textures."""
        target.bind(rows)
        gl.glUseProgram(self._handle)
        for unit, texture in enumerate(textures):
            gl.glActiveTexture(gl.GL_TEXTURE0 + unit)
            gl.glBindTexture(gl.GL_TEXTURE_2D, texture.handle)
        for name, value in uniforms.items():
            set_uniform = (gl.glUniform1f, gl.glUniform2f)[len(value) - 1]
            set_uniform(self._place(name), *value)
        gl.glDrawArrays(gl.GL_TRIANGLES, 0, len(_CORNERS))

    def _place(self, name: str) -> int:
        if name not in self._places:
            self._places[name] = int(gl.glGetUniformLocation(self._handle, name))
        return self._places[name]


def link_program(
    vertex: tuple[str, str], fragment: tuple[str, str], *, es: bool, attributes: Sequence[str]
) -> int:
    """Make a program of two shaders in the current context.

    Parameters
    ----------
    vertex, fragment : (str, str)
        Name, for messages, and source without the version.
    es : bool
        Whether the context is one of OpenGL ES.
    attributes : sequence of str
        Those of the vertex shader, which get the numbers from 0 on.

    Raises
    ------
    GLError
        If the driver does not take them.
    """
    program = gl.glCreateProgram()
    for kind, (name, source) in ((gl.GL_VERTEX_SHADER, vertex), (gl.GL_FRAGMENT_SHADER, fragment)):
        shader = _compiled(kind, (_ES if es else _DESKTOP) + source, name)
        gl.glAttachShader(program, shader)
        gl.glDeleteShader(shader)  # it goes with the program
    for number, attribute in enumerate(attributes):
        gl.glBindAttribLocation(program, number, attribute)
    gl.glLinkProgram(program)
    if not gl.glGetProgramParameter(program, gl.GL_LINK_STATUS):
        said = gl.glGetProgramInfoLog(program)
        raise GLError(f"The OpenGL driver cannot link {fragment[0]}: {said.strip()}")
    return int(program)


def _compiled(kind: int, source: str, name: str) -> int:
    shader = gl.glCreateShader(kind)
    gl.glShaderSource(shader, source)
    gl.glCompileShader(shader)
    if not gl.glGetShaderParameter(shader, gl.GL_COMPILE_STATUS):
        said = gl.glGetShaderInfoLog(shader)
        raise GLError(f"The OpenGL driver cannot compile {name}: {said.strip()}")
    return int(shader)
