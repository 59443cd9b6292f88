"""The bundled project, of which each person has a copy."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_data_dir

from faceloop_datasets import Project


def open_sample_project() -> Project:
    """Open this person's copy of the bundled project; made when it is first asked for."""
    folder = Path(user_data_dir("faceloop", appauthor=False)) / "sample project"
    if (folder / "project.db").is_file():
        return Project.open(folder)
    return Project.create(folder, sample=True)
