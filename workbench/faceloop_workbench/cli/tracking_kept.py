"""Tracking videos so that a project keeps their tracks: part of ``faceloop track``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from .console import Column, note, say, show_json, show_table
from .errors import FAILED
from .interrupts import INTERRUPTED
from .monitoring import progress_monitor

if TYPE_CHECKING:
    from faceloop_datasets import Project
    from faceloop_workbench.services.finding import Finding
    from faceloop_workbench.services.model_choice import ChosenModel, ChosenTracker


def track_kept(
    project: Project | None,
    chosen: ChosenModel | ChosenTracker,
    place: Path,
    faces: int,
    finding: Finding,
    *,
    json: bool,
) -> NoReturn:
    """Track a video, those below a folder, or those of the project, and end the command.

    Poor frames, and those where a face was lost, go to the review queue, as in the tab Live.
    """
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.track_keeping import (
        Refused,
        queue_poor_frames,
        track_all,
        videos_below,
        videos_of,
    )

    if project is None:
        raise typer.BadParameter("a folder, and --keep, need --project, which keeps the tracks")
    own = place.absolute() == project.path
    paths = (videos_of(project) if own else videos_below(place)) if place.is_dir() else [place]
    rows: list[dict[str, Any]] = []
    with progress_monitor() as monitor:
        for one in track_all(
            project, chosen, paths, max_faces=faces, finding=finding, progress=monitor
        ):
            if isinstance(one, Refused):
                rows.append({"video": str(one.path), "error": str(one.error)})
                continue
            queued = [entry.id for entry in queue_poor_frames(project, one, chosen.name)]
            track, summary = one.history.track, one.result.summary
            counts = {"faces": len(track.faces), "edited": _edited(one), "queued": queued}
            rows.append({**summary.to_dict(), **counts})
        stopped = monitor.stopping
    if json:
        show_json({"model": chosen.name, "videos": rows})
    else:
        _show(rows)
    wrong = [row["error"] for row in rows if row.get("error")]
    for error in wrong:
        note(f"Error: {error}")
    if stopped:
        of = counted(len(paths), "video")
        note(f"Stopped after {len(rows)} of {of}; the last is kept until there.")
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(FAILED if wrong else 0)


def _show(rows: list[dict[str, Any]]) -> None:
    from faceloop_datasets.wording import counted

    numbers = ("frames", "lost", "faces", "edited")
    tracked = [row for row in rows if "frames" in row]
    show_table(
        ("video", *(Column(name, number=True) for name in (*numbers, "queued"))),
        [(Path(r["video"]).name, *(r[n] for n in numbers), len(r["queued"])) for r in tracked],
    )
    new = sum(len(row["queued"]) for row in tracked)
    if new:
        say(f"Added {counted(new, 'frame')} to the review queue: faceloop queue list")


def _edited(kept: Any) -> int:
    return sum(int(face.settled.sum()) for face in kept.history.track.faces)
