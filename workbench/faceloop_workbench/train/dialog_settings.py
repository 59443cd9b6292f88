"""The form of the training's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, ComboBox, FloatSlider, Select, SpinBox
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QVBoxLayout,
    QWidget,
)

from faceloop_datasets import FaceloopError
from faceloop_workbench.widgets.basic import PlainLabel, paragraph
from faceloop_workbench.widgets.scroll import ScrollArea

from .setting_fields import SETTING_FIELDS, check, defaults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from magicgui.widgets.bases import ValueWidget

    from .setting_fields import SettingField


_WIDTH, _BAR = 560, 60  # pixels; the latter for what scrolls, and the margins
_LIST_HEIGHT = 64  # pixels; three lines


class SettingsDialog(QDialog):
    """Asks for the settings; `values` are what was chosen.

    Parameters
    ----------
    values : mapping
        What is chosen now; what is not among it has its default.
    parent : QWidget
        The tab Train.
    """

    def __init__(self, values: Mapping[str, Any], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings of the training")
        self._kept = dict(values)
        self.form = {field.name: _widget(field) for field in SETTING_FIELDS}
        self._fill({**defaults(), **values})
        page = QWidget()
        form = QFormLayout()
        column = QVBoxLayout(page)
        column.addLayout(form)
        column.addStretch(1)  # or the form would spread its lines
        for field in SETTING_FIELDS:
            form.addRow(field.title, self.form[field.name].native)
            form.addRow("", paragraph(field.help))
            _name(self.form[field.name].native, field.title)
        self._wrong = PlainLabel()
        self._wrong.setWordWrap(True)
        self._wrong.setObjectName("settings.wrong")
        self._wrong.hide()
        layout = QVBoxLayout(self)
        layout.addWidget(ScrollArea(page), 1)
        layout.addWidget(self._wrong)
        layout.addWidget(self._buttons())
        self.resize(max(_WIDTH, page.minimumSizeHint().width() + _BAR), 640)

    @property
    def values(self) -> dict[str, Any]:
        """Settings as the trainer takes them; those that the form does not show stay."""
        chosen = {name: widget.value for name, widget in self.form.items()}
        return {**self._kept, **chosen, "channels": tuple(chosen["channels"])}

    def accept(self) -> None:
        """Close, unless something cannot be used."""
        try:
            check(self.values)
        except FaceloopError as error:
            self._wrong.setText(str(error))
            self._wrong.show()
            return
        super().accept()

    def _fill(self, values: Mapping[str, Any]) -> None:
        for name, widget in self.form.items():
            value = values[name]
            widget.value = list(value) if isinstance(value, tuple) else value

    def _buttons(self) -> QDialogButtonBox:
        kinds = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel | kinds.RestoreDefaults)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        restore = buttons.button(kinds.RestoreDefaults)
        assert restore is not None  # noqa: S101 - it was asked for
        restore.clicked.connect(lambda: self._fill(defaults()))
        return buttons


def _name(native: QWidget, title: str) -> None:
    """Give a field its title for screen readers, and all that it is made of."""
    for part in (native, *native.findChildren(QWidget)):
        part.setAccessibleName(title)


def _widget(field: SettingField) -> ValueWidget[Any]:
    common: dict[str, Any] = {
        "name": field.name,
        "tooltip": field.help,
    }
    if field.kind in ("one", "some"):
        options = [(title, value) for value, title in field.options]
        kind = ComboBox if field.kind == "one" else Select
        made: ValueWidget[Any] = kind(choices=options, **common)
        made.max_height = _LIST_HEIGHT
        return made
    if field.kind == "number":
        return SpinBox(min=int(field.low), max=int(field.high), **common)
    if field.kind == "share":
        return FloatSlider(min=field.low, max=field.high, step=0.05, **common)
    return CheckBox(text="train on both", **common)
