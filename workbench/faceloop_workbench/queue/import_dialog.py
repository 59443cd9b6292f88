"""Importing annotations: choose, look at what would happen, then do it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QFontDatabase
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from faceloop_datasets import FaceloopError, ImportReport, Project
from faceloop_datasets.formats import Recognition, all_formats, readable, recognise, source_scheme
from faceloop_datasets.importing.fitting import PointsDoNotFit
from faceloop_datasets.wording import counted
from faceloop_workbench.services.background import Job
from faceloop_workbench.services.conversion_text import conversion_text
from faceloop_workbench.services.format_help import annotation_files
from faceloop_workbench.widgets.basic import not_none, paragraph, set_enabled
from faceloop_workbench.widgets.file_dialogs import ask_files, ask_folder, dropped_paths
from faceloop_workbench.widgets.job_bar import JobBar

from .report_text import recognised_text, report_text
from .subject_panel import SubjectPanel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtGui import QDragEnterEvent, QDropEvent

    from faceloop_datasets import Monitor, Scheme
    from faceloop_workbench.session import Session


class ImportDialog(QDialog):
    """Imports faces of one format into the open project.

    It first reports what an import would do. The report can be read and copied until something
    else is chosen, and so can that of the import itself.

    Parameters
    ----------
    session : Session
        Where the project is open.
    parent : QWidget
        What it belongs to; while it is open, nothing else in that window can be done.
    new_with : callable
        Asks for a new project of a scheme; is given that and the window to ask in.
    sources : sequence of Path
        Files that are chosen already.
    """

    def __init__(
        self,
        session: Session,
        parent: QWidget,
        new_with: Callable[[Scheme, QWidget], QDialog],
        sources: Sequence[Path] = (),
    ) -> None:
        super().__init__(parent)
        self._session, self._new_with = session, new_with
        self._other: Scheme | None = None
        self._folder = session.need_project().address
        self._checked: ImportReport | None = None
        self._chosen_by_hand = False
        self._look: Job[Recognition] | None = None
        self._found: Recognition | None = None
        self.setWindowTitle("Import annotated faces")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAcceptDrops(True)
        self.resize(640, 640)
        self._make_widgets()
        self._lay_out()
        self._format_chosen()
        self.add_sources(sources)

    # What is chosen

    @property
    def source_format(self) -> str:
        """Format that is chosen."""
        return str(self._format.currentData())

    @property
    def sources(self) -> list[Path]:
        """Files and folders that are chosen."""
        return [Path(not_none(self._sources.item(k)).text()) for k in range(self._sources.count())]

    def add_sources(self, paths: Sequence[Path]) -> None:
        """Add files and folders to those chosen."""
        known = self.sources
        self._sources.addItems([str(path) for path in paths if path not in known])
        self._recognise()
        self._outdate()

    # Qt's names

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802
        """Take files."""
        if dropped_paths(event):
            not_none(event).acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802
        """Add the files that were dropped."""
        self.add_sources(dropped_paths(event))

    def reject(self) -> None:
        """Close; while something runs, only stop that."""
        if self._bar.busy:
            self._bar.cancel()
        else:
            super().reject()

    def done(self, result: int) -> None:
        """Close; what the files are is of no interest any more."""
        self._look = None
        super().done(result)

    def close_down(self) -> None:
        """Stop what runs, and close."""
        self._bar.close_down()
        super().reject()

    # Work

    def check(self) -> None:
        """Report what an import would do."""
        self._run("Checking", dry_run=True)

    def start(self) -> None:
        """Import."""
        self._run("Importing", dry_run=False)

    def _run(self, name: str, *, dry_run: bool) -> None:
        source_format, sources, folder = self.source_format, self.sources, self._folder
        images = self._images.text().strip() or None
        subjects = self._subjects.rule

        def work(monitor: Monitor) -> tuple[ImportReport, str]:
            with Project.open(folder) as project:
                report = project.import_from(
                    source_format,
                    sources,
                    images=images,
                    subjects=subjects,
                    progress=monitor,
                    dry_run=dry_run,
                )
                conversion = project.conversion_from_file(source_scheme(source_format, sources))
                return report, conversion_text(conversion, project.scheme)

        self._bar.run(Job(work, name), self._done)

    def _done(self, done: tuple[ImportReport, str]) -> None:
        report, converted = done
        self._report.setPlainText(report_text(report, converted))
        self._checked = report if report.dry_run else None
        if not report.dry_run:
            self._session.items_changed.emit()
            self._session.queue_changed.emit()
            self._session.tell(f"{counted(report.new, 'face was', 'faces were')} imported.")
            self._close.setText("Close")
        self._enable()

    def _failed(self, error: FaceloopError) -> None:
        self._report.setPlainText(str(error))
        self._other = error.scheme if isinstance(error, PointsDoNotFit) else None
        self._new.setVisible(self._other is not None)

    def _ask_for_project(self) -> None:
        """Make a project of the points of the files, and check what would come into it."""
        if self._other is not None:
            self._new_with(self._other, self).accepted.connect(self._take_project)

    def _take_project(self) -> None:
        self._folder = self._session.need_project().address
        self._format_chosen()
        self.check()

    def _cancelled(self, _name: str) -> None:
        self._report.setPlainText("Stopped. The project is as it was before.")

    # Which format the files are

    def _recognise(self) -> None:
        """Look at a few of the files, in the background."""
        sources, self._found = self.sources, None
        if not sources:
            self._look = None
            self._recognised.clear()
            return
        look = self._look = Job(lambda _monitor: recognise(sources), "Looking at the files")
        look.done.connect(lambda found: self._take_format(look, found), thread="main")
        look.failed.connect(lambda error: self._no_format(look, error), thread="main")
        look.start()

    def _take_format(self, look: Job[Recognition], found: Recognition) -> None:
        if self._look is not look:  # and not one for other files
            return
        self._look, self._found = None, found
        if found.format is not None and not self._chosen_by_hand:
            self._format.setCurrentIndex(self._format.findData(found.format))
        self._recognised.setText(recognised_text(found, self.source_format))
        self._enable()

    def _no_format(self, look: Job[Recognition], error: FaceloopError) -> None:
        if self._look is look:
            self._look = None
            self._recognised.setText(str(error))
            self._enable()

    def _by_hand(self, _index: int) -> None:
        self._chosen_by_hand = True
        if self._found is not None:
            self._recognised.setText(recognised_text(self._found, self.source_format))

    # What can be done now

    def _outdate(self) -> None:
        """Ask for another check: something else is chosen, of which the report says nothing."""
        self._checked = self._other = None
        self._new.hide()
        self._report.clear()
        self._enable()

    def _enable(self, _busy: bool = False) -> None:
        running = "Wait for what is running, or cancel it." if self._bar.busy else ""
        looking = "" if self._look is None else "The files are being looked at."
        nothing = "" if self._sources.count() else "Choose files or folders first."
        set_enabled(
            self._check,
            running or nothing or looking,
            "Report what would be imported; writes nothing.",
        )
        unchecked = "" if self._checked else "Check first: the report says what will happen."
        empty = "Nothing in these files is new." if self._is_empty() else ""
        set_enabled(
            self._start, running or nothing or unchecked or empty, "Import; all or nothing."
        )
        faces = f" {counted(self._checked.faces, 'face')}" if self._checked else ""
        self._start.setText(f"Import{faces}")
        for widget in (
            self._format,
            self._sources,
            self._images,
            self._subjects,
            *self._choosers,
        ):
            widget.setEnabled(not running)

    def _is_empty(self) -> bool:
        checked = self._checked
        # Faces that are unchanged may still gain their picture.
        return checked is not None and not checked.faces

    def _format_chosen(self, _index: int = 0) -> None:
        known = all_formats()[self.source_format]
        how = self._how(known.reader.scheme if known.reader is not None else "")
        self._explanation.setText(f"{known.explanation}\n\n{how}".strip())
        self._outdate()

    def _how(self, scheme: str | Callable[..., Scheme]) -> str:
        """Say how the points of a format become the project's, as far as that is known."""
        if not isinstance(scheme, str):
            return "The file names its points; the check says how they become the project's."
        project = self._session.need_project()
        try:
            return conversion_text(project.conversion_from(scheme), project.scheme)
        except FaceloopError as error:
            return str(error)

    # Widgets

    def _make_widgets(self) -> None:
        self._format = QComboBox()
        self._format.setObjectName("import.format")
        for name in readable():
            self._format.addItem(all_formats()[name].title, name)
        self._format.currentIndexChanged.connect(self._format_chosen)
        self._format.activated.connect(self._by_hand)
        self._recognised = paragraph("")
        self._recognised.setObjectName("import.recognised")
        self._explanation = paragraph("")
        self._sources = QListWidget()
        self._sources.setObjectName("import.sources")
        self._sources.setMaximumHeight(96)
        self._images = QLineEdit()
        self._images.setObjectName("import.images")
        self._images.setAccessibleName("Folder of the pictures")
        self._images.setPlaceholderText("only if they do not lie beside the annotations")
        self._images.textChanged.connect(self._outdate)
        self._subjects = SubjectPanel()
        self._subjects.changed.connect(self._outdate)
        self._choosers = [
            _button("import.files", "Add files…", self._ask_files),
            _button("import.folder", "Add folder…", self._ask_folder),
            _button("import.remove", "Remove", self._remove),
            _button("import.browse", "Browse…", self._ask_images),
        ]
        self._report = QPlainTextEdit()
        self._report.setObjectName("import.report")
        self._report.setAccessibleName("Report")
        self._report.setReadOnly(True)
        self._report.setPlaceholderText("The report of the check will be here.")
        self._report.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self._report.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._bar = JobBar()
        self._bar.failed.connect(self._failed)
        self._bar.cancelled.connect(self._cancelled)
        self._bar.busy_changed.connect(self._enable)
        self._copy = _button("import.copy", "Copy report", self._copy_report)
        self._new = _button("import.new", "New project of these points…", self._ask_for_project)
        self._new.setToolTip(
            "Makes a project whose points are those of the files, and imports there."
        )
        self._new.hide()
        self._check = _button("import.check", "Check", self.check)
        self._start = _button("import.start", "Import", self.start)
        self._close = _button("import.close", "Cancel", self.reject)

    def _lay_out(self) -> None:
        files, folder, remove, browse = self._choosers
        choose = QHBoxLayout()
        for button in (files, folder, remove):
            choose.addWidget(button)
        choose.addStretch(1)
        images = QHBoxLayout()
        images.addWidget(self._images, 1)
        images.addWidget(browse)
        form = QFormLayout()
        form.addRow("Files", self._sources)
        form.addRow("", choose)
        form.addRow("Format", self._format)
        form.addRow("", self._recognised)
        form.addRow(self._explanation)
        form.addRow("Pictures in", images)
        form.addRow("Subjects", self._subjects)
        form.addRow(self._subjects.help)
        foot = QHBoxLayout()
        foot.addWidget(self._copy)
        foot.addWidget(self._new)
        foot.addStretch(1)
        for button in (self._check, self._start, self._close):
            foot.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self._report, 1)
        layout.addWidget(self._bar)
        layout.addLayout(foot)

    def _ask_files(self) -> None:
        ask_files(self, "Files to import", annotation_files(), self.add_sources)

    def _ask_folder(self) -> None:
        ask_folder(self, "Folder to import", lambda folder: self.add_sources([folder]))

    def _ask_images(self) -> None:
        ask_folder(self, "Folder of the pictures", lambda folder: self._images.setText(str(folder)))

    def _remove(self) -> None:
        for item in self._sources.selectedItems():
            self._sources.takeItem(self._sources.row(item))
        self._recognise()
        self._outdate()

    def _copy_report(self) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self._report.toPlainText())


def _button(name: str, title: str, do: Callable[[], object]) -> QPushButton:
    button = QPushButton(title)
    button.setObjectName(name)
    button.setAutoDefault(False)
    button.clicked.connect(lambda _=False: do())
    return button
