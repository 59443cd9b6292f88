"""Below the picture: the timeline, and plots over the same time that fold away."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QToolButton,
    QToolTip,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from faceloop_datasets import FaceloopError
from faceloop_datasets.wording import counted
from faceloop_workbench.services.background import Job
from faceloop_workbench.services.quantity_export import Selection, save_quantities, suggested_name
from faceloop_workbench.widgets.basic import not_none, set_enabled

from .panel_plots import GUTTER, PlotArea
from .panel_quantities import QuantityMenu
from .panel_timeline import Timeline
from .timeline_legend import LEGEND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Monitor, Scheme
    from faceloop_datasets.tracks.track import Track
    from faceloop_workbench.services.quantities import Quantity
    from faceloop_workbench.session import Session

_FILTER = "Picture (*.png);;Drawing (*.svg);;Drawing (*.pdf);;Table, one row a frame (*.csv)"
_EXPORT = (
    "Write what is plotted as a picture for a paper or as a table: of the selected range, or of "
    "the whole video."
)
_NO_TRACK = "There is no track of this video yet."
_NO_PLOTS = "Choose what to plot first."
_LEAST = 48  # height of the plots, pixels
_RANGE = "Shift + drag selects a range. The wheel zooms, Shift + wheel or the middle button moves."


class TimePanel(QWidget):
    """Timeline and plots, which share what is seen, selected and shown.

    Parameters
    ----------
    session : Session
        Where to say how an export went, and what it must not replace.

    Attributes
    ----------
    timeline : Timeline
        A row for each face.
    plots : PlotArea
        A plot for each chosen quantity.
    height_changed : Signal()
        Another height suits it: plots were folded away, or others chosen.
    """

    height_changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._track: Track | None = None
        self._video = Path("video")
        self._job: Job[Path] | None = None
        self.setObjectName("live.time")
        self.timeline = Timeline()
        self.view = self.timeline.view
        self.plots = PlotArea(self.view)
        self.menu = QuantityMenu()
        self._fold = QToolButton()
        self._scroll = QScrollArea()
        self._beside = QHBoxLayout()
        self._whole = _button("Whole video", "whole", "Show all frames. [0]")
        self._export = _button("Export…", "export_plots", _EXPORT)
        self._range = QElidingLabel()
        self._range.setObjectName("live.range_about")
        self._range.setToolTip(_RANGE)
        self._range.setMinimumWidth(10)
        self._arrange()
        self._connect()
        self._show_plots(shown=False)
        self._show_range()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as the timeline, the buttons, and all plots that are not folded away."""
        folded = not self._fold.isChecked()
        least = super().minimumSizeHint().height()
        return QSize(400, least if folded else least - _LEAST + self.plots.sizeHint().height())

    def show_video(self, video: Path | None) -> None:
        """Say which video it is, for the names of files; its track is unknown at first."""
        self._video = video or Path("video")
        self.plots.series.forget()
        self.show_track(None, None)

    def show_track(self, track: Track | None, scheme: Scheme | None) -> None:
        """Show a track of points of a scheme, or what it has become; None for none."""
        self._track = track
        self.timeline.show_track(track)
        self.menu.use(scheme, () if track is None else track.expressions)
        self.plots.show_track(track)
        self._allow()

    def unfold(self) -> None:
        """Show the plots."""
        self._fold.setChecked(True)

    def close_down(self) -> None:
        """Wait until what is exported is on disk, and nothing is measured any more."""
        self.plots.series.close_down()
        if self._job is not None:
            self._job.wait()

    def export(self, path: Path) -> None:
        """Write what is plotted to a file: the selected range, if one is."""
        if self._track is None:
            return
        project = self._session.project
        keep = [self._video, *(() if project is None else project.files())]
        work = partial(_write, path, self._track, self._selection(), keep)
        self._job = Job(work, "exporting plots")
        self._job.done.connect(self._exported, thread="main")
        self._job.failed.connect(self._failed, thread="main")
        self._job.start()

    def _selection(self) -> Selection:
        first, last = self.view.selected or (None, None)
        return Selection(self.plots.series.quantities, first=first, last=last)

    def _ask(self) -> None:
        dialog = QFileDialog(self, "Export what is plotted")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(_FILTER.split(";;"))
        dialog.setDefaultSuffix("png")
        dialog.filterSelected.connect(lambda kind: dialog.setDefaultSuffix(_ending(kind)))
        dialog.selectFile(suggested_name(self._video.name, self._selection(), ""))
        dialog.fileSelected.connect(lambda name: self.export(Path(name)))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _exported(self, path: Path) -> None:
        self._session.tell(f"What is plotted is in {path}.")

    def _failed(self, error: FaceloopError) -> None:
        self._session.tell(str(error), "error")

    def _choose(self, quantities: Sequence[Quantity]) -> None:
        self.plots.choose(quantities)
        self.height_changed.emit()
        self._allow()

    def _show_plots(self, *, shown: bool) -> None:
        self._scroll.setVisible(shown)
        self.menu.setVisible(shown)
        self._export.setVisible(shown)
        self.timeline.set_gutter(GUTTER if shown else 0)
        self._fold.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)
        self.height_changed.emit()

    def _align(self, _low: int, high: int) -> None:
        """Leave as much room beside the timeline as the scroll bar takes beside the plots."""
        bar = not_none(self._scroll.verticalScrollBar()).sizeHint().width()
        self._beside.setContentsMargins(0, 0, bar if high else 0, 0)

    def _show_range(self) -> None:
        if self.view.selected is None:
            self._range.setText("")
        else:
            first, last = self.view.selected
            frames = last + 1 - first
            said = f"frames {first} to {last}: {counted(frames, 'frame')}"
            self._range.setText(f"{said}, {frames / self.view.rate:.2f} s")
        self._whole.setEnabled(not self.view.whole)

    def _allow(self) -> None:
        why_not = _NO_TRACK if self._track is None or not self._track.faces else ""
        if not why_not and not self.plots.series.quantities:
            why_not = _NO_PLOTS
        set_enabled(self._export, why_not, _EXPORT)

    def _arrange(self) -> None:
        self._fold.setObjectName("live.fold_plots")
        self._fold.setCheckable(True)
        self._fold.setText("Plots")
        self._fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._fold.setToolTip("Plot mouth, eyes, head and more over time, or fold the plots away.")
        legend = _button("?", "legend", LEGEND)
        legend.setAccessibleName("What the timeline shows")
        corner = legend.rect().topLeft()
        legend.clicked.connect(
            lambda: QToolTip.showText(legend.mapToGlobal(corner), LEGEND, legend)
        )
        self._beside.addWidget(self.timeline)
        self._scroll.setWidget(self.plots)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setMinimumHeight(_LEAST)
        bar = QHBoxLayout()
        bar.setSpacing(4)
        for button in (self._fold, self.menu, self._export):
            bar.addWidget(button)
        bar.addWidget(self._range, 1)
        bar.addWidget(self._whole)
        bar.addWidget(legend)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(2)
        layout.addLayout(self._beside)
        layout.addLayout(bar)
        layout.addWidget(self._scroll, 1)
        layout.addStretch(0)

    def _connect(self) -> None:
        self._fold.toggled.connect(lambda on: self._show_plots(shown=on))
        self._whole.clicked.connect(self.view.show_whole)
        self._export.clicked.connect(self._ask)
        self.menu.chosen.connect(self._choose)
        self.view.changed.connect(self._show_range)
        not_none(self._scroll.verticalScrollBar()).rangeChanged.connect(self._align)


def _write(
    path: Path, track: Track, selection: Selection, keep: Sequence[Path], _monitor: Monitor
) -> Path:
    save_quantities(path, track, selection, keep)
    return path


def _button(text: str, name: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setObjectName(f"live.{name}")
    button.setToolTip(tip)
    return button


def _ending(kind: str) -> str:
    return kind.rpartition(".")[2].rstrip(")")
