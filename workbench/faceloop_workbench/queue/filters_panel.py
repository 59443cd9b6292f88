"""What the list shows: which part of the queue, and what else is asked for."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtGui import QFontMetrics
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from faceloop_workbench.services.queue_reasons import KINDS
from faceloop_workbench.widgets.basic import PlainLabel, plain_tip

from .face_texts import LABELS
from .selection import MISSING, PICTURES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .review import Review


_NAME_WIDTH = 260  # pixels that a person's name may take


class FiltersPanel(QWidget):
    """Choices above the list, and how much is done.

    Attributes
    ----------
    left : Signal()
        The person is done here; keys belong to the list again.
    """

    left = Signal()

    def __init__(self, review: Review, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._review = review
        self._show = self._box("queue.show", "Which faces the list shows")
        self._reason = self._box("queue.reason", "Only entries that have this reason")
        self._label = self._box("queue.label", "Only faces annotated so far")
        self._expression = self._box("queue.expression", "Only faces of this expression")
        self._media = self._box("queue.media", "Only faces on these pictures")
        self._text = QLineEdit()
        self._text.setObjectName("queue.text")
        self._text.setAccessibleName("Search names")
        self._text.setPlaceholderText("Search names")
        self._text.setClearButtonEnabled(True)
        self._text.textChanged.connect(lambda text: self._review.select(text=text.strip()))
        self._text.returnPressed.connect(self.left.emit)
        self._person = QPushButton()
        self._person.setObjectName("queue.person")
        self._person.setToolTip(
            "Only the faces of this person are listed; click to list the others again"
        )
        self._person.clicked.connect(lambda: self._review.select_person(None))
        self._counts = PlainLabel()
        self._counts.setObjectName("queue.counts")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setMaximumHeight(5)
        self._lay_out()

    def read(self) -> None:
        """Show the choices that there are now, and the counts."""
        counts = self._review.counts
        left, done, skipped = (counts.entries[part] for part in ("open", "done", "skipped"))
        fill(
            self._show,
            [
                (f"To review ({left})", "open"),
                (f"Done ({done})", "done"),
                (f"Skipped ({skipped})", "skipped"),
                (f"All faces ({self._review.faces})", "all"),
                *self._removed(),
            ],
            self._review.selection.show,
        )
        self._read_reasons()
        labels: list[tuple[str, Any]] = [(word.capitalize(), key) for key, word in LABELS.items()]
        fill(self._label, [("Any label", None), *labels], self._review.selection.label)
        self._read_expressions()
        self._read_media()
        if self._text.text().strip() != self._review.selection.text:
            self._text.setText(self._review.selection.text)
        name = self._review.selection.subject
        shown = QFontMetrics(self._person.font()).elidedText(
            name or "", Qt.TextElideMode.ElideMiddle, _NAME_WIDTH
        )
        self._person.setText(f"Only {shown}  ✕".replace("&", "&&"))
        self._person.setVisible(name is not None)
        total = left + done + skipped
        text = f"{left} left · {done} done" + (f" · {skipped} skipped" if skipped else "")
        self._counts.setText(text)
        self._counts.setToolTip(plain_tip(self._by_reason()))
        self._counts.setVisible(total > 0)
        self._bar.setVisible(total > 0)
        self._bar.setRange(0, max(total, 1))
        self._bar.setValue(done + skipped)

    def _removed(self) -> list[tuple[str, Any]]:
        removed = self._review.removed
        shown = removed or self._review.selection.show == "removed"
        return [(f"Removed ({removed})", "removed")] if shown else []

    def _read_reasons(self) -> None:
        counts = self._review.counts
        there: list[tuple[str, Any]] = [
            (f"{word.capitalize()} ({counts.left[key]})", key)
            for key, word in KINDS.items()
            if counts.left[key] or counts.done[key] or counts.skipped[key]
        ]
        fill(self._reason, [("Any reason", None), *there], self._review.selection.reason)

    def _read_expressions(self) -> None:
        counts = self._review.expressions
        words = sorted(label for label in counts if label)
        choices: list[tuple[str, Any]] = [("Any expression", None)]
        choices += [(f"{word} ({counts[word]})", word) for word in words]
        if "" in counts:
            choices.append((f"No expression ({counts['']})", ""))
        fill(self._expression, choices, self._review.selection.expression)
        self._expression.setVisible(bool(words))

    def _read_media(self) -> None:
        videos = self._review.videos.items()
        choices: list[tuple[str, Any]] = [("All media", None)]
        if videos:
            choices.append(("Pictures", PICTURES))
        choices += [(PurePosixPath(path).name, number) for number, path in videos]
        if self._review.missing_media:
            choices.append(("Missing media", MISSING))
        fill(self._media, choices, self._review.selection.media)
        self._media.setVisible(len(choices) > 1)

    def _by_reason(self) -> str:
        counts = self._review.counts
        return "\n".join(
            f"{word}: {counts.left[key]} left, {counts.done[key]} done"
            for key, word in KINDS.items()
            if counts.left[key] or counts.done[key]
        )

    def _box(self, name: str, tip: str) -> QComboBox:
        box = QComboBox()
        box.setObjectName(name)
        box.setToolTip(tip)
        box.setAccessibleName(tip)
        box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        # As narrow as the dock wants it: the full text is in the list that opens.
        box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        box.setMinimumContentsLength(4)
        key = name.partition(".")[2]
        box.activated.connect(lambda _=0: self._review.select(**{key: box.currentData()}))
        box.activated.connect(lambda _=0: self.left.emit())
        return box

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        first, second = QHBoxLayout(), QHBoxLayout()
        for box, share in ((self._show, 6), (self._expression, 6), (self._text, 4)):
            first.addWidget(box, share)
        for box in (self._reason, self._label, self._media):
            second.addWidget(box, 1)
        layout.addLayout(first)
        layout.addLayout(second)
        layout.addWidget(self._person)
        layout.addWidget(self._counts)
        layout.addWidget(self._bar)


def fill(box: QComboBox, choices: Iterable[tuple[str, Any]], chosen: object) -> None:
    """Put choices, as (text, value), into a box unless they are there, and choose one."""
    wanted = list(choices)
    there = [(box.itemText(k), box.itemData(k)) for k in range(box.count())]
    if there != wanted:
        box.clear()
        for text, value in wanted:
            box.addItem(text, value)
    values = [value for _, value in wanted]
    box.setCurrentIndex(values.index(chosen) if chosen in values else -1)
