"""Faces of another project: what would come in, and bringing them in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets import Conversion, Project, Scheme, SchemeError
from faceloop_datasets.schemes.conversion import conversions_beside
from faceloop_datasets.wording import counted

from .conversion_text import conversion_text

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


@dataclass(frozen=True)
class Plan:
    """What bringing in the faces of another project would do.

    Parameters
    ----------
    source : Path
        Folder of the other project.
    conversion : Conversion
        What makes its points those of ours.
    learned_from : int
        Faces that both have, of which the conversion was learned just now; 0 if there was one.
    report : ImportReport
        What would come in.
    """

    source: Path
    conversion: Conversion
    learned_from: int
    report: ImportReport

    def text(self, scheme: Scheme) -> str:
        """Say it to people, who may then decide."""
        report = self.report
        here = sum(report.skipped.values()) + report.unchanged
        parts = [
            f"{counted(report.new, 'face')} of {self.source.name} would come in"
            + (f"; {counted(here, 'is', 'are')} here already." if here else ".")
        ]
        if self.learned_from:
            parts.append(
                f"The conversion was learned from {counted(self.learned_from, 'face')} that both "
                "projects have; expected errors are those on people left out of it."
            )
        return "\n\n".join([*parts, conversion_text(self.conversion, scheme)])


def plan_import(into: Project, source: Path, monitor: Monitor) -> Plan:
    """Look at what would come in; where there is no conversion one is learned, and kept.

    Raises
    ------
    SchemeError
        If there is no conversion, and too few faces have both kinds of points to learn one.
    """
    with Project.open(source) as other:
        learned_from = 0
        try:
            conversion = into.conversion_from(other.scheme)
        except SchemeError:
            conversion = into.learn_conversion(other, progress=monitor)
            learned_from = conversion.faces
            into.keep_conversion(conversion)
        report = into.import_project(other, progress=monitor, dry_run=True)
    return Plan(source, conversion, learned_from, report)
