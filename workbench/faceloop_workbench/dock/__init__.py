"""The dock in napari: its tabs, the status line, the keys and the page that shows them."""

from __future__ import annotations

from qtpy import API_NAME, QT6

from faceloop_datasets import FaceloopError

# Before anything else of the window is imported, which would fail by a name that Qt 5 has not got.
if not QT6:
    raise FaceloopError(
        f"faceloop's window needs Qt 6, and {API_NAME} is of Qt 5. Install PyQt6 or PySide6 (pip "
        "install 'faceloop[pyqt6]') and remove the other, or set QT_API=pyqt6 in the environment."
    )
