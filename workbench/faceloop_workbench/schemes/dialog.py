"""Landmark schemes: looked at, made on a picture, saved, and used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import (  # type: ignore[attr-defined]
    QImage,
    QKeySequence,
    QPixmap,
    QShortcut,
)
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
)

from faceloop_datasets import FaceloopError, Scheme
from faceloop_datasets.files import atomic_path
from faceloop_datasets.outputs import refuse_in_project, refuse_to_replace
from faceloop_datasets.wording import counted
from faceloop_workbench.services.background import Job
from faceloop_workbench.widgets.basic import PlainLabel, ask_to_discard, paragraph, set_enabled
from faceloop_workbench.widgets.file_dialogs import ask_file, ask_new_file

from .canvas import SchemeCanvas
from .draft import SchemeDraft, fitted, placed
from .editing import SchemeEditing
from .panel_parts import PartsPanel
from .panel_points import PointsPanel
from .pictures import PictureChoice, picture_choices, read_picture

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QWidget

    from faceloop_datasets import Project

_NONE, _FILE = "no points", "a TOML file…"
_OTHER = "a file…"
_HELP = (
    "Click on the picture to place a point, then type its name. Drag points to move them; Shift "
    "and click, or a frame drawn with Shift, selects several. The wheel zooms, the right button "
    "moves the picture."
)


class SchemeDialog(QDialog):
    """Shows a landmark scheme and lets a person make one.

    Parameters
    ----------
    take : callable
        Is given the scheme that shall be used; raises FaceloopError if it cannot be. It may return
        a dialog that asks for more: the window stays, with the draft, until that is accepted.
    parent : QWidget
        What it belongs to.
    project : Project, optional
        Whose pictures can be made use of.
    scheme : Scheme, optional
        What is shown at first; nothing for a new one.
    use : str
        What the button calls `take`.
    """

    def __init__(
        self,
        take: Callable[[Scheme], object],
        parent: QWidget,
        project: Project | None = None,
        scheme: Scheme | None = None,
        use: str = "Use this scheme",
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Landmark schemes")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(980, 640)
        self._take, self._saved = take, SchemeDraft()
        self._written: SchemeDraft | None = None
        self._look: Job[NDArray[np.uint8]] | None = None
        self.editing = SchemeEditing()
        self._choices = picture_choices(project)
        self._make_widgets(use)
        self._lay_out()
        self._make_keys()
        self.canvas.show_drawn_face()
        if scheme is not None:
            self.look_at(scheme)
        self.editing.changed.connect(self._read)
        self._read()

    @property
    def in_file(self) -> bool:
        """Whether what is shown was written to a file here."""
        return self.editing.draft == self._written

    def look_at(self, scheme: Scheme) -> None:
        """Show a scheme; another one can be made from it."""
        draft = SchemeDraft.of(scheme, placed(scheme, *self.canvas.extent))
        self.editing.start(draft)
        self._saved = draft
        self._start.setCurrentIndex(max(0, self._start.findText(scheme.name)))
        self._place.setChecked(False)
        self._names.setChecked(len(draft) <= _FEW)
        self.canvas.see_all()

    # Widgets

    def _make_widgets(self, use: str) -> None:
        self.canvas = SchemeCanvas(self.editing)
        self.canvas.setObjectName("scheme.canvas")
        self._start = QComboBox()
        self._start.setObjectName("scheme.start")
        self._start.setAccessibleName("Begin with")
        self._start.setToolTip("Look at a scheme, or start from it: remove and add points.")
        self._start.addItems(["", _NONE, *Scheme.bundled(), _FILE])
        self._start.activated.connect(self._start_chosen)
        self._picture = QComboBox()
        self._picture.setObjectName("scheme.picture")
        self._picture.setAccessibleName("Picture")
        self._picture.setToolTip("What the points are placed on: a face that looks ahead is best.")
        self._picture.addItems([*(choice.title for choice in self._choices), _OTHER])
        self._picture.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._picture.setMinimumContentsLength(18)
        self._picture.activated.connect(self._picture_chosen)
        self._place = self._box("scheme.place", "Place points", "A click places a point.")
        self._names = self._box("scheme.names", "Names", "Write the names beside the points.")
        self._names.setChecked(True)
        self._place.setChecked(True)
        for box in (self._place, self._names):
            box.toggled.connect(self._switch)
        self._switch()
        self._undo = self._button("scheme.undo", "Undo", self.editing.undo)
        self._redo = self._button("scheme.redo", "Redo", self.editing.redo)
        self._all = self._button("scheme.all", "See all", self.canvas.see_all)
        self._name, self._title = QLineEdit(), QLineEdit()
        for line, name, tip in (
            (self._name, "name", "What annotations and models call the scheme."),
            (self._title, "title", "One line for people; may stay empty."),
        ):
            line.setObjectName(f"scheme.{name}")
            line.setToolTip(tip)
        for line in (self._name, self._title):
            line.textEdited.connect(lambda _text: self._named())
        self._points = PointsPanel(self.editing)
        self.canvas.placed.connect(self._name_new)
        self._parts = PartsPanel(self.editing)
        self._problem = PlainLabel()
        self._problem.setObjectName("scheme.problem")
        self._problem.setWordWrap(True)
        self._save = self._button("scheme.save", "Save as TOML…", self._ask_save)
        self._use = self._button("scheme.use", use, self._use_it)
        self._close = self._button("scheme.close", "Close", self.reject)

    def _button(self, name: str, title: str, do: Callable[[], object]) -> QPushButton:
        button = QPushButton(title)
        button.setObjectName(name)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _=False: do())
        return button

    def _box(self, name: str, title: str, tip: str) -> QCheckBox:
        box = QCheckBox(title)
        box.setObjectName(name)
        box.setToolTip(tip)
        return box

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        for word, box in (("Start from", self._start), ("Picture", self._picture)):
            top.addWidget(PlainLabel(word))
            top.addWidget(box, 1)
        below = QHBoxLayout()
        for widget in (self._place, self._names, self._all, self._undo, self._redo):
            below.addWidget(widget)
        below.addStretch(1)
        left = QVBoxLayout()
        left.addLayout(top)
        left.addWidget(self.canvas, 1)
        left.addLayout(below)
        left.addWidget(paragraph(_HELP))
        form = QFormLayout()
        form.addRow("Name", self._name)
        form.addRow("Title", self._title)
        foot = QHBoxLayout()
        for button in (self._save, self._use, self._close):
            foot.addWidget(button)
        right = QVBoxLayout()
        right.addLayout(form)
        right.addWidget(self._points, 1)
        right.addWidget(self._parts)
        right.addWidget(self._problem)
        right.addLayout(foot)
        layout = QHBoxLayout(self)
        layout.addLayout(left, 3)
        layout.addLayout(right, 2)

    def _make_keys(self) -> None:
        for key, do in (
            (QKeySequence.StandardKey.Undo, self.editing.undo),
            (QKeySequence.StandardKey.Redo, self.editing.redo),
            (QKeySequence.StandardKey.Save, self._ask_save),
        ):
            QShortcut(QKeySequence(key), self).activated.connect(do)

    # What is shown

    def _read(self) -> None:
        draft, editing = self.editing.draft, self.editing
        for line, text in ((self._name, draft.name), (self._title, draft.title)):
            if line.text() != text and not line.hasFocus():
                line.setText(text)
                line.setCursorPosition(0)
        problems = draft.problems
        count = len(draft)
        ready = f"{counted(count, 'point')}. The scheme can be used."
        lines = (problems[0] if problems else ready, editing.said)
        self._problem.setText("\n".join(filter(None, lines)))
        why_not = problems[0] if problems else ""
        set_enabled(self._use, why_not, "Use the scheme for a new project at once.")
        set_enabled(self._save, why_not, "Write the scheme to a file.")
        for button, what, verb in (
            (self._undo, editing.undo_title, "Take back"),
            (self._redo, editing.redo_title, "Do again"),
        ):
            set_enabled(button, "" if what else "There is nothing.", f"{verb}: {what}")

    def _switch(self, _on: bool = False) -> None:
        self.canvas.placing = self._place.isChecked()
        self.canvas.with_names = self._names.isChecked()
        self.canvas.setCursor(
            Qt.CursorShape.CrossCursor if self.canvas.placing else Qt.CursorShape.ArrowCursor
        )
        self.canvas.redraw()

    def _named(self) -> None:
        name, title = self._name.text().strip(), self._title.text().strip()
        self.editing.go_on("name the scheme", self.editing.draft.named(name, title))

    def _name_new(self) -> None:
        self._points.name_point(len(self.editing.draft) - 1)

    # Where to start

    def _start_chosen(self, _index: int) -> None:
        chosen = self._start.currentText()
        if chosen == _FILE:
            ask_file(self, "Scheme", "Schemes (*.toml)", self._start_file)
        elif chosen == _NONE:
            name = self.editing.draft.name
            self.editing.do("start anew", SchemeDraft("" if name in Scheme.bundled() else name))
            self._place.setChecked(True)
            self._names.setChecked(True)
        elif chosen:
            self._start_from(Scheme.load(chosen))

    def _start_file(self, path: Path) -> None:
        try:
            self._start_from(Scheme.load(path))
        except FaceloopError as error:
            self._problem.setText(str(error))

    def _start_from(self, scheme: Scheme) -> None:
        draft = SchemeDraft.of(scheme, placed(scheme, *self.canvas.extent))
        untouched = self.editing.draft in (self._saved, SchemeDraft())
        self.editing.do(f"start from {scheme.name}", draft)
        self.editing.select(())
        if untouched:
            self._saved = draft
        self._place.setChecked(False)
        self._names.setChecked(len(draft) <= _FEW)

    # The picture

    def _picture_chosen(self, index: int) -> None:
        if index == len(self._choices):
            ask_file(self, "Picture", "Pictures (*.jpg *.jpeg *.png *.bmp *.tif *.tiff *.webp)",
                     self._add_picture)  # fmt: skip
        else:
            self._show_picture(self._choices[index])

    def _add_picture(self, path: Path) -> None:
        choice = PictureChoice(path.name, path)
        self._picture.insertItem(len(self._choices), choice.title)
        self._picture.setCurrentIndex(len(self._choices))
        self._choices.append(choice)
        self._show_picture(choice)

    def _show_picture(self, choice: PictureChoice) -> None:
        self._look, path = None, choice.path
        if path is None:
            self._onto(self.canvas.show_drawn_face)
            return
        look = self._look = Job(lambda _monitor: read_picture(path), "Reading the picture")
        look.done.connect(lambda pixels: self._picture_read(look, pixels), thread="main")
        look.failed.connect(lambda error: self._problem.setText(str(error)), thread="main")
        look.start()

    def _picture_read(self, look: Job[NDArray[np.uint8]], pixels: NDArray[np.uint8]) -> None:
        if self._look is look:  # and not one for another picture
            self._look = None
            height, width = pixels.shape[:2]
            image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
            pixmap = QPixmap.fromImage(image)
            self._onto(lambda: self.canvas.show_picture(pixmap))

    def _onto(self, show: Callable[[], object]) -> None:
        """Show another picture, with the points in its middle."""
        show()
        draft = self.editing.draft
        if len(draft) > 1:
            self.editing.do(
                "other picture", draft.place_all(fitted(draft.places, *self.canvas.extent))
            )

    # Ends

    def _ask_save(self) -> None:
        if not self.editing.draft.problems:
            ask_new_file(self, "Save the scheme", "toml", self._save_as)

    def _save_as(self, path: Path) -> None:
        draft = self.editing.draft
        try:
            refuse_to_replace([path], ())
            refuse_in_project([path])
            text = draft.scheme().to_toml()
            with atomic_path(path) as part:
                part.write_text(text, encoding="utf-8")
        except FaceloopError as error:
            self._problem.setText(str(error))
            return
        self._saved = self._written = draft
        self._problem.setText(f"Saved: {path}")

    def _use_it(self) -> None:
        try:
            asked = self._take(self.editing.draft.scheme())
        except FaceloopError as error:
            self._problem.setText(str(error))
            return
        if isinstance(asked, QDialog):
            asked.accepted.connect(self.accept)
        else:
            self.accept()

    def done(self, result: int) -> None:
        """Close (Qt's name)."""
        self._look = None
        super().done(result)

    def reject(self) -> None:
        """Close; what is neither saved nor used would be lost, so that the person is asked."""
        draft = self.editing.draft
        if draft == self._saved or not len(draft):
            super().reject()
            return
        question = "The scheme is not saved. Close without it?"
        ask_to_discard(self, question, lambda: QDialog.reject(self))


_FEW = 20  # points whose names do not cover each other
