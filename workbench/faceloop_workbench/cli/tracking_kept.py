"""Tracking a video so that a project keeps its track: part of ``faceloop track``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import typer

from .console import Column, note, say, show_json, show_table
from .errors import FAILED
from .interrupts import INTERRUPTED
from .monitoring import progress_monitor

if TYPE_CHECKING:
    from pathlib import Path

    from faceloop_datasets import Project
    from faceloop_workbench.services.finding import Finding
    from faceloop_workbench.services.model_choice import ChosenModel, ChosenTracker


def track_kept(
    project: Project,
    chosen: ChosenModel | ChosenTracker,
    video: Path,
    faces: int,
    finding: Finding,
    *,
    json: bool,
) -> NoReturn:
    """Track a video, keep its track, and end the command.

    Poor frames, and those where a face was lost, go to the review queue, as in the tab Live.
    """
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.track_keeping import queue_poor_frames, track_and_keep

    with progress_monitor() as monitor:
        kept = track_and_keep(
            project, chosen, video, max_faces=faces, finding=finding, progress=monitor
        )
    queued = [entry.id for entry in queue_poor_frames(project, kept, chosen.name)]
    track, summary = kept.history.track, kept.result.summary
    edited = sum(int(face.settled.sum()) for face in track.faces)
    if json:
        row = {**summary.to_dict(), "faces": len(track.faces), "edited": edited, "queued": queued}
        show_json({"model": chosen.name, "videos": [row]})
    else:
        numbers = (summary.frames, summary.lost, len(track.faces), edited, len(queued))
        names = ("frames", "lost", "faces", "edited", "queued")
        show_table(
            ("video", *(Column(name, number=True) for name in names)), [(video.name, *numbers)]
        )
        if queued:
            say(f"Added {counted(len(queued), 'frame')} to the review queue: faceloop queue list")
    if summary.error is not None:
        note(f"Error: {summary.error}")
        raise typer.Exit(FAILED)
    if summary.stopped:
        note(f"Stopped after {summary.frames} of {summary.of} frames; the track holds these.")
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(0)
