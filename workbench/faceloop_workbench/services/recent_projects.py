"""Projects that were open lately, remembered between sessions."""

from __future__ import annotations

import tomllib
from pathlib import Path

from faceloop_datasets import InputError
from faceloop_datasets.files import atomic_path, read_regular
from faceloop_datasets.schemes.toml import block, quoted

from .config import config_folder

_FILE = "recent.toml"
_KEY = "projects"
_MOST = 10
_MAX_BYTES = 1 << 20


def recent_projects() -> list[Path]:
    """Folders of the projects that were open lately and are still there, the last one first."""
    return [folder for folder in _remembered() if _is_project(folder)]


def remember(folder: Path) -> None:
    """Put a project first.

    Raises
    ------
    InputError
        If the list cannot be written.
    """
    # One that cannot be found now may lie on a disk that is not connected: it is kept.
    folders = [folder, *(known for known in _remembered() if known != folder)][:_MOST]
    names = block(quoted(str(known)) for known in folders)
    with atomic_path(config_folder() / _FILE) as part:
        part.write_text(f"{_KEY} = {names}\n", encoding="utf-8")


def _remembered() -> list[Path]:
    try:
        content = read_regular(config_folder() / _FILE, _MAX_BYTES)
        values = tomllib.loads(content.decode("utf-8"))
    except (InputError, ValueError, RecursionError):
        return []  # nothing remembered, or nothing that is worth an error
    named = values.get(_KEY, [])
    if not isinstance(named, list):
        return []
    return [Path(name) for name in named if isinstance(name, str)]


def _is_project(folder: Path) -> bool:
    try:
        return (folder / "project.db").is_file()
    except (OSError, ValueError):  # a name that no system takes
        return False
