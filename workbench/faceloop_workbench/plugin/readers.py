"""Files that napari hands to faceloop: projects, landmarks, videos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import InputError, Project, Scheme
from faceloop_datasets.formats import FaceRecord, read_faces
from faceloop_datasets.media.images import read_image

from .video_array import VideoArray

if TYPE_CHECKING:
    from collections.abc import Callable

    LayerData = tuple[Any, ...]
    Read = Callable[[str | list[str]], list[LayerData]]

_DATABASE = "project.db"
_NO_LAYER = (None,)  # npe2's word for "read, and nothing to add"


def project_reader(path: str | list[str]) -> Read | None:
    """Return the reader of a project: its folder, or the database in it; None for anything else."""
    if isinstance(path, list):
        return None
    folder = Path(path).parent if Path(path).name == _DATABASE else Path(path)
    if not (folder / _DATABASE).is_file():
        return None

    def read(_path: str | list[str]) -> list[LayerData]:
        from .window import current_dock  # noqa: PLC0415 - needs a screen

        dock = current_dock()
        dock.session.open(Project.open(folder))
        dock.tabs.setCurrentWidget(dock.queue)
        return [_NO_LAYER]

    return read


def points_reader(path: str | list[str]) -> Read | None:
    """Return the reader of ``.pts`` files."""
    if not all(name.lower().endswith(".pts") for name in _names(path)):
        return None
    return _read_points


def video_reader(path: str | list[str]) -> Read:
    """Return the reader of videos; a file that is none is refused when it is read."""
    del path
    return _read_videos


def _read_points(path: str | list[str]) -> list[LayerData]:
    layers: list[LayerData] = []
    scheme = Scheme.load("ibug68")
    for name in _names(path):
        for face in read_faces("ibug", [Path(name)]):
            if not isinstance(face, FaceRecord):
                raise InputError(str(face))
            if face.image is not None:
                picture = read_image(face.image.path, "rgb")
                layers.append((picture, {"name": face.image.name, "rgb": True}, "image"))
            known = face.annotation.present
            about = {
                "name": Path(name).stem,
                "size": max(2.0, scheme.inter_ocular_distance(face.annotation.points) / 25),
                "features": {
                    "number": np.flatnonzero(known),
                    "landmark": np.array(scheme.names)[known],
                },
            }
            layers.append((face.annotation.points[known][:, ::-1], about, "points"))
    return layers


def _read_videos(path: str | list[str]) -> list[LayerData]:
    return [
        (VideoArray(name), {"name": Path(name).stem, "rgb": True}, "image") for name in _names(path)
    ]


def _names(path: str | list[str]) -> list[str]:
    return [path] if isinstance(path, str) else list(path)
