"""Where a new project goes, and which points its faces have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from faceloop_datasets import FaceloopError, Scheme
from faceloop_workbench.widgets.basic import PlainLabel, answer_buttons, paragraph
from faceloop_workbench.widgets.file_dialogs import ask_file, ask_folder

if TYPE_CHECKING:
    from collections.abc import Callable

_USUAL = "face70"


class NewDialog(QDialog):
    """Asks for the folder and the landmark scheme of a new project.

    Parameters
    ----------
    folder : Path
        What is offered.
    make : callable
        Is given the folder and the scheme; raises FaceloopError if that cannot be made, which is
        shown here.
    """

    def __init__(
        self, folder: Path, make: Callable[[Path, Scheme], object], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("New project")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._make = make
        self._folder = QLineEdit(str(folder))
        self._folder.setObjectName("new.folder")
        self._folder.setAccessibleName("Folder")
        self._folder.setMinimumWidth(360)
        self._scheme = QComboBox()
        self._scheme.setObjectName("new.scheme")
        for name in Scheme.bundled():
            self._scheme.addItem(f"{name} ({len(Scheme.load(name))} points)", name)
        self._scheme.addItem("a scheme of your own…", None)
        self._scheme.setCurrentIndex(self._scheme.findData(_USUAL))
        self._scheme.activated.connect(self._chosen)
        self._problem = PlainLabel()
        self._problem.setObjectName("new.problem")
        self._problem.setWordWrap(True)
        self._lay_out()

    def accept(self) -> None:
        """Make the project; what is wrong is shown, and can be mended here."""
        name = self._folder.text().strip()
        try:
            if not name:
                raise FaceloopError("Choose a folder for the project.")
            chosen = self._scheme.currentData()
            if chosen is None:
                raise FaceloopError("Choose the TOML file of your scheme, or take another one.")
            scheme = Scheme.load(chosen)
            self._make(Path(name).expanduser(), scheme)
        except FaceloopError as error:
            self._problem.setText(str(error))
        else:
            super().accept()

    def _lay_out(self) -> None:
        browse = QPushButton("Browse…")
        browse.clicked.connect(self._browse)
        line = QHBoxLayout()
        line.addWidget(self._folder, 1)
        line.addWidget(browse)
        form = QFormLayout()
        form.addRow("Folder", line)
        form.addRow("Points", self._scheme)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(
            paragraph(
                "The folder is made if it is not there. The points cannot be changed later; "
                f"imports of other schemes are converted. If in doubt, take {_USUAL}."
            )
        )
        layout.addWidget(self._problem)
        layout.addWidget(answer_buttons(self, "Make project", "new.ok"))

    def _browse(self) -> None:
        def take(folder: Path) -> None:
            self._folder.setText(str(folder))

        ask_folder(self, "Folder for the project", take)

    def _chosen(self, _index: int) -> None:
        if self._scheme.currentData() is None:
            ask_file(self, "Scheme", "Schemes (*.toml)", self._take_scheme)

    def _take_scheme(self, path: Path) -> None:
        self._scheme.insertItem(0, path.name, str(path))
        self._scheme.setCurrentIndex(0)
