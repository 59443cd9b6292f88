"""Shape components with a slider each: what it moves, and how firmly a fit holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from faceloop_workbench.services.regularising import factors_of
from faceloop_workbench.widgets.basic import PlainLabel, paragraph, set_enabled

from .canvas_shape import ShapeCanvas
from .factor_steps import STEPS, factor_text, nearest_step
from .model_contents import explained_variance, shape_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QWheelEvent

    from faceloop_runtime import FaceModel

_SIGMA = "\N{GREEK SMALL LETTER SIGMA}"
_REACH = 30  # tenths of a standard deviation
_LEAST = 100  # pixels of a slider
_HEADS = ("component", "of variance", "show", "", "regularisation", "")
_FACTOR_HELP = (
    "How firmly fits hold this component to what is expected. 1 x is as learned, more holds it, "
    "less lets it go, at the left end it is free. A clip in the tab Live shows the effect at once."
)
_TRIED = (
    "The tab Live fits with these factors until you close this window. What is learned on top of a "
    "fit, its correction and its predicted error, was learned with 1 x."
)
_UNCHANGED = "Change the regularisation of a component first."


class ShapeTab(QWidget):
    """Two sliders for each component of the shape model.

    Parameters
    ----------
    model : FaceModel
        The model.

    Attributes
    ----------
    changed : Signal()
        A factor is another: `factors` has all that are.
    save_wanted : Signal()
        The person wants a model with these factors.
    """

    changed = Signal()
    save_wanted = Signal()

    def __init__(self, model: FaceModel) -> None:
        super().__init__()
        self._pdm = model.pdm
        self._stored = factors_of(model.pdm)
        self.canvas = ShapeCanvas(model.scheme, model.pdm.mean)
        self.sliders: list[QSlider] = []
        self.factor_sliders: list[QSlider] = []
        self._values: list[QLabel] = []
        self._factor_texts: list[QLabel] = []
        self.words = paragraph(_TRIED)
        self.words.setObjectName("inside.tried")
        self.reset = _button("Mean face", "inside.reset", "Show the mean face.", self._reset)
        self.learned = _button(
            "As learned", "inside.learned", "Regularise every component as learned.", self._learn
        )
        self.save = _button("Save as new model", "inside.save", "", self.save_wanted.emit)
        self._lay_out()
        self._draw()
        self._show_factors()

    @property
    def factors(self) -> dict[int, float]:
        """Factors that are others than the model's, by number of the component, from 1."""
        return {
            number: STEPS[slider.value()]
            for number, (slider, stored) in enumerate(
                zip(self.factor_sliders, self._stored, strict=True), 1
            )
            if slider.value() != nearest_step(stored)
        }

    def _reset(self) -> None:
        for slider in self.sliders:
            slider.setValue(0)

    def _learn(self) -> None:
        for slider in self.factor_sliders:
            with QSignalBlocker(slider):
                slider.setValue(nearest_step(1.0))
        self._factor_moved()

    def _factor_moved(self) -> None:
        self._show_factors()
        self.changed.emit()

    def _show_factors(self) -> None:
        given = self.factors
        for number, (label, stored) in enumerate(
            zip(self._factor_texts, self._stored, strict=True), 1
        ):
            label.setText(factor_text(given.get(number, stored)))
        self.words.setVisible(bool(given))
        said = "Put a copy of this model with these factors into the project, and measure it."
        set_enabled(self.save, "" if given else _UNCHANGED, said)

    def _draw(self) -> None:
        sigmas = np.array([slider.value() / 10 for slider in self.sliders])
        for label, sigma in zip(self._values, sigmas, strict=True):
            label.setText(f"{sigma:+.1f} {_SIGMA}" if sigma else f"0 {_SIGMA}")
        self.canvas.show_shapes([(self._pdm.mean, -1), (shape_at(self._pdm, sigmas), 0)])

    # How it is made

    def _lay_out(self) -> None:
        side = QVBoxLayout()
        side.addWidget(self._component_list())
        side.addWidget(self.words)
        buttons = QHBoxLayout()
        for button in (self.reset, self.learned, self.save):
            buttons.addWidget(button)
        side.addLayout(buttons)
        layout = QHBoxLayout(self)
        layout.addWidget(self.canvas, 4)
        layout.addLayout(side, 5)

    def _component_list(self) -> QScrollArea:
        inside = QWidget()
        grid = QGridLayout(inside)
        for column, head in enumerate(_HEADS):
            grid.addWidget(PlainLabel(head), 0, column)
        for number, share in enumerate(explained_variance(self._pdm), 1):
            for column, widget in enumerate(
                (PlainLabel(str(number)), PlainLabel(f"{share:.1%}"), *self._row(number))
            ):
                grid.addWidget(widget, number, column)
        for column in (2, 4):
            grid.setColumnMinimumWidth(column, _LEAST)
            grid.setColumnStretch(column, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inside)
        return area

    def _row(self, number: int) -> tuple[QWidget, ...]:
        """Make the sliders of a component, with what they say."""
        slider, value = _Slider(f"inside.component.{number}"), PlainLabel()
        slider.setAccessibleName(f"Component {number}")
        slider.setRange(-_REACH, _REACH)
        slider.valueChanged.connect(self._draw)
        factor, text = _Slider(f"inside.factor.{number}"), PlainLabel()
        factor.setAccessibleName(f"Regularisation of component {number}")
        factor.setRange(0, len(STEPS) - 1)
        factor.setPageStep(3)  # doubles it
        factor.setToolTip(_FACTOR_HELP)
        factor.setValue(nearest_step(self._stored[number - 1]))
        factor.valueChanged.connect(self._factor_moved)
        for label, longest in ((value, f"+3.0 {_SIGMA}"), (text, factor_text(0.25))):
            label.setMinimumWidth(label.fontMetrics().horizontalAdvance(longest))
        self.sliders.append(slider)
        self._values.append(value)
        self.factor_sliders.append(factor)
        self._factor_texts.append(text)
        return slider, value, factor, text


class _Slider(QSlider):
    """A slider of a long list: the wheel scrolls the list."""

    def __init__(self, name: str) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setObjectName(name)

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802 - Qt's name
        """Leave it to the list."""
        if event is not None:
            event.ignore()


def _button(title: str, name: str, tip: str, do: Callable[[], None]) -> QPushButton:
    button = QPushButton(title)
    button.setObjectName(name)
    button.setToolTip(tip)
    button.clicked.connect(lambda _checked: do())
    return button
