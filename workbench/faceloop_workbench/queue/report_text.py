"""The report of an import as text that can be read, searched and copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets.wording import counted
from faceloop_workbench.services.conversion_text import left_out_text
from faceloop_workbench.services.format_help import title_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faceloop_datasets import ImportReport
    from faceloop_datasets.formats import Recognition

_NAMES = 200  # pictures that were not found; refused rows are all there


def report_text(report: ImportReport, converted: str) -> str:
    """Write a report for people.

    Parameters
    ----------
    report : ImportReport
        What was done, or would be.
    converted : str
        How the points became those of the project, in words.
    """
    return "\n".join(_lines(report, converted))


def recognised_text(found: Recognition, chosen: str) -> str:
    """Say what files were recognised as, and whether that is the format that is chosen.

    Parameters
    ----------
    found : Recognition
        What they look like.
    chosen : str
        The format that is chosen.
    """
    if found.format is None:
        return found.problem
    title = title_of(found.format)
    if found.format == chosen:
        return f"Recognised as {title}."
    return f"The files look like {title}; another format is chosen."


def _lines(report: ImportReport, converted: str) -> Iterator[str]:
    if report.dry_run:
        yield f"This import would add {counted(report.new, 'face')}. Nothing is written yet."
    else:
        yield f"{counted(report.new, 'face was', 'faces were')} added."
    yield from report.warnings
    yield ""
    yield f"faces read           {report.faces}"
    yield f"  new                {report.new}"
    for name, count in (
        ("here already", report.unchanged),
        ("updated", report.updated),
        ("corrected here, kept", report.kept_aside),
    ):
        if count:
            yield f"  {name:<19}{count}"
    if report.shape_only:
        yield f"without a picture    {report.shape_only} (train the shape only)"
    yield f"points               {report.points}"
    yield f"  estimated          {report.points_estimated}"
    yield f"  missing            {report.points_missing}"
    if report.expressions:
        yield f"with an expression   {report.expressions}"
    yield ""
    for rule in report.subject_rules:
        yield f"Subjects: {rule}."
    if report.subjects_changed:
        faces = counted(report.subjects_changed, "face that was", "faces that were")
        verb = "gets" if report.subjects_changed == 1 else "get"
        yield f"{faces} here already {verb} another subject."
    yield ""
    yield converted
    if report.points_by_number:
        yield report.points_by_number
    if report.points_left_out:
        yield left_out_text(report)
    for reason, count in report.skipped.items():
        yield f"{counted(count, 'row is', 'rows are')} left out: {reason}."
    yield from _updated(report)
    yield from _refused(report)
    yield from _not_found(report)


def _updated(report: ImportReport) -> Iterator[str]:
    if report.updated_faces:
        yield ""
        yield f"Updated ({len(report.updated_faces)}):"
    for name in report.updated_faces:
        yield f"  {name}"


def _refused(report: ImportReport) -> Iterator[str]:
    if report.refused:
        yield ""
        yield f"Refused ({len(report.refused)}):"
    for refusal in report.refused:
        line = f", line {refusal.line}" if refusal.line else ""
        yield f"  {refusal.file}{line}: {refusal.reason}"


def _not_found(report: ImportReport) -> Iterator[str]:
    names = report.images_not_found
    if names:
        yield ""
        yield f"Pictures not found ({len(names)}):"
    for name in names[:_NAMES]:
        yield f"  {name}"
    if len(names) > _NAMES:
        yield f"  and {len(names) - _NAMES} more"
    if names:
        yield "Choose their folder under Pictures in, and check again."
