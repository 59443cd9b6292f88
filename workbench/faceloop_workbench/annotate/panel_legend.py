"""The legend of the tab Annotate: what colours and symbols mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import QGridLayout, QToolButton, QWidget

from faceloop_datasets import PointState
from faceloop_datasets.wording import counted

from .point_style import PointStyle, title
from .shape_text import STATE_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_datasets import Scheme

_SIZE = 14
_COLUMNS = 3
GRAY = QColor(140, 140, 140)  # seen in light and in dark
_MEANINGS = {
    PointState.VISIBLE: "A person vouches for it: trains shape and looks.",
    PointState.OCCLUDED: "Hidden, at a known or guessed place: trains the shape.",
    PointState.ESTIMATED: "Made by a program; one of a fit trains nothing.",
}


class Legend(QWidget):
    """States with their symbols and groups with their colours; a click selects those points.

    Parameters
    ----------
    select : callable
        Given the points of a group that was clicked.
    select_state : callable
        Given a state that was clicked.
    """

    def __init__(
        self,
        select: Callable[[tuple[int, ...]], object],
        select_state: Callable[[PointState], object],
    ) -> None:
        super().__init__()
        self._select, self._select_state = select, select_state
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)

    def use(self, scheme: Scheme | None) -> None:
        """Show the groups of a landmark scheme."""
        while (entry := self._grid.takeAt(0)) is not None:
            if (widget := entry.widget()) is not None:
                widget.deleteLater()
        if scheme is None:
            return
        for column, state in enumerate(_MEANINGS):
            self._grid.addWidget(self._state(state), 0, column)
        for number, (name, colour) in enumerate(PointStyle(scheme).groups.items()):
            button = self._group(name, colour, scheme.groups[name])
            self._grid.addWidget(button, 1 + number // _COLUMNS, number % _COLUMNS)

    def _state(self, state: PointState) -> QToolButton:
        name, word = f"annotate.state.{state.name.lower()}", STATE_WORDS[state]
        button = _button(name, word, symbol(state, GRAY))
        button.setToolTip(f"{_MEANINGS[state]} Click to select these points.")
        button.clicked.connect(lambda: self._select_state(state))
        return button

    def _group(
        self, name: str, colour: tuple[float, float, float], members: tuple[int, ...]
    ) -> QToolButton:
        disc = symbol(PointState.VISIBLE, QColor.fromRgbF(*colour))
        button = _button(f"annotate.group.{name}", title(name), disc)
        button.setToolTip(f"Click to select {counted(len(members), 'point')} of this group.")
        button.clicked.connect(lambda: self._select(members))
        return button


def _button(name: str, text: str, picture: QPixmap) -> QToolButton:
    button = QToolButton()
    button.setObjectName(name)
    button.setText(text)
    button.setIcon(QIcon(picture))
    button.setAutoRaise(True)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    return button


def symbol(state: PointState, colour: QColor) -> QPixmap:
    """Picture of a point's symbol, as the canvas draws it."""
    pixmap = QPixmap(_SIZE, _SIZE)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1.8))
    middle, reach = _SIZE / 2, _SIZE / 2 - 2
    if state == PointState.VISIBLE:
        painter.setBrush(colour)
        painter.drawEllipse(QPointF(middle, middle), reach - 0.5, reach - 0.5)
    elif state == PointState.OCCLUDED:
        low, high = middle - reach + 1, middle + reach - 1
        painter.drawLine(QPointF(low, low), QPointF(high, high))
        painter.drawLine(QPointF(low, high), QPointF(high, low))
    else:
        corners = ((0, -reach), (reach, 0), (0, reach), (-reach, 0))
        painter.drawPolygon(QPolygonF([QPointF(middle + x, middle + y) for x, y in corners]))
    painter.end()
    return pixmap
