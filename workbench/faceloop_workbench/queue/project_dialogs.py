"""What can be done with a project as a whole: make, open, fill, export. Dialogs and jobs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_documents_dir

from faceloop_datasets import FaceloopError, Project, Scheme, SchemeError
from faceloop_datasets.formats import get_writer
from faceloop_datasets.media.images import IMAGE_SUFFIXES
from faceloop_datasets.media.video import VIDEO_SUFFIXES
from faceloop_datasets.sample import SCHEME as SAMPLE_SCHEME
from faceloop_datasets.wording import counted, enumerated
from faceloop_workbench.schemes.dialog import SchemeDialog
from faceloop_workbench.services.add_files import Added, add_files, are_annotations, is_media
from faceloop_workbench.services.background import Job, Result
from faceloop_workbench.services.exporting import export_faces, notes
from faceloop_workbench.services.format_help import title_of
from faceloop_workbench.services.other_project import (
    Plan,
    check_source,
    import_project,
    plan_import,
)
from faceloop_workbench.services.recent_projects import remember
from faceloop_workbench.services.sample_project import open_sample_project
from faceloop_workbench.widgets.file_dialogs import ask_files, ask_folder, ask_new_file
from faceloop_workbench.widgets.text_dialog import TextDialog

from .bring_dialog import BringDialog
from .import_dialog import ImportDialog
from .label_dialogs import LabelDialogs
from .new_dialog import NewDialog
from .server_dialog import ServerDialog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtWidgets import QWidget

    from faceloop_datasets import ImportReport, Media, Monitor
    from faceloop_workbench.session import Session
    from faceloop_workbench.widgets.job_bar import JobBar

    from .review import Review

_DATABASE = "project.db"
_NAMES = " ".join(f"*{suffix}" for suffix in IMAGE_SUFFIXES + VIDEO_SUFFIXES)


class ProjectDialogs:
    """Makes, opens and fills projects, as a person asks for it.

    Parameters
    ----------
    session : Session
        Where the project is open.
    review : Review
        Knows which media are missing.
    bar : JobBar
        Shows what runs.
    parent : QWidget
        What the dialogs belong to.

    Attributes
    ----------
    labels : LabelDialogs
        Checks and mends what is annotated.
    """

    def __init__(self, session: Session, review: Review, bar: JobBar, parent: QWidget) -> None:
        self._session, self._review, self._bar, self._parent = session, review, bar, parent
        self._look: Job[list[int]] | None = None
        self.labels = LabelDialogs(session, review, bar, self.free, parent)

    def close_down(self) -> None:
        """Stop what runs without the bar."""
        if self._look is not None:
            look, self._look = self._look, None
            look.cancel()
            look.wait()

    # No project yet

    def new(self) -> None:
        """Ask for a folder, and make a project in it."""
        self._new_dialog(self._parent).open()

    def new_with(self, scheme: Scheme, window: QWidget) -> NewDialog:
        """Ask for a folder, and make a project in it, of a scheme that is chosen in a window."""
        dialog = self._new_dialog(window)
        dialog.take_scheme(scheme)
        dialog.open()
        return dialog

    def _new_dialog(self, window: QWidget) -> NewDialog:
        folder = Path(user_documents_dir()) / "faces"
        return NewDialog(folder, self._make, window, self._session.project)

    def schemes(self) -> None:
        """Look at landmark schemes, that of the project first, or make one."""
        project = self._session.project
        shown = None if project is None else project.scheme
        window = SchemeDialog(
            lambda scheme: self.new_with(scheme, window),
            self._parent,
            project,
            shown,
            "New project with it…",
        )
        window.open()

    def open(self) -> None:
        """Ask for a project's folder, and open it."""
        ask_folder(self._parent, "Open project", self.open_folder)

    def open_on_server(self) -> None:
        """Ask for the address of a project on a server, and open it."""
        if self.free():
            ServerDialog(
                lambda place: self._open_in_session(Project.open(place)), self._parent
            ).open()

    def open_folder(self, folder: Path) -> None:
        """Open a project in a folder."""
        self.open_place(str(folder))

    def open_place(self, place: str) -> None:
        """Open a project by its folder, or its address on a server."""
        if self.free():
            try:
                self._open_in_session(Project.open(place))
            except FaceloopError as error:
                self._session.tell(str(error), "error")

    def sample(self) -> None:
        """Open the person's own copy of the sample; the first time it is made."""

        def work(_monitor: Monitor) -> str:
            with open_sample_project() as project:
                return project.address

        if self.free():
            self._bar.run(Job(work, "Making the sample project"), self.open_place)

    def close(self) -> None:
        """Close the project."""
        if self.free():
            self._session.close()

    # A project that is open

    def import_faces(self, sources: Sequence[Path] = ()) -> None:
        """Open the dialog that imports annotations."""
        if self.free():
            before = self._review.faces
            dialog = ImportDialog(self._session, self._parent, self.new_with, sources)
            dialog.finished.connect(lambda: self._imported(before))
            dialog.open()

    def import_project(self) -> None:
        """Ask for another project, and bring in its faces after showing what that would do."""
        ask_folder(self._parent, "Project to bring faces from", self.import_project_from)

    def import_project_from(self, source: Path) -> None:
        """Look at what would come in, and ask."""
        if self.free():
            work = self._on_project(lambda into, monitor: plan_import(into, source, monitor))
            self._bar.run(Job(work, f"Looking at the faces of {source.name}"), self._planned)

    def _planned(self, plan: Plan) -> None:
        text = plan.text(self._session.need_project().scheme)
        if not plan.report.new:
            self._session.tell(text.replace("\n\n", " "))
            return
        BringDialog(text, lambda: self._bring(plan.source), self._parent).open()

    def _bring(self, source: Path) -> None:
        if self.free():
            work = self._on_project(lambda into, monitor: import_project(into, source, monitor))
            self._bar.run(Job(work, f"Bringing in the faces of {source.name}"), self._brought)

    @property
    def why_no_sample(self) -> str:
        """Why the sample cannot be brought in; empty if it can."""
        project = self._session.project
        if project is None:
            return ""
        try:
            project.conversion_from(SAMPLE_SCHEME)
        except SchemeError:
            return (
                f"The sample has the points of {SAMPLE_SCHEME}, and this project has no\n"
                f"conversion of those to {project.scheme.name}."
            )
        return ""

    def add_sample(self) -> None:
        """Bring in the faces of the sample, with copies of their pictures."""
        if self.free():
            work = self._on_project(lambda into, monitor: into.import_sample(progress=monitor))
            self._bar.run(Job(work, "Bringing in the sample faces"), self._brought)

    def add_media(self) -> None:
        """Ask for pictures and videos, and add them."""
        ask_files(
            self._parent, "Add pictures and videos", f"Pictures and videos ({_NAMES})", self.add
        )

    def add_folder(self) -> None:
        """Ask for a folder, and add all pictures and videos in it."""
        ask_folder(
            self._parent, "Add a folder of pictures and videos", lambda folder: self.add([folder])
        )

    def add(self, paths: Sequence[Path]) -> None:
        """Add pictures and videos, and those in folders."""
        if self.free():
            work = self._on_project(lambda project, monitor: add_files(project, paths, monitor))
            self._bar.run(Job(work, "Adding pictures and videos"), self._added)

    def drop(self, paths: Sequence[Path]) -> None:
        """Do what files that were dropped here are for."""
        project = next((path for path in map(_project_of, paths) if path is not None), None)
        if project is not None:
            self.open_folder(project)
            return
        if self._session.project is None:
            self._session.tell(
                "Make or open a project first, then drop the files again.", "warning"
            )
            return
        media = any(path.is_file() and is_media(path) for path in paths)
        if not media and are_annotations(paths):
            self.import_faces(paths)
        else:
            self.add(paths)

    def relink(self) -> None:
        """Ask for a folder, and look there for media that are not where they were."""
        ask_folder(self._parent, "Folder that the missing media are in now", self.relink_in)

    def relink_in(self, folder: Path) -> None:
        """Look in a folder, and all below, for media that are not where they were."""
        if self.free():
            work = self._on_project(lambda project, _monitor: project.relink(folder))
            self._bar.run(Job(work, "Looking for missing media"), self._relinked)

    def look_for_missing(self) -> None:
        """See which media are not where they were, in the background."""
        self.close_down()
        if self._session.project is not None:
            work = self._on_project(missing)
            look = self._look = Job(work, "Looking whether all media are there")
            look.done.connect(lambda lost: self._missing_found(look, lost), thread="main")
            look.start()

    def export(self, target_format: str) -> None:
        """Ask for a file, or for some formats a folder, and write all annotated faces."""

        def write(dest: Path) -> None:
            if self.free():
                work = self._on_project(
                    lambda project, _monitor: export_faces(project, target_format, dest)
                )
                self._bar.run(
                    Job(work, f"Exporting to {dest.name}"),
                    lambda made: self._session.tell(
                        " ".join([f"Wrote {counted(made.faces, 'face')} to {dest}.", *notes(made)])
                    ),
                )

        title = f"Export as {title_of(target_format)}"
        suffix = get_writer(target_format).suffix
        if suffix:
            ask_new_file(self._parent, title, suffix.removeprefix("."), write)
        else:
            ask_folder(self._parent, title, write)

    # How

    def _make(self, folder: Path, scheme: Scheme | Path, source: Path | None = None) -> None:
        if source is not None:
            check_source(source, scheme)
        project = Project.create(folder, scheme)
        self._open_in_session(project)
        if source is not None:
            self._bring(source)

    def _brought(self, report: ImportReport) -> None:
        self._session.items_changed.emit()
        self._session.queue_changed.emit()
        self._imported(0)
        if not report.new:
            self._session.tell("No face was brought in: all of them are in the project already.")
            return
        self._session.tell(
            f"{counted(report.new, 'face was', 'faces were')} brought in, "
            f"{report.points_estimated} of {counted(report.points, 'point')} estimated."
        )

    def _open_in_session(self, project: Project) -> None:
        self._session.open(project)
        try:
            remember(project.address)
        except FaceloopError as error:
            self._session.tell(str(error), "warning")

    def free(self) -> bool:
        """Whether nothing is running here; the person is told if something is."""
        if self._bar.busy:
            self._session.tell("Something is still running. Wait for it, or cancel it.", "warning")
        return not self._bar.busy

    def _missing_found(self, look: Job[list[int]], lost: list[int]) -> None:
        if self._look is look:  # and not one for the project before
            self._review.missing_media = frozenset(lost)

    def _on_project(
        self, work: Callable[[Project, Monitor], Result]
    ) -> Callable[[Monitor], Result]:
        """Give work a project of its own: it runs in another thread."""
        folder = self._session.need_project().address

        def run(monitor: Monitor) -> Result:
            with Project.open(folder) as project:
                return work(project, monitor)

        return run

    def _imported(self, before: int) -> None:
        """Show what came in: finished faces are in no queue."""
        if self._review.faces > before and not self._review.rows:
            self._review.select(show="all")

    def _added(self, added: Added) -> None:
        self._session.items_changed.emit()
        if added.pictures and not self._review.rows:
            self._review.select(show="all")
        level = "warning" if added.refused else "info"
        self._session.tell(str(added), level)
        if len(added.refused) > 1:
            text = "\n".join([str(added), "", *added.refused])
            TextDialog("Files that were not added", text, self._parent).open()

    def _relinked(self, found: list[Media]) -> None:
        if found:
            self._session.tell(f"Found {enumerated([media.name for media in found])}.")
        else:
            self._session.tell("None of the missing media is in that folder.", "warning")
        self._session.items_changed.emit()
        if self._session.item is not None:  # its picture may be there now
            self._session.show(self._session.item, self._session.entry)


def missing(project: Project, monitor: Monitor) -> list[int]:
    """Numbers of the media whose file is not where it was."""
    lost = []
    for media in project.media():
        if monitor.stopping:
            break
        try:
            project.resolve(media)
        except FaceloopError:
            lost.append(media.id)
    return lost


def _project_of(path: Path) -> Path | None:
    folder = path.parent if path.name == _DATABASE else path
    return folder if (folder / _DATABASE).is_file() else None
