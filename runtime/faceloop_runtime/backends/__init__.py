"""Ways to compute response maps; all agree, they differ in speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets import FaceloopError

from .base import ResponseBackend
from .cpu import CpuResponses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_runtime.experts import PatchExperts

__all__ = ["CpuResponses", "ResponseBackend", "make_backend"]

_BACKENDS = {"cpu": CpuResponses}


def make_backend(name: str, experts: Sequence[PatchExperts]) -> ResponseBackend:
    """Prepare a backend for the patch experts of every scale.

    Parameters
    ----------
    name : {"auto", "cpu"}
        ``auto`` picks the fastest that this machine can run.
    experts : sequence of PatchExperts
        One a scale, in the order their index is later asked for.

    Raises
    ------
    FaceloopError
        If there is no backend of this name.
    """
    chosen = "cpu" if name == "auto" else name
    if chosen not in _BACKENDS:
        expected = ", ".join(["auto", *_BACKENDS])
        raise FaceloopError(f"There is no response backend {name!r}; expected one of: {expected}.")
    return _BACKENDS[chosen](experts)
