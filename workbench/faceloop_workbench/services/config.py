"""Where faceloop keeps what a person has set, outside of napari's preferences."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_config_dir


def config_folder() -> Path:
    """Folder of the person's own files; ``FACELOOP_CONFIG`` names another one."""
    named = os.environ.get("FACELOOP_CONFIG")
    return Path(named) if named else Path(user_config_dir("faceloop", appauthor=False))
