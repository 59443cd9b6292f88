"""The dock widget: what napari opens."""

# No `from __future__ import annotations`: napari reads the annotation to hand over the viewer.
import gc
from typing import TYPE_CHECKING

from napari.utils.theme import get_theme
from psygnal.qt import start_emitting_from_queue
from qtpy.QtCore import QEvent, QSize, Qt, QTimer
from qtpy.QtGui import QKeySequence, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QTabWidget, QVBoxLayout, QWidget

from faceloop_datasets import FaceloopError
from faceloop_workbench.annotate.panel import AnnotatePanel
from faceloop_workbench.commands import Commands
from faceloop_workbench.key_file import load_keys
from faceloop_workbench.live.panel import LivePanel
from faceloop_workbench.queue.panel import QueuePanel
from faceloop_workbench.session import Session
from faceloop_workbench.train.panel import TrainPanel
from faceloop_workbench.widgets.basic import application, command_button
from faceloop_workbench.widgets.picture_layer import PictureLayer

from .help_page import HelpPage
from .key_focus import focus_style
from .keys import Keys
from .napari_window import NapariWindow
from .status_line import StatusLine

if TYPE_CHECKING:
    import napari

_DELIVER_MS = 15  # how often signals of background work reach the window
_WIDTH, _LEAST = 430, 380  # pixels: of a window of 1,024, the picture keeps more than the half
_NATIVE = QKeySequence.SequenceFormat.NativeText
_DARK = 128  # a background whose channels have a lower mean is dark


class Dock(QWidget):
    """The tabs Queue, Annotate, Train and Live, and the status line.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
        The window it is docked in.

    Attributes
    ----------
    session : Session
        What is worked on.
    commands : Commands
        What can be done.
    picture_layer : PictureLayer
        The picture.
    queue, annotate, train, live : QWidget
        The tabs.
    """

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        start_emitting_from_queue(_DELIVER_MS)
        self.viewer = napari_viewer
        self.session, self.commands = Session(), Commands()
        self._status = StatusLine(self.session, self.commands)
        self._status.setParent(self)  # before anything is told: it would be a window of its own
        self._window: NapariWindow | None = None
        self.picture_layer = PictureLayer(napari_viewer)
        self.annotate = AnnotatePanel(self.session, self.commands, self.picture_layer)
        self.queue = QueuePanel(
            self.session, self.commands, self.annotate.editor, self.annotate.held_out
        )
        self.train = TrainPanel(self.session, self.commands)
        self.live = LivePanel(self.session, self.commands, self.picture_layer)
        self.tabs = QTabWidget()
        self.tabs.setUsesScrollButtons(False)
        self.setMinimumWidth(_LEAST)
        for title, tab in self._titles():
            self.tabs.addTab(tab, title)
        self._lay_out()
        self._handle()
        self.session.tab_wanted.connect(self._show_tab)
        self.tabs.currentChanged.connect(self._tab_changed)
        self._keys = Keys(self.commands, self, lambda: self.picture_layer.owner)
        napari_viewer.events.theme.connect(self._frame_focus)
        self._frame_focus()
        try:
            load_keys(self.commands)
        except FaceloopError as error:
            self.session.tell(str(error), "error")
        application().aboutToQuit.connect(self.close_down)
        # Python stops all threads while it looks through everything for garbage. napari is so
        # large that this takes .1 to .3 s: what is there now is left out from then on.
        gc.collect()
        gc.freeze()
        self._open = True

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for a row of buttons; the picture has the rest."""
        return QSize(_WIDTH, super().sizeHint().height())

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take the window when the dock is in it for the first time."""
        super().showEvent(event)
        if self._window is None and self._open:
            QTimer.singleShot(0, self._take_window)  # napari is still putting it there

    def event(self, event: QEvent | None) -> bool:
        """Close down when napari takes the dock out of its window (Qt's name)."""
        taken_out = event is not None and event.type() == QEvent.Type.ParentChange
        if taken_out and self.parentWidget() is None:
            self.close_down()
            self.deleteLater()
        return super().event(event)

    def close_down(self) -> None:
        """Stop background work, close the project, and leave the keys to napari."""
        if not self._open:
            return
        self._open = False
        self._keys.stop()
        self.viewer.events.theme.disconnect(self._frame_focus)
        if self._window is not None:
            self._window.leave()
        application().aboutToQuit.disconnect(self.close_down)
        for tab in (self.live, self.train, self.queue, self.annotate):
            tab.close_down()
        self.session.close()
        self.picture_layer.close_down()
        gc.unfreeze()

    def _take_window(self) -> None:
        if self._window is None and self._open:
            self._window = NapariWindow(self.viewer, self, self.session)

    def _frame_focus(self, _theme: object = None) -> None:
        background = get_theme(self.viewer.theme).background.as_rgb_tuple()[:3]
        self.setStyleSheet(focus_style(dark=sum(background) / 3 < _DARK))

    def _lay_out(self) -> None:
        foot = QHBoxLayout()
        foot.addStretch(1)
        for name in ("desk.messages", "desk.layers", "desk.help"):
            foot.addWidget(command_button(self.commands, name, small=True))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self._status)
        layout.addLayout(foot)

    def _handle(self) -> None:
        for number, (title, _) in enumerate(self._titles()):
            name = title.lower()
            self.commands.handle(f"desk.{name}", lambda name=name: self._show_tab(name))
            key = QKeySequence(self.commands.key(f"desk.{name}"))
            self.tabs.setTabToolTip(number, f"[{key.toString(_NATIVE)}]")
        self.commands.handle("desk.help", self._help)
        self.commands.handle("desk.messages", self._status.show_all)
        self.commands.handle("desk.layers", self._toggle_layers)

    def _toggle_layers(self) -> None:
        if self._window is not None and self._window.docks is not None:
            self._window.docks.toggle()

    def _titles(self) -> list[tuple[str, QWidget]]:
        return [
            ("Queue", self.queue),
            ("Annotate", self.annotate),
            ("Train", self.train),
            ("Live", self.live),
        ]

    def _tab_changed(self, _index: int) -> None:
        self._status.leave()
        shown = self.tabs.currentWidget()
        if shown is self.live:
            self.picture_layer.give_to("live")
        elif shown in (self.queue, self.annotate):
            self.picture_layer.give_to("annotate")

    def _show_tab(self, tab: str) -> None:
        self.tabs.setCurrentWidget(getattr(self, tab))

    def _help(self) -> None:
        page = HelpPage(self.commands, self)
        page.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        page.show()
