"""Contrast, gamma and turn of the picture of the face in work: kept per picture. Without Qt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from faceloop_datasets import FaceloopError, PictureDisplay

if TYPE_CHECKING:
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.session import Session
    from faceloop_workbench.widgets.picture_layer import PictureLayer

    from .editor import FaceEditor

_STEP = 15.0  # degrees
_NO_PICTURE = "No face with a picture is in work."


class DisplayCommands:
    """Turns the picture, and shows it brighter or darker; fits see it as it is.

    Parameters
    ----------
    session : Session
        The project keeps how each picture is shown.
    commands : Commands
        Where to register.
    picture_layer : PictureLayer
        Shows it.
    editor : FaceEditor
        The face, whose eyes can be made level.

    Attributes
    ----------
    changed : Signal(PictureDisplay)
        The picture is shown otherwise.
    """

    changed = Signal(PictureDisplay)

    def __init__(
        self,
        session: Session,
        commands: Commands,
        picture_layer: PictureLayer,
        editor: FaceEditor,
    ) -> None:
        self._session, self._commands = session, commands
        self._picture_layer, self._editor = picture_layer, editor
        for name, do in (
            ("turn_left", lambda: self.turn(-_STEP)),
            ("turn_right", lambda: self.turn(_STEP)),
            ("level", self.level),
        ):
            commands.handle(f"annotate.{name}", do)
        editor.loaded.connect(self._allow)
        self._allow()

    @property
    def display(self) -> PictureDisplay:
        """How the picture is shown now."""
        return self._picture_layer.display

    def show(self) -> None:
        """Show the picture of the face in work as the project says."""
        media_id, display = self._media_id, PictureDisplay()
        if media_id is not None:
            try:
                display = self._session.need_project().display(media_id)
            except FaceloopError as error:
                self._session.tell(str(error), "warning")
        self._picture_layer.show_as(display)
        self.changed.emit(display)

    def set(self, display: PictureDisplay, *, keep: bool = True) -> None:
        """Show the picture otherwise, and keep that for this picture."""
        media_id = self._media_id
        if media_id is None:
            return
        self._picture_layer.show_as(display)
        self.changed.emit(display)
        if keep:
            try:
                self._session.need_project().set_display(media_id, display)
            except FaceloopError as error:
                self._session.tell(str(error), "error")

    def turn(self, degrees: float) -> None:
        """Turn the picture clockwise, by so much more than it is."""
        self.set(replace(self.display, turn=_half_turn(self.display.turn + degrees)))

    def level(self) -> None:
        """Turn the picture so that the eyes are level; upright again if they are."""
        angle = self._eye_angle()
        if angle is None:
            self._session.tell("The corners of the eyes are not placed yet.", "warning")
            return
        level = _half_turn(round(-angle, 1))
        upright = abs(self.display.turn - level) < _STEP / 10
        self.set(replace(self.display, turn=0.0 if upright else level))

    @property
    def _media_id(self) -> int | None:
        item = self._editor.item
        return None if item is None else item.media_id

    def _eye_angle(self) -> float | None:
        """Degrees by which the line through the outer corners of the eyes leans to the right."""
        state = self._editor.state
        left, right = (*self._session.need_project().scheme.iod, 0, 0)[:2]
        if state is None or not state.present[[left, right]].all():
            return None
        x, y = state.points[right] - state.points[left]
        return float(np.rad2deg(np.arctan2(y, x)))

    def _allow(self, _state: object = None) -> None:
        why_not = "" if self._media_id is not None else _NO_PICTURE
        for name in ("display", "turn_left", "turn_right", "level"):
            self._commands.disable(f"annotate.{name}", why_not)


def _half_turn(degrees: float) -> float:
    """Return the same turn, more than -180 and at most 180 degrees."""
    return 180.0 - (180.0 - degrees) % 360.0
