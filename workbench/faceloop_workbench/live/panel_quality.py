"""How good the fit is, how fast it goes, and what makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QFormLayout, QGroupBox, QHBoxLayout, QSpinBox

from faceloop_datasets.wording import counted
from faceloop_workbench.services.error_text import ERROR_UNIT, error_text
from faceloop_workbench.services.finding import Finding, starts_text
from faceloop_workbench.widgets.basic import PlainLabel

from .colours import error_colours, error_word
from .panel_finding import FindingChoice

if TYPE_CHECKING:
    from collections.abc import Callable

    from .player import ShownFrame

_BACKENDS = {
    "auto": "OpenGL where a graphics device draws it, else the processor.",
    "cpu": "Response maps by the processor.",
    "gl": "Response maps by OpenGL, in software too.",
}


class QualityBox(QGroupBox):
    """Quality of the fit in the picture, speed, model, and how faces are found and fitted.

    Parameters
    ----------
    backend : str
        The one chosen at first.
    max_faces : int
        So many at first.
    finding : Finding
        How faces are found at first, and where their fits start.
    changed : callable
        Called with the chosen backend, number of faces and way to find them when the person
        changes one.
    """

    def __init__(
        self,
        backend: str,
        max_faces: int,
        finding: Finding,
        changed: Callable[[str, int, Finding], None],
    ) -> None:
        super().__init__("Fit")
        self._changed = changed
        self._swatch, self._quality = PlainLabel(), PlainLabel("no fit yet")
        self._swatch.setFixedSize(14, 14)
        self._quality.setObjectName("live.quality")
        self._speed = PlainLabel("not playing")
        self._speed.setObjectName("live.speed_shown")
        self._model, self._reason = PlainLabel("none"), PlainLabel()
        for label in (self._quality, self._model, self._reason):
            label.setWordWrap(True)
        self._model.setObjectName("live.model")
        self._reason.setObjectName("live.backend_used")
        self._backend = QComboBox()
        self._backend.setObjectName("live.backend")
        self._backend.setAccessibleName("Responses by")
        for name, help_text in _BACKENDS.items():
            self._backend.addItem(name)
            last = self._backend.count() - 1
            self._backend.setItemData(last, help_text, Qt.ItemDataRole.ToolTipRole)
        self._backend.setCurrentText(backend)
        self._faces = QSpinBox()
        self._faces.setObjectName("live.max_faces")
        self._faces.setAccessibleName("Most faces to follow")
        self._faces.setRange(1, 16)
        self._faces.setValue(max_faces)
        self._faces.setToolTip("Most faces to follow.")
        self._finding = FindingChoice(finding, self._emit_changed)
        self._backend.activated.connect(self._emit_changed)
        self._faces.valueChanged.connect(self._emit_changed)
        self._arrange()

    def show_model(self, model: str, backend: str) -> None:
        """Name the model, and say which backend it has and why."""
        self._model.setText(model)
        self._reason.setText(backend)

    def show_frame(self, shown: ShownFrame, threshold: float, *, rejected: bool) -> None:
        """Tell the quality of the worst fit of a frame."""
        if shown.result is None:
            self._paint(np.nan)
            self._quality.setText("looking…" if shown.chosen is not None else "no model")
            self._finding.show_starts("")
            return
        fits = [face.fit for face in shown.result.faces]
        error = max((fit.predicted_error for fit in fits), default=np.inf)
        self._paint(error, threshold)
        text = "rejected" if rejected and not fits else error_word(error, threshold)
        if fits:
            placed = error == 0  # of points that a person placed, no model predicts one
            text = "corrected" if placed else f"{text}: predicted error {error_text(error)}"
            score = min(fit.score for fit in fits)
            text += "" if np.isnan(score) else f", score {score:.2f}"  # a kept one is not known
        if len(fits) > 1:
            text += f", {counted(len(fits), 'face')}"
        self._quality.setText(text)
        kept = bool(fits) and all(fit.start == "points" for fit in fits)  # no tracker is given any
        starts = "from the kept track" if kept else starts_text(fit.start for fit in fits)
        self._finding.show_starts(starts)
        bounds = [fit.error_bound for fit in fits if np.isfinite(fit.error_bound)]
        most = error_text(max(bounds)) if bounds else ""
        bound = f"Errors of 9 in 10 such fits are below {most}. " if bounds else ""
        self._quality.setToolTip(f"{bound}{ERROR_UNIT}")

    def show_speed(self, frames_a_second: float, fit_ms: float) -> None:
        """Tell how fast frames are drawn, and how long a fit takes."""
        self._speed.setText(f"{frames_a_second:.0f} frames/s shown, fit {fit_ms:.0f} ms")

    def _paint(self, error: float, threshold: float = 1.0) -> None:
        red, green, blue = error_colours(error, threshold=threshold)[0]
        self._swatch.setStyleSheet(
            f"background: rgb({red}, {green}, {blue}); border: 1px solid gray;"
        )

    def _emit_changed(self) -> None:
        self._changed(self._backend.currentText(), self._faces.value(), self._finding.chosen)

    def _arrange(self) -> None:
        quality = QHBoxLayout()
        quality.addWidget(self._swatch)
        quality.addWidget(self._quality, 1)
        how = QHBoxLayout()
        how.addWidget(self._backend)
        how.addWidget(PlainLabel("faces"))
        how.addWidget(self._faces)
        how.addStretch(1)
        self._backend.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        form = QFormLayout(self)
        form.addRow("Quality", quality)
        form.addRow("Speed", self._speed)
        form.addRow("Model", self._model)
        form.addRow("Detector", self._finding.detector)
        form.addRow("Start", self._finding.start)
        form.addRow("", self._finding.starts)
        form.addRow("Responses by", how)
        form.addRow("", self._reason)
