"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ProjectOption = Annotated[
    Path, typer.Option("--project", "-p", help="Folder of the project.", show_default=False)
]
OptionalProject = Annotated[
    Path | None,
    typer.Option(
        "--project", "-p", help="Folder of the project: its model in use.", show_default=False
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="A model file, or with --project the name of one of its models.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Report as JSON on stdout.")]
SeedOption = Annotated[int, typer.Option(help="Seed of all random choices.")]
