"""A video as an array of frames that are decoded when they are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import Video

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class VideoArray:
    """Frames of a video, (frames, H, W, 3) uint8, exact to the frame and never all in memory.

    Parameters
    ----------
    path : path
        The video.

    Raises
    ------
    InputError
        If it is no video that can be read.
    """

    ndim = 4
    dtype = np.dtype(np.uint8)

    def __init__(self, path: str | Path) -> None:
        self._video = Video(path)
        self.shape: tuple[int, ...] = (len(self._video), *self._video[0].image.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        frames, *rest = key if isinstance(key, tuple) else (key,)
        if frames is Ellipsis:
            frames, rest = slice(None), []
        numbers = np.arange(len(self))[frames]
        if np.ndim(numbers) == 0:
            picture: NDArray[np.uint8] = self._video[int(numbers)].image[tuple(rest)]
            return picture
        return np.stack([self._video[int(n)].image for n in numbers])[(slice(None), *rest)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        del copy  # always new
        return np.asarray(self[:], dtype=dtype)
