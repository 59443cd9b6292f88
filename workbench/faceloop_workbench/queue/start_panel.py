"""What the tab shows while no project is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtGui import QIcon
from qtpy.QtWidgets import (
    QAbstractButton,
    QCommandLinkButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from faceloop_workbench.services.recent_projects import recent_projects, title_of_place
from faceloop_workbench.widgets.basic import heading, paragraph

if TYPE_CHECKING:
    from collections.abc import Callable

    from .project_dialogs import ProjectDialogs

_SHOWN = 6


class StartPanel(QWidget):
    """Ways to begin: a new project, an old one, the sample."""

    def __init__(self, dialogs: ProjectDialogs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dialogs = dialogs
        layout = QVBoxLayout(self)
        layout.addWidget(heading("Annotate faces, train a model, watch it fit"))
        layout.addWidget(
            paragraph(
                "A project holds your pictures and videos, the points you place, and the models "
                "trained on them. Everything is saved as you work."
            )
        )
        for name, title, text, do in (
            ("start.new", "New project…", "Choose a folder for it.", dialogs.new),
            ("start.open", "Open project…", "Choose the folder of one.", dialogs.open),
            (
                "start.server",
                "Open a team's project…",
                "One on a PostgreSQL server, by its address.",
                dialogs.open_on_server,
            ),
            (
                "start.sample",
                "Try the sample",
                "400 rendered faces to correct and train on.",
                dialogs.sample,
            ),
            (
                "start.schemes",
                "Landmark schemes…",
                "Look at the points a face can have, or make your own on a picture.",
                dialogs.schemes,
            ),
        ):
            layout.addWidget(_link(name, title, text, do))
        self._recent = QVBoxLayout()
        layout.addLayout(self._recent)
        layout.addStretch(1)
        hint = paragraph("Or drop a project's folder here.")
        hint.setEnabled(False)
        layout.addWidget(hint)

    def read(self) -> None:
        """Show the projects that were open lately."""
        while (entry := self._recent.takeAt(0)) is not None:
            widget = entry.widget()
            if widget is not None:
                widget.deleteLater()
        places = recent_projects()[:_SHOWN]
        if places:
            self._recent.addWidget(heading("Recent projects", small=True))
        for place in places:
            self._recent.addWidget(self._link(place))

    def _link(self, place: str) -> QAbstractButton:
        def enter() -> None:
            self._dialogs.open_place(place)

        name, where = title_of_place(place)
        return _link(f"start.recent.{name}", name, where, enter)


def _link(name: str, title: str, text: str, do: Callable[[], object]) -> QAbstractButton:
    button = QCommandLinkButton(title, text)
    button.setObjectName(name)
    button.setIcon(QIcon())  # Qt's arrow is black on napari's dark theme
    button.setToolTip(text)
    button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    button.clicked.connect(lambda _=False: do())
    return button
