"""Ways to compute response maps; all agree, they differ in speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets import FaceloopError

from .base import ResponseBackend
from .cpu import CpuResponses
from .gl import EglContext, GlResponses, hardware

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .experts import PatchExperts
    from .gl import GLContext

__all__ = ["CpuResponses", "GlResponses", "ResponseBackend", "describe", "make_backend"]


def make_backend(
    name: str,
    experts: Sequence[PatchExperts],
    make_context: Callable[[], GLContext] = EglContext,
) -> ResponseBackend:
    """Prepare a backend for the patch experts of every scale.

    Parameters
    ----------
    name : {"auto", "cpu", "gl"}
        ``auto`` picks OpenGL where a graphics processor draws it, the CPU elsewhere;
        OpenGL in software is slower than the CPU backend.
    experts : sequence of PatchExperts
        One a scale, in the order their index is later asked for.
    make_context : callable, optional
        Makes the context that OpenGL draws in.

    Raises
    ------
    FaceloopError
        If there is no backend of this name, or OpenGL was asked for and does not work.
    """
    if name == "auto":
        usable = hardware(make_context).usable
        return GlResponses(experts, make_context) if usable else CpuResponses(experts)
    if name == "cpu":
        return CpuResponses(experts)
    if name == "gl":
        backend = GlResponses(experts, make_context)
        backend.open()
        return backend
    raise FaceloopError(f"There is no response backend {name!r}; expected one of: auto, cpu, gl.")


def describe(make_context: Callable[[], GLContext] = EglContext) -> str:
    """Say which backend ``auto`` picks on this machine for these contexts, and why."""
    found = hardware(make_context)
    return f"{'gl' if found.usable else 'cpu'}: {found.reason}"
