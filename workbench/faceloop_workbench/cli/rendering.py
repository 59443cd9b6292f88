"""The command that draws over faces: meshes, masks, caricatures, and covers that hide people."""

from __future__ import annotations

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from faceloop_workbench.services.finding import Finding, choices_text
from faceloop_workbench.services.render_choice import COVERS, MODES, Rendering

from .console import note, say, show_json, show_values
from .monitoring import progress_monitor
from .options import (
    DetectorOption,
    FitStart,
    JsonOption,
    ModelOption,
    OptionalProject,
    StartOption,
    kept_files,
)


class Mode(StrEnum):
    """What is drawn."""

    mesh = "mesh"
    mask = "mask"
    caricature = "caricature"
    anonymise = "anonymise"


class CoverChoice(StrEnum):
    """What covers anonymised faces."""

    face = "face"
    pixels = "pixels"


def render(
    source: Annotated[Path, typer.Argument(metavar="VIDEO|PICTURE")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Video or picture to make.", show_default=False)
    ],
    mode: Annotated[Mode, typer.Option(help=f"What to draw. {choices_text(MODES)}.")],
    face: Annotated[
        Path | None,
        typer.Option(
            metavar="PICTURE",
            help="With --mode mask: the picture whose face it is. The average face by default.",
            show_default=False,
        ),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=5,
            help="With --mode caricature: 1 changes nothing, 0 draws the average shape, 1.8 is "
            "the default.",
            show_default=False,
        ),
    ] = None,
    cover: Annotated[
        CoverChoice | None,
        typer.Option(
            help=f"With --mode anonymise: what covers faces. {choices_text(COVERS)}. By default "
            "face.",
            show_default=False,
        ),
    ] = None,
    sound: Annotated[
        bool, typer.Option("--sound/--no-sound", help="Copy the sound as it is, or leave it out.")
    ] = True,
    faces: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="At most so many faces, by default 1; not with --mode anonymise, which covers "
            "all.",
            show_default=False,
        ),
    ] = None,
    model: ModelOption = None,
    project: OptionalProject = None,
    detector: DetectorOption = "auto",
    start: StartOption = FitStart.auto,
    json: JsonOption = False,
) -> None:
    """Draw over the faces of a video or a picture.

    Anonymising covers every face that is found, also where it is lost for a while. No detector
    finds all faces: look at the whole result before you give it away.

    Example: faceloop render talk.mp4 --mode anonymise --out nobody.mp4
    """
    from faceloop_datasets import Project
    from faceloop_workbench.services.model_choice import choose_model
    from faceloop_workbench.services.rendering import render as render_file

    rendering = _chosen(mode, face, strength, cover)
    if faces is not None and mode is Mode.anonymise:
        raise typer.BadParameter("--faces is not for --mode anonymise, which covers all faces")
    with ExitStack() as stack:
        opened = None if project is None else stack.enter_context(Project.open(project))
        chosen = choose_model(model, opened)
        with progress_monitor() as monitor:
            summary = render_file(
                chosen.model,
                source,
                out,
                rendering,
                max_faces=faces or 1,
                finding=Finding(detector, start.value),
                sound=sound,
                keep=kept_files(model, opened),
                progress=monitor,
            )
    if json:
        show_json({"model": chosen.name, "mode": mode.value, **summary.to_dict()})
        return
    show_values(
        {
            "model": chosen.name,
            "frames": str(summary.frames),
            "with something drawn": f"{summary.drawn} ({summary.drawn / summary.frames:.1%})",
        }
    )
    if summary.warning is not None:
        note(f"Warning: {summary.warning}")
    say(f"Wrote {out}.")
    if summary.advice is not None:
        note(summary.advice)


def _chosen(
    mode: Mode, face: Path | None, strength: float | None, cover: CoverChoice | None
) -> Rendering:
    """Return what is to be drawn; an option that says nothing there is refused."""
    for name, value, its in (
        ("--face", face, Mode.mask),
        ("--strength", strength, Mode.caricature),
        ("--cover", cover, Mode.anonymise),
    ):
        if value is not None and mode is not its:
            raise typer.BadParameter(f"{name} is for --mode {its}")
    rendering = Rendering(mode.value, face)
    if strength is not None:
        return Rendering(mode.value, strength=strength)
    return rendering if cover is None else Rendering(mode.value, cover=cover.value)
