"""Packages that few people need: imported when what is done asks for them."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import InputError


def need(module: str, extra: str) -> Any:
    """Import a module of an extra of faceloop's.

    Raises
    ------
    InputError
        If it is not installed, with the line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"This needs {module.partition('.')[0]}, which is not installed: "
            f"pip install 'faceloop[{extra}]'"
        ) from error
