"""Pictures that a scheme can be made on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_dir

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from faceloop_datasets import Project

_MOST = 200  # pictures of the project in the list; any other is a file
_LONGEST = 1600  # pixels of a side, as it is shown
_STILL = "s0000.jpg"


@dataclass(frozen=True)
class PictureChoice:
    """A picture: what the list calls it, and its file; None for the drawn face."""

    title: str
    path: Path | None = None


def picture_choices(project: Project | None) -> list[PictureChoice]:
    """Return the drawn face, a sample face, and pictures of the project."""
    choices = [
        PictureChoice("a drawn face"),
        PictureChoice("a face of the sample", sample_dir() / "stills" / _STILL),
    ]
    if project is not None:
        pictures = [media for media in project.media() if media.kind == "image"][:_MOST]
        choices += [PictureChoice(media.name, media.where(project.path)) for media in pictures]
    return choices


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture in colour, (H, W, 3), at most so large as it is shown.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    pixels = read_image(path, "rgb")
    longer = max(pixels.shape[:2])
    if longer <= _LONGEST:
        return pixels
    size = [max(1, round(side * _LONGEST / longer)) for side in pixels.shape[1::-1]]
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
