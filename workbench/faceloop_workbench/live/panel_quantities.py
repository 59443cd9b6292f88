"""The menu in which a person chooses what is plotted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtWidgets import QMenu, QToolButton

from faceloop_datasets import FaceloopError
from faceloop_workbench.services.quantities import (
    EXPRESSION,
    POINT_QUANTITIES,
    Quantity,
    quantities_of,
    quantity,
)
from faceloop_workbench.widgets.basic import not_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QAction, QKeyEvent, QMouseEvent  # type: ignore[attr-defined]

    from faceloop_datasets import Scheme

_AT_FIRST = ("mouth_opening", "left_eye_opening", "yaw")
_OF = {"x": "x of a point", "y": "y of a point", "speed": "Speed of a point"}
_HELP = "Choose quantities to plot over time; several at once."


class QuantityMenu(QToolButton):
    """A button with a menu of all quantities; it stays open while they are ticked.

    What was chosen stays chosen with another video, as far as its scheme has it.

    Attributes
    ----------
    chosen : Signal(list of Quantity)
        These are to be plotted.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._scheme: Scheme | None = None
        self._expressions: tuple[str, ...] = ()
        self._names: list[str] = list(_AT_FIRST)
        self.setText("Choose ▾")
        self.setStyleSheet("QToolButton::menu-indicator { image: none; }")  # it covers the text
        self.setObjectName("live.choose_plots")
        self.setToolTip(_HELP)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = _StayingMenu(self)
        self.setMenu(self._menu)

    def use(self, scheme: Scheme | None, expressions: Sequence[str]) -> None:
        """Offer what tracks of a scheme have; None for nothing."""
        if scheme is self._scheme and tuple(expressions) == self._expressions:
            return
        self._scheme, self._expressions = scheme, tuple(expressions)
        self._fill()
        self.chosen.emit(self.quantities)

    def choose(self, names: Sequence[str]) -> None:
        """Plot quantities of these names."""
        self._names = list(names)
        self._fill()
        self.chosen.emit(self.quantities)

    @property
    def quantities(self) -> list[Quantity]:
        """The chosen ones, as far as there are such."""
        if self._scheme is None:
            return []
        found = []
        for name in self._names:
            try:
                found.append(quantity(name, self._scheme, self._expressions))
            except FaceloopError:  # another scheme has other points
                continue
        return found

    def _fill(self) -> None:
        self._menu.clear()
        if self._scheme is None:
            return
        every = quantities_of(self._scheme, self._expressions)
        for one in every:
            if not one.name.startswith(EXPRESSION):
                self._add(self._menu, one.name, one.label)
        if self._expressions:
            expressions = _StayingMenu("Expressions", self._menu)
            self._menu.addMenu(expressions)
            for one in every:
                if one.name.startswith(EXPRESSION):
                    self._add(expressions, one.name, one.title)
        self._menu.addSeparator()
        for kind in POINT_QUANTITIES:
            self._menu.addMenu(self._point_menu(kind, self._scheme))
        self._menu.addSeparator()
        none = not_none(self._menu.addAction("Nothing"))
        none.triggered.connect(lambda: self.choose(()))

    def _point_menu(self, kind: str, scheme: Scheme) -> QMenu:
        menu = _StayingMenu(_OF[kind], self._menu)
        for group, points in scheme.groups.items():
            part = _StayingMenu(group.replace("_", " "), menu)
            menu.addMenu(part)
            for point in points:
                name = scheme.names[point]
                self._add(part, f"{kind}:{name}", name)
        return menu

    def _add(self, menu: QMenu, name: str, title: str) -> None:
        action = not_none(menu.addAction(title.replace("&", "&&")))
        action.setObjectName(f"plot.{name}")
        action.setCheckable(True)
        action.setChecked(name in self._names)
        action.toggled.connect(lambda on: self._toggle(name, on=on))

    def _toggle(self, name: str, *, on: bool) -> None:
        self._names = [other for other in self._names if other != name] + [name] * on
        self.chosen.emit(self.quantities)


class _StayingMenu(QMenu):
    """A menu that stays open when something is ticked."""

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        action = None if event is None else self.actionAt(event.position().toPoint())
        if not _tick(action):
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        space = event is not None and event.text() == " "
        if not (space and _tick(self.activeAction())):
            super().keyPressEvent(event)


def _tick(action: QAction | None) -> bool:
    if action is None or not action.isCheckable() or not action.isEnabled():
        return False
    action.trigger()
    return True
