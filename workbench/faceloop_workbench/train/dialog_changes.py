"""What changed between two models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from faceloop_datasets import FaceloopError
from faceloop_workbench.widgets.basic import PlainLabel, plain_tip

from .axes import room_above
from .canvas import Axis, PointBars
from .canvas_shape import ShapeCanvas
from .model_contents import differences, mean_shape_distance, mean_shape_text, point_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_runtime import FaceModel

    from .model_list import ListedModel

_HEADS = ("", "before", "now")
_LEAST = 0.04


class ChangesTab(QWidget):
    """Mean shapes over each other, errors of each point, settings and data that differ.

    Parameters
    ----------
    listed, model : ListedModel, FaceModel
        The model looked into.
    others : sequence of ListedModel
        Models it can be compared with, newest first.
    """

    def __init__(
        self, listed: ListedModel, model: FaceModel, others: Sequence[ListedModel]
    ) -> None:
        super().__init__()
        self._listed, self._model = listed, model
        self._others = [m for m in others if m.id != listed.id]
        self.other = QComboBox()
        self.other.setObjectName("inside.other")
        self.other.setAccessibleName("Model to compare with")
        self.other.addItems([m.name for m in self._others])
        self.canvas = ShapeCanvas(model.scheme, model.pdm.mean)
        self.bars = PointBars(190)
        self.words = PlainLabel()
        self.words.setWordWrap(True)
        self.table = QTableWidget(0, len(_HEADS))
        self.table.setAccessibleName("What changed")
        self.table.setHorizontalHeaderLabels(list(_HEADS))
        side, header = self.table.verticalHeader(), self.table.horizontalHeader()
        assert side is not None  # noqa: S101 - a table has both
        assert header is not None  # noqa: S101
        side.hide()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self._lay_out()
        self._begin()
        self.other.currentIndexChanged.connect(self._draw)
        self._draw()

    def _begin(self) -> None:
        """Choose the model that this one was compared with, else the next older one."""
        found = self._listed.comparison
        names = [m.name for m in self._others]
        if found is not None and found.old_name in names:
            self.other.setCurrentIndex(names.index(found.old_name))
            return
        older = [
            k for k, m in enumerate(self._others) if m.id is None or m.id < (self._listed.id or 0)
        ]
        self.other.setCurrentIndex(older[0] if older else 0)

    def _draw(self) -> None:
        if not self._others:
            self._draw_none("There is no other model to compare with.")
            return
        other = self._others[self.other.currentIndex()]
        try:
            old = other.load()
        except FaceloopError as error:
            self._draw_none(str(error))
            return
        shift = mean_shape_distance(self._model, old)
        self.canvas.show_shapes([(old.pdm.mean, 1), (self._model.pdm.mean, 0)])
        found = differences(self._model, old)
        same = "" if found else " Data, settings and versions are the same."
        self.words.setText(mean_shape_text(shift, self._model.scheme) + same)
        self._draw_errors(other)
        self.table.setRowCount(len(found))
        for row, change in enumerate(found):
            for column, text in enumerate((change.what, change.old, change.new)):
                cell = QTableWidgetItem(text)
                cell.setToolTip(plain_tip(text))
                self.table.setItem(row, column, cell)

    def _draw_errors(self, other: ListedModel) -> None:
        known = point_errors(self._listed, other)
        if known is None:
            self.bars.show_none("One of the two was not measured on people it had not seen.")
            return
        scheme = self._model.scheme
        both = np.concatenate([known.new, known.old])
        same = "the same faces" if known.same_faces else "the faces held out at its time"
        self.bars.show_points(
            known.new,
            known.old,
            scheme.names,
            scheme.groups,
            y=Axis(f"mean error of each point, on {same}", 0, room_above(both.tolist(), _LEAST)),
            legend=(self._listed.name, other.name),
        )

    def _draw_none(self, why: str) -> None:
        self.words.setText(why)
        self.canvas.show_shapes([(self._model.pdm.mean, 0)])
        self.bars.show_none(why)
        self.table.setRowCount(0)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(PlainLabel(f"{self._listed.name} (orange) against (blue)"))
        top.addWidget(self.other, 1)
        middle = QHBoxLayout()
        middle.addWidget(self.canvas, 1)
        middle.addWidget(self.table, 1)
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(self.words)
        layout.addLayout(middle, 3)
        layout.addWidget(self.bars, 2)
