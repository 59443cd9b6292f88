"""How a model compares with the one before it: figures, distribution of errors, each point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QTabWidget, QVBoxLayout, QWidget

from faceloop_datasets.subjects import count_of
from faceloop_datasets.wording import counted
from faceloop_runtime.quality.thresholds import FAILURE
from faceloop_workbench.services.comparison import cumulative
from faceloop_workbench.services.model_choice import STARTER
from faceloop_workbench.widgets.basic import PlainLabel

from .axes import room_above
from .canvas import Axis, Curve, LineChart, PointBars
from .model_list import learning_curve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from faceloop_datasets import Scheme
    from faceloop_workbench.services.comparison import Comparison, ModelErrors

    from .model_list import ListedModel

_LEAST = 0.04
_ROWS = (
    (
        "NME mean",
        "nme_mean",
        ".4f",
        "Mean distance of the points from the truth, in IOD.",
    ),
    ("NME median", "nme_median", ".4f", "Half of the faces are fitted better than this."),
    ("AUC@0.08", "auc_08", ".3f", "Area under the cumulative curve up to 0.08; 1 is perfect."),
    ("Failures", "failures", "d", f"Faces with an NME above {FAILURE:.2f}."),
)


class ComparisonView(QWidget):
    """The figures and charts of the selected model."""

    def __init__(self) -> None:
        super().__init__()
        self.verdict = PlainLabel()
        self.verdict.setObjectName("train.verdict")
        self.verdict.setWordWrap(True)
        self.expressions = PlainLabel()
        self.expressions.setObjectName("train.expressions")
        self.expressions.setWordWrap(True)
        self._heads = [PlainLabel(), PlainLabel()]
        self._on = PlainLabel()
        self._cells = {key: (PlainLabel(), PlainLabel()) for _, key, _, _ in _ROWS}
        self.ced, self.points, self.curve = LineChart(), PointBars(), LineChart()
        self.tabs = QTabWidget()
        self.tabs.setObjectName("train.charts")
        for title, chart, tip in (
            (
                "Trainings",
                self.curve,
                "Error of each model on the people held out at its time: lower is better.",
            ),
            ("Faces", self.ced, "Cumulative error distribution: further up and left is better."),
            ("Points", self.points, "Mean error of each point: lower is better."),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(chart, title), tip)
        self._figures = QWidget()
        self._figures.setLayout(self._table())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.verdict)
        layout.addWidget(self._figures)
        layout.addWidget(self.expressions)
        layout.addWidget(self.tabs, 1)

    def show_model(
        self, model: ListedModel | None, models: Sequence[ListedModel], scheme: Scheme
    ) -> None:
        """Show what is known about a model.

        Parameters
        ----------
        model : ListedModel or None
            The selected one.
        models : sequence of ListedModel
            All, newest first.
        scheme : Scheme
            The project's.
        """
        found = None if model is None else model.comparison
        self.verdict.setText(_verdict(model, found))
        said = "" if model is None else model.expressions
        self.expressions.setText(said)
        self.expressions.setVisible(bool(said))
        new = None if found is None else found.new
        old = None if found is None else found.old
        names = (
            "" if model is None else model.name,
            "" if found is None or old is None else found.old_name,
        )
        self._figures.setVisible(new is not None or old is not None)
        self._fill(new, old, "" if found is None else count_of(found.people, found.kind))
        why = "Nothing was measured on faces that it was not trained on."
        self._draw_ced(new, old, names, why)
        self._draw_points(new, old, names, scheme, why)
        self._draw_models(model, list(models))

    def _table(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(0, 1)
        right = Qt.AlignmentFlag.AlignRight
        grid.addWidget(self._on, 0, 0)
        for column, head in enumerate(self._heads, 1):
            font = head.font()
            font.setBold(True)
            head.setFont(font)
            grid.addWidget(head, 0, column, right)
        for row, (title, key, _, tip) in enumerate(_ROWS, 1):
            label = PlainLabel(title)
            label.setToolTip(tip)
            grid.addWidget(label, row, 0)
            for column, cell in enumerate(self._cells[key], 1):
                grid.addWidget(cell, row, column, right)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(1)
        return grid

    def _fill(self, new: ModelErrors | None, old: ModelErrors | None, people: str) -> None:
        count = 0 if new is None else len(new.errors)
        said = f"{counted(count, 'face')} of {people}"
        self._on.setText(said if count else "")
        for head, measured, title in zip(
            self._heads, (new, old), ("this model", "before"), strict=True
        ):
            head.setText("" if measured is None else title)
        for _, key, form, _ in _ROWS:
            for cell, measured in zip(self._cells[key], (new, old), strict=True):
                cell.setText(_figure(None if measured is None else measured.figures, key, form))

    def _draw_ced(
        self, new: ModelErrors | None, old: ModelErrors | None, names: tuple[str, str], why: str
    ) -> None:
        if new is None:
            self.ced.show_none(why)
            return
        pairs = zip((new, old), names, strict=True)
        self.ced.show_curves(
            [
                Curve(name, *cumulative(measured.errors, FAILURE), k)
                for k, (measured, name) in enumerate(pairs)
                if measured is not None
            ],
            Axis("NME", 0, FAILURE),
            Axis("faces with at most this error", 0, 1, percent=True),
        )

    def _draw_points(
        self,
        new: ModelErrors | None,
        old: ModelErrors | None,
        names: tuple[str, str],
        scheme: Scheme,
        why: str,
    ) -> None:
        if new is None:
            self.points.show_none(why)
            return
        both = np.concatenate([m.points for m in (new, old) if m is not None])
        self.points.show_points(
            new.points,
            None if old is None else old.points,
            scheme.names,
            scheme.groups,
            y=Axis("mean error of each point", 0, room_above(both.tolist(), _LEAST)),
            legend=names,
        )

    def _draw_models(self, model: ListedModel | None, models: list[ListedModel]) -> None:
        measured, errors = learning_curve(models)
        if not measured:
            self.curve.show_none("No model of this project has been measured yet.")
            return
        x = np.arange(1.0, len(measured) + 1)
        curves = [Curve("", x, np.array(errors), 1, tuple(_about(m) for m in measured))]
        selected = [k for k, m in enumerate(measured) if model is not None and m.id == model.id]
        if selected:
            k = selected[0]
            curves.insert(0, Curve(measured[k].name, x[[k]], np.array([errors[k]]), 0))
        known = [m.metrics.get("baseline", np.nan) for m in measured]
        if np.isfinite(known).any():
            curves.append(Curve(f"{STARTER}, on the same faces", x, np.array(known), 2))
        ticks = {float(k): _faces(m) for k, m in enumerate(measured, 1)}
        top = room_above([*errors, *known], _LEAST)
        self.curve.show_curves(
            curves,
            Axis("faces trained on, model by model", 0.5, len(measured) + 0.5, ticks=ticks),
            Axis("mean NME on people held out (↓ lower is better)", 0, top),
        )


def _verdict(model: ListedModel | None, found: Comparison | None) -> str:
    if model is None:
        return ""
    if found is None:
        return f"The {model.name} {model.note}." if model.id is None else "It was not measured."
    if model.trained_here:
        return f"{'Taken' if found.use else 'Not taken'} into use: {found.because}."
    if found.old is None:
        return "Not compared with another model."
    return f"{'As good or better' if found.use else 'Worse'}: {found.because}."


def _figure(figures: Mapping[str, Any] | None, key: str, form: str) -> str:
    value = None if figures is None else figures.get(key)
    if value is None:
        return "" if figures is None else "-"
    return format(value, form)


def _about(model: ListedModel) -> str:
    return f"{model.name}: NME {model.nme:.4f}, trained on {_faces(model)} faces"


def _faces(model: ListedModel) -> str:
    return "?" if model.faces is None else str(model.faces)
