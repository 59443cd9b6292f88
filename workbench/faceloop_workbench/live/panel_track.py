"""What is kept of the video's track, and what can be done to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from faceloop_datasets.wording import counted
from faceloop_workbench.widgets.basic import PlainLabel, command_button

if TYPE_CHECKING:
    from qtpy.QtWidgets import QAbstractButton

    from faceloop_datasets import Progress
    from faceloop_workbench.commands import Commands

    from .time_view import TimeView
    from .track_editor import TrackEditor

_BUTTONS = (
    ("live.track", "live.correct", "live.spread", "live.track_undo"),
    ("live.next_lost", "live.next_poor", "live.next_annotated", "live.next_queued"),
    ("live.accept", "live.reject", "live.interpolate", "live.smooth"),
)
_NEXT = "live.next_"
_SHORT = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon


class TrackBox(QGroupBox):
    """What the kept track holds, and buttons for what can be done to it.

    Parameters
    ----------
    editor : TrackEditor
        The track.
    commands : Commands
        What can be done by key.
    view : TimeView
        Knows which range is selected.
    """

    def __init__(self, editor: TrackEditor, commands: Commands, view: TimeView) -> None:
        super().__init__("Track")
        self._editor, self._commands, self._view = editor, commands, view
        self._about = PlainLabel()
        self._about.setObjectName("live.track_about")
        self._about.setWordWrap(True)
        self._range = PlainLabel()
        self._range.setObjectName("live.range")
        self._spreads = QCheckBox("spread at once")
        self._spreads.setObjectName("live.spreads")
        self._spreads.setChecked(editor.spreads)
        self._spreads.setToolTip("A corrected frame spreads to its neighbours when you are back.")
        self._spreads.toggled.connect(self._choose_spreading)
        self._faces = _FaceChooser(editor, commands)
        self._progress = _Progress(editor)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(3)
        layout.addWidget(self._about)
        layout.addWidget(self._progress)
        layout.addWidget(self._faces)
        layout.addLayout(self._grid())
        editor.changed.connect(self.show_track)
        view.range_selected.connect(self._show_range)
        view.range_cleared.connect(self._show_range)
        self.show_track()
        self._show_range()

    def show_track(self) -> None:
        """Tell what the track holds."""
        self._about.setText(self._editor.about)
        self._faces.show_faces()

    def _grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(3)
        for row, names in enumerate(_BUTTONS):
            for column, name in enumerate(names):
                button = _button(self._commands, name)
                if name.startswith(_NEXT):
                    button.setText(f"→ {name.removeprefix(_NEXT)}")
                grid.addWidget(button, row, column)
        ends = QHBoxLayout()
        ends.addWidget(_button(self._commands, "live.range_in"))
        ends.addWidget(_button(self._commands, "live.range_out"))
        ends.addWidget(self._range, 1)
        ends.addWidget(self._spreads)
        grid.addLayout(ends, len(_BUTTONS), 0, 1, 4)
        return grid

    def _choose_spreading(self, wanted: bool) -> None:
        self._editor.spreads = wanted

    def _show_range(self, *_ends: int) -> None:
        ends = self._view.selected
        self._range.setText("no range" if ends is None else f"range {ends[0]} to {ends[1]}")


class _FaceChooser(QWidget):
    """Which of several faces is edited; splitting and joining them."""

    def __init__(self, editor: TrackEditor, commands: Commands) -> None:
        super().__init__()
        self._editor = editor
        self._face = QComboBox()
        self._face.setObjectName("live.track_face")
        self._face.setToolTip("The face that is edited.")
        self._face.setSizeAdjustPolicy(_SHORT)
        self._face.activated.connect(self._choose)
        self._join = QComboBox()
        self._join.setObjectName("live.track_join")
        self._join.setToolTip("Say that another face is the same person: both become one.")
        self._join.setSizeAdjustPolicy(_SHORT)
        self._join.activated.connect(self._join_face)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._face, 1)
        layout.addWidget(_button(commands, "live.split"))
        layout.addWidget(self._join, 1)

    def show_faces(self) -> None:
        """List the faces of the track."""
        track, edited = self._editor.track, self._editor.edited_face
        faces = () if track is None else track.faces
        self.setVisible(bool(faces))
        self._face.clear()
        self._join.clear()
        self._join.addItem("Join with…", None)
        for face in faces:
            name = face.name or f"face {face.id}"
            self._face.addItem(f"{name}, {counted(int(face.present.sum()), 'frame')}", face.id)
            if face.id == edited:
                self._face.setCurrentIndex(self._face.count() - 1)
            else:
                self._join.addItem(name, face.id)
        self._join.setVisible(len(faces) > 1)

    def _choose(self, _index: int) -> None:
        self._editor.face = self._face.currentData()
        self.show_faces()

    def _join_face(self, _index: int) -> None:
        other = self._join.currentData()
        if other is not None:
            self._editor.join(other)


class _Progress(QWidget):
    """How far long work is, and a way to stop it."""

    def __init__(self, editor: TrackEditor) -> None:
        super().__init__()
        self._name = PlainLabel()
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        stop = QPushButton("Cancel")
        stop.setObjectName("live.track_cancel")
        stop.clicked.connect(editor.cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._name)
        layout.addWidget(self._bar, 1)
        layout.addWidget(stop)
        editor.progressed.connect(self._show)
        editor.idle.connect(self._hide)
        self.hide()

    def _hide(self) -> None:
        self.hide()

    def _show(self, name: str, progress: Progress) -> None:
        self._name.setText(f"{name}…")
        self._bar.setRange(0, progress.total or 0)
        self._bar.setValue(progress.done)
        self.setVisible(bool(name))


def _button(commands: Commands, name: str) -> QAbstractButton:
    """Make a low button of a command that is as wide as there is room."""
    button = command_button(commands, name)
    button.setStyleSheet("padding: 2px 1px;")
    button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return button
