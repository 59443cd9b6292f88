"""Which point's response map to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QWidget

if TYPE_CHECKING:
    from faceloop_datasets import Scheme

    from .canvas import LiveCanvas


_SHORT = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon


class PointChooser(QWidget):
    """The selected point by name, and whether its response map is shown.

    Parameters
    ----------
    canvas : LiveCanvas
        Where it is shown; a click on a point there selects it here.
    """

    def __init__(self, canvas: LiveCanvas) -> None:
        super().__init__()
        self._canvas = canvas
        self._names: tuple[str, ...] = ()
        self._face = 0
        self._wanted = QCheckBox("Response map of")
        self._wanted.setObjectName("live.responses")
        self._wanted.setToolTip(
            "Where the finest patch expert sees this point, on a still frame. Click a point of "
            "the picture to choose it."
        )
        self._wanted.toggled.connect(self._want)
        self._points = QComboBox()
        self._points.setObjectName("live.point")
        self._points.setAccessibleName("Point whose response map is shown")
        self._points.setMinimumContentsLength(8)
        self._points.setSizeAdjustPolicy(_SHORT)
        self._points.currentIndexChanged.connect(self._chosen)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._wanted)
        layout.addWidget(self._points, 1)
        canvas.picked.connect(self._picked)

    @property
    def face(self) -> int:
        """Which face the selected point is of."""
        return self._face

    def use(self, scheme: Scheme) -> None:
        """Offer the points of a scheme."""
        if scheme.names != self._names:
            self._names = scheme.names
            self._points.blockSignals(True)  # nobody has chosen one yet
            self._points.clear()
            self._points.addItems([f"{k} {name}" for k, name in enumerate(scheme.names)])
            self._points.blockSignals(False)

    def _want(self, wanted: bool) -> None:
        self._chosen(self._points.currentIndex())
        self._canvas.show_responses(wanted=wanted)

    def _picked(self, face: int, point: int) -> None:
        self._face = face
        if self._points.currentIndex() == point:
            self._chosen(point)
        else:
            self._points.setCurrentIndex(point)

    def _chosen(self, point: int) -> None:
        if point >= 0:
            self._canvas.select(self._face, point)
