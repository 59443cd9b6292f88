"""How large pictures are, for formats whose points are shares of them or that say it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from faceloop_datasets.media.images import image_size
from faceloop_datasets.media.video import Video

from ._pictures import is_video

if TYPE_CHECKING:
    from pathlib import Path


def shown_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture or video as it is shown, kept while the file does not change.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    about = path.stat() if path.is_file() else None
    return _size(path, None if about is None else (about.st_mtime_ns, about.st_size))


@lru_cache(maxsize=64)
def _size(path: Path, _version: tuple[int, int] | None) -> tuple[int, int]:
    if not is_video(path.name):
        return image_size(path)
    with Video(path) as video:
        return video.size
