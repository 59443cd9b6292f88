"""Videos that faces were annotated in, in the picture that they were annotated in.

Older versions read a video in its stored pixels, mirrored ones upside down, the first of several,
and counted its frames from the first packet. Points that were set then are not in
the picture that is shown now: that is found here, and never mixed up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError

from .video import Video

if TYPE_CHECKING:
    from pathlib import Path

ADVICE = (
    "Annotate it anew in another project; or convert it to square pixels, upright and one stream, "
    "and add that."
)
"""What to do about a video that is shown otherwise than when its faces were annotated."""


@dataclass(frozen=True)
class ShownVideo:
    """What a project noted about a video when it was added.

    Parameters
    ----------
    width, height, frames : int
        Size of the picture that was shown, and how many there were.
    unmirrored : bool
        Whether that was a version that did not mirror what players mirror.
    """

    width: int
    height: int
    frames: int
    unmirrored: bool = False

    def changed(self, size: tuple[int, int], frames: int, mirrored: bool) -> str | None:
        """Say what of a video is otherwise now; None if points and frames are where they were.

        Parameters
        ----------
        size : (int, int)
            Width and height as it is shown now.
        frames : int
            How many there are.
        mirrored : bool
            Whether it is mirrored now.
        """
        if self.unmirrored and mirrored:
            return "it was shown turned but not mirrored then, and is mirrored"
        if size != (self.width, self.height):
            was, now = f"{self.width}x{self.height}", "{}x{}".format(*size)
            return f"it was shown as {was} then, and is as {now}"
        if frames < self.frames:
            return f"it was counted as {self.frames} frames then, and is as {frames}"
        return None

    def check(self, path: Path, size: tuple[int, int], frames: int, mirrored: bool) -> None:
        """Refuse a video that is shown otherwise.

        Raises
        ------
        InputError
            If it is.
        """
        changed = self.changed(size, frames, mirrored)
        if changed is not None:
            raise InputError(
                f"{path} was added to this project by an older faceloop: {changed} now, as players "
                f"show it. Its points belong to what was shown then, and are not mixed. {ADVICE}"
            )

    def open(self, path: Path) -> Video:
        """Open the video.

        Raises
        ------
        InputError
            If it cannot be read, or is shown otherwise than when it was added.
        """
        video = Video(path)
        self.check(path, video.size, len(video), video.mirrored)
        return video
