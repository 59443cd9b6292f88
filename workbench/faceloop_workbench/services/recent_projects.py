"""Projects that were open lately, remembered between sessions."""

from __future__ import annotations

import tomllib
from pathlib import Path

from faceloop_datasets import InputError
from faceloop_datasets.files import PROJECT, atomic_path, read_regular
from faceloop_datasets.schemes.toml import block, quoted
from faceloop_datasets.store.address import is_address

from .config import config_folder

_FILE = "recent.toml"
_KEY = "projects"
_MOST = 10
_MAX_BYTES = 1 << 20


def recent_projects() -> list[str]:
    """Return what opens the projects that were open lately, the last one first.

    A folder has to be still there; whether a server is, is seen when it is opened.
    """
    return [place for place in _remembered() if is_address(place) or _is_project(Path(place))]


def remember(place: str) -> None:
    """Put a project first, by its folder or an address without a password.

    Raises
    ------
    InputError
        If the list cannot be written.
    """
    # One that cannot be found now may lie on a disk that is not connected: it is kept.
    places = [place, *(known for known in _remembered() if known != place)][:_MOST]
    names = block(quoted(known) for known in places)
    with atomic_path(config_folder() / _FILE) as part:
        part.write_text(f"{_KEY} = {names}\n", encoding="utf-8")


def title_of_place(place: str) -> tuple[str, str]:
    """Name a project for people, and say where it is."""
    if is_address(place):
        server, _, rest = place.partition("://")[2].partition("/")
        return rest.partition("?")[0], server
    return Path(place).name, str(Path(place).parent)


def _remembered() -> list[str]:
    try:
        content = read_regular(config_folder() / _FILE, _MAX_BYTES)
        values = tomllib.loads(content.decode("utf-8"))
    except (InputError, ValueError, RecursionError):
        return []  # nothing remembered, or nothing that is worth an error
    named = values.get(_KEY, [])
    if not isinstance(named, list):
        return []
    return [name for name in named if isinstance(name, str)]


def _is_project(folder: Path) -> bool:
    try:
        return (folder / PROJECT).is_file()
    except (OSError, ValueError):  # a name that no system takes
        return False
