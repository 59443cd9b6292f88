"""File, Open Sample, faceloop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from faceloop_datasets.sample import sample_clip
from faceloop_workbench.services.sample_project import open_sample_project

from .video_array import VideoArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Project

    LayerData = tuple[Any, ...]

_ROWS, _COLUMNS, _TILE = 3, 4, 160


def bundled_project() -> list[LayerData]:
    """Open the bundled project in the dock.

    napari takes a sample without a layer for a failure, so there is one: an overview of the
    faces, hidden.
    """
    from .window import current_dock  # noqa: PLC0415 - needs a screen

    dock = current_dock()
    project = open_sample_project()
    dock.session.open(project)
    dock.tabs.setCurrentWidget(dock.queue)
    about = {"name": "sample faces", "rgb": True, "visible": False}
    return [(_overview(project), about, "image")]


def _overview(project: Project) -> NDArray[np.uint8]:
    """Pictures of the first faces, side by side."""
    tiles = [
        cv2.resize(face.read_rgb(), (_TILE, _TILE), interpolation=cv2.INTER_AREA)
        for face in project.faces()[: _ROWS * _COLUMNS]
    ]
    rows = [np.hstack(tiles[i : i + _COLUMNS]) for i in range(0, len(tiles), _COLUMNS)]
    return np.vstack(rows).astype(np.uint8)


def bundled_clip() -> list[LayerData]:
    """Show the bundled clip, exact to the frame."""
    return [(VideoArray(sample_clip()), {"name": "faceloop clip", "rgb": True}, "image")]
