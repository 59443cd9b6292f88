"""What keys do to points and to the view of them, as commands. Without Qt."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .mouse_editing import ClickRequest
from .start_commands import NO_FACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_datasets import Scheme
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.session import Session

    from .canvas import FaceCanvas
    from .editor import FaceEditor

_NO_SELECTION = "No point is selected. Click one, or go through them with S and W."
_MOVES = tuple(f"{way}{far}" for way in ("left", "right", "up", "down") for far in ("", "_far"))
_ON_SELECTION = ("occlude", "remove", "confirm", "release", *_MOVES)
_ON_FACE = ("next_point", "previous_point", "select_all", "zoom_face")
# Groups that a key zooms to, as schemes call them.
_PARTS = {
    "zoom_left_eye": ("left_eye", "left_brow"),
    "zoom_right_eye": ("right_eye", "right_brow"),
    "zoom_mouth": ("mouth",),
    "zoom_jaw": ("contour", "jaw"),
}


class PointCommands:
    """Carries out the commands for selected points and for the view.

    Parameters
    ----------
    session : Session
        The open project.
    commands : Commands
        Where to register; a command that cannot be done says why.
    editor : FaceEditor
        The face.
    canvas : FaceCanvas
        What shows it.
    """

    def __init__(
        self, session: Session, commands: Commands, editor: FaceEditor, canvas: FaceCanvas
    ) -> None:
        self._session, self._commands = session, commands
        self._editor, self._canvas = editor, canvas
        handlers: tuple[tuple[str, Callable[..., object]], ...] = (
            ("next_point", lambda: self._step(1)),
            ("previous_point", lambda: self._step(-1)),
            ("select_all", self._select_all),
            ("occlude", editor.toggle_occluded),
            ("remove", editor.remove),
            ("confirm", editor.confirm),
            ("release", editor.release),
            ("bring_back", self._bring_back),
            ("cancel", self._cancel),
            ("hide", canvas.hide),
            ("names", canvas.toggle_names),
            ("zoom_face", canvas.look_at),
            *((name, partial(self._zoom, name)) for name in _PARTS),
        )
        for name, do in handlers:
            commands.handle(f"annotate.{name}", do)
        self.update()

    def update(self) -> None:
        """Say which commands can be done now, and why not the others."""
        state = self._editor.state
        no_face = NO_FACE if state is None else ""
        no_selection = "" if self._editor.selection else _NO_SELECTION
        for name in _ON_FACE:
            self._commands.disable(f"annotate.{name}", no_face)
        for name in _ON_SELECTION:
            self._commands.disable(f"annotate.{name}", no_face or no_selection)
        whole = "No point is missing." if state is not None and not state.missing else ""
        none = state is not None and not state.present.any()
        empty = "There are no points yet to go by. Start the face first." if none else ""
        self._commands.disable("annotate.bring_back", no_face or whole or empty)
        for name in _PARTS:
            part = self._commands.table[f"annotate.{name}"].title.lower()
            absent = "" if self._part(name) else f"This landmark scheme has no {part}."
            self._commands.disable(f"annotate.{name}", no_face or absent)

    def place(self, index: int) -> None:
        """Ask for a click where a missing point is; after it, for the next missing one."""
        state = self._editor.state
        if state is None or state.present[index]:
            return

        def done(places: object) -> None:
            self._editor.drag(index, places[0])  # type: ignore[index]
            self._editor.drop()
            self._editor.select([index])
            now = self._editor.state
            following = [] if now is None else [k for k in now.missing if k > index] or now.missing
            if following:
                self.place(following[0])

        self._editor.select([index])
        name = self._session.need_project().scheme.names[index]
        self._canvas.mouse.request_clicks(
            ClickRequest((f"{index} {name}",), self._session.tell, done)
        )

    def _step(self, step: int) -> None:
        number = self._editor.select_next(step)
        if number is not None:
            self._canvas.bring_into_view(number)

    def _select_all(self) -> None:
        state = self._editor.state
        if state is not None:
            self._editor.select(k for k, there in enumerate(state.present) if there)

    def _bring_back(self) -> None:
        """Bring back the missing points that are selected, or all of them."""
        state = self._editor.state
        if state is not None:
            chosen = [k for k in self._editor.selection if not state.present[k]]
            self._editor.bring_back(chosen or state.missing)

    def _cancel(self) -> None:
        """End what is under way, or else give up the selection."""
        if self._editor.faint is not None:
            self._editor.cancel()
        elif not self._canvas.mouse.cancel():
            self._editor.select(())

    def _zoom(self, name: str) -> None:
        self._canvas.look_at(self._part(name))

    def _part(self, name: str) -> tuple[int, ...]:
        scheme = self._scheme
        if scheme is None:
            return ()
        return tuple(k for group in _PARTS[name] for k in scheme.groups.get(group, ()))

    @property
    def _scheme(self) -> Scheme | None:
        project = self._session.project
        return None if project is None else project.scheme
