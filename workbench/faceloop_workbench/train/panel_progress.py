"""How a training goes: step, time left, curve of the validation error, log, and Cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QHBoxLayout,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from faceloop_workbench.services.messages import Log, Step
from faceloop_workbench.services.stage_times import TimeLeft, rough_time
from faceloop_workbench.widgets.basic import PlainLabel, plain_tip

from .axes import room_above
from .canvas import Axis, Curve, LineChart
from .curve import ValidationCurve

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_workbench.services.stage_times import Stage

_REFRESH_MS = 300
_FINE = 1000  # steps of the bar
_LOG_LINES = 2000


class ProgressBox(QWidget):
    """Shows one training or import from its beginning to its end.

    Parameters
    ----------
    cancel : callable
        What the button Cancel does.
    """

    def __init__(self, cancel: Callable[[], None]) -> None:
        super().__init__()
        self._left, self._curve = TimeLeft([]), ValidationCurve()
        self._step: Step | None = None
        self._drawn = 0
        self._title = ""
        self.label = PlainLabel()
        self.label.setObjectName("train.progress")
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.bar = QProgressBar()
        self.bar.setRange(0, _FINE)
        self.bar.setTextVisible(False)
        self.cancel = QPushButton("Cancel")
        self.cancel.setObjectName("train.cancel")
        self.cancel.setToolTip("Stop; the project stays as it was.")
        self.cancel.clicked.connect(self._stop)
        self._on_cancel = cancel
        self.chart = LineChart(180)
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(_LOG_LINES)
        self.log.setFixedHeight(110)
        self.log.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.log.hide()
        self._unfold = QToolButton()
        self._unfold.setText("Log")
        self._unfold.setObjectName("train.log")
        self._unfold.setCheckable(True)
        self._unfold.setToolTip("Show what the training process says; it can be copied.")
        self._unfold.toggled.connect(self.log.setVisible)
        self._timer = QTimer(self)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.timeout.connect(self._refresh)
        self._lay_out()

    def begin(self, title: str, expected: list[list[Stage]], *, curve: bool) -> None:
        """Start anew.

        Parameters
        ----------
        title : str
            What it is, for people.
        expected : list of list of Stage
            The stages to come, as far as they are known.
        curve : bool
            Whether there will be a validation error to draw.
        """
        self._left, self._curve = TimeLeft(expected), ValidationCurve()
        self._step, self._title, self._drawn = None, title, 0
        self.log.clear()
        self.bar.setValue(0)
        self.label.setText(f"{title}: starting…")
        self.cancel.setEnabled(True)
        self.cancel.setText("Cancel")
        self.chart.setVisible(curve)
        self.chart.show_none("The validation error is drawn as soon as the first face is fitted.")
        self._timer.start()

    def show_message(self, said: Step | Log) -> None:
        """Show what the process said."""
        if isinstance(said, Log):
            self.log.appendPlainText(said.text)
            return
        self._step = said
        self._left.step(said.progress)
        self._curve.add_step(said)

    def end(self, text: str) -> None:
        """Stop moving; the log stays."""
        self._timer.stop()
        self._draw_curve()
        self.log.appendPlainText(text)

    def close_down(self) -> None:
        """Stop moving."""
        self._timer.stop()

    def _stop(self) -> None:
        self.cancel.setEnabled(False)
        self.cancel.setText("Stopping…")
        self._on_cancel()

    def _refresh(self) -> None:
        if self._step is None:
            return
        now = self._step.progress
        share = self._left.share_passed()
        left = f"{rough_time(self._left.seconds_left())} left" if share else ""
        if not share and now.total:
            share = now.done / now.total
        self.bar.setValue(round(share * _FINE))
        count = f" {now.done} of {now.total}" if now.total else ""
        self.label.setText(f"{now.what}{count}")
        self.label.setToolTip(plain_tip(self._title))
        self._time.setText(left)
        self._draw_curve()

    def _draw_curve(self) -> None:
        curves = self._curve.curves()
        length = sum(len(errors) for _, errors in curves)
        if length == self._drawn:
            return
        self._drawn = length
        longest = max(len(errors) for _, errors in curves)
        top = room_above([float(errors[len(errors) // 10 :].max()) for _, errors in curves], 0.02)
        self.chart.show_curves(
            [
                Curve(f"{name}: {errors[-1]:.4f}", np.arange(1.0, len(errors) + 1), errors, k)
                for k, (name, errors) in enumerate(curves)
            ],
            Axis("faces fitted", 0, max(longest, 10)),
            Axis("validation error (mean NME so far)", 0, top),
        )

    def _lay_out(self) -> None:
        self._time = PlainLabel()
        top = QHBoxLayout()
        top.addWidget(self.label, 1)
        top.addWidget(self._time)
        middle = QHBoxLayout()
        middle.addWidget(self.bar, 1)
        middle.addWidget(self._unfold)
        middle.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addLayout(middle)
        layout.addWidget(self.chart)
        layout.addWidget(self.log)
