"""Make the pictures of render.md from the bundled CC0 sample: python docs/render_pictures.py.

render.jpg: two frames of the sample clip, and with each mode drawn over, as `faceloop render` does.
anonymised.jpg: the face turns, blinks, goes out of the picture and comes back, and what is left.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from faceloop_datasets import Video, write_video
from faceloop_datasets.sample import sample_clip, sample_dir
from faceloop_runtime import FaceModel
from faceloop_workbench.services.render_choice import Rendering
from faceloop_workbench.services.rendering import render

_IMAGES = Path(__file__).parent / "images"
_WIDTH = 220
"""Of one frame."""
_FACES = (12, 50)
"""Frames that show the modes: it looks at the camera; it speaks and turns."""
_MODES = (
    Rendering("mesh"),
    Rendering("mask"),
    Rendering("mask", face=sample_dir() / "stills" / "s0008.jpg"),
    Rendering("caricature", strength=2.0),
    Rendering("anonymise"),
    Rendering("anonymise", cover="pixels"),
)
_WAY = (24, 96, 156, 164, 167, 196, 232)
_BETWEEN = (157, 158, 159, 160, 161, 162, 163, 165, 166, *range(168, 196))
"""Frames that are not shown, but that the tracker needs to see the face go."""


def main() -> None:
    """Draw over the sample clip, and keep some frames."""
    model, video = FaceModel.starter(), Video(sample_clip())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        columns = [[video[k].image for k in _FACES]]
        for rendering in _MODES:
            columns.append([])
            for k in _FACES:
                columns[-1].append(_drawn(model, rendering, [video[k].image], folder)[0])
        _save(columns, "render.jpg")
        numbers = sorted({*_WAY, *_BETWEEN})
        images = [video[k].image for k in numbers]
        hidden = _drawn(model, Rendering("anonymise"), images, folder)
        shown = [numbers.index(k) for k in _WAY]
        _save([[images[k], hidden[k]] for k in shown], "anonymised.jpg")


def _drawn(
    model: FaceModel, rendering: Rendering, images: list[np.ndarray], folder: Path
) -> list[np.ndarray]:
    """Return frames with something drawn over their faces, by way of files."""
    source, out = folder / "in.mp4", folder / "out.mp4"
    write_video(source, images, 25)
    render(model, source, out, rendering)
    return [frame.image for frame in Video(out)]


def _save(columns: list[list[np.ndarray]], name: str) -> None:
    def small(image: np.ndarray) -> np.ndarray:
        height = round(_WIDTH * image.shape[0] / image.shape[1])
        return cv2.resize(image, (_WIDTH, height), interpolation=cv2.INTER_AREA)

    sheet = np.concatenate(
        [np.concatenate([small(image) for image in column]) for column in columns], axis=1
    )
    Image.fromarray(sheet).save(_IMAGES / name, quality=82, optimize=True)


if __name__ == "__main__":
    main()
