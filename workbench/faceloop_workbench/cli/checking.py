"""The command that checks a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .console import Column, say, show_json, show_table
from .monitoring import progress_monitor
from .options import JsonOption, PlaceArgument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from faceloop_datasets.care import Finding

_NAMED = 3  # things of one kind; --json has all


def check(
    project: PlaceArgument,
    hashes: Annotated[
        bool, typer.Option("--hashes", help="Read all pictures, videos and backups, too.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check that a project is whole: database, history, models, pictures, backups.

    It changes nothing, and the project may be in use. The exit code is 1 if there is an error.

    Example: faceloop check faces --hashes
    """
    from faceloop_datasets.care import check_project
    from faceloop_workbench.services.care_text import check_summary

    with progress_monitor() as monitor:
        report = check_project(project, hashes=hashes, progress=monitor)
    if json:
        findings = [vars(finding) for finding in report.findings]
        show_json({"sound": report.sound, "counts": report.counts, "findings": findings})
    else:
        _show(report.findings)
        say(check_summary(report))
    if not report.sound:
        raise typer.Exit(1)


def _show(findings: Iterable[Finding]) -> None:
    from faceloop_datasets.wording import enumerated
    from faceloop_workbench.services.care_text import grouped_findings

    rows = [
        (kind.severity, len(kind.places), kind.what, enumerated(kind.places, _NAMED), kind.advice)
        for kind in grouped_findings(findings)
    ]
    if rows:
        show_table(("", Column("how many", number=True), "what", "where", "what to do"), rows)
