"""What is made of selected points: lines, groups, mirror partners, the size of a face."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from faceloop_datasets.wording import counted, enumerated
from faceloop_workbench.widgets.basic import paragraph, set_enabled

from .canvas import remove_selected

if TYPE_CHECKING:
    from collections.abc import Callable

    from .editing import SchemeEditing

_MANY = "Select some points first: Shift and click, or a frame round them."
_TWO = "Select two points first: Shift and click."
_TIPS = {
    "scheme.group": "Put the selected points into the part of the face named above.",
    "scheme.line": "Draw a line through the selected points, in the order they were selected.",
    "scheme.remove": "Remove the selected points. [Delete]",
    "scheme.pair": "The two selected points change places in a mirror; one that is selected alone "
    "is in the middle of the face.",
    "scheme.no_mirror": "Say nothing about a mirror: faces are not trained mirrored then.",
    "scheme.size": "The distance of the two selected points measures a face: errors are divided "
    "by it. Usually the outer corners of the eyes.",
    "scheme.suggest": "Find mirror partners by names that differ in left and right, and by "
    "reflecting the points about the best axis; and what measures a face.",
    "scheme.remove_line": "Take the chosen line away.",
}


class PartsPanel(QWidget):
    """Buttons that work on the selected points, and the lines there are.

    Parameters
    ----------
    editing : SchemeEditing
        The scheme.
    """

    def __init__(self, editing: SchemeEditing) -> None:
        super().__init__()
        self._editing = editing
        self._shown: object = None
        self._name = QLineEdit()
        self._name.setObjectName("scheme.part")
        self._name.setAccessibleName("Name of the part")
        self._name.setPlaceholderText("name of a group or line")
        self._closed = QCheckBox("closed")
        self._closed.setObjectName("scheme.closed")
        self._closed.setToolTip("Whether the line goes back to where it began.")
        self._group = _button("scheme.group", "Group", self._make_group)
        self._line = _button("scheme.line", "Line", self._make_line)
        self._pair = _button("scheme.pair", "Partners", self._make_pair)
        self._size = _button("scheme.size", "Size", self._set_size)
        self._suggest = _button("scheme.suggest", "Suggest partners and size", self._take)
        self._none = _button("scheme.no_mirror", "No partners", self._forget_mirror)
        self._remove = _button("scheme.remove", "Remove points", lambda: remove_selected(editing))
        self._lines = QListWidget()
        self._lines.setObjectName("scheme.lines")
        self._lines.setMaximumHeight(64)
        self._lines.setAccessibleName("Lines of the scheme")
        self._lines.currentRowChanged.connect(self._line_chosen)
        self._drop_line = _button("scheme.remove_line", "Remove line", self._remove_line)
        self._measures = paragraph("")
        self._measures.setObjectName("scheme.measures")
        self._lay_out()
        editing.changed.connect(self.read)
        self.read()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self._name, 0, 0, 1, 2)
        grid.addWidget(self._closed, 0, 2)
        for column, button in enumerate((self._group, self._line, self._remove)):
            grid.addWidget(button, 1, column)
        for column, button in enumerate((self._pair, self._none, self._size)):
            grid.addWidget(button, 2, column)
        lines = QHBoxLayout()
        lines.addWidget(self._lines, 1)
        lines.addWidget(self._drop_line)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(grid)
        layout.addWidget(self._suggest)
        layout.addWidget(self._measures)
        layout.addLayout(lines)

    def read(self) -> None:
        """Show what can be done with the points that are selected."""
        draft, count = self._editing.draft, len(self._editing.selected)
        many, two = "" if count else _MANY, "" if count == 2 else _TWO
        alone = "" if count in (1, 2) else "Select two points, or one in the middle of the face."
        few = "" if len(draft) > 1 else "Place some points first."
        known = "" if draft.mirror else "No partners are known."
        for button, why_not in (
            (self._group, many),
            (self._line, two if count < 2 else ""),
            (self._remove, many),
            (self._pair, alone),
            (self._none, known),
            (self._size, two),
            (self._suggest, few),
            (self._drop_line, "" if self._lines.currentRow() >= 0 else "Choose a line first."),
        ):
            set_enabled(button, why_not, _TIPS[button.objectName()])
        names = draft.names
        measured = enumerated([names[k] for k in draft.size]) or "all points"
        self._measures.setText(f"A face is measured by: {measured}.")
        shown = [
            f"{line.name or 'line'}: {counted(len(line.points), 'point')}"
            for line in draft.contours
        ]
        if shown != self._shown:
            self._shown = shown
            self._lines.clear()
            self._lines.addItems(shown)

    def _text(self, otherwise: str) -> str:
        return self._name.text().strip() or otherwise

    def _make_group(self) -> None:
        editing, name = self._editing, self._text("group")
        editing.do(f"group {name}", editing.draft.put_in_group(editing.selected, name))

    def _make_line(self) -> None:
        editing, name = self._editing, self._text("line")
        closed = self._closed.isChecked()
        draft = editing.draft.add_contour(editing.selected, name, closed=closed)
        editing.do(f"draw {name}", draft)

    def _make_pair(self) -> None:
        chosen = self._editing.selected
        draft = self._editing.draft.pair(chosen[0], chosen[-1])
        self._editing.do("make partners", draft)

    def _set_size(self) -> None:
        editing = self._editing
        editing.do("measure a face", editing.draft.with_size(editing.selected))

    def _take(self) -> None:
        editing = self._editing
        draft, found = editing.draft.suggest()
        names = [draft.names[k] for k in found.unsure]
        own = "its" if len(names) == 1 else "their"
        said = f"Nothing lies opposite {enumerated(names)}: taken as {own} own." if names else ""
        editing.do("suggested partners", draft, said)

    def _forget_mirror(self) -> None:
        self._editing.apply("no partners", lambda draft: draft.without_mirror())

    def _line_chosen(self, row: int) -> None:
        if row >= 0:
            self._editing.select(self._editing.draft.contours[row].points)

    def _remove_line(self) -> None:
        row = self._lines.currentRow()
        self._editing.apply("remove line", lambda draft: draft.remove_contour(row))


def _button(name: str, title: str, do: Callable[[], object]) -> QPushButton:
    button = QPushButton(title)
    button.setObjectName(name)
    button.setAutoDefault(False)
    button.clicked.connect(lambda _=False: do())
    return button
