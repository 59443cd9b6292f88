"""A scheme drawn on a picture: points, names, lines, partners; as large at every zoom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QFont, QPainter, QPainterPath, QPen

from faceloop_workbench.annotate.point_style import GROUP_COLOURS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from .draft import SchemeDraft

_RADIUS = 4.5
_EDGE, _CHOSEN = QColor(13, 13, 13), QColor(255, 255, 255)
_NAME, _ROUND_NAME = QColor(245, 245, 245), QColor(0, 0, 0, 200)
_PARTNERS = QColor(255, 255, 255, 110)
_LETTERS = 8.5  # points


@dataclass
class SchemeDrawing:
    """Draws one scheme.

    Parameters
    ----------
    painter : QPainter
        Draws in pixels of the screen.
    draft : SchemeDraft
        The scheme.
    at : sequence of QPointF
        Where its points are on the screen.
    """

    painter: QPainter
    draft: SchemeDraft
    at: Sequence[QPointF]

    def partners(self) -> None:
        """Join mirror partners by dots."""
        self.painter.setPen(QPen(_PARTNERS, 1, Qt.PenStyle.DotLine))
        for k, other in enumerate(self.draft.mirror):
            if k < other:
                self.painter.drawLine(self.at[k], self.at[other])

    def lines(self) -> None:
        """Draw the contours."""
        colours = group_colours(self.draft)
        for line in self.draft.contours:
            following = line.points[1:] + (line.points[:1] if line.closed else ())
            for a, b in zip(line.points, following, strict=False):
                self.painter.setPen(QPen(colours[a], 1.5))
                self.painter.drawLine(self.at[a], self.at[b])

    def points(self, chosen: Collection[int]) -> None:
        """Draw the points, a ring round those that are selected."""
        for k, (place, colour) in enumerate(zip(self.at, group_colours(self.draft), strict=True)):
            self.painter.setBrush(colour)
            self.painter.setPen(QPen(_EDGE, 1))
            self.painter.drawEllipse(place, _RADIUS, _RADIUS)
            if k in chosen:
                self.painter.setBrush(Qt.BrushStyle.NoBrush)
                self.painter.setPen(QPen(_CHOSEN, 2))
                self.painter.drawEllipse(place, _RADIUS + 3, _RADIUS + 3)

    def names(self, which: Iterable[int]) -> None:
        """Write the names of points beside them, readable on any picture."""
        font = QFont(self.painter.font())
        font.setPointSizeF(_LETTERS)
        for k in which:
            path = QPainterPath()
            beside = self.at[k] + QPointF(_RADIUS + 3, -_RADIUS)
            path.addText(beside, font, self.draft.points[k].name)
            self.painter.setBrush(Qt.BrushStyle.NoBrush)
            self.painter.setPen(QPen(_ROUND_NAME, 3))
            self.painter.drawPath(path)
            self.painter.fillPath(path, _NAME)


def group_colours(draft: SchemeDraft) -> list[QColor]:
    """Colour of each point: that of its group, as faces are drawn."""
    number = {name: k for k, name in enumerate(draft.groups)}
    wheel = [QColor.fromRgbF(*rgb) for rgb in GROUP_COLOURS]
    found = [QColor()] * len(draft)
    for name, members in draft.groups.items():
        for k in members:
            found[k] = wheel[number[name] % len(wheel)]
    return found
