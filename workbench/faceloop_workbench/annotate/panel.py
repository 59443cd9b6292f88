"""The tab Annotate."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QFlowLayout

from faceloop_datasets import FaceloopError
from faceloop_datasets.wording import enumerated
from faceloop_workbench.services.queue_reasons import reason_lines
from faceloop_workbench.settings import read_settings
from faceloop_workbench.widgets.basic import PlainLabel, command_button
from faceloop_workbench.widgets.scroll import fill_scrolled

from .canvas import FaceCanvas
from .canvas_others import OtherFaces
from .dialog_display import DisplayDialog
from .dialog_rounds import show_rounds
from .display_commands import DisplayCommands
from .doubts import Doubts
from .editor import FaceEditor
from .expression import FaceExpression
from .face_commands import FaceCommands
from .fit_error_learning import FitErrorLearning
from .held_out_marks import HeldOutMarks
from .panel_doubts import DoubtBar
from .panel_expression import ExpressionButton
from .panel_faces import FacesBox
from .panel_head import Head, Notice
from .panel_history import HistoryList
from .panel_legend import Legend
from .panel_missing import MissingList
from .panel_points import PointTablePanel
from .panel_prompt import ClickPrompt
from .panel_round import RoundBar
from .person_learning import PersonLearning
from .picture import FacePicture
from .picture_faces import PictureFaces
from .point_commands import PointCommands
from .rounds import RoundWork
from .start_commands import StartCommands
from .suggestion import Suggestion
from .undo import UndoStacks

if TYPE_CHECKING:
    from faceloop_datasets import PointState, Project, QueueEntry, Revision, Scheme
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.session import Session
    from faceloop_workbench.widgets.picture_layer import PictureLayer

    from .face_state import FaceState
    from .saving import SaveStatus

_LOOK_AGAIN_MS = 2000  # how often what other windows saved is looked for
_NUDGE_FIRST_MS, _NUDGE_MS = 300, 40  # a held arrow key: before it repeats, and between
_GOING_ON = ("queue.previous", "queue.accept", "queue.next")
_TO_VIDEO = "live.corrected"
_STARTS = (
    "annotate.fit",
    "annotate.three_clicks",
    "annotate.mirror",
    "annotate.copy_previous",
    "annotate.interpolate",
)
_POINTS = ("annotate.occlude", "annotate.confirm", "annotate.release", "annotate.remove")
_ZOOMS = ("zoom_face", "zoom_left_eye", "zoom_right_eye", "zoom_mouth", "zoom_jaw", "display")
_HELP = (
    "Drag a point: the points nobody has placed follow. Ctrl+drag: this point alone. "
    "Shift+click, Shift+drag: select several; drag one of them to move all, Ctrl+drag beside "
    "them to turn and scale. Arrows: half a pixel, with Shift five. Drag beside the points: "
    "move the picture."
)
_ASSISTED = "Points that nobody has placed follow those that are dragged."
_STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
_FINE, _COARSE = 0.5, 5.0


class AnnotatePanel(QWidget):
    """The tab Annotate: the face in work, on the picture and beside it.

    Parameters
    ----------
    session : Session
        What is worked on.
    commands : Commands
        What can be done.
    picture_layer : PictureLayer
        The picture.

    Attributes
    ----------
    editor : FaceEditor
        The face in work.
    canvas : FaceCanvas
        What shows it.
    expression : FaceExpression
        What it expresses.
    undo : UndoStacks
        What can be taken back.
    faces : PictureFaces
        The faces of its picture.
    held_out : HeldOutMarks
        Which faces no training gets.
    """

    def __init__(self, session: Session, commands: Commands, picture_layer: PictureLayer) -> None:
        super().__init__()
        self._session, self._commands, self._picture_layer = session, commands, picture_layer
        self.held_out = HeldOutMarks(session)
        self.faces = PictureFaces(session)  # first: what draws must not meet those of before
        self.editor = FaceEditor(session)
        self.canvas = FaceCanvas(picture_layer, self.editor)
        self.expression = FaceExpression(session)
        self.undo = UndoStacks(self.editor, self.expression)
        self._picture = FacePicture(session)
        self._point_commands = PointCommands(session, commands, self.editor, self.canvas)
        self._start_commands = StartCommands(
            session,
            commands,
            self.editor,
            self.canvas.mouse,
            lambda: self._picture.pixels,
            finding=lambda: read_settings().finding,
        )
        self._face_commands = FaceCommands(
            session,
            commands,
            self.editor,
            self.canvas.mouse,
            self.faces,
            self._start_commands,
            picture=lambda: self._picture.pixels,
            finding=lambda: read_settings().finding,
            note=self.undo.note,
        )
        self._others = OtherFaces(picture_layer.viewer, self.faces)
        self._display = DisplayCommands(session, commands, picture_layer, self.editor)
        self._fit_errors = FitErrorLearning(session, self.editor)
        self.rounds = RoundWork(session, commands, self.editor)
        self._person = PersonLearning(session, self.editor)
        self._items: list[int] = []
        self._doubts = Doubts(session, commands, self.editor, self.canvas)
        self._suggestion = Suggestion(
            session,
            commands,
            self.editor,
            self._doubts,
            crowded=lambda: bool(self._start_commands.others()),
            picture=lambda: self._picture.pixels,
            finding=lambda: read_settings().finding,
        )
        self._framed = False
        self._prompt = ClickPrompt(self.canvas.mouse, self)
        self._build()
        self._connect()
        self._handle()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.editor.synchronise)
        self._timer.timeout.connect(self.expression.read)
        self._timer.timeout.connect(self.faces.read)
        self._timer.start(_LOOK_AGAIN_MS)
        self._project_changed(session.project)

    def close_down(self) -> None:
        """Stop what runs in the background, and take the layers away."""
        self._commands.changed.disconnect(self._offer_video)
        self._timer.stop()
        self._nudging.stop()
        self._prompt.close_down()
        self._picture.close_down()
        self._start_commands.close_down()
        self._suggestion.close_down()
        self._face_commands.close_down()
        self._fit_errors.close_down()
        self.rounds.close_down()
        self.held_out.close_down()
        self._person.close_down()
        self._others.close_down()
        self.canvas.close_down()

    # The widgets

    def _build(self) -> None:
        self._head = Head()
        self._conflict, self._absent = Notice("annotate.conflict"), Notice("annotate.absent")
        self._add_choices()
        self._why, self._estimated = Notice("annotate.why"), Notice("annotate.estimated")
        self._doubted = self._why.add(
            "annotate.doubted",
            "Select these points",
            "Those that it is about.",
            self._select_doubted,
        )
        self._doubt_bar = DoubtBar(self._session, self._commands, self._doubts)
        self._estimated.add_button(command_button(self._commands, "queue.confirm_points"))
        self._find = self._absent.add(
            "annotate.find",
            "Find moved media…",
            "Go to the tab Queue, which looks for files that have moved.",
            lambda: self._session.tab_wanted.emit("queue"),
        )
        self._assisted = QCheckBox("Assisted drag")
        self._assisted.setObjectName("annotate.assisted")
        self._assisted.setChecked(read_settings().assisted)
        self._faces_box = FacesBox(self._commands, self.faces, self.held_out)
        self._legend = Legend(self.editor.select, self._select_state)
        self._to_video = command_button(self._commands, _TO_VIDEO)
        self._expression = ExpressionButton(self._commands, self.expression)
        self._history = HistoryList(self._session, self.editor)
        self._missing = MissingList(self._commands, self._point_commands.place)
        self._table = PointTablePanel(self._session, self._commands, self.editor, self.canvas)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(2, 2, 2, 2)
        for part in self._parts():
            layout.addWidget(part) if isinstance(part, QWidget) else layout.addLayout(part)
        layout.setStretchFactor(self._history, 1)
        fill_scrolled(self, body)

    def _parts(self) -> list[QWidget | QLayout]:
        going_back = QHBoxLayout()
        going_back.addWidget(self._assisted)
        going_back.addStretch(1)
        for name in ("undo", "redo"):
            going_back.addWidget(command_button(self._commands, f"annotate.{name}"))
        help_line = PlainLabel(_HELP)
        help_line.setWordWrap(True)
        return [
            RoundBar(self.rounds),
            self._head,
            self._why,
            self._doubt_bar,
            self._conflict,
            self._absent,
            self._faces_box,
            self._grid(_GOING_ON, 3),
            self._to_video,
            self._expression,
            self._grid(_STARTS, 2),
            going_back,
            self._grid(_POINTS, 4),
            self._zooms(),
            self._legend,
            self._estimated,
            self._missing,
            self._table,
            self._history,
            help_line,
        ]

    def _grid(self, names: tuple[str, ...], columns: int) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(3)
        for number, name in enumerate(names):
            button = command_button(self._commands, name)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            grid.addWidget(button, number // columns, number % columns)
        return grid

    def _zooms(self) -> QFlowLayout:
        row = QFlowLayout()  # in two lines where the letters are large
        row.addWidget(PlainLabel("Look at"))
        for name in _ZOOMS:
            row.addWidget(command_button(self._commands, f"annotate.{name}", small=True))
        return row

    def _add_choices(self) -> None:
        for name, title, tooltip, do in (
            ("keep_mine", "Keep mine", "Yours counts; theirs stays in the history.", self._mine),
            (
                "take_theirs",
                "Take theirs",
                "Theirs counts; yours stays in the history.",
                self.editor.take_theirs,
            ),
            ("show_theirs", "Show theirs", "Look at theirs before deciding.", self._show_theirs),
        ):
            self._conflict.add(f"annotate.{name}", title, tooltip, do)

    # The wiring

    def _connect(self) -> None:
        session, editor = self._session, self.editor
        session.project_changed.connect(self._project_changed)
        session.items_changed.connect(self._count)
        session.face_changed.connect(self._recount)
        session.queue_changed.connect(self._read_reasons)
        session.saved.connect(self._saved)
        session.noted.connect(self.undo.note)
        session.ask_before_closing(self._loss)
        editor.loaded.connect(self._load)
        editor.shown.connect(self._show)
        editor.selected.connect(self._selected)
        editor.save_status_changed.connect(self._kept)
        editor.conflict.connect(self._conflicted)
        self._picture.arrived.connect(self._present)
        self._start_commands.started.connect(self.canvas.look_at)
        self.canvas.shown.connect(self._others.show)
        self._picture_layer.owner_changed.connect(self._owner_changed)
        self._assisted.toggled.connect(self._assist)
        self._commands.changed.connect(self._offer_video)
        self._doubts.settled.connect(self.undo.note)
        self.faces.named.connect(self.undo.note)
        group = self.undo.group
        group.canUndoChanged.connect(self._update_undo)
        group.canRedoChanged.connect(self._update_undo)
        group.undoTextChanged.connect(self._update_undo)
        group.redoTextChanged.connect(self._update_undo)
        group.activeStackChanged.connect(self._update_undo)

    def _handle(self) -> None:
        show_rounds(self, self._session, self._commands, self.rounds)
        self.rounds.turned.connect(self.undo.clear)
        self.rounds.turned.connect(self._update)
        self._commands.handle("annotate.undo", self.undo.undo)
        self._commands.handle("annotate.redo", self.undo.redo)
        self._nudging = QTimer(self)
        self._nudging.timeout.connect(self._nudge_on)
        self._step = (0.0, 0.0)
        for way, (x, y) in _STEPS.items():
            for name, size in ((way, _FINE), (f"{way}_far", _COARSE)):
                step = (x * size, y * size)
                self._commands.handle(
                    f"annotate.{name}", lambda held, step=step: self._nudge(step, held=held)
                )
        self._commands.handle("annotate.display", lambda: DisplayDialog(self._display, self).show())
        self._update_undo()
        self._offer_video(_TO_VIDEO)

    def _project_changed(self, project: Project | None) -> None:
        self.undo.clear()
        scheme = None if project is None else project.scheme
        self.canvas.use(scheme)
        self._others.use(scheme)
        self._legend.use(scheme)
        self._count()
        self._load(self.editor.state)

    def _count(self) -> None:
        project = self._session.project
        self._items = [] if project is None else [item.id for item in project.items()]
        self._show_head()
        if self._picture.problem:  # it may have been found meanwhile
            self._picture.read(self.editor.item)

    def _recount(self, item_id: int) -> None:
        """Count one face more or less: reading all of a large project would be felt."""
        place = bisect_left(self._items, item_id)
        there = self._items[place : place + 1] == [item_id]
        if self._session.need_project().item(item_id).removed:
            del self._items[place : place + there]
        elif not there:
            self._items.insert(place, item_id)
        self._show_head()

    def _load(self, _state: FaceState | None) -> None:
        """Another face is in work: its picture is needed before it can be drawn."""
        self.canvas.ready, self._framed = False, False
        self.canvas.set_size(read_settings().point_size)
        self._show_head()
        self._show_why(self._session.entry)
        self._history.load()
        self._picture.read(self.editor.item)
        self._update()

    def _present(self) -> None:
        """Show the picture, when it has arrived and it is this tab's turn to show one."""
        item = self.editor.item
        self._absent.say("" if item is None else self._picture.problem)
        self._find.setVisible(item is not None and item.media_id is not None)
        self._start_commands.update()
        self._suggestion.update(self._start_commands.no_model)
        arrived = self._picture.pixels is not None or bool(self._picture.problem)
        if self._picture_layer.owner != "annotate":
            return
        if self._picture.pixels is not None:
            self._picture_layer.show(self._picture.pixels)
            self._display.show()
        elif arrived or item is None:
            self._picture_layer.clear()
        self.canvas.ready = arrived and item is not None
        self.canvas.refresh()
        if self.canvas.ready and not self._framed:
            self._framed = True
            self.canvas.look_at()
            self._doubts.picture_shown()

    def _owner_changed(self, owner: str) -> None:
        self.canvas.ready = self._framed = False
        if owner == "annotate":
            self._present()
        else:
            self.canvas.refresh()

    # What changes

    def _show(self, _state: FaceState | None) -> None:
        if not self.editor.dragging:
            self._update()

    def _update(self) -> None:
        state = self.editor.state
        no_model, finds = self._start_commands.no_model, not self._start_commands.no_finder
        self._head.show_progress(state, helped=not no_model, finds=finds)
        self._expression.allow(face=state is not None)
        scheme = self._session.need_project().scheme if state is not None else None
        missing = [] if state is None else state.missing
        self._missing.show_points(missing, scheme, helped=not no_model)
        self._show_estimated(state, scheme)
        self._point_commands.update()
        self._start_commands.update()
        self._face_commands.update()
        self._suggestion.update(no_model)
        self._doubts.update()
        self._assisted.setEnabled(not no_model)
        self._assisted.setToolTip(no_model or _ASSISTED)
        self._assist()

    def _offer_video(self, command: str) -> None:
        """Show the way back to a video while a frame of one is open to be corrected."""
        if command == _TO_VIDEO:
            self._to_video.setVisible(not self._commands.why_not(_TO_VIDEO))

    def _selected(self, _selection: tuple[int, ...]) -> None:
        self._point_commands.update()

    def _show_head(self) -> None:
        item = self.editor.item
        place = self._items.index(item.id) + 1 if item and item.id in self._items else 0
        self._head.show_face(item, place, len(self._items))

    def _read_reasons(self) -> None:
        """Read why the face in work is in the queue: a check may have found something."""
        item, project = self.editor.item, self._session.project
        if item is not None and project is not None:
            try:
                self._show_why(project.queue.of_item(item.id))
            except FaceloopError as error:
                self._session.tell(str(error), "error")

    def _show_why(self, entry: QueueEntry | None) -> None:
        blind = self._session.blind is not None  # what others did wrong is theirs too
        waits = entry is not None and entry.status in ("open", "claimed") and not blind
        reasons = entry.reasons if entry is not None and waits else ()
        self._why.say("\n".join(reason_lines(reasons)))
        self._doubts.show(entry)
        self._doubted.setVisible(bool(self._doubts.points))

    def _select_doubted(self) -> None:
        self.editor.select(self._doubts.points)

    def _show_estimated(self, state: FaceState | None, scheme: Scheme | None) -> None:
        """Name the points that the import could only estimate."""
        names = []
        if state is not None and scheme is not None:
            converted = state.annotation(scheme.name).converted
            names = [scheme.names[k] for k in converted.nonzero()[0]]
        self._estimated.say(f"Only estimated by the import: {enumerated(names)}." if names else "")

    def _kept(self, kept: SaveStatus) -> None:
        self._head.show_save_status(kept, face=self.editor.item is not None)

    def _loss(self) -> str:
        kept, item = self.editor.save_status, self.editor.item
        if item is None or kept.kind != "unsaved":
            return ""
        return f"What you changed last of {item.name} could not be saved: {kept.why}"

    def _saved(self, revision: Revision) -> None:
        item = self.editor.item
        if item is not None and revision.item_id == item.id:
            self._history.add(revision)

    def _assist(self, _on: object = None) -> None:
        self.editor.assisted = self._assisted.isChecked() and self._assisted.isEnabled()

    def _update_undo(self, _what: object = None) -> None:
        group = self.undo.group
        self._commands.disable(
            "annotate.undo", "" if group.canUndo() else "Nothing of this face was changed."
        )
        self._commands.disable(
            "annotate.redo", "" if group.canRedo() else "Nothing of this face was taken back."
        )
        for name, what in (("undo", group.undoText()), ("redo", group.redoText())):
            self._commands.specify(f"annotate.{name}", what)

    def _select_state(self, wanted: PointState) -> None:
        state = self.editor.state
        if state is not None:
            self.editor.select(k for k, found in enumerate(state.states) if found == wanted)

    # Conflicts

    def _conflicted(self, theirs: Revision | None) -> None:
        text = ""
        if theirs is not None:
            when = theirs.created.astimezone()
            text = (
                f"{theirs.author} saved this face at {when:%H:%M:%S}, while you were changing it. "
                "Both are kept. Which one counts?"
            )
            self._history.load()
        self._conflict.say(text)

    def _mine(self) -> None:
        self.editor.view(None)
        self.editor.keep_mine()

    def _show_theirs(self) -> None:
        looking = self.editor.viewing is not None
        self.editor.view(None if looking else self.editor.theirs)

    # Arrow keys

    def _nudge(self, step: tuple[float, float], *, held: bool) -> None:
        """Move the selected points while an arrow key is held; saved when it is let go."""
        if held:
            x, y = self._picture_layer.along_screen(step)
            self._step = float(x), float(y)
            self.editor.nudge(*self._step)
            self._nudging.start(_NUDGE_FIRST_MS)
        else:
            self._nudging.stop()
            self.editor.drop()

    def _nudge_on(self) -> None:
        self._nudging.setInterval(_NUDGE_MS)
        self.editor.nudge(*self._step)
