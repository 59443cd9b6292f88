"""What the window works on: the open project, the face in work, the model in use. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psygnal import Signal

from faceloop_datasets import FaceloopError, Item, Project, Revision
from faceloop_workbench.services.face_finder import FaceFinder
from faceloop_workbench.services.model_choice import ChosenModel, check_points
from faceloop_workbench.services.picture_cache import PictureCache

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from faceloop_datasets import QueueEntry
    from faceloop_datasets.store.rounds import BlindRound


@dataclass(frozen=True)
class Message:
    """One line for the person: ``info``, ``warning`` or ``error``; and of which project it is."""

    level: str
    text: str
    project: str = ""


@dataclass(frozen=True)
class BlindWork:
    """A blind round that is worked on, and the person who annotates."""

    round: BlindRound
    author: str


class Session:
    """The state that all tabs share, with a signal for each thing that changes.

    Tabs talk to each other through it only. It is used on the GUI thread; background work opens
    the project by itself (`faceloop_datasets.Project.open`) and reports back through a
    `faceloop_workbench.services.background.Job`.

    Attributes
    ----------
    project_changed : Signal(Project or None)
        Another project was opened, or the project was closed.
    item_changed : Signal(Item or None)
        Another face is in work.
    saved : Signal(Revision)
        An annotation is on disk.
    labelled : Signal(int)
        A face, by its number, has another expression.
    face_changed : Signal(int)
        A face, by its number, is new, shows somebody else, was removed or brought back.
    noted : Signal(str, callable, callable)
        Something beside its points was done to the face in work, for its undo: what, what takes it
        back, and what does it again.
    face_wanted : Signal(int)
        A face, by its number, should be taken in work.
    items_changed, queue_changed, models_changed : Signal()
        Items were added, the review queue changed, a model was added or another is in use.
    trial_changed : Signal()
        Another model, or none, is tried on videos.
    told : Signal(Message)
        Something to show in the status line.
    tab_wanted : Signal(str)
        A tab, ``queue``, ``annotate``, ``train`` or ``live``, should come to the front.
    """

    project_changed = Signal(object)
    item_changed = Signal(object)
    saved = Signal(Revision)
    labelled = Signal(int)
    face_changed = Signal(int)
    noted = Signal(str, object, object)
    face_wanted = Signal(int)
    items_changed = Signal()
    queue_changed = Signal()
    models_changed = Signal()
    trial_changed = Signal()
    told = Signal(Message)
    tab_wanted = Signal(str)

    def __init__(self) -> None:
        self._project: Project | None = None
        self._item: Item | None = None
        self._entry: QueueEntry | None = None
        self._pictures: PictureCache | None = None
        self._finder: tuple[int | None, FaceFinder] | None = None
        self._trial: ChosenModel | None = None
        # Faces of this round show their annotator's own points only, and are saved into it.
        self.blind: BlindWork | None = None
        self._at_work: list[Callable[[], str]] = []

    @property
    def project(self) -> Project | None:
        """The open project."""
        return self._project

    @property
    def item(self) -> Item | None:
        """The face in work."""
        return self._item

    @property
    def entry(self) -> QueueEntry | None:
        """The entry of the review queue that brought the face in work here, if one did."""
        return self._entry

    def open(self, project: Project) -> None:
        """Work on a project; the one before is closed."""
        self.close()
        self._project = project
        self._pictures = PictureCache(project)
        self.project_changed.emit(project)

    def close(self) -> None:
        """Close the project; what was saved is on disk already."""
        if self._project is None:
            return
        self.show(None)
        project, self._project = self._project, None
        self.blind = None
        self._finder = None
        self.project_changed.emit(None)
        if self._pictures is not None:
            self._pictures.close()
            self._pictures = None
        project.close()

    def show(self, item: Item | None, entry: QueueEntry | None = None) -> None:
        """Take a face in work.

        Parameters
        ----------
        item : Item or None
            The face; None for none.
        entry : QueueEntry, optional
            The entry of the review queue it came from; its ``fit`` is what to start from.
        """
        self._item, self._entry = item, entry
        self.item_changed.emit(item)

    @property
    def trial(self) -> ChosenModel | None:
        """A model that is only tried: it fits videos instead of the one in use."""
        return self._trial

    def try_model(self, chosen: ChosenModel | None) -> None:
        """Try a model that is in no project, or none any more."""
        if chosen is not self._trial:
            self._trial = chosen
            self.trial_changed.emit()

    def tell(self, text: str, level: str = "info", project: str = "") -> None:
        """Show one line in the status line: ``info``, ``warning`` or ``error``.

        What was begun for a project and ends later names it: another may be open by then.
        """
        self.told.emit(Message(level, text, project))

    def ask_before_closing(self, what: Callable[[], str]) -> None:
        """Add something that says what would be lost if the window closed now, ``""`` if nothing.

        Parameters
        ----------
        what : callable
            Returns a sentence or two for the person.
        """
        self._at_work.append(what)

    def losses(self) -> list[str]:
        """Say what would be lost if the window closed now."""
        return [text for text in (what() for what in self._at_work) if text]

    def picture(self, item: Item) -> NDArray[np.uint8]:
        """Colour picture of a face, (H, W, 3), upright; it cannot be written to.

        Raises
        ------
        InputError
            If the picture is missing or damaged.
        FaceloopError
            If the face has no picture, or no project is open.
        """
        self.need_project()
        assert self._pictures is not None  # noqa: S101 - they come and go with the project
        return self._pictures.get(item)

    def prefetch(self, item_ids: Sequence[int]) -> None:
        """Read the pictures of faces that may be next, in the background."""
        if self._pictures is not None:
            self._pictures.read_ahead(item_ids)

    def model(self) -> ChosenModel:
        """Load the model in use: the project's, or the starter where there is none.

        Raises
        ------
        ModelFileError, ProjectError
            If it cannot be loaded, or has other points than the project.
        """
        chosen = self.finder().chosen
        check_points(chosen, self._project)
        return chosen

    def finder(self) -> FaceFinder:
        """Return what finds faces: the model in use, or the starter, its points converted.

        Raises
        ------
        ModelFileError, ProjectError
            If it cannot be loaded, or its points cannot become the project's.
        """
        record = None if self._project is None else self._project.active_model
        number = None if record is None else record.id
        if self._finder is None or self._finder[0] != number:
            self._finder = (number, FaceFinder.of(self._project))
        return self._finder[1]

    def need_project(self) -> Project:
        """Return the open project.

        Raises
        ------
        FaceloopError
            If none is open.
        """
        if self._project is None:
            raise FaceloopError("No project is open. Open one, or make a new one, first.")
        return self._project
