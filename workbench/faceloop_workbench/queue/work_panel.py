"""What the tab shows of an open project: its name and menu, the list, and the ways to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from faceloop_datasets.formats import writable
from faceloop_datasets.wording import counted
from faceloop_workbench.services.format_help import title_of
from faceloop_workbench.services.recent_projects import recent_projects, title_of_place
from faceloop_workbench.widgets.basic import (
    PlainLabel,
    command_action,
    command_button,
    heading,
    not_none,
    paragraph,
    plain_tip,
    set_enabled,
)

from .faces_panel import FaceList
from .filters_panel import FiltersPanel

if TYPE_CHECKING:
    from qtpy.QtGui import QAction  # type: ignore[attr-defined]

    from faceloop_datasets import Project
    from faceloop_workbench.annotate.held_out_marks import HeldOutMarks
    from faceloop_workbench.commands import Commands

    from .project_dialogs import ProjectDialogs
    from .review import Review

_UNDO_MEND = "Give the faces that were last put right the points they had before"
_SAMPLE = "400 rendered faces of 100 people, annotated and free to use"


class WorkPanel(QWidget):
    """The review of an open project."""

    def __init__(
        self,
        review: Review,
        marks: HeldOutMarks,
        commands: Commands,
        dialogs: ProjectDialogs,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._review, self._commands, self._dialogs = review, commands, dialogs
        self._samples: list[QAction | QPushButton] = []
        self.list = FaceList(review, marks)
        self.filters = FiltersPanel(review)
        self.filters.left.connect(self._focus_list)
        self._name = PlainLabel()
        bold = self._name.font()
        bold.setBold(True)
        self._name.setFont(bold)
        self._name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._lost = QPushButton()
        self._lost.setObjectName("queue.relink")
        self._lost.clicked.connect(dialogs.relink)
        self._undo = QPushButton()
        self._undo.setObjectName("queue.undo_offer")
        self._undo.setToolTip(commands.table["queue.undo_confirm"].help)
        self._undo.clicked.connect(lambda: commands.run("queue.undo_confirm"))
        self._undo.hide()
        self._pages = QStackedWidget()
        for page in (self.list, self._nothing_page(), self._empty_page()):
            self._pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._header())
        layout.addWidget(self.filters)
        layout.addWidget(self._lost)
        layout.addWidget(self._undo)
        layout.addWidget(self._pages, 1)
        self._buttons = self._command_buttons()
        layout.addWidget(self._buttons)

    def _focus_list(self) -> None:
        self.list.setFocus()

    def name(self, project: Project | None) -> None:
        """Show a project's name."""
        self.offer_undo("")  # what was done to another project
        self._name.setText("" if project is None else project.name)
        self._read_sample()
        self._name.setToolTip("" if project is None else plain_tip(project.address))

    def offer_undo(self, what: str) -> None:
        """Offer to take back what was done to all faces; an empty text to offer nothing."""
        self._undo.setText(f"Undo: {what}")
        self._undo.setVisible(bool(what))

    def read(self) -> None:
        """Show what the review lists now."""
        self.filters.read()
        self.list.read()
        empty = not self._review.faces and not self._review.removed
        self.filters.setVisible(not empty)
        self._buttons.setVisible(not empty)
        self._pages.setCurrentIndex(2 if empty else 0 if self._review.rows else 1)
        self._read_nothing()
        lost = len(self._review.missing_media)
        self._lost.setVisible(lost > 0)
        files = counted(lost, "file is", "files are")
        self._lost.setText(f"⚠ {files} not where they were. Find them…")
        set_enabled(self._undo_mend, self._dialogs.labels.why_no_undo, _UNDO_MEND)

    def _read_nothing(self) -> None:
        selection = self._review.selection
        if selection.narrowed:
            self._why.setText("No face is like that.")
            self._way_out.setText("Take the filters off")
        elif selection.show == "removed":
            self._why.setText("No face is removed.")
            self._way_out.setText("Show all faces")
        elif selection.show == "open":
            self._why.setText("Everything in the queue is reviewed.")
            self._way_out.setText("Show all faces")
        else:
            self._why.setText(f"No entry of the queue is {selection.show} yet.")
            self._way_out.setText("Show all faces")

    def _leave_nothing(self) -> None:
        selection = self._review.selection
        show = selection.show if selection.narrowed else "all"
        self._review.select(show=show, reason=None, label=None, media=None, text="", subject=None)

    def _header(self) -> QHBoxLayout:
        menu = QPushButton("Project")
        menu.setObjectName("queue.menu")
        menu.setMenu(self._menu())
        add = QPushButton("Add")
        add.setObjectName("queue.fill")
        add.setToolTip("Import annotations, add pictures and videos")
        filling = QMenu(add)
        self._fill_with(filling)
        add.setMenu(filling)
        line = QHBoxLayout()
        line.addWidget(self._name, 1)
        line.addWidget(add)
        line.addWidget(menu)
        return line

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction("New project…", self._dialogs.new)
        menu.addAction("Open project…", self._dialogs.open)
        menu.addAction("Open a team's project…", self._dialogs.open_on_server)
        recent = not_none(menu.addMenu("Recent projects"))
        recent.aboutToShow.connect(lambda: self._fill_recent(recent))
        menu.addAction("Close project", self._dialogs.close)
        menu.addSeparator()
        self._fill_with(menu)
        menu.addAction("Landmark schemes…", self._dialogs.schemes)
        menu.addAction("Find moved media…", self._dialogs.relink)
        check = not_none(menu.addAction("Check labels", self._dialogs.labels.check))
        check.setObjectName("labels.check")
        check.setToolTip("Find annotations that look wrong, and put right what can be")
        undo = menu.addAction("Take the mended labels back", self._dialogs.labels.undo)
        self._undo_mend = not_none(undo)
        self._undo_mend.setObjectName("labels.undo")
        for command in ("queue.confirm_points", "queue.undo_confirm", "queue.rounds"):
            command_action(menu, self._commands, command)
        menu.addSeparator()
        for command in ("queue.people", "queue.subject_rule", "queue.undo_subjects"):
            command_action(menu, self._commands, command)
        self.list.addAction(command_action(menu, self._commands, "queue.subject"))
        menu.addSeparator()
        for command in ("queue.back_up", "queue.check_project"):
            command_action(menu, self._commands, command)
        # Also where the face is: by the right button on the list.
        for command in ("annotate.remove_face", "annotate.bring_face_back", "queue.erase"):
            self.list.addAction(command_action(menu, self._commands, command))
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        menu.addSeparator()
        export = not_none(menu.addMenu("Export annotations"))
        for name in writable():
            export.addAction(f"{title_of(name)}…", lambda name=name: self._dialogs.export(name))
        return menu

    def _fill_with(self, menu: QMenu) -> None:
        menu.addAction("Import annotations…", self._dialogs.import_faces)
        menu.addAction("Faces of another project…", self._dialogs.import_project)
        menu.addAction("Add pictures or videos…", self._dialogs.add_media)
        menu.addAction("Add a folder…", self._dialogs.add_folder)
        sample = not_none(menu.addAction("Sample faces", self._dialogs.add_sample))
        sample.setObjectName("add.sample")
        self._samples.append(sample)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._read_sample)

    def _read_sample(self) -> None:
        for offer in self._samples:
            set_enabled(offer, self._dialogs.why_no_sample, _SAMPLE)

    def _fill_recent(self, menu: QMenu) -> None:
        menu.clear()
        for place in recent_projects():
            name, _ = title_of_place(place)
            action = menu.addAction(name, lambda p=place: self._dialogs.open_place(p))
            not_none(action).setToolTip(plain_tip(place))

    def _empty_page(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.addWidget(heading("This project has no faces yet"))
        layout.addWidget(
            paragraph(
                "Import faces that are annotated already, or add pictures to annotate. A video "
                "is played in the tab Live, and its poor fits come here to be corrected."
            )
        )
        for name, title, do in (
            ("empty.import", "Import annotations…", self._dialogs.import_faces),
            ("empty.add", "Add pictures or videos…", self._dialogs.add_media),
            ("empty.folder", "Add a folder…", self._dialogs.add_folder),
            ("empty.sample", "Sample faces", self._dialogs.add_sample),
        ):
            button = QPushButton(title)
            button.setObjectName(name)
            button.clicked.connect(lambda _=False, do=do: do())
            layout.addWidget(button)
        self._samples.append(button)  # the last one
        layout.addWidget(paragraph("Or drop pictures, videos or folders here."))
        layout.addStretch(1)
        return page

    def _nothing_page(self) -> QWidget:
        page = QWidget()
        self._why = paragraph("")
        self._why.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._way_out = QPushButton()
        self._way_out.setObjectName("queue.way_out")
        self._way_out.clicked.connect(self._leave_nothing)
        layout = QVBoxLayout(page)
        layout.addStretch(1)
        layout.addWidget(self._why)
        layout.addWidget(self._way_out, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(1)
        return page

    def _command_buttons(self) -> QWidget:
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for names in (
            ("queue.accept", "queue.skip"),
            ("queue.previous", "queue.next", "queue.next_unlabelled"),
            ("queue.back", "queue.add"),
        ):
            line = QHBoxLayout()
            for name in names:
                line.addWidget(command_button(self._commands, name), 2 if "accept" in name else 1)
            layout.addLayout(line)
        return box
