"""The shape of a face in space: turned and varied by sliders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QPointF, Qt
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from faceloop_trainer.pdm3d.words import space_words
from faceloop_workbench.widgets.basic import PlainLabel

from .canvas_shape import ShapeCanvas
from .model_contents import space_shape_at

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtGui import QMouseEvent

    from faceloop_runtime import FaceModel

_SIGMA = "\N{GREEK SMALL LETTER SIGMA}"
_REACH = 30  # tenths of a standard deviation
_TURNS = {"yaw": 90, "pitch": 60}  # degrees to either side
_PIXELS_A_DEGREE = 2.0


class TurningCanvas(ShapeCanvas):
    """A shape that turns as the mouse drags it.

    Attributes
    ----------
    dragged : Signal(int, int)
        By so many degrees of yaw and pitch.
    """

    dragged = Signal(int, int)
    _last: QPointF | None = None

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take hold of the face."""
        self._last = None if event is None else event.position()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Turn it."""
        if event is None or self._last is None:
            return
        by = (event.position() - self._last) / _PIXELS_A_DEGREE
        yaw, pitch = int(by.x()), int(by.y())
        self._last += QPointF(yaw, pitch) * _PIXELS_A_DEGREE  # what is less than one comes later
        self.dragged.emit(yaw, pitch)


class SpaceTab(QWidget):
    """A slider for yaw and pitch, and one for each mode of the shape model in space.

    The mouse turns the face, too. A model without one says why it has none.
    """

    def __init__(self, model: FaceModel) -> None:
        super().__init__()
        self._model = model
        self.turns: dict[str, QSlider] = {}
        self.sliders: list[QSlider] = []
        self.words = PlainLabel(space_words(model.provenance))
        self.words.setWordWrap(True)
        self.words.setObjectName("inside.space.words")
        layout = QVBoxLayout(self)
        layout.addWidget(self.words)
        if model.shape3d is None:
            layout.addStretch(1)
            return
        reach = float(np.linalg.norm(model.shape3d.mean, axis=1).max())
        self.canvas = TurningCanvas(model.scheme, np.array([[-reach, -reach], [reach, reach]]))
        self.canvas.dragged.connect(self._turn)
        below = QHBoxLayout()
        below.addWidget(self.canvas, 3)
        below.addLayout(self._side(len(model.shape3d.variances)), 2)
        layout.addLayout(below, 1)
        self._draw()

    def reset(self) -> None:
        """Show the mean face as it looks ahead."""
        for slider in (*self.turns.values(), *self.sliders):
            slider.setValue(0)

    def _turn(self, yaw: int, pitch: int) -> None:
        for turn, by in (("yaw", yaw), ("pitch", pitch)):
            self.turns[turn].setValue(self.turns[turn].value() + by)

    def _side(self, modes: int) -> QVBoxLayout:
        inside = QWidget()
        grid = QGridLayout(inside)
        for row, (turn, reach) in enumerate(_TURNS.items()):
            self.turns[turn] = self._slider(grid, row, f"inside.space.{turn}", f"{turn} °", reach)
        for k in range(modes):
            name = f"inside.space.mode.{k + 1}"
            row = len(_TURNS) + k
            self.sliders.append(self._slider(grid, row, name, f"mode {k + 1}", _REACH))
        grid.setColumnStretch(1, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inside)
        reset = QPushButton("Reset")
        reset.setObjectName("inside.space.reset")
        reset.setToolTip("Show the mean face as it looks ahead.")
        reset.clicked.connect(self.reset)
        side = QVBoxLayout()
        side.addWidget(area)
        side.addWidget(reset)
        return side

    def _slider(self, grid: QGridLayout, row: int, name: str, title: str, reach: int) -> QSlider:
        slider, value = QSlider(Qt.Orientation.Horizontal), PlainLabel("0")
        slider.setObjectName(name)
        slider.setAccessibleName(name.rpartition(".")[2].capitalize())
        slider.setRange(-reach, reach)
        degrees = title.endswith("°")

        def changed(to: int) -> None:
            value.setText(f"{to:+d}°" if degrees else f"{to / 10:+.1f} {_SIGMA}")
            self._draw()

        slider.valueChanged.connect(changed)
        value.setMinimumWidth(value.fontMetrics().horizontalAdvance(f"-3.0 {_SIGMA}"))
        for column, widget in enumerate((PlainLabel(title.removesuffix(" °")), slider, value)):
            grid.addWidget(widget, row, column)
        return slider

    def _draw(self) -> None:
        yaw, pitch = (self.turns[turn].value() for turn in _TURNS)
        sigmas = np.array([slider.value() / 10 for slider in self.sliders])
        self.canvas.show_shapes(
            [(self._shape(yaw, pitch, 0 * sigmas), -1), (self._shape(yaw, pitch, sigmas), 0)]
        )

    def _shape(self, yaw: float, pitch: float, sigmas: NDArray[np.float64]) -> NDArray[np.float64]:
        shape = self._model.shape3d
        assert shape is not None  # noqa: S101 - else there are no sliders
        return space_shape_at(shape, sigmas, yaw, pitch)
