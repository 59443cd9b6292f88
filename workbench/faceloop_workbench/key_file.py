"""Keys that a person has changed: ``keys.toml``, one line a command."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from faceloop_datasets import FaceloopError, InputError
from faceloop_datasets.files import atomic_path, read_regular
from faceloop_datasets.schemes.toml import quoted
from faceloop_workbench.services.config import config_folder

if TYPE_CHECKING:
    from pathlib import Path

    from .commands import Commands

_MAX_BYTES = 1 << 20


def load_keys(commands: Commands) -> None:
    """Give commands the keys that the person has chosen.

    Raises
    ------
    FaceloopError
        If the file cannot be read; the commands keep the keys they have.
    """
    path = _path()
    if not path.is_file():
        return
    try:
        # some editors put a mark before UTF-8
        chosen = tomllib.loads(read_regular(path, _MAX_BYTES).decode("utf-8-sig"))
    # ValueError: no UTF-8, no TOML, or a number of more digits than Python reads
    except (InputError, ValueError, RecursionError) as error:
        raise FaceloopError(
            f"Your keys in {path} cannot be read ({error}). The usual keys are used; correct the "
            "file, or delete it."
        ) from error
    for name, key in chosen.items():
        if name not in commands.table or not isinstance(key, str):
            raise FaceloopError(
                f"{path} gives {name!r:.80} a value ({type(key).__name__}): expected a command of "
                "the page of keys and the text of a key. The lines after it are not used."
            )
        commands.rebind(name, key)


def save_keys(commands: Commands) -> None:
    """Remember the keys that are not the usual ones.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    changed = [name for name in commands.table if commands.key(name) != commands.table[name].key]
    lines = [f"{quoted(name)} = {quoted(commands.key(name))}\n" for name in changed]
    with atomic_path(_path()) as part:
        part.write_text("".join(lines), encoding="utf-8")


def _path() -> Path:
    return config_folder() / "keys.toml"
