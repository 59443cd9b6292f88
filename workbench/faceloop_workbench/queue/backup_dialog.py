"""Where a backup goes, and whether pictures go along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from faceloop_workbench.widgets.basic import PlainLabel, answer_buttons, paragraph
from faceloop_workbench.widgets.file_dialogs import ask_folder

if TYPE_CHECKING:
    from collections.abc import Callable


class BackupDialog(QDialog):
    """Asks for the folder of a backup.

    Parameters
    ----------
    folder : Path
        What is offered.
    back_up : callable
        Is given the folder, which is there, and whether to take pictures along.
    parent : QWidget
        What it belongs to.
    """

    def __init__(
        self, folder: Path, back_up: Callable[[Path, bool], object], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Back up")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._back_up = back_up
        self._folder = QLineEdit(str(folder))
        self._folder.setObjectName("backup.folder")
        self._folder.setAccessibleName("Folder")
        self._folder.setMinimumWidth(360)
        self._media = QCheckBox("With the pictures and videos in the project's folder")
        self._media.setObjectName("backup.media")
        self._problem = PlainLabel()
        self._problem.setObjectName("backup.problem")
        self._problem.setWordWrap(True)
        self._problem.hide()
        self._lay_out()

    def accept(self) -> None:
        """Start, if the folder is there; one that is not may be a drive that is not connected."""
        name = self._folder.text().strip()
        folder = Path(name).expanduser().absolute()
        if name and folder.is_dir():
            super().accept()
            self._back_up(folder, self._media.isChecked())
            return
        said = f"There is no folder {folder}. Is its drive connected?" if name else ""
        self._problem.setText(said or "Choose a folder for the backup.")
        self._problem.show()
        self.adjustSize()

    def _lay_out(self) -> None:
        browse = QPushButton("Browse…")
        browse.setObjectName("backup.browse")
        browse.clicked.connect(self._browse)
        line = QHBoxLayout()
        line.addWidget(self._folder, 1)
        line.addWidget(browse)
        form = QFormLayout()
        form.addRow("Folder", line)
        form.addRow("", self._media)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(
            paragraph(
                "One file is made there, named by project and time, with all annotations, their "
                "history, the queue and the models. Best on another drive. Pictures outside the "
                "project's folder are never in it."
            )
        )
        layout.addWidget(self._problem)
        layout.addWidget(answer_buttons(self, "Back up", "backup.ok"))

    def _browse(self) -> None:
        def take(folder: Path) -> None:
            self._folder.setText(str(folder))

        ask_folder(self, "Folder for the backup", take)
