"""Commands on the landmark scheme of a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import say
from .options import ProjectOption

scheme = typer.Typer(no_args_is_help=True, help="The points of a project: their names and parts.")


@scheme.command("show")
def show_scheme(project: ProjectOption) -> None:
    """Print the project's scheme as TOML.

    Example: faceloop scheme show --project faces > mine.toml
    """
    from faceloop_datasets import Project

    with Project.open(project) as opened:
        typer.echo(opened.scheme.to_toml(), nl=False)


@scheme.command("replace")
def replace_scheme(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The scheme as it should be.")],
    project: ProjectOption,
) -> None:
    """Correct the project's scheme: mirror pairs, groups, lines, what measures a face.

    Names of the points, and of the scheme, stay as they are: annotations belong to them. Models
    that were trained before keep the scheme they were trained with.

    Example: faceloop scheme replace mine.toml --project faces
    """
    from faceloop_datasets import Project, Scheme

    with Project.open(project) as opened:
        opened.replace_scheme(Scheme.load(file))
        say(f"The scheme {opened.scheme.name} is replaced. Train again to use it.")
