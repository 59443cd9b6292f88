"""The dock widget: what napari opens."""

# No `from __future__ import annotations`: napari reads the annotation to hand over the viewer.
import gc
from typing import TYPE_CHECKING

from psygnal.qt import start_emitting_from_queue
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QHBoxLayout, QTabWidget, QVBoxLayout, QWidget

from faceloop_datasets import FaceloopError
from faceloop_workbench.annotate.panel import AnnotatePanel
from faceloop_workbench.commands import Commands
from faceloop_workbench.key_file import load_keys
from faceloop_workbench.live.panel import LivePanel
from faceloop_workbench.queue.panel import QueuePanel
from faceloop_workbench.session import Message, Session
from faceloop_workbench.train.panel import TrainPanel
from faceloop_workbench.widgets.basic import PlainLabel, application, command_button
from faceloop_workbench.widgets.picture_layer import PictureLayer

from .help_page import HelpPage
from .keys import Keys

if TYPE_CHECKING:
    import napari

_DELIVER_MS = 15  # how often signals of background work reach the window
_WIDTH = 380  # pixels: room for the four tabs and for a row of buttons


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
        self.picture_layer = PictureLayer(napari_viewer)
        self.annotate = AnnotatePanel(self.session, self.commands, self.picture_layer)
        self.queue = QueuePanel(self.session, self.commands, self.annotate.editor)
        self.train = TrainPanel(self.session, self.commands)
        self.live = LivePanel(self.session, self.commands, self.picture_layer)
        self.tabs = QTabWidget()
        self.tabs.setUsesScrollButtons(False)
        self.setMinimumWidth(_WIDTH)
        for title, tab in self._titles():
            self.tabs.addTab(tab, title)
        self._status = PlainLabel()
        self._status.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.tabs, 1)
        foot = QHBoxLayout()
        foot.addWidget(self._status, 1)
        foot.addWidget(command_button(self.commands, "desk.help", small=True))
        layout.addLayout(foot)
        self.session.told.connect(self._show_message)
        self.session.tab_wanted.connect(self._show_tab)
        self.commands.handle("desk.help", self._help)
        self.tabs.currentChanged.connect(self._tab_changed)
        self._keys = Keys(self.commands, self)
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
        application().aboutToQuit.disconnect(self.close_down)
        for tab in (self.live, self.train, self.queue, self.annotate):
            tab.close_down()
        self.session.close()
        gc.unfreeze()

    def _titles(self) -> list[tuple[str, QWidget]]:
        return [
            ("Queue", self.queue),
            ("Annotate", self.annotate),
            ("Train", self.train),
            ("Live", self.live),
        ]

    def _tab_changed(self, _index: int) -> None:
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

    def _show_message(self, message: Message) -> None:
        self._status.setText(message.text if message.level == "info" else f"⚠ {message.text}")
