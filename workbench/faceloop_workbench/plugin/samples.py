"""File, Open Sample, faceloop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_data_dir

from faceloop_datasets import Project
from faceloop_datasets.sample import sample_clip

from .video_array import VideoArray

if TYPE_CHECKING:
    LayerData = tuple[Any, ...]


def open_sample_project() -> Project:
    """Open this person's copy of the bundled project; made when it is first asked for."""
    folder = Path(user_data_dir("faceloop", appauthor=False)) / "sample project"
    if (folder / "project.db").is_file():
        return Project.open(folder)
    return Project.create(folder, sample=True)


def bundled_project() -> list[LayerData]:
    """Open the bundled project in the dock; it adds no layers by itself."""
    from .window import current_dock  # noqa: PLC0415 - needs a screen

    dock = current_dock()
    dock.session.open(open_sample_project())
    dock.tabs.setCurrentWidget(dock.queue)
    return []


def bundled_clip() -> list[LayerData]:
    """Show the bundled clip, exact to the frame."""
    return [(VideoArray(sample_clip()), {"name": "faceloop clip", "rgb": True}, "image")]
