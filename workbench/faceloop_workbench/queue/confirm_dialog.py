"""Which points of an import are confirmed in all faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout

from faceloop_datasets.wording import counted
from faceloop_workbench.widgets.basic import answer_buttons, not_none, paragraph

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from qtpy.QtWidgets import QWidget

    from faceloop_datasets import Scheme

_POINT = Qt.ItemDataRole.UserRole
_WHAT = (
    "These points were not marked in what was imported: a conversion estimated them. Look at some "
    "of the faces first. One that is right there can be confirmed in all of them at once."
)


class ConfirmDialog(QDialog):
    """Offers the points that conversions estimated; the button says what will happen.

    Parameters
    ----------
    scheme : Scheme
        Names the points.
    counts : mapping of int to int
        In how many faces each point is estimated.
    chosen : collection of int
        Those that are ticked at first.
    confirm : callable
        Is given the points.
    """

    def __init__(
        self,
        scheme: Scheme,
        counts: Mapping[int, int],
        chosen: Collection[int],
        confirm: Callable[[list[int]], object],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._scheme, self._counts = scheme, counts
        self.setWindowTitle("Confirm estimated points")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._list = QListWidget()
        self._list.setObjectName("confirm.points")
        for point, faces in counts.items():
            row = QListWidgetItem(f"{scheme.names[point]}: {counted(faces, 'face')}")
            row.setData(_POINT, point)
            ticked = Qt.CheckState.Checked if point in chosen else Qt.CheckState.Unchecked
            row.setCheckState(ticked)
            self._list.addItem(row)
        self._list.itemChanged.connect(self._say)
        buttons = answer_buttons(self, "", "confirm.ok")
        self._ok = not_none(self.findChild(QPushButton, "confirm.ok"))
        layout = QVBoxLayout(self)
        layout.addWidget(paragraph(_WHAT))
        layout.addWidget(self._list)
        layout.addWidget(buttons)
        self.resize(440, 280)
        self.accepted.connect(lambda: confirm(self.points))
        self._say()

    @property
    def points(self) -> list[int]:
        """Those that are ticked."""
        rows = [not_none(self._list.item(k)) for k in range(self._list.count())]
        return [row.data(_POINT) for row in rows if row.checkState() == Qt.CheckState.Checked]

    def _say(self, _row: object = None) -> None:
        points = self.points
        if len(points) == 1:
            name, faces = self._scheme.names[points[0]], self._counts[points[0]]
            where = "1 face" if faces == 1 else f"all {faces} faces"
            text = f"Confirm \u201c{name}\u201d in {where}"
        else:
            text = f"Confirm {len(points)} points in all faces"
        self._ok.setText(text)
        self._ok.setEnabled(bool(points))
