"""The file of a model, copied to where a person wants it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from faceloop_datasets import ModelFileError
from faceloop_datasets.files import atomic_path

if TYPE_CHECKING:
    from pathlib import Path


def copy_model(file: Path, out: Path) -> None:
    """Copy the file of a model, whole or not at all.

    Raises
    ------
    ModelFileError
        If it is not there.
    InputError
        If the copy cannot be written.
    """
    if not file.is_file():
        raise ModelFileError(
            f"The model file {file} is missing. Put it back, or choose another model."
        )
    with atomic_path(out) as part:
        shutil.copyfile(file, part)
