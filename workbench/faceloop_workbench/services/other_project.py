"""Faces of another project for a new one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets import Conversion, Project, Scheme
from faceloop_datasets.schemes.conversion import conversions_beside

if TYPE_CHECKING:
    from faceloop_datasets import ImportReport, Monitor


def check_source(source: Path, scheme: Scheme | Path) -> None:
    """See whether the faces of a project can be brought to a scheme, before anything is made.

    Raises
    ------
    ProjectError
        If it is no project.
    SchemeError
        If there is no conversion from its scheme.
    """
    with Project.open(source) as project:
        beside = {conversion.source for conversion in conversions_beside(scheme)}
        if project.scheme.name not in beside:
            Conversion.load(
                project.scheme, scheme if isinstance(scheme, Scheme) else Scheme.load(scheme)
            )


def import_project(into: Project, source: Path, monitor: Monitor) -> ImportReport:
    """Bring the faces of a project into another one."""
    with Project.open(source) as other:
        return into.import_project(other, progress=monitor)
