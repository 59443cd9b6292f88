"""The tab Live: a video plays with the fit on it, and poor fits go to the review queue."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from faceloop_datasets import FaceloopError
from faceloop_runtime.responses.gl.context import GLError
from faceloop_runtime.responses.gl.egl import EglContext
from faceloop_workbench.services.model_choice import expression_names
from faceloop_workbench.settings import read_settings
from faceloop_workbench.widgets.basic import PlainLabel, command_button, not_none
from faceloop_workbench.widgets.file_dialogs import dropped_paths
from faceloop_workbench.widgets.gl_context import QtContexts
from faceloop_workbench.widgets.scroll import ScrollArea

from .canvas import LiveCanvas
from .frame_marks import FrameMarks
from .panel_camera import CameraBar
from .panel_export import ExportBar
from .panel_expressions import ExpressionBox
from .panel_head import HeadBox
from .panel_quality import QualityBox
from .panel_queue import QueueBox
from .panel_responses import PointChooser
from .panel_sources import SourceBar
from .panel_time import TimePanel
from .panel_time_dock import TimeDock
from .panel_track import TrackBox
from .panel_view import ViewChooser
from .player import AS_FAST_AS_IT_GOES, Player
from .screening import Screening
from .track_commands import TrackCommands
from .track_editor import TrackEditor

if TYPE_CHECKING:
    from pathlib import Path

    from qtpy.QtGui import QDragEnterEvent, QDropEvent

    from faceloop_datasets import Project
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.services.render_choice import Rendering
    from faceloop_workbench.session import Session
    from faceloop_workbench.widgets.picture_layer import PictureLayer

    from .player import ShownFrame
    from .sources import FrameSource

_LOOK_MS = 8  # how often the window looks for a new frame; what it finds is what costs
_BARS_EVERY = 0.1  # seconds
_TEXT_EVERY = 0.25  # seconds; each new text is a repaint of the window on top of the picture's
_SPEEDS = {
    "¼ x": 0.25,
    "½ x": 0.5,
    "1 x": 1.0,
    "2 x": 2.0,
    "4 x": 4.0,
    "all speed": AS_FAST_AS_IT_GOES,
}
_NO_VIDEO = "Open a video first."
_FIRST = (
    "Choose a video of the project, or open a file or a camera. It plays with the model's fit on "
    "it, and what fits badly comes to the tab Queue."
)


class LivePanel(QWidget):
    """The tab Live.

    Parameters
    ----------
    session : Session
        The open project.
    commands : Commands
        What can be done by key.
    picture_layer : PictureLayer
        The picture.

    Attributes
    ----------
    player : Player
        What plays.
    canvas : LiveCanvas
        What draws.
    tracks : TrackEditor
        The kept track of the video.
    time : TimePanel
        Timeline and plots, below the picture.
    """

    def __init__(self, session: Session, commands: Commands, picture_layer: PictureLayer) -> None:
        super().__init__()
        self._session, self._commands, self._picture_layer = session, commands, picture_layer
        self._settings = settings = read_settings()
        self._threshold = settings.poor_error
        self._contexts = _contexts()
        self.player = Player(self._contexts or EglContext)
        self.player.set_threshold(self._threshold)
        self.canvas = LiveCanvas(picture_layer)
        self._screening = Screening(session, self.player, settings.per_shot)
        self._sources = SourceBar(session, self._screening)
        self.time = TimePanel(session)
        self._timeline = self.time.timeline
        self.tracks = TrackEditor(session, self.player, self._screening)
        self._track_commands = TrackCommands(session, commands, self.tracks, self._timeline)
        self._track = TrackBox(self.tracks, commands, self._timeline.view)
        self._time_dock = TimeDock(picture_layer.viewer, self.time)
        self._marks = FrameMarks(session)
        self._quality = QualityBox(
            settings.backend, settings.max_faces, settings.finding, self._screening.use_model
        )
        self._expressions = ExpressionBox()
        self._queue = QueueBox(session, commands, self._threshold, self._set_threshold)
        self._head = HeadBox(self._show_axes)
        self._points = PointChooser(self.canvas)
        self._view = ViewChooser(self._draw_over)
        self._camera = CameraBar(session, commands, self.player, lambda: self._points.face)
        self.setAcceptDrops(True)
        self._export = ExportBar(session, self._screening, self.tracks, self._timeline.view)
        self._speed = QComboBox()
        self._place = PlainLabel(_FIRST)
        self._place.setWordWrap(True)
        self._drawn: deque[float] = deque(maxlen=60)
        self._told = self._barred = 0.0
        self._equipped = False
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._arrange()
        self._connect()
        self._allow()

    def open(self, path: Path) -> None:
        """Open a video file, paused at its first frame."""
        self._screening.open_file(path)

    def close_down(self) -> None:
        """Stop what runs in the background."""
        self._timer.stop()
        self._disconnect()
        self.canvas.close_down()
        self._export.close_down()
        self.tracks.close_down()
        self._marks.close_down()
        self.time.close_down()
        self._time_dock.close_down()
        self._screening.close_down()
        self._camera.close_down()
        self.player.close()
        if self._contexts is not None:
            self._contexts.close()

    # What the person does

    def _play(self) -> None:
        if self.player.playing:
            self.player.pause()
        else:
            self.player.play()

    def _queue_fit(self) -> None:
        shown = self.canvas.shown
        if self._camera.active:
            self._camera.snapshot()
        if shown is None or self._camera.active:
            return
        try:
            self._screening.queue_fit(shown, self._points.face)
        except FaceloopError as error:
            self._failed(error)

    def _queue_fits(self) -> None:
        shown = self.canvas.shown
        if shown is None:
            return
        try:
            self._screening.queue_fits(shown)
        except FaceloopError as error:
            self._failed(error)

    def _draw_over(self, rendering: Rendering | None) -> None:
        self._screening.rendering = rendering
        self.player.draw_over(rendering)

    def _set_threshold(self, threshold: float) -> None:
        self._threshold = threshold
        self.player.set_threshold(threshold)
        self._show_record()

    def _show_axes(self, wanted: bool) -> None:
        self.player.draws_axes = wanted
        self.canvas.show_axes(wanted=wanted)

    # What happens

    def _tick(self) -> None:
        shown = self.player.take_frame()
        if shown is not None:
            self.canvas.show(shown)
            self._drawn.append(time.monotonic())
        self._screening.tick()
        self.tracks.tick()
        now = time.monotonic()
        still = shown is not None and not shown.moving
        if shown is not None and (still or now - self._barred >= _BARS_EVERY):
            self._barred = now
            self._show_expressions(shown)
        if still or now - self._told >= _TEXT_EVERY:
            self._told = now
            self._camera.tick()
            self._show_status()

    def _show_status(self) -> None:
        shown = self.canvas.shown
        self._allow()
        if shown is None:
            return
        self._timeline.set_index(shown.index)
        self._show_place()
        rejected = self.player.kept.rejects(shown.index)
        self._quality.show_frame(shown, self._threshold, rejected=rejected)
        self._head.show_frame(shown)
        if shown.moving:
            self._quality.show_speed(self._frames_a_second(), shown.fit_ms)
        if shown.chosen is not None:
            self._points.use(shown.chosen.model.scheme)

    def _show_expressions(self, shown: ShownFrame) -> None:
        names = () if shown.chosen is None else expression_names(shown.chosen.model)
        self._expressions.show_frame(shown, names)

    def _show_place(self) -> None:
        shown, source = self.canvas.shown, self.player.source
        if shown is None or source is None:
            self._place.setText(_FIRST)
        else:
            of = "" if source.frames is None else f" of {source.frames}"
            self._place.setText(f"frame {shown.index}{of}, {shown.time:.2f} s")

    def _frames_a_second(self) -> float:
        now = time.monotonic()
        return float(sum(now - drawn <= 1.0 for drawn in self._drawn))

    def _opening(self, name: str) -> None:
        self.tracks.leave()
        if name:
            self._place.setText(f"Opening {name}…")

    def _opened(self, source: FrameSource | None) -> None:
        self._sources.refresh("" if source is None else source.name)
        self._show_record()
        path = None if source is None else source.path
        self.time.show_video(path)
        self._marks.use(path)
        self._show_time()
        self.tracks.load()
        if source is None:
            self.canvas.clear()
            self._show_place()
        self._allow()

    def _show_record(self) -> None:
        source = self.player.source
        rate = 25.0 if source is None else source.rate
        self._timeline.show_record(self.player.record, rate, self._threshold)

    def _show_time(self) -> None:
        source = self.player.source
        file = source is not None and source.frames is not None
        wanted = file and self._picture_layer.owner == "live"
        self._time_dock.show(wanted=wanted)
        self._marks.watch(wanted=wanted)

    def _failed(self, error: FaceloopError) -> None:
        self._session.tell(str(error), "error")
        self._show_place()

    def _playing_stopped(self, _why: str) -> None:
        self._allow()

    def _owner_changed(self, owner: str) -> None:
        if owner == "live":
            self._use_model()
            self.canvas.enter()
            self.tracks.take_pending()
            self._show_track()
            self._timer.start(_LOOK_MS)
        elif self._timer.isActive():
            self._timer.stop()
            self.player.pause()
            self._screening.tick()
            self._camera.tick()
            self.canvas.hide()
        self._show_time()
        self._allow()

    def _use_model(self) -> None:
        """Load the model when the tab is first looked at, and not when the window opens."""
        if not self._equipped:
            self._equipped = True
            kept = self._settings
            self._screening.use_model(kept.backend, kept.max_faces, kept.finding)

    def _project_changed(self, project: Project | None) -> None:
        if project is None:
            self.tracks.project_closes()
            self.player.pause()
            self._screening.unload()
        self._sources.refresh(self._source_name())
        self._screening.renew()
        if project is not None or self.player.source is None:
            self.tracks.load()

    def _show_track(self) -> None:
        project = self._session.project
        scheme = None if project is None else project.scheme
        self.time.show_track(self.tracks.track, scheme)
        self._allow()

    def _items_changed(self) -> None:
        self._sources.refresh(self._source_name())

    def _source_name(self) -> str:
        return "" if self.player.source is None else self.player.source.name

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802
        """Take a file with a track (Qt's name)."""
        if len(dropped_paths(event)) == 1:
            not_none(event).acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802
        """Import the track that a file holds (Qt's name)."""
        not_none(event).acceptProposedAction()
        self._export.take(dropped_paths(event)[0])

    # What can be done now

    def _allow(self) -> None:
        source = self.player.source
        here = "" if self._picture_layer.owner == "live" else "This is for the tab Live."
        why_not = here or ("" if source is not None else _NO_VIDEO)
        for name in ("live.play", "live.step"):
            self._commands.disable(name, why_not)
        file = why_not or _needs_file(source)
        self._commands.disable("live.step_back", file)
        self._commands.disable("live.take_all", file or self._no_fit())
        take = self._camera.why_no_snapshot() if self._camera.active else file or self._no_fit()
        self._commands.disable("live.take", why_not or take)
        self._camera.allow(why_not)
        self._export.allow(file)
        self._track_commands.allow(file)
        self._button.setText("Pause" if self.player.playing else "Play")

    def _no_fit(self) -> str:
        shown = self.canvas.shown
        if self._session.project is None:
            return "Open a project first: fits are taken into it."
        if shown is None or shown.result is None or not shown.result.faces:
            return "There is no face in this frame."
        return ""

    # Building

    def _arrange(self) -> None:
        self._button = command_button(self._commands, "live.play")
        self._speed.setObjectName("live.speed")
        self._speed.setAccessibleName("Speed")
        self._speed.addItems(list(_SPEEDS))
        self._speed.setCurrentText("1 x")
        self._speed.setToolTip(
            "Every frame is fitted: where fits take longer than this, it plays slower."
        )
        play = QHBoxLayout()
        play.addWidget(command_button(self._commands, "live.step_back"))
        play.addWidget(self._button, 1)
        play.addWidget(command_button(self._commands, "live.step"))
        play.addWidget(self._speed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 6, 4, 6)
        layout.addWidget(self._sources)
        layout.addWidget(self._camera)
        layout.addWidget(self._place)
        layout.addLayout(play)
        layout.addWidget(ScrollArea(self._boxes()), 1)
        layout.addWidget(self._export)

    def _boxes(self) -> QWidget:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        for box in (
            self._track,
            self._view,
            self._quality,
            self._head,
            self._expressions,
            self._points,
            self._queue,
        ):
            layout.addWidget(box)
        layout.addStretch(1)
        return content

    def _connect(self) -> None:
        player, session = self.player, self._session
        player.opened.connect(self._opened, thread="main")
        player.model_changed.connect(self._quality.show_model, thread="main")
        player.failed.connect(self._failed, thread="main")
        player.stopped.connect(self._playing_stopped, thread="main")
        self._screening.changed.connect(self._count)
        self._marks.changed.connect(self._timeline.show_marks)
        self._screening.opening.connect(self._opening)
        self.tracks.changed.connect(self._show_track)
        self.tracks.idle.connect(self._allow)
        self._timeline.sought.connect(player.seek)
        self._speed.currentTextChanged.connect(lambda text: player.set_speed(_SPEEDS[text]))
        self._picture_layer.owner_changed.connect(self._owner_changed)
        session.project_changed.connect(self._project_changed)
        session.models_changed.connect(self._screening.renew)
        session.trial_changed.connect(self._screening.renew)
        session.items_changed.connect(self._items_changed)
        self._commands.handle("live.play", self._play)
        self._commands.handle("live.step", lambda: player.step(1))
        self._commands.handle("live.step_back", lambda: player.step(-1))
        self._commands.handle("live.take", self._queue_fit)
        self._commands.handle("live.take_all", self._queue_fits)

    def _disconnect(self) -> None:
        session = self._session
        self._picture_layer.owner_changed.disconnect(self._owner_changed)
        session.project_changed.disconnect(self._project_changed)
        session.models_changed.disconnect(self._screening.renew)
        session.trial_changed.disconnect(self._screening.renew)
        session.items_changed.disconnect(self._items_changed)

    def _count(self) -> None:
        self._queue.show_count(self._screening.queued)


def _needs_file(source: FrameSource | None) -> str:
    if source is None or source.path is None:
        return "A camera's frames cannot be gone back to. Open a video file for this."
    return ""


def _contexts() -> QtContexts | None:
    """Contexts for responses by OpenGL; None where Qt has none (EGL is tried then)."""
    try:
        return QtContexts()
    except GLError:
        return None
