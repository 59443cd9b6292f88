"""The report of an import as text that can be read, searched and copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Conversion, ImportReport, Scheme
from faceloop_datasets.formats import native_scheme

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = 200  # pictures that were not found; refused rows are all there


def report_text(report: ImportReport, scheme: Scheme) -> str:
    """Write a report for people.

    Parameters
    ----------
    report : ImportReport
        What was done, or would be.
    scheme : Scheme
        The project's.
    """
    return "\n".join(_lines(report, scheme))


def conversion_text(source_format: str, scheme: Scheme) -> str:
    """Say how the points of a format become those of a project.

    Raises
    ------
    SchemeError
        If they cannot.
    """
    source = native_scheme(source_format)
    conversion = Conversion.load(source, scheme)
    if source == scheme.name:
        return f"The points are those of the project ({scheme.name}): nothing is converted."
    absent = ~(conversion.weights != 0).any(axis=1)
    estimated = ~conversion.same_mark & ~absent
    kept = len(scheme) - int(absent.sum()) - int(estimated.sum())
    parts = [f"{source} becomes {scheme.name}: {kept} of {len(scheme)} points are the same marks"]
    for mask, word in ((estimated, "estimated"), (absent, "missing")):
        if mask.any():
            names = ", ".join(np.array(scheme.names)[mask])
            parts.append(f"{int(mask.sum())} {word} ({names})")
    return "; ".join(parts) + "."


def _lines(report: ImportReport, scheme: Scheme) -> Iterator[str]:
    if report.dry_run:
        yield f"This import would add {report.new} faces. Nothing is written yet."
    else:
        yield f"{report.new} faces were added."
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
        yield f"{report.subjects_changed} faces that were here already get another subject."
    yield ""
    yield conversion_text(report.format, scheme)
    for reason, count in report.skipped.items():
        yield f"{count} rows are left out: {reason}."
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
