"""Bars of what the face expresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPalette
from qtpy.QtWidgets import QGroupBox, QSizePolicy, QVBoxLayout, QWidget

from faceloop_workbench.services.expression_smoothing import ExpressionSmoothing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtGui import QPaintEvent

    from .player import ShownFrame

_ONE_COLUMN = 6
_GAP, _LINE = 14, 3
BAR = QColor("#4a90d9")
"""On dark and on light: the themes' own colour of what is selected is a gray."""
_NAME = 0.45
"""Share of a column that names take."""


class ExpressionBox(QGroupBox):
    """What the first face expresses, lightly smoothed; hidden while no model knows expressions."""

    def __init__(self) -> None:
        super().__init__("Expression")
        self.setObjectName("live.expression")
        self._smooth = ExpressionSmoothing()
        self._bars = ExpressionBars()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 10, 6, 6)
        layout.addWidget(self._bars)
        self.hide()

    @property
    def shown(self) -> dict[str, float]:
        """The probabilities that are drawn."""
        return self._bars.probabilities

    def show_frame(self, frame: ShownFrame, names: tuple[str, ...]) -> None:
        """Show a frame of a model that knows expressions of these names."""
        self.setVisible(bool(names))
        faces = () if frame.result is None else frame.result.faces
        kept = (faces[0].fit.expressions if faces else None) or {}
        if found := {name: kept[name] for name in names if name in kept}:
            self._bars.show_bars(names, self._smooth(faces[0].id, frame.time, found))
        else:
            self._bars.show_bars(names, {})


class ExpressionBars(QWidget):
    """A bar for each expression, always in the same place."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("live.expression_bars")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._names: tuple[str, ...] = ()
        self.probabilities: dict[str, float] = {}

    def show_bars(self, names: tuple[str, ...], probabilities: Mapping[str, float]) -> None:
        """Draw the probabilities of some names; without one there is no bar."""
        if (names, probabilities) == (self._names, self.probabilities):
            return
        if names != self._names:
            self._names = names
            self.updateGeometry()
        self.probabilities = dict(probabilities)
        self._describe()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as its lines."""
        return QSize(200, self._rows * self._line)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high, and narrow if need be."""
        return QSize(60, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw all bars; the most likely name is bold."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = (self.width() - (self._columns - 1) * _GAP) // self._columns
        likely = max(self.probabilities, key=self.probabilities.__getitem__, default="")
        for place, name in enumerate(self._names):
            column, row = divmod(place, self._rows)
            box = QRect(column * (width + _GAP), row * self._line, width, self._line)
            self._draw(painter, box, name, bold=name == likely)
        painter.end()

    def _draw(self, painter: QPainter, box: QRect, name: str, *, bold: bool) -> None:
        font = self.font()
        font.setBold(bold)
        painter.setFont(font)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        words = QRect(box.left(), box.top(), int(box.width() * _NAME), box.height())
        text = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, words.width())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        track = QRectF(words.right() + 4, box.top() + _LINE, 0, box.height() - 2 * _LINE)
        track.setRight(box.right())
        painter.setPen(Qt.PenStyle.NoPen)
        background = QColor(self.palette().color(QPalette.ColorRole.WindowText))
        background.setAlphaF(0.12)
        painter.setBrush(background)
        painter.drawRoundedRect(track, 2, 2)
        share = self.probabilities.get(name, 0.0)
        track.setWidth(track.width() * share)
        painter.setBrush(BAR)
        painter.drawRoundedRect(track, 2, 2)

    def _describe(self) -> None:
        said = [f"{name} {share:.0%}" for name, share in self.probabilities.items()]
        self.setAccessibleName(", ".join(said))

    @property
    def _columns(self) -> int:
        return 1 if len(self._names) <= _ONE_COLUMN else 2

    @property
    def _rows(self) -> int:
        return -(-len(self._names) // self._columns)

    @property
    def _line(self) -> int:
        return int(self.fontMetrics().height()) + 2
