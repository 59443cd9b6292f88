"""A panel that scrolls where the window is small, instead of making the window larger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QFrame,
    QScrollArea,
    QScrollBar,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from qtpy.QtGui import QShowEvent

_TURNED_BY_WHEEL = (QComboBox, QAbstractSpinBox, QAbstractSlider)


class ScrollArea(QScrollArea):
    """Scrolls a panel; the wheel scrolls it too, and changes no value on its way.

    Qt gives the wheel to whatever the pointer is over: who scrolls would turn a box of choices or a
    number that comes along. Here those only hear the wheel while they have the keyboard.

    Parameters
    ----------
    body : QWidget
        What is scrolled. It is as wide as there is room, and at least as wide as it must be.
    """

    def __init__(self, body: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(body)
        self._guard = _WheelGuard(self)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Look after what has come since."""
        super().showEvent(event)
        for kind in _TURNED_BY_WHEEL:
            for child in self.findChildren(kind):
                if not isinstance(child, QScrollBar):
                    child.installEventFilter(self._guard)  # the second time moves it only


def fill_scrolled(panel: QWidget, body: QWidget) -> None:
    """Make a body that scrolls all there is in a panel."""
    layout = QVBoxLayout(panel)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(ScrollArea(body))


class _WheelGuard(QObject):
    """Hands the wheel on to what is below."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Refuse the wheel (Qt's name)."""
        wheel = event is not None and event.type() == QEvent.Type.Wheel
        if event is None or not wheel or not isinstance(watched, QWidget) or watched.hasFocus():
            return False
        event.ignore()
        return True
