"""Choosing what is shown on faces: their points, or something drawn over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QPushButton, QWidget

from faceloop_datasets.media.images import IMAGE_SUFFIXES
from faceloop_workbench.services.render_choice import COVERS, MODES, Rendering
from faceloop_workbench.widgets.basic import PlainLabel
from faceloop_workbench.widgets.file_dialogs import ask_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_VIEWS = {
    "points": (None, "The points of the fit, and contours through them."),
    "mesh": (Rendering("mesh"), MODES["mesh"]),
    "mask": (Rendering("mask"), MODES["mask"]),
    "caricature": (Rendering("caricature"), MODES["caricature"]),
    "anonymised": (Rendering("anonymise"), f"{MODES['anonymise']}. {COVERS['face']}"),
    "anonymised by pixels": (Rendering("anonymise", cover="pixels"), COVERS["pixels"]),
}
_PICTURES = f"Pictures ({' '.join(f'*{suffix}' for suffix in IMAGE_SUFFIXES)})"
_HELP = (
    "What is shown on the faces. While a video plays only its past is known: a face is covered "
    "from when it is found. A video that is exported is looked through first."
)


class ViewChooser(QWidget):
    """A list of what can be shown, and what there is to choose of it.

    Parameters
    ----------
    changed : callable
        Called with what is to be drawn over the faces, or None for their points.
    """

    def __init__(self, changed: Callable[[Rendering | None], None]) -> None:
        super().__init__()
        self._changed = changed
        self._face: Path | None = None
        self._view = QComboBox()
        self._view.setObjectName("live.view")
        self._view.setAccessibleName("What is shown")
        self._view.setToolTip(_HELP)
        for name, (_, about) in _VIEWS.items():
            self._view.addItem(name)
            self._view.setItemData(self._view.count() - 1, about, Qt.ItemDataRole.ToolTipRole)
        self._picture = QPushButton("Face of…")
        self._picture.setObjectName("live.mask_picture")
        self._picture.setAccessibleName("Picture of the mask")
        self._picture.setToolTip("A picture with the face that is the mask; else an average face.")
        self._strength = QDoubleSpinBox()
        self._strength.setObjectName("live.strength")
        self._strength.setAccessibleName("Strength")
        self._strength.setToolTip("Factor of the shape's parameters: 1 changes nothing.")
        self._strength.setRange(0.0, 5.0)
        self._strength.setSingleStep(0.2)
        self._strength.setValue(Rendering("caricature").strength)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(PlainLabel("Show"))
        layout.addWidget(self._view, 1)
        layout.addWidget(self._picture)
        layout.addWidget(self._strength)
        self._allow()
        self._view.currentTextChanged.connect(self._choose)
        self._strength.valueChanged.connect(self._choose)
        self._picture.clicked.connect(self._ask)

    @property
    def rendering(self) -> Rendering | None:
        """What is to be drawn over the faces; None for their points."""
        rendering = _VIEWS[self._view.currentText()][0]
        if rendering is None or rendering.mode not in ("mask", "caricature"):
            return rendering
        if rendering.mode == "mask":
            return Rendering("mask", face=self._face)
        return Rendering("caricature", strength=self._strength.value())

    def use_picture(self, path: Path) -> None:
        """Take the face of a picture for a mask."""
        self._face = path
        self._picture.setText(path.name)
        self._choose()

    def _ask(self) -> None:
        ask_file(self, "A picture of a face", _PICTURES, self.use_picture)

    def _choose(self, _value: object = None) -> None:
        self._allow()
        self._changed(self.rendering)

    def _allow(self) -> None:
        self._picture.setVisible(self._view.currentText() == "mask")
        self._strength.setVisible(self._view.currentText() == "caricature")
