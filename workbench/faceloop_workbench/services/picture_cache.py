"""Pictures of faces: the last few are kept, the next are read before somebody asks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from faceloop_datasets import FaceloopError
from faceloop_datasets.media.images import read_annotated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from faceloop_datasets import Item, Project, Video
    from faceloop_datasets.media.files import Media

_KEPT = 6  # a few faces ahead and behind; pictures of 12 megapixels take 36 MB each


class PictureCache:
    """Reads the pictures of one project's faces, from any thread.

    Parameters
    ----------
    project : Project
        Whose faces; it must stay open until `close`.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, int | None], NDArray[np.uint8]] = OrderedDict()
        self._video: Video | None = None
        self._reader = ThreadPoolExecutor(1, "faceloop pictures")
        self._asked: list[Future[None]] = []

    def get(self, item: Item) -> NDArray[np.uint8]:
        """Colour picture of a face, (H, W, 3), upright; it cannot be written to.

        Raises
        ------
        FaceloopError
            If the face has no picture, or it is missing or damaged.
        """
        media = self._project.item_media(item)
        if media is None:
            raise FaceloopError(f"{item.name} has no picture, only a shape.")
        path = self._project.resolve(media)
        key = (path, item.frame)
        with self._lock:
            if key not in self._kept:
                pixels = self._read(path, item.frame, media)
                pixels.flags.writeable = False
                self._kept[key] = pixels
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]

    def read_ahead(self, item_ids: Sequence[int]) -> None:
        """Read pictures in the background, the most wanted first; forgets earlier wishes."""
        for future in self._asked:
            future.cancel()
        self._asked = [self._reader.submit(self._ahead, number) for number in item_ids]

    def close(self) -> None:
        """Stop reading."""
        self._reader.shutdown(cancel_futures=True)
        if self._video is not None:
            self._video.close()
        self._kept.clear()

    def _ahead(self, item_id: int) -> None:
        with suppress(FaceloopError):  # whoever asks for it is told
            self.get(self._project.item(item_id))

    def _read(self, path: Path, frame: int | None, media: Media) -> NDArray[np.uint8]:
        shown = media.shown
        if frame is None or shown is None:
            return read_annotated(path, media.sha256, "rgb")
        if self._video is None or self._video.path != path:
            if self._video is not None:
                self._video.close()
            self._video = shown.open(path)
        return self._video[frame].image
