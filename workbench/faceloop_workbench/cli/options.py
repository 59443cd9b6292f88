"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faceloop_datasets import Project

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


def kept_files(model: str | None, project: Project | None) -> Iterator[Path]:
    """Yield what a command reads beside its arguments, and must not write over."""
    if model is not None:
        yield Path(model)  # a name in the project is no file, which does no harm
    if project is not None:
        yield from project.files()
