"""Asks which models are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QRadioButton, QVBoxLayout

from faceloop_datasets.wording import counted
from faceloop_workbench.widgets.basic import answer_buttons, not_none, paragraph, set_enabled

from .model_list import deletable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtWidgets import QWidget

    from .model_list import ListedModel

_WHAT = (
    "A deleted model is gone for good, with its file. Reports on it stay, and so do annotations "
    "that began with its fits."
)


class DeleteDialog(QDialog):
    """Offers the selected model, and all that are neither pinned nor in use.

    Parameters
    ----------
    chosen : ListedModel or None
        The selected one.
    models : sequence of ListedModel
        All of them.
    delete : callable
        Is given those that are to be deleted.
    """

    def __init__(
        self,
        chosen: ListedModel | None,
        models: Sequence[ListedModel],
        delete: Callable[[Sequence[ListedModel]], object],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Delete models")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._others = deletable(models)
        self._chosen = [] if chosen is None or chosen.why_kept else [chosen]
        name = "the selected model" if chosen is None else chosen.name
        self._one = QRadioButton(f"Delete {name}{_size(self._chosen)}")
        self._one.setObjectName("delete.one")
        why = "Select a model first." if chosen is None else chosen.why_kept
        set_enabled(self._one, why, "")
        count = counted(len(self._others), "model")
        self._all = QRadioButton(
            f"Delete all but those pinned and in use: {count}{_size(self._others)}"
        )
        self._all.setObjectName("delete.all")
        set_enabled(self._all, "" if self._others else "There is no other model.", "")
        buttons = answer_buttons(self, "Delete", "delete.ok")
        # Enter keeps everything, and nothing is chosen for the person but the selected model.
        ok = not_none(self.findChild(QPushButton, "delete.ok"))
        ok.setDefault(False)
        self._one.setChecked(bool(self._chosen))
        ok.setEnabled(bool(self._chosen))
        for choice in (self._one, self._all):
            choice.toggled.connect(lambda _on: ok.setEnabled(True))
        not_none(buttons.button(QDialogButtonBox.StandardButton.Cancel)).setDefault(True)
        layout = QVBoxLayout(self)
        layout.addWidget(paragraph(_WHAT))
        layout.addWidget(self._one)
        if why and chosen is not None:
            layout.addWidget(paragraph(f"{chosen.name}: {why}"))
        layout.addWidget(self._all)
        layout.addWidget(buttons)
        self.resize(460, 200)
        self.accepted.connect(lambda: delete(self.models))

    @property
    def models(self) -> Sequence[ListedModel]:
        """Those that are chosen."""
        return self._others if self._all.isChecked() else self._chosen


def _size(models: Sequence[ListedModel]) -> str:
    total = sum({model.file: model.bytes for model in models}.values())
    return f" ({total / 1e6:.1f} MB)" if models else ""
