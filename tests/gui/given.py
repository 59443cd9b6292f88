"""What tests of the window begin with, or give to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from driver import LEFT, NONE
from PIL import Image
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QWidget

from faceloop_datasets.sample import sample_faces

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

QUICK = {"channels": ("raw",), "mirror": False, "components": 8}
"""Settings that train in seconds, and poorly."""


def picture_of_two(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Write a picture of two people beside each other; returns their points."""
    one, two = (face for face in sample_faces() if face.name in {"s0000", "s0005"})
    pictures = [np.asarray(Image.open(face.image.path).convert("RGB")) for face in (one, two)]
    Image.fromarray(np.hstack(pictures)).save(file)
    return one.annotation.points, two.annotation.points + np.array([pictures[0].shape[1], 0])


def drop(widget: QWidget, paths: Sequence[Path]) -> None:
    """Drop files on a widget."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    centre = widget.rect().center()
    how = (Qt.DropAction.CopyAction, data, LEFT, NONE)
    entering = QDragEnterEvent(centre, *how)
    QApplication.sendEvent(widget, entering)
    assert entering.isAccepted()
    QApplication.sendEvent(widget, QDropEvent(QPointF(centre), *how))
