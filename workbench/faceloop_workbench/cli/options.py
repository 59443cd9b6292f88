"""Options that several commands share."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faceloop_workbench.services.finding import DETECTORS, STARTS, choices_text

from .console import note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faceloop_datasets import Project


def without_secret(place: str | None) -> str | None:
    """Take the password out of an address, and say why it should not be in a command."""
    if place is None or ":/" not in place:
        return place
    from faceloop_datasets.store.address import ProjectAddress, is_address, without_passwords

    if not is_address(place):
        return place
    if without_passwords(place) != place:
        note(
            "The address holds a password: all who list this computer's processes saw it, and it "
            "is in the history of the shell. Better keep it in ~/.pgpass, or in PGPASSWORD."
        )
    return ProjectAddress.of(place).text


def no_address(folder: Path) -> Path:
    """Refuse an address where a folder is made, which would be a folder of that name."""
    if re.match(r"postgres\S*:/", folder.as_posix()):
        raise typer.BadParameter("This makes a folder. On a server: faceloop server init URL.")
    return folder


ProjectOption = Annotated[
    str,
    typer.Option(
        "--project",
        "-p",
        metavar="DIR|URL",
        help="Folder of the project, or its address on a server.",
        show_default=False,
        callback=without_secret,
    ),
]
OptionalProject = Annotated[
    str | None,
    typer.Option(
        "--project",
        "-p",
        metavar="DIR|URL",
        help="Folder of the project, or its address on a server: its model in use.",
        show_default=False,
        callback=without_secret,
    ),
]
PlaceArgument = Annotated[
    str,
    typer.Argument(
        metavar="PROJECT",
        help="Folder of the project, or its address on a server.",
        callback=without_secret,
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="A model file, starter, or with --project the name of one of its models.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Report as JSON on stdout.")]
DetectorOption = Annotated[
    str,
    typer.Option(
        metavar="NAME|FILE.onnx",
        help=f"What finds the faces. {choices_text(DETECTORS)}; FILE.onnx: a YuNet file of yours.",
    ),
]


class FitStart(StrEnum):
    """Where the fit to a found face starts."""

    auto = "auto"
    network = "network"
    eyes = "eyes"
    box = "box"


START_HELP = f"Where the fit to a found face starts. {choices_text(STARTS)}."
StartOption = Annotated[FitStart, typer.Option(help=START_HELP)]
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        metavar="local:N|tcp://HOST:PORT|slurm:N",
        help="Who does the work: N processes of this computer, the workers of a Dask scheduler, or "
        "those that up to N jobs of Slurm start. The result is the same.",
        show_default=False,
    ),
]
SeedOption = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of all random choices.")]


def kept_files(model: str | None, project: Project | None) -> Iterator[Path]:
    """Yield what a command reads beside its arguments, and must not write over."""
    if model is not None:
        yield Path(model)  # a name in the project is no file, which does no harm
    if project is not None:
        yield from project.files()
