"""What every response backend can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faceloop_runtime.imaging.channels import CropChannels

    ChannelMaps = NDArray[np.float32] | CropChannels


class ResponseBackend(Protocol):
    """Computes the response maps of all landmarks at one scale."""

    name: str

    def responses(
        self, level: int, channels: ChannelMaps, centres: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """Correlate every landmark's patch expert with its search window.

        Parameters
        ----------
        level : int
            Which scale's experts to use.
        channels : CropChannels, or ndarray of float32, shape (C, H, W)
            Channel maps of the crop.
        centres : ndarray of int, shape (N, 2)
            Middle ``(x, y)`` of each search window, in pixels of the crop. The window and
            half a patch round it must lie inside.

        Returns
        -------
        ndarray of float32, shape (N, S, S)
            ``maps[n, i, j]`` is the response of landmark ``n`` at
            ``centres[n] + (j, i) - S // 2``.
        """
        ...
