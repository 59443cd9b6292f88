"""How the head is turned, in words, and whether its axes are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from faceloop_workbench.services.overlay import turn_text
from faceloop_workbench.widgets.basic import PlainLabel

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_runtime import HeadPose

    from .player import ShownFrame

_HELP = (
    "Three lines from the middle of the face: red to its side, green down, blue where it looks. "
    "Yaw is more than 0 to the right of the picture, pitch down, roll leaning to the right."
)


class HeadBox(QWidget):
    """The turn of the first face of a frame, and a switch for the axes of all.

    Parameters
    ----------
    show_axes : callable
        Called with whether axes are wanted when the person changes that.
    """

    def __init__(self, show_axes: Callable[[bool], None]) -> None:
        super().__init__()
        self._text = PlainLabel()
        self._text.setObjectName("live.head")
        self._text.setWordWrap(True)
        self._wanted = QCheckBox("Head axes")
        self._wanted.setObjectName("live.axes")
        self._wanted.setToolTip(_HELP)
        self._wanted.setChecked(True)
        self._wanted.toggled.connect(show_axes)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._wanted)
        layout.addWidget(self._text, 1)

    def show_frame(self, shown: ShownFrame) -> None:
        """Tell how the first face is turned."""
        faces = () if shown.result is None else shown.result.faces
        self._text.setText(head_text(faces[0].fit.head_pose) if faces else "")


def head_text(head: HeadPose | None) -> str:
    """Say how a head is turned."""
    if head is None:
        return "not known in this frame"
    error = "" if np.isnan(head.error) else f", usually off by {head.error:.0f}°"
    return turn_text(head, "°") + error
