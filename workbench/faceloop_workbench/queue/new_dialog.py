"""Where a new project goes, and which points its faces have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from faceloop_datasets import FaceloopError, Scheme
from faceloop_datasets.wording import enumerated
from faceloop_workbench.schemes.dialog import SchemeDialog
from faceloop_workbench.services.conversion_text import importable_text
from faceloop_workbench.widgets.basic import (
    PlainLabel,
    answer_buttons,
    ask_to_discard,
    not_none,
    paragraph,
)
from faceloop_workbench.widgets.file_dialogs import ask_file, ask_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_datasets import Project

_USUAL = "face70"


class NewDialog(QDialog):
    """Asks for the folder and the landmark scheme of a new project.

    Parameters
    ----------
    folder : Path
        What is offered.
    make : callable
        Is given the folder, the scheme or its file, and the folder of a project whose faces shall
        come in, or None; raises FaceloopError if that cannot be made, which is shown here.
    project : Project, optional
        The open one: a scheme can be made on its pictures.
    """

    def __init__(
        self,
        folder: Path,
        make: Callable[[Path, Scheme | Path, Path | None], object],
        parent: QWidget,
        project: Project | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("New project")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._make, self._project = make, project
        self._files: dict[Scheme, Path] = {}
        self._only_here: set[Scheme] = set()
        self._folder = QLineEdit(str(folder))
        self._folder.setObjectName("new.folder")
        self._folder.setAccessibleName("Folder")
        self._folder.setMinimumWidth(360)
        self._scheme = QComboBox()
        self._scheme.setObjectName("new.scheme")
        self._scheme.setAccessibleName("Points")
        self._schemes: list[Scheme | None] = [Scheme.load(name) for name in Scheme.bundled()]
        for scheme in self._schemes:
            self._scheme.addItem(_title(scheme))
        self._schemes.append(None)
        self._scheme.addItem("a scheme of your own…")
        self._scheme.setCurrentIndex(Scheme.bundled().index(_USUAL))
        self._scheme.activated.connect(self._chosen)
        self._look = QPushButton("Look at, or make…")
        self._look.setObjectName("new.look")
        self._look.setAutoDefault(False)
        self._look.setToolTip(
            "See the points on a face, with their names, lines, groups and mirror partners; or "
            "make a scheme of your own on a picture."
        )
        self._look.clicked.connect(self._look_at)
        self._from = QLineEdit()
        self._from.setObjectName("new.from")
        self._from.setAccessibleName("Project to take faces from")
        self._from.setPlaceholderText("folder of another project (optional)")
        self._from.setToolTip(
            "Its annotated faces come in, converted to these points where there is a conversion."
        )
        self._formats = paragraph("")
        self._formats.setObjectName("new.formats")
        self._problem = PlainLabel()
        self._problem.setObjectName("new.problem")
        self._problem.setWordWrap(True)
        self._lay_out()

    @property
    def scheme(self) -> Scheme | None:
        """The scheme that is chosen; None if none is."""
        return self._schemes[self._scheme.currentIndex()]

    def take_scheme(self, scheme: Scheme) -> None:
        """Offer a scheme, and choose it."""
        known = scheme in self._schemes
        if not known:
            self._schemes.insert(0, scheme)
            self._scheme.insertItem(0, _title(scheme))
        self._scheme.setCurrentIndex(self._schemes.index(scheme))
        self._read()

    def take_made(self, scheme: Scheme, *, in_file: bool) -> None:
        """Offer a scheme that was made here and choose it; one in no file is lost with this."""
        if in_file:
            self._only_here.discard(scheme)
        elif scheme not in self._schemes:
            self._only_here.add(scheme)
        self.take_scheme(scheme)

    def reject(self) -> None:
        """Close; a scheme that is nowhere else would be lost, so that the person is asked."""
        if not self._only_here:
            super().reject()
            return
        names = enumerated(sorted({scheme.name for scheme in self._only_here}))
        ask_to_discard(
            self,
            f"The scheme {names} is in no file and no project yet. Close without it? "
            "Look at, or make… can save it.",
            lambda: QDialog.reject(self),
        )

    def accept(self) -> None:
        """Make the project; what is wrong is shown, and can be mended here."""
        name = self._folder.text().strip()
        try:
            if not name:
                raise FaceloopError("Choose a folder for the project.")
            scheme = self.scheme
            if scheme is None:
                raise FaceloopError("Choose the TOML file of your scheme, or take another one.")
            source = self._from.text().strip()
            self._make(
                Path(name).expanduser(),
                self._files.get(scheme, scheme),
                Path(source).expanduser() if source else None,
            )
        except FaceloopError as error:
            self._refuse(error)
        else:
            super().accept()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Folder", self._beside(self._folder, "Browse…", self._browse))
        points = QHBoxLayout()
        points.addWidget(self._scheme, 1)
        points.addWidget(self._look)
        form.addRow("Points", points)
        form.addRow("Faces from", self._beside(self._from, "Browse…", self._browse_from))
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(
            paragraph(
                "The folder is made if it is not there. The points cannot be changed later. If in "
                f"doubt, take {_USUAL}."
            )
        )
        layout.addWidget(self._formats)
        layout.addWidget(self._problem)
        layout.addWidget(answer_buttons(self, "Make project", "new.ok"))
        self._read()

    def _beside(self, line: QLineEdit, title: str, do: Callable[[], object]) -> QHBoxLayout:
        button = QPushButton(title)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _=False: do())
        layout = QHBoxLayout()
        layout.addWidget(line, 1)
        layout.addWidget(button)
        return layout

    def _read(self) -> None:
        """Say what can be imported into a project with these points: no more than is true."""
        scheme = self.scheme
        self._formats.setText("" if scheme is None else importable_text(scheme))

        self._grow()

    def _refuse(self, error: FaceloopError) -> None:
        self._problem.setText(str(error))
        self._grow()

    def _grow(self) -> None:
        """Be as high as the texts need, instead of squeezing the rows above them."""
        layout = not_none(self.layout())
        layout.activate()
        needed = layout.totalHeightForWidth(self.width())
        if self.isVisible() and self.height() < needed:
            self.resize(self.width(), needed)

    def _browse(self) -> None:
        def take(folder: Path) -> None:
            self._folder.setText(str(folder))

        ask_folder(self, "Folder for the project", take)

    def _browse_from(self) -> None:
        ask_folder(
            self, "Project to bring faces from", lambda folder: self._from.setText(str(folder))
        )

    def _look_at(self) -> None:
        window = SchemeDialog(
            lambda scheme: self.take_made(scheme, in_file=window.in_file),
            self,
            self._project,
            self.scheme,
        )
        window.open()

    def _chosen(self, _index: int) -> None:
        if self.scheme is None:
            ask_file(self, "Scheme", "Schemes (*.toml)", self._take_file)
        self._read()

    def _take_file(self, path: Path) -> None:
        try:
            scheme = Scheme.load(path)
            self._files[scheme] = path
            self.take_scheme(scheme)
        except FaceloopError as error:
            self._refuse(error)


def _title(scheme: Scheme | None) -> str:
    return "" if scheme is None else f"{scheme.name} ({len(scheme)} points)"
