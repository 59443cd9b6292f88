"""Menu commands: each opens the dock on one of its tabs."""

# No `from __future__ import annotations`: napari reads them to hand over the viewer.
from typing import TYPE_CHECKING

from .window import open_dock

if TYPE_CHECKING:
    import napari


def annotate_faces(viewer: "napari.viewer.Viewer") -> None:
    """Open the dock where points are corrected."""
    open_dock(viewer, "annotate")


def review_poor_fits(viewer: "napari.viewer.Viewer") -> None:
    """Open the dock where the review queue is."""
    open_dock(viewer, "queue")


def retrain_model(viewer: "napari.viewer.Viewer") -> None:
    """Open the dock where models are trained."""
    open_dock(viewer, "train")


def watch_video(viewer: "napari.viewer.Viewer") -> None:
    """Open the dock where videos are played."""
    open_dock(viewer, "live")
