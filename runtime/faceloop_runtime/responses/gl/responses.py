"""Response maps drawn by OpenGL: all landmarks of a scale in one draw."""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.imaging.channels import CropChannels
from faceloop_runtime.responses.cpu import CpuResponses
from faceloop_runtime.responses.experts import SEARCH

from .context import GLError
from .egl import EglContext

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.responses.base import ChannelMaps
    from faceloop_runtime.responses.experts import PatchExperts

    from .context import GLContext
    from .level import Level

_log = logging.getLogger(__name__)


class GlResponses:
    """Response maps by OpenGL, in a context of its own.

    The context is made at the first use (or by `open`) and is current only during a call,
    in the thread that calls; one call at a time. When OpenGL fails, that call and all
    later ones are answered by the CPU, and the log says so once.

    Parameters
    ----------
    experts : sequence of PatchExperts
        One a scale.
    make_context : callable, optional
        Makes the context.
    packed : bool, optional
        Whether responses are packed into bytes, for drivers that cannot draw floats.
        Tried out where absent.
    """

    name = "gl"

    def __init__(
        self,
        experts: Sequence[PatchExperts],
        make_context: Callable[[], GLContext] = EglContext,
        packed: bool | None = None,
    ) -> None:
        self._experts, self._make_context, self._packed = tuple(experts), make_context, packed
        self._lock = Lock()
        self._context: GLContext | None = None
        self._levels: list[Level] = []
        self._fallback: CpuResponses | None = None

    @property
    def working(self) -> bool:
        """Whether OpenGL has not failed so far."""
        return self._fallback is None

    def open(self) -> None:
        """Make the context, the programs and the filters now.

        Raises
        ------
        GLError
            If OpenGL cannot do it.
        """
        with self._lock:
            self._open()

    def close(self) -> None:
        """Free everything in OpenGL; the next call starts anew."""
        with self._lock:
            self._close()

    def responses(
        self, level: int, channels: ChannelMaps, centres: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """Correlate every landmark's patch expert with its search window.

        See `ResponseBackend.responses`.

        Raises
        ------
        ValueError
            If channels or centres do not fit the experts.
        """
        _check_input(self._experts[level], channels, centres)
        with self._lock:
            if self._fallback is None:
                try:
                    context = self._open()
                    with context.current():
                        return self._levels[level].responses(channels, centres)
                except GLError as error:
                    _log.warning("%s Going on with the cpu backend.", error)
                    self._fallback = CpuResponses(self._experts)
                    self._close()
        return self._fallback.responses(level, channels, centres)

    def _open(self) -> GLContext:
        if self._context is None:
            context = self._make_context()  # before the next, which may lack a library of vispy's
            from .level import prepare  # noqa: PLC0415 - vispy is slow to import

            try:
                with context.current():
                    self._levels = prepare(self._experts, self._packed)
            except GLError:
                context.close()
                raise
            self._context = context
        return self._context

    def _close(self) -> None:
        if self._context is not None:
            self._context.close()
        self._context, self._levels = None, []


def _check_input(experts: PatchExperts, channels: ChannelMaps, centres: NDArray[np.intp]) -> None:
    count, maps, patch, _ = experts.weights.shape
    if isinstance(channels, CropChannels):
        found, shape = channels.crop.dtype, (len(channels), *channels.crop.shape)
    else:
        found, shape = channels.dtype, channels.shape
    if len(shape) != 3 or shape[0] != maps or found != np.float32:
        raise ValueError(f"Expected float32 channels ({maps}, H, W), found {found} {shape}.")
    if centres.shape != (count, 2):
        raise ValueError(f"Expected centres ({count}, 2), found {centres.shape}.")
    border = (SEARCH + patch - 1) // 2
    height, width = shape[1:]
    right, bottom = centres.max(axis=0)
    if centres.min() < border or right >= width - border or bottom >= height - border:
        raise ValueError(
            f"A search window with its patches reaches {border} pixels from its centre and "
            f"must lie inside the {width} x {height} crop."
        )
