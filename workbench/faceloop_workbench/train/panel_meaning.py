"""What the selected model's error means, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from faceloop_datasets.wording import counted
from faceloop_trainer.evaluation.weak_spots import WeakSpot, weak_subject
from faceloop_workbench.services.face_errors import read_face_errors
from faceloop_workbench.services.meaning import meaning_text, weak_spots_text
from faceloop_workbench.widgets.basic import heading, paragraph, set_enabled

if TYPE_CHECKING:
    from faceloop_datasets import Scheme

    from .model_list import ListedModel
    from .readiness import Readiness

_UNKNOWN = "Whether more faces would help has not been measured."
_MEASURE = (
    "Train on a quarter of the faces, on half of them and on all, and see whether the error still "
    "falls. Takes about twice as long as a training without anything kept; no model is made."
)


class MeaningBox(QWidget):
    """One sentence on the error of a model, and two or three on what to do next.

    Attributes
    ----------
    queue_wanted : Signal()
        The faces that would help most are to go into the queue.
    curve_wanted : Signal()
        It is to be measured whether more faces would help.
    """

    queue_wanted = Signal()
    curve_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.meaning, self.advice = paragraph(""), paragraph("")
        self.meaning.setObjectName("train.meaning")
        self.advice.setObjectName("train.advice")
        self._head = heading("What to do next", small=True)
        self.queue = QPushButton()
        self.queue.setObjectName("train.queue_next")
        self.queue.clicked.connect(lambda _checked: self.queue_wanted.emit())
        self.measure = QPushButton("Would more faces help?")
        self.measure.setObjectName("train.measure_curve")
        self.measure.clicked.connect(lambda _checked: self.curve_wanted.emit())
        row = QHBoxLayout()
        row.addWidget(self.queue)
        row.addWidget(self.measure)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.meaning)
        layout.addWidget(self._head)
        layout.addWidget(self.advice)
        layout.addLayout(row)

    def show_model(
        self, model: ListedModel | None, scheme: Scheme, readiness: Readiness, busy: str
    ) -> None:
        """Show what is known of a model and of the faces.

        Parameters
        ----------
        model : ListedModel or None
            The selected one.
        scheme : Scheme
            The project's.
        readiness : Readiness
            What a training would find now.
        busy : str
            Why nothing can be measured now; empty if it can.
        """
        text = "" if model is None else meaning_text(model.metrics, scheme)
        self.meaning.setText(text)
        self.meaning.setVisible(bool(text))
        lines = [] if model is None or not text else _advice(model, readiness)
        self.advice.setText("\n".join(f"• {line}" for line in lines))
        chosen = readiness.next_faces
        self.queue.setText(f"Put {counted(len(chosen.items), 'face')} into the queue")
        self.queue.setVisible(bool(lines) and bool(chosen.items))
        self.queue.setToolTip("Those that would help most, and show the first of them.")
        self.measure.setVisible(bool(lines))
        set_enabled(self.measure, busy, _MEASURE)
        for widget in (self._head, self.advice):
            widget.setVisible(bool(lines))


def _advice(model: ListedModel, readiness: Readiness) -> list[str]:
    spots = [WeakSpot(**values) for values in model.metrics.get("weak_spots", [])]
    if (person := _weak_subject(model, readiness)) is not None:
        spots.append(person)
    curve = readiness.curve
    said = (
        _UNKNOWN if curve is None else curve.text,
        weak_spots_text(spots),
        readiness.next_faces.text,
    )
    return [line for line in said if line]


def _weak_subject(model: ListedModel, readiness: Readiness) -> WeakSpot | None:
    errors, subjects = read_face_errors(model.metrics), readiness.subjects
    known = [item for item in errors if item in subjects]
    return weak_subject([errors[item] for item in known], [subjects[item] for item in known])
