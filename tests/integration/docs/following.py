"""Does what a page says, step by step, and says where it is not true."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import by_hand, material
from .page import PageError, Step, steps_of
from .terminal import Server, Terminal, looks_like

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

_BY_HAND: dict[str, ModuleType] = {"given": material, "window": by_hand}


def follow(
    page: Path, folder: Path, server: Server, variables: Mapping[str, str] | None = None
) -> None:
    """Follow a page from its first step to its last in an empty folder.

    Parameters
    ----------
    page : Path
        The Markdown.
    folder : Path
        Where the reader works.
    server : Server
        Starts the commands.
    variables : mapping of str to str, optional
        What the reader has in the environment.

    Raises
    ------
    PageError
        If a command fails, or shows something else than the page.
    """
    steps = steps_of(page)
    terminal = Terminal(folder, server, variables)
    for step in steps:
        _take(step, page.name, terminal)


def _take(step: Step, page: str, terminal: Terminal) -> None:
    where = f"{page}:{step.line}"
    if step.verb == "run":
        _run(step, where, terminal)
    elif step.verb == "file":
        (terminal.home / step.what).write_text(step.text, encoding="utf-8")
    else:
        name, *words = step.what.split()
        module = _BY_HAND[step.verb]
        do = None if name.startswith("_") else getattr(module, name, None)
        if do is None:
            raise PageError(f"{where}: {module.__name__} has no function {name}.")
        do(terminal.home, *words)


def _run(step: Step, where: str, terminal: Terminal) -> None:
    done = terminal.run(step.what, step.text)
    if done.code != 0:
        raise PageError(f"{where} ended with {done.code}:\n{step.text}\n{done.shown}")
    if step.seen is not None and not looks_like(done.shown, step.seen):
        raise PageError(f"{where} shows\n{done.shown}\nand the page says\n{step.seen}")
