"""Sliders for contrast, gamma and turn of the picture."""

from __future__ import annotations

from dataclasses import replace
from math import log2
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, QTimer
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QSlider, QVBoxLayout

from faceloop_datasets import PictureDisplay
from faceloop_workbench.widgets.basic import PlainLabel, not_none, paragraph

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    from .display_commands import DisplayCommands

_KEEP_MS = 400  # a slider that is dragged tells of many values; the last is kept
_EXPLAINED = (
    "Only what you see: models are trained on the picture as it is, and fitted to it. Kept for "
    "each picture."
)
_GAMMA = 20  # steps of the slider that double it


class DisplayDialog(QDialog):
    """Stays open beside the picture, and follows it.

    Parameters
    ----------
    commands : DisplayCommands
        What it sets.
    parent : QWidget
        The tab Annotate.
    """

    def __init__(self, commands: DisplayCommands, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("How the picture is shown")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._commands = commands
        self._sliders: dict[str, QSlider] = {}
        self._values: dict[str, PlainLabel] = {}
        self._keep = QTimer(self)
        self._keep.setSingleShot(True)
        self._keep.setInterval(_KEEP_MS)
        self._keep.timeout.connect(self._set)
        self._grid = QGridLayout()
        for name, title, reach in (
            ("low", "Black from", (0, 254)),
            ("high", "White from", (1, 255)),
            ("gamma", "Gamma", (-3 * _GAMMA, 3 * _GAMMA)),
            ("turn", "Turn", (-179, 180)),
        ):
            self._add(name, title, reach)
        self._grid.setColumnMinimumWidth(1, 220)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        reset = not_none(buttons.addButton("As it is", QDialogButtonBox.ButtonRole.ResetRole))
        reset.setObjectName("display.reset")
        reset.clicked.connect(lambda: commands.set(PictureDisplay()))
        level = not_none(buttons.addButton("Eyes level", QDialogButtonBox.ButtonRole.ActionRole))
        level.setObjectName("display.level")
        level.clicked.connect(lambda _=False: commands.level())
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addLayout(self._grid)
        layout.addWidget(paragraph(_EXPLAINED))
        layout.addWidget(buttons)
        show: Callable[[PictureDisplay], None] = self.show_display
        commands.changed.connect(show)
        self.destroyed.connect(lambda: commands.changed.disconnect(show, missing_ok=True))
        self.show_display(commands.display)

    def show_display(self, display: PictureDisplay) -> None:
        """Move the sliders to what is shown."""
        places = {
            "low": round(display.low),
            "high": round(display.high),
            "gamma": round(_GAMMA * log2(display.gamma)),
            "turn": round(display.turn),
        }
        for name, place in places.items():
            if not self._sliders[name].isSliderDown():
                with QSignalBlocker(self._sliders[name]):
                    self._sliders[name].setValue(place)
        for name, text in (
            ("low", f"{display.low:.0f}"),
            ("high", f"{display.high:.0f}"),
            ("gamma", f"{display.gamma:.2f}"),
            ("turn", f"{display.turn:.0f}\u00b0"),
        ):
            self._values[name].setText(text)

    def _add(self, name: str, title: str, reach: tuple[int, int]) -> None:
        slider, value = QSlider(Qt.Orientation.Horizontal), PlainLabel()
        slider.setObjectName(f"display.{name}")
        slider.setAccessibleName(title)
        slider.setRange(*reach)
        slider.valueChanged.connect(lambda place: self._moved(name, place))
        value.setMinimumWidth(value.fontMetrics().horizontalAdvance("-180\u00b0 "))
        self._sliders[name], self._values[name] = slider, value
        row = self._grid.rowCount()
        for column, widget in enumerate((PlainLabel(title), slider, value)):
            self._grid.addWidget(widget, row, column)

    def _moved(self, name: str, place: int) -> None:
        display = self._commands.display
        if name == "low":
            display = replace(display, low=float(place), high=max(display.high, place + 1.0))
        elif name == "high":
            display = replace(display, high=float(place), low=min(display.low, place - 1.0))
        elif name == "gamma":
            display = replace(display, gamma=2.0 ** (place / _GAMMA))
        else:
            display = replace(display, turn=float(place))
        self._commands.set(display, keep=False)
        self._keep.start()

    def _set(self) -> None:
        self._commands.set(self._commands.display)
