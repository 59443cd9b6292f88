"""The command that plots quantities of a kept track, or writes them to a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import say, show_json
from .options import JsonOption, ProjectOption, kept_files
from .tracks import FramesOption, VideoArgument, frame_range


def plot(
    video: VideoArgument,
    project: ProjectOption,
    quantity: Annotated[
        list[str] | None,
        typer.Option(
            "--quantity",
            "-q",
            help="What to plot, as mouth_opening, yaw or x:chin; give it again for several.",
            show_default=False,
        ),
    ] = None,
    frames: FramesOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Picture (.png, .svg, .pdf) or table (.csv).", show_default=False
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Plot mouth, eyes, head and more of a kept track over time.

    Without --quantity it lists what there is. Without --out the file is named by video,
    quantities and range, in this folder. Lost and rejected frames are gaps.

    Example: faceloop tracks plot talk.mp4 --project faces -q mouth_opening -q yaw --out talk.svg
    """
    from faceloop_datasets import Project
    from faceloop_workbench.services.quantities import quantities_of
    from faceloop_workbench.services.quantities import quantity as find
    from faceloop_workbench.services.quantity_export import (
        Selection,
        save_quantities,
        suggested_name,
    )
    from faceloop_workbench.services.track_keeping import find_video, need_track

    with Project.open(project) as opened:
        media = find_video(opened, video)
        track = need_track(opened, media).track
        first, last = (None, None) if frames is None else frame_range(track, frames)
        if not quantity:
            there = quantities_of(opened.scheme, track.expressions)
            names = [one.name for one in there]
            if json:
                show_json({"quantities": names})
            else:
                say(", ".join([*names, "x:POINT", "y:POINT", "speed:POINT"]))
            return
        wanted = [find(name, opened.scheme, track.expressions) for name in quantity]
        part = Selection(wanted, first=first, last=last)
        target = out or Path(suggested_name(Path(media.name).name, part))
        save_quantities(target, track, part, kept_files(None, opened))
    if json:
        show_json({"out": target, "quantities": [one.name for one in wanted]})
    else:
        say(f"{', '.join(one.title for one in wanted)}: in {target}.")
