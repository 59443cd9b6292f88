"""The tab Train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from faceloop_datasets import FaceloopError
from faceloop_datasets.outputs import refuse_in_project, refuse_to_replace
from faceloop_workbench.settings import read_settings
from faceloop_workbench.widgets.basic import PlainLabel, command_button, set_enabled
from faceloop_workbench.widgets.file_dialogs import ask_file, ask_new_file
from faceloop_workbench.widgets.scroll import fill_scrolled

from .control import TrainControl
from .dialog_delete import DeleteDialog
from .dialog_model import ModelDialog
from .dialog_settings import SettingsDialog
from .panel_comparison import ComparisonView
from .panel_meaning import MeaningBox
from .panel_models import ModelTable
from .panel_progress import ProgressBox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from qtpy.QtGui import QShowEvent

    from faceloop_workbench.commands import Commands
    from faceloop_workbench.services.messages import Outcome
    from faceloop_workbench.services.stage_times import Stage
    from faceloop_workbench.session import Session

    from .model_list import ListedModel
    from .readiness import Readiness

_QUIET_MS = 800  # a person who drags points saves several times a second
_FILES = "Face models (*.safetensors)"
_LEVELS = {"done": "info", "cancelled": "info", "failed": "error"}


class TrainPanel(QWidget):
    """The tab Train: one button, what it will train on, how it goes, and the models.

    Parameters
    ----------
    session : Session
        What is worked on.
    commands : Commands
        Gets ``train.start`` and ``train.report``.
    """

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__()
        self._session, self._commands = session, commands
        self.control = TrainControl(session, lambda: read_settings().scheduler)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_QUIET_MS)
        self._soon.timeout.connect(self.control.update_readiness)
        self._make()
        self._lay_out()
        self._connect()
        self._ready(self.control.readiness)

    def close_down(self) -> None:
        """Stop what runs in the background."""
        self.control.close_down()
        self.progress.close_down()
        self._soon.stop()

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Look again at what there is to train on."""
        super().showEvent(event)
        self._look_again()

    # What the buttons do

    def start(self) -> None:
        """Begin a training; who begins it by key in another tab reads the warnings below."""
        self._try(self.control.start)
        if self.control.running and not self.isVisible():
            said = ("Training has begun.", *self.control.readiness.warnings)
            self._session.tell(" ".join(said), "warning" if len(said) > 1 else "info")

    def start_anyway(self) -> None:
        """Begin a training although nothing has changed."""
        self._try(lambda: self.control.start(anyway=True))

    def delete_models(self) -> None:
        """Ask which models to delete, and delete them."""

        def delete(models: Sequence[ListedModel]) -> None:
            self._try(lambda: self.control.delete(models))

        DeleteDialog(self.table.chosen, self.control.models, delete, self).open()

    def pin_model(self) -> None:
        """Pin the selected model, or unpin it."""
        model = self.table.chosen
        if model is not None:
            self._try(lambda: self.control.pin(model))

    def export_model(self) -> None:
        """Ask for a file and copy the selected model to it."""
        model = self.table.chosen
        if model is None:
            return

        def take(path: Path) -> None:
            self._try(lambda: self._export(model, path))

        ask_new_file(self, f"Export {model.name}", "safetensors", take)

    def import_model(self) -> None:
        """Ask for a model file and bring it in."""

        def take(path: Path) -> None:
            self._try(lambda: self.control.import_model(path))

        ask_file(self, "Import a model", _FILES, take)

    def use_model(self) -> None:
        """Take the selected model into use."""
        model = self.table.chosen
        if model is not None:
            self._try(lambda: self.control.use(model))

    def look_inside(self) -> None:
        """Open a window that looks into the selected model."""
        model = self.table.chosen
        if model is not None:
            self._try(lambda: self._look_inside(model))

    def _look_inside(self, model: ListedModel) -> None:
        dialog = ModelDialog(model, self.control, self)
        dialog.save_wanted.connect(self._regularise)
        dialog.show()

    def _regularise(self, model: ListedModel, factors: dict[int, float]) -> None:
        self._try(lambda: self.control.regularise(model, factors))

    def _close_dialogs(self) -> None:
        """Close windows that look into models of another project."""
        for dialog in self.findChildren(ModelDialog):
            dialog.close()

    def report(self) -> None:
        """Write a report on the selected model, and show it."""
        model = self.table.chosen
        if model is not None:
            self._try(lambda: self.control.report(model))

    def choose_settings(self) -> None:
        """Ask for the settings of the next training."""
        dialog = SettingsDialog(self.control.settings, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._choose(dialog))
        dialog.open()

    def _choose(self, dialog: SettingsDialog) -> None:
        self.control.settings = dialog.values
        self.control.update_readiness()

    def _export(self, model: ListedModel, path: Path) -> None:
        project = self._session.project
        refuse_to_replace([path], () if project is None else project.files())
        refuse_in_project([path])
        model.export(path)
        self._session.tell(f"Wrote {model.name} to {path}.")

    def _try(self, do: Callable[[], None]) -> None:
        try:
            do()
        except FaceloopError as error:
            self._session.tell(str(error), "error")

    # What the control tells

    def _ready(self, readiness: Readiness) -> None:
        self.summary.setText(readiness.text)
        if not readiness.unchanged and self.anyway.isVisibleTo(self):  # no longer true
            self.anyway.hide()
            self.result.hide()
        lines = [f"⚠ {text}" for text in readiness.warnings]
        self.warnings.setText("\n".join(lines))
        self._show_parts()

    def _forget_result(self, _project: object) -> None:
        """Say no more of what was done in another project."""
        self.anyway.hide()
        self.result.hide()

    def _show_parts(self) -> None:
        """Show what matters now: what would train, or how the training goes."""
        running = self.control.running
        self.progress.setVisible(running)
        self.summary.setVisible(not running)
        self.warnings.setVisible(bool(self.warnings.text()) and not running)
        self.show_half.setVisible(bool(self.control.readiness.half_corrected) and not running)
        self._show_meaning()
        self._enable()

    def _begun(self, name: str, expected: list[list[Stage]]) -> None:
        self.result.hide()
        self.anyway.hide()
        self.progress.begin(name, expected, curve=bool(expected))
        self._show_parts()

    def _ended(self, ending: Outcome) -> None:
        self.progress.end(ending.text)
        self.result.setText(ending.text)
        self.result.setVisible(ending.kind != "done" or ending.unchanged)
        self.anyway.setVisible(ending.unchanged)
        # The warnings stay on the page with what a next training would find.
        level = "warning" if ending.warnings else _LEVELS[ending.kind]
        self._session.tell(" ".join([ending.text.splitlines()[0], *ending.warnings]), level)
        if ending.page:
            QDesktopServices.openUrl(QUrl.fromLocalFile(ending.page))
        if ending.model is not None:
            self.table.show_models(self.control.models, ending.model)
        self._show_parts()
        self._look_again()

    def _show_model(self) -> None:
        project = self._session.project
        self.comparison.setVisible(project is not None)
        if project is not None:
            self.comparison.show_model(self.table.chosen, self.control.models, project.scheme)
        self._show_meaning()
        self._enable()

    def _show_meaning(self) -> None:
        project = self._session.project
        self.meaning.setVisible(project is not None and not self.control.running)
        if project is not None:
            self.meaning.show_model(
                self.table.chosen, project.scheme, self.control.readiness, self.control.why_not
            )

    def _list(self, models: list[ListedModel]) -> None:
        self.table.show_models(models)
        trained = any(model.trained_here for model in models)
        self.retrain.setText("Retrain" if trained else "Train")

    def _show_half(self) -> None:
        project, half = self._session.project, self.control.readiness.half_corrected
        if project is not None and half:
            self._session.show(project.item(half[0].item_id))
            self._session.tab_wanted.emit("annotate")

    def _enable(self) -> None:
        self._commands.disable("train.start", self.control.why_not)
        no_project = "" if self._session.project is not None else "Open a project first."
        busy = self.control.why_not if self.control.running else ""
        model = self.table.chosen
        no_model = no_project or ("" if model is not None else "Select a model first.")
        used = "It is in use." if model is not None and model.in_use else ""
        set_enabled(self.use, no_model or used, "Take the selected model into use.")
        own = "The starter comes with faceloop." if model is not None and model.id is None else ""
        self.pin.setText("Unpin" if model is not None and model.pinned else "Pin")
        set_enabled(self.pin, no_model or own, "Keep it first in the list, and from being deleted.")
        some = (
            "" if any(m.id is not None for m in self.control.models) else "There is no model yet."
        )
        set_enabled(self.delete, no_project or busy or some, "Choose models to delete for good.")
        self._commands.disable("train.report", no_model or busy)
        set_enabled(self.inside, no_model, "Shape, patch experts, reliability, and what changed.")
        set_enabled(self.settings, no_project or busy, "Choose how models are trained.")
        set_enabled(self.export, no_model, "Copy the selected model to a file.")
        set_enabled(
            self.import_button,
            no_project or busy,
            "Copy a model file into the project and measure it on the faces here.",
        )

    def _saved(self, *_: object) -> None:
        if self.isVisible() or self.control.readiness.blocked:
            self._look_again()

    def _look_again(self) -> None:
        """Find out what a training would find; until then what is known says that it is old."""
        self._soon.start()
        if self._session.project is not None:
            self.summary.setText(f"{self.control.readiness.text} Looking again…")

    # How it is made

    def _make(self) -> None:
        self.retrain = command_button(self._commands, "train.start")
        self.settings = _button("Settings…", "train.settings", self.choose_settings)
        self.summary, self.warnings, self.result = PlainLabel(), PlainLabel(), PlainLabel()
        for name, label in (
            ("train.summary", self.summary),
            ("train.warnings", self.warnings),
            ("train.result", self.result),
        ):
            label.setObjectName(name)
            label.setWordWrap(True)
        self.result.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.result.hide()
        self.anyway = _button("Train anyway", "train.anyway", self.start_anyway)
        self.anyway.setToolTip("Make the same model again, measured on the faces held out now.")
        self.anyway.hide()
        self.show_half = _button("Show the first", "train.show_half", self._show_half)
        self.show_half.setToolTip("Go to the first face that is half-corrected.")
        self.progress = ProgressBox(self.control.cancel)
        self.progress.hide()
        self.meaning = MeaningBox()
        self.table, self.comparison = ModelTable(), ComparisonView()
        self.use = _button("Use this one", "train.use", self.use_model)
        self.inside = _button("Look inside…", "train.inside", self.look_inside)
        self.write_report = command_button(self._commands, "train.report")
        self.pin = _button("Pin", "train.pin", self.pin_model)
        self.delete = _button("Delete…", "train.delete", self.delete_models)
        self.export = _button("Export…", "train.export", self.export_model)
        self.import_button = _button("Import…", "train.import", self.import_model)

    def _lay_out(self) -> None:
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(4, 4, 4, 4)
        top = _row(self.retrain, self.settings)
        top.setStretch(0, 1)
        layout.addLayout(top)
        for widget in (self.summary, self.warnings):
            layout.addWidget(widget)
        layout.addLayout(_row(self.show_half, stretch=True))
        layout.addWidget(self.progress)
        layout.addWidget(self.result)
        layout.addLayout(_row(self.anyway, stretch=True))
        layout.addWidget(_line())
        layout.addWidget(self.meaning)
        layout.addWidget(self.table)
        layout.addLayout(_row(self.use, self.inside, self.write_report))
        layout.addLayout(_row(self.pin, self.delete, self.export, self.import_button))
        layout.addWidget(self.comparison, 1)
        layout.addStretch()
        fill_scrolled(self, inside)

    def _connect(self) -> None:
        self._commands.handle("train.start", self.start)
        self._commands.handle("train.report", self.report)
        control, session = self.control, self._session
        session.ask_before_closing(control.loss)
        control.readiness_changed.connect(self._ready)
        control.begun.connect(self._begun)
        control.received.connect(self.progress.show_message)
        control.ended.connect(self._ended)
        control.listed.connect(self._list)
        self.meaning.queue_wanted.connect(control.queue_next)
        self.meaning.curve_wanted.connect(lambda: self._try(control.measure_curve))
        self.table.selected.connect(self._show_model)
        self.table.noted.connect(lambda m, text: self._try(lambda: control.note(m, text)))
        session.project_changed.connect(self._close_dialogs)
        session.project_changed.connect(self._forget_result)
        session.saved.connect(self._saved)
        session.labelled.connect(self._saved)
        session.face_changed.connect(self._saved)
        session.items_changed.connect(self._saved)
        session.queue_changed.connect(self._saved)


def _button(title: str, name: str, do: Callable[[], None]) -> QPushButton:
    button = QPushButton(title)
    button.setObjectName(name)
    button.clicked.connect(lambda _checked: do())
    return button


def _row(*widgets: QWidget, stretch: bool = False) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    if stretch:
        row.addStretch(1)
    return row


def _line() -> QFrame:
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    return line
