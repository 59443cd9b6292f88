"""The window that looks into a model: shape, patch experts, reliability, what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from faceloop_workbench.services.model_choice import ChosenModel
from faceloop_workbench.widgets.basic import PlainLabel

from .axes import room_above
from .canvas import Axis, PointBars
from .canvas_shape import Mosaic, ShapeCanvas, picture_label
from .dialog_changes import ChangesTab
from .dialog_shape import ShapeTab
from .dialog_space import SpaceTab
from .model_contents import (
    channel_names,
    gain_text,
    mosaic,
    patch_pictures,
    point_weights,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QShowEvent

    from faceloop_runtime import FaceModel

    from .control import TrainControl
    from .model_list import ListedModel

_MOSAIC = 330  # pixels; the eyes' filters just stand clear of each other
_PICTURE = 36
_LARGEST = 9.0  # radius of the point of the largest weight


class ModelDialog(QDialog):
    """Looks into one model.

    Parameters
    ----------
    listed : ListedModel
        The model.
    control : TrainControl
        Knows the models to compare it with; tries and saves it with other factors.
    parent : QWidget
        The tab Train.

    Attributes
    ----------
    save_wanted : Signal(ListedModel, dict of int to float)
        The person wants a copy of the model with other factors, by number of the component.

    Raises
    ------
    ModelFileError
        If the model cannot be loaded.
    """

    save_wanted = Signal(object, dict)

    def __init__(self, listed: ListedModel, control: TrainControl, parent: QWidget) -> None:
        super().__init__(parent)
        model = listed.load()
        self._listed, self._control = listed, control
        self._chosen = ChosenModel(listed.name, model)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Inside {listed.name}")
        self.tabs = QTabWidget()
        self.tabs.setObjectName("inside.tabs")
        for title, make in (
            ("Shape", self._shape_tab),
            ("In space", lambda: SpaceTab(model)),
            ("Patch experts", lambda: PatchesTab(model)),
            ("Reliability", lambda: ReliabilityTab(model)),
            ("What changed", lambda: ChangesTab(listed, model, control.models)),
        ):
            self.tabs.addTab(_LazyTab(make), title)
        layout = QVBoxLayout(self)
        layout.addWidget(self.tabs)
        self.resize(1000, 640)
        self.finished.connect(lambda _result: control.end_trial(self._chosen))

    def _shape_tab(self) -> ShapeTab:
        tab = ShapeTab(self._chosen.model)
        tab.changed.connect(lambda: self._control.try_factors(self._chosen, tab.factors))
        tab.save_wanted.connect(lambda: self.save_wanted.emit(self._listed, tab.factors))
        return tab


class _LazyTab(QWidget):
    """A tab that is made when it is first looked at: all at once would take too long."""

    def __init__(self, make: Callable[[], QWidget]) -> None:
        super().__init__()
        self._make: Callable[[], QWidget] | None = make
        QVBoxLayout(self).setContentsMargins(0, 0, 0, 0)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Make it."""
        layout = self.layout()
        if self._make is not None and layout is not None:
            layout.addWidget(self._make())
            self._make = None
        super().showEvent(event)


class PatchesTab(QWidget):
    """The filters of all landmarks in one channel, and those of one landmark in all."""

    def __init__(self, model: FaceModel) -> None:
        super().__init__()
        self._model, self._channels = model, channel_names(model)
        self.mosaic = Mosaic()
        self.mosaic.chosen.connect(self._choose)
        self.scale, self.channel, self.landmark = QComboBox(), QComboBox(), QComboBox()
        self.scale.addItems([f"{e.scale:g} px between the eyes" for e in model.experts])
        self.scale.setCurrentIndex(len(model.experts) - 1)
        self.channel.addItems(self._channels)
        self.landmark.addItems([f"{k} {name}" for k, name in enumerate(model.scheme.names)])
        for box, name in (
            (self.scale, "inside.scale"),
            (self.channel, "inside.channel"),
            (self.landmark, "inside.landmark"),
        ):
            box.setObjectName(name)
            box.setAccessibleName(name.rpartition(".")[2].capitalize())
            box.currentIndexChanged.connect(self._draw)
        self._pictures = QScrollArea()
        self._pictures.setWidgetResizable(True)
        self._lay_out()
        self._draw()

    def _choose(self, landmark: int) -> None:
        self.landmark.setCurrentIndex(landmark)

    def _draw(self) -> None:
        experts = self._model.experts[self.scale.currentIndex()]
        landmark = self.landmark.currentIndex()
        picture, centres = mosaic(self._model, experts, self.channel.currentIndex(), _MOSAIC)
        self.mosaic.show_filters(picture, centres, landmark, experts.patch)
        self._pictures.setWidget(self._filters(landmark))

    def _filters(self, landmark: int) -> QWidget:
        inside = QWidget()
        grid = QGridLayout(inside)
        for column, experts in enumerate(self._model.experts, 1):
            reliability = experts.reliability[landmark]
            grid.addWidget(PlainLabel(f"{experts.scale:g} px\n{reliability:.0%}"), 0, column)
            for row, picture in enumerate(patch_pictures(experts, landmark), 1):
                grid.addWidget(picture_label(picture, _PICTURE), row, column)
        grid.addWidget(PlainLabel("scale\nreliability"), 0, 0)
        for row, name in enumerate(self._channels, 1):
            grid.addWidget(PlainLabel(name), row, 0)
        grid.setRowStretch(len(self._channels) + 1, 1)
        grid.setVerticalSpacing(2)
        return inside

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        for title, box in (("Scale", self.scale), ("Channel", self.channel)):
            top.addWidget(PlainLabel(title))
            top.addWidget(box)
        top.addStretch()
        left = QVBoxLayout()
        left.addLayout(top)
        left.addWidget(self.mosaic, 1)
        left.addWidget(PlainLabel("Orange speaks for the landmark, blue against it."))
        right = QVBoxLayout()
        right.addWidget(self.landmark)
        right.addWidget(self._pictures, 1)
        layout = QHBoxLayout(self)
        layout.addLayout(left, 3)
        layout.addLayout(right, 2)


class ReliabilityTab(QWidget):
    """How much each landmark's own response counts against the shape."""

    def __init__(self, model: FaceModel) -> None:
        super().__init__()
        self._model = model
        self.scale = QComboBox()
        self.scale.setObjectName("inside.reliability.scale")
        self.scale.setAccessibleName("Scale")
        self.scale.addItems([f"{e.scale:g} px between the eyes" for e in model.experts])
        self.scale.setCurrentIndex(len(model.experts) - 1)
        self.scale.currentIndexChanged.connect(self._draw)
        self.canvas, self.bars = ShapeCanvas(model.scheme, model.pdm.mean), PointBars(190)
        layout = QVBoxLayout(self)
        self.words = PlainLabel()
        self.words.setWordWrap(True)
        layout.addWidget(self.scale)
        layout.addWidget(self.words)
        layout.addWidget(self.canvas, 3)
        layout.addWidget(self.bars, 2)
        self._draw()

    def _draw(self) -> None:
        scheme = self._model.scheme
        experts = self._model.experts[self.scale.currentIndex()]
        weights = point_weights(experts)
        most = room_above(weights.tolist(), 1e-3)
        self.words.setText(gain_text(experts, scheme))
        self.canvas.show_shapes([(self._model.pdm.mean, 0)], weights / most * _LARGEST)
        self.bars.show_points(
            weights,
            None,
            scheme.names,
            scheme.groups,
            y=Axis("", 0, most),
            legend=("gain x reliability of each point", ""),
        )
