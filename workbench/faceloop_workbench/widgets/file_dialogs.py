"""Files and folders that a person chooses: dialogs that do not stop the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QDropEvent
    from qtpy.QtWidgets import QWidget

    Take = Callable[[Path], object]
    TakeAll = Callable[[list[Path]], object]


def ask_folder(parent: QWidget, title: str, take: Take) -> None:
    """Ask for a folder that is there."""
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    dialog.fileSelected.connect(lambda name: take(Path(name)))
    _open(dialog)


def ask_file(parent: QWidget, title: str, files: str, take: Take) -> None:
    """Ask for a file that is there; ``files`` is a filter as Qt takes it."""
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilters([files, "All files (*)"])
    dialog.fileSelected.connect(lambda name: take(Path(name)))
    _open(dialog)


def ask_files(parent: QWidget, title: str, files: str, take: TakeAll) -> None:
    """Ask for one or more files that are there."""
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    dialog.setNameFilters([files, "All files (*)"])
    dialog.filesSelected.connect(lambda names: take([Path(name) for name in names]))
    _open(dialog)


def ask_new_file(parent: QWidget, title: str, suffix: str, take: Take) -> None:
    """Ask for a file to write; its name gets the suffix if it has none."""
    dialog = QFileDialog(parent, title)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setNameFilters([f"*.{suffix}", "All files (*)"])
    dialog.setDefaultSuffix(suffix)
    dialog.fileSelected.connect(lambda name: take(Path(name)))
    _open(dialog)


def dropped_paths(event: QDropEvent | None) -> list[Path]:
    """Files and folders that are dragged or dropped here."""
    data = None if event is None else event.mimeData()
    return [] if data is None else [Path(u.toLocalFile()) for u in data.urls() if u.isLocalFile()]


def _open(dialog: QFileDialog) -> None:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
