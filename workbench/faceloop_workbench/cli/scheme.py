"""Commands on the landmark scheme of a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import say, show_json, show_table
from .monitoring import progress_monitor
from .options import JsonOption, ProjectOption, without_secret
from .projects import show_report

OtherArgument = Annotated[
    str,
    typer.Argument(
        metavar="OTHER",
        help="Folder of another project, or its address on a server.",
        callback=without_secret,
    ),
]

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


@scheme.command("learn-conversion")
def learn_conversion(
    other: OtherArgument,
    project: ProjectOption,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="Write it to a file too.", show_default=False),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Learn how the points of another project become those of this one.

    From the faces that both have: of one picture, by its content, in one place. A few points of
    the other project make each of ours; how many, and the expected error, is measured on people
    left out of it. A point that is expected to be off by more than .02 of the distance of the
    eyes will be marked as estimated. The project keeps the conversion: imports use it.

    Example: faceloop scheme learn-conversion old --project faces
    """
    from faceloop_datasets import Project
    from faceloop_datasets.files import atomic_path
    from faceloop_datasets.outputs import refuse_in_project, refuse_to_replace
    from faceloop_workbench.services.conversion_text import conversion_text, error_rows

    with (
        Project.open(project) as opened,
        Project.open(other) as theirs,
        progress_monitor() as monitor,
    ):
        if out is not None:
            refuse_to_replace([out], [*opened.files(), *theirs.files()])
            refuse_in_project([out])
        learned = opened.learn_conversion(theirs, progress=monitor)
        opened.keep_conversion(learned)
        target = opened.scheme
    if out is not None:
        with atomic_path(out) as part:
            part.write_text(learned.to_toml(), encoding="utf-8")
    rows = error_rows(learned, target)
    if json:
        show_json([dict(zip(("point", "becomes", "error"), row, strict=True)) for row in rows])
        return
    show_table(("point", "becomes", "expected error"), rows)
    say(conversion_text(learned, target))
    say(f"Next: faceloop scheme convert {other} --project {project}")


@scheme.command("convert")
def convert(
    other: OtherArgument,
    project: ProjectOption,
    conversion: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml",
            help="The conversion to keep and use, of learn-conversion --out.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only report what would be done.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Bring in the faces of another project, converted to the points of this one.

    By the conversion that was learned, or one that comes with faceloop. Estimated points are marked
    so; faceloop confirm confirms them, or a training with the others says which are off.

    Example: faceloop scheme convert old --project faces
    """
    from faceloop_datasets import Conversion, Project

    with (
        Project.open(project) as opened,
        Project.open(other) as theirs,
        progress_monitor() as monitor,
    ):
        if conversion is not None:
            opened.keep_conversion(Conversion.read(conversion))
        report = opened.import_project(theirs, progress=monitor, dry_run=dry_run)
    if json:
        show_json(report.to_dict())
    else:
        show_report(report)
