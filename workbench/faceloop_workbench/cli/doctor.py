"""The command that looks at the machine."""

from __future__ import annotations

from dataclasses import asdict

import typer

from .console import say, show_json, show_table
from .errors import FAILED
from .options import JsonOption


def doctor(json: JsonOption = False) -> None:
    """Show versions, the GL renderer, data folders, and what is missing.

    Example: faceloop doctor
    """
    from faceloop_workbench.services.installation import installation

    findings = installation()
    if not any(finding.missing for finding in findings):
        from faceloop_workbench.services.doctor import machine

        findings += machine()
    advised = [finding for finding in findings if finding.advice]
    broken = any(finding.missing for finding in findings)
    if json:
        show_json({"ok": not broken, "findings": [asdict(finding) for finding in findings]})
    else:
        show_table(("what", "found"), [(f.what, f.found) for f in findings])
        say("")
        for finding in advised:
            say(f"{finding.what}: {finding.advice}")
        say("faceloop cannot work here." if broken else "faceloop works here.")
    raise typer.Exit(FAILED if broken else 0)
