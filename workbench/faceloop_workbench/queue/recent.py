"""Projects that were open lately, remembered between sessions."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from faceloop_datasets.files import atomic_path
from faceloop_workbench.config import config_folder

_FILE = "recent.toml"
_KEY = "projects"
_MOST = 10


def recent_projects() -> list[Path]:
    """Folders of the projects that were open lately and are still there, the last one first."""
    return [folder for folder in _remembered() if (folder / "project.db").is_file()]


def remember(folder: Path) -> None:
    """Put a project first.

    Raises
    ------
    InputError
        If the list cannot be written.
    """
    # One that cannot be found now may lie on a disk that is not connected: it is kept.
    folders = [folder, *(known for known in _remembered() if known != folder)][:_MOST]
    lines = "".join(f"    {_text(str(known))},\n" for known in folders)
    with atomic_path(config_folder() / _FILE) as part:
        part.write_text(f"{_KEY} = [\n{lines}]\n", encoding="utf-8")


def _remembered() -> list[Path]:
    try:
        values = tomllib.loads((config_folder() / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []  # nothing remembered, or nothing that is worth an error
    named = values.get(_KEY, [])
    if not isinstance(named, list):
        return []
    return [Path(name) for name in named if isinstance(name, str)]


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
