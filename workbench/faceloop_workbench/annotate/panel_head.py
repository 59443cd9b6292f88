"""The top of the tab Annotate: which face it is, whether it is saved, and what is in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout

from faceloop_workbench.widgets.basic import PlainLabel

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QAbstractButton

    from faceloop_datasets import Item

    from .face_state import FaceState
    from .saving import SaveStatus


_BY_HAND = (
    "No model knows these points yet: {find}click the points of the list Missing points, one after "
    "the other; after ten faces you can train."
)
_FIND = "begin with Find all faces, which converts points of the starter, or "


class Head(QFrame):
    """Name of the face, its place among all, how far it is, and whether it is saved."""

    def __init__(self) -> None:
        super().__init__()
        self._name, self._progress, self._kept = PlainLabel(), PlainLabel(), PlainLabel()
        self._kept.setObjectName("annotate.kept")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for label in (self._name, self._progress, self._kept):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            layout.addWidget(label)
        font = self._name.font()
        font.setBold(True)
        self._name.setFont(font)

    def show_face(self, item: Item | None, place: int, count: int) -> None:
        """Say which face it is, the how manyth of how many; 0 for one that was removed."""
        if item is None:
            self._name.setText("No face in work. Choose one in the tab Queue.")
        else:
            self._name.setText(f"{item.name} · {f'{place} of {count}' if place else 'removed'}")

    def show_progress(self, state: FaceState | None, *, helped: bool, finds: bool) -> None:
        """Say how much of the face is confirmed.

        Whether a model helps, or at least finds faces, tells how it is begun.
        """
        self._progress.setVisible(state is not None)
        if state is not None:
            self._progress.setText(progress_text(state, helped=helped, finds=finds))

    def show_save_status(self, status: SaveStatus, *, face: bool) -> None:
        """Say whether it is saved."""
        self._kept.setVisible(face)
        self._kept.setText(save_status_text(status))


class Notice(QFrame):
    """A line that something is in the way, with buttons for what can be done about it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._text = PlainLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._buttons = QHBoxLayout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addWidget(self._text)
        layout.addLayout(self._buttons)
        self.hide()

    def add(self, name: str, title: str, tooltip: str, do: Callable[[], object]) -> QPushButton:
        """Add a button."""
        button = QPushButton(title)
        button.setObjectName(name)
        button.setToolTip(tooltip)
        button.clicked.connect(lambda _: do())
        self._buttons.addWidget(button)
        return button

    def add_button(self, button: QAbstractButton) -> None:
        """Add a button that is made already."""
        self._buttons.addWidget(button)

    def say(self, text: str) -> None:
        """Show a text; an empty one hides the notice."""
        self._text.setText(text)
        self.setVisible(bool(text))


def progress_text(state: FaceState, *, helped: bool = True, finds: bool = True) -> str:
    """How much of a face is confirmed, in words."""
    size, missing = len(state.points), len(state.missing)
    if missing == size and not helped:
        return _BY_HAND.format(find=_FIND if finds else "")
    if missing == size:
        return "No points yet: start the face with one of these."
    lacking = f", {missing} missing" if missing else ""
    if state.unconfirmed:
        return f"{size - missing - state.unconfirmed} of {size} points confirmed{lacking}"
    return f"All points confirmed{lacking}" if lacking else f"All {size} points confirmed"


def save_status_text(status: SaveStatus) -> str:
    """Whether a face is saved, in words."""
    if status.kind == "saved" and status.revision is not None:
        return f"✓ Saved at {status.revision.created.astimezone():%H:%M:%S}"
    if status.kind == "unsaved":
        return f"✗ Not saved, trying again: {status.why}"
    if status.kind == "conflict":
        return "✗ Saved beside the face that somebody else saved"
    return "Nothing to save yet"
