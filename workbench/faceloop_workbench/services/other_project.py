"""Faces of another project for a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets import Conversion, Project

if TYPE_CHECKING:
    from pathlib import Path

    from faceloop_datasets import ImportReport, Monitor, Scheme


def check_source(source: Path, scheme: Scheme) -> None:
    """See whether the faces of a project can be brought to a scheme, before anything is made.

    Raises
    ------
    ProjectError
        If it is no project.
    SchemeError
        If there is no conversion from its scheme.
    """
    with Project.open(source) as project:
        Conversion.load(project.scheme, scheme)


def import_project(into: Project, source: Path, monitor: Monitor) -> ImportReport:
    """Bring the faces of a project into another one."""
    with Project.open(source) as other:
        return into.import_project(other, progress=monitor)
