"""Choosing what finds faces, and where their fits start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox

from faceloop_workbench.services.finding import DETECTORS, STARTS, Finding
from faceloop_workbench.widgets.basic import PlainLabel
from faceloop_workbench.widgets.file_dialogs import ask_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FILE = "YuNet file…"
_FILE_HELP = "a network for OpenCV's FaceDetectorYN, from a file of yours"
_HERE = "This is for the tab Live; File, Preferences, faceloop has it for all of the window."
_LETTERS = 7  # the longest name would make the dock wider than some screens have room for


class FindingChoice:
    """Two lists to choose from, and where the fits that are shown started.

    Parameters
    ----------
    finding : Finding
        What is chosen at first.
    changed : callable
        Called when the person chooses something else.

    Attributes
    ----------
    detector, start : QComboBox
        The lists.
    starts : PlainLabel
        Where the fits started.
    """

    def __init__(self, finding: Finding, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.detector = _list("live.detector", {**DETECTORS, _FILE: _FILE_HELP})
        self.detector.setToolTip(f"What finds the faces. {_HERE}")
        self.start = _list("live.start", STARTS)
        self.start.setToolTip(f"Where the fit to a found face starts. {_HERE}")
        self.starts = PlainLabel()
        self.starts.setObjectName("live.started_from")
        self.starts.setWordWrap(True)
        self.starts.setToolTip(
            "Where the fits in this picture started: a face that is followed starts from the last "
            "frame, one that was found anew as chosen here."
        )
        self.start.setCurrentText(finding.start)
        self._detector = finding.detector
        self._show_detector()
        self.detector.activated.connect(self._choose_detector)
        self.start.activated.connect(self._choose_start)

    @property
    def chosen(self) -> Finding:
        """What is chosen now."""
        return Finding(self._detector, self.start.currentText())

    def show_starts(self, text: str) -> None:
        """Say where the fits of a frame started."""
        self.starts.setText(f"now: {text}" if text else "")

    def _choose_start(self, _index: int) -> None:
        self._changed()

    def _choose_detector(self, _index: int) -> None:
        name = self.detector.currentData()
        self._show_detector()  # until a file is chosen, it is the one before
        if name == _FILE:
            ask_file(self.detector, "A YuNet file", "YuNet files (*.onnx)", self._use_file)
        else:
            self._use(name)

    def _use_file(self, path: Path) -> None:
        self._use(str(path))

    def _use(self, detector: str) -> None:
        self._detector = detector
        self._show_detector()
        self._changed()

    def _show_detector(self) -> None:
        index = self.detector.findData(self._detector)
        if index < 0:
            index = self.detector.count() - 1
            self.detector.insertItem(index, Path(self._detector).name, self._detector)
            self.detector.setItemData(index, self._detector, Qt.ItemDataRole.ToolTipRole)
        self.detector.setCurrentIndex(index)


def _list(name: str, choices: Mapping[str, str]) -> QComboBox:
    shown = QComboBox()
    shown.setObjectName(name)
    shown.setAccessibleName(name.rpartition(".")[2].capitalize())
    shown.setMinimumContentsLength(_LETTERS)
    shown.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    for choice, about in choices.items():
        shown.addItem(choice, choice)
        shown.setItemData(shown.count() - 1, about, Qt.ItemDataRole.ToolTipRole)
    return shown
