"""Tracking many videos: part of ``faceloop track``."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from .console import Column, note, say, show_json, show_table, show_values
from .errors import FAILED
from .interrupts import INTERRUPTED
from .monitoring import progress_monitor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Project
    from faceloop_workbench.services.many_videos import VideoRow
    from faceloop_workbench.services.video_files import FoundVideos
    from faceloop_workbench.services.video_job import TrackSettings
    from faceloop_workbench.services.video_report import Totals
    from faceloop_workbench.services.video_results import KeptTracks, TableFolder

_SHOWN = 20
"""Most videos in the table on the screen, and most errors below it."""
_STOPPING = "Stopping: videos in work are dropped, finished ones are reported"


@dataclass(frozen=True)
class ManyVideos:
    """What was asked for.

    Parameters
    ----------
    places : tuple of Path
        Files, folders and patterns.
    model : str or None
        As the command has it.
    settings : dict
        Of `TrackSettings.of`, besides the model.
    out : Path or None
        Folder for tables.
    csv : bool
        Whether these are CSV.
    keep, queue : bool
        Whether the project keeps tracks, and takes poor frames into its queue.
    report : Path or None
        File for the report.
    processes : int or None
        How many.
    scheduler : str or None
        As `faceloop_datasets.workers.open_workers` takes it.
    """

    places: tuple[Path, ...]
    model: str | None
    settings: dict[str, Any]
    out: Path | None
    csv: bool
    keep: bool
    queue: bool
    report: Path | None
    processes: int | None
    scheduler: str | None

    @property
    def workers(self) -> str:
        """Who does it: processes of this computer, as many as cores, unless others are named."""
        return self.scheduler or (f"local:{self.processes}" if self.processes else "local")


def track_videos(project: Project | None, asked: ManyVideos, *, json: bool) -> NoReturn:
    """Track videos as jobs of their own, report, and end the command."""
    from faceloop_datasets import InputError
    from faceloop_datasets.wording import counted
    from faceloop_datasets.workers import open_workers
    from faceloop_runtime import Tracker
    from faceloop_workbench.services.many_videos import track_many
    from faceloop_workbench.services.model_choice import choose_tracker, find_model
    from faceloop_workbench.services.video_job import TrackSettings
    from faceloop_workbench.services.video_report import Totals, write_report

    if asked.out is None and project is None:
        raise typer.BadParameter(
            "several videos need --out, a folder for their tables, or --project, which keeps "
            "their tracks"
        )
    if asked.processes and asked.scheduler:
        raise typer.BadParameter("--processes and --scheduler are two ways: choose one")
    begun = time.monotonic()
    chosen, finding = choose_tracker(asked.model, project), asked.settings["finding"]
    # What cannot be used is told before the work.
    Tracker(chosen.model, detector=finding.make_detector(), start=finding.start)
    settings = TrackSettings.of(find_model(asked.model, project), **asked.settings)
    found = _found(project, asked)
    report = asked.report or (None if asked.out is None else asked.out / "report.csv")
    _check_outputs(project, asked, found, report)
    if not found.videos and not found.faults:
        raise InputError(f"There is no video in {' '.join(map(str, asked.places))}.")
    rows: list[VideoRow] = []
    with progress_monitor(_STOPPING) as monitor, open_workers(asked.workers) as workers:
        tables, tracks = _places(project, asked, settings)
        try:
            for row in track_many(
                found, settings, workers, tables=tables, tracks=tracks, progress=monitor
            ):
                rows.append(row)  # one by one: whatever ends the work, these are reported
        finally:
            total = len(found.videos) + len(found.faults)
            totals = Totals.of(rows, total, time.monotonic() - begun)
            if report is not None:
                write_report(report, rows, found.others, totals)
    if json:
        others = [str(one) for one in found.others]
        listed = [row.to_dict() for row in rows]
        shown = {"model": settings.model.name, "videos": listed, "not_videos": others}
        show_json({**shown, "total": asdict(totals), "report": report})
    else:
        _show(rows, found, totals)
        if report is not None:
            say(f"Wrote {report}.")
    _note(rows, found, report)
    if monitor.stopping:
        of = counted(totals.videos, "video")
        note(f"Stopped after {len(rows)} of {of}; the same command goes on with the others.")
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(FAILED if totals.failed else 0)


def _found(project: Project | None, asked: ManyVideos) -> FoundVideos:
    """Find the videos; the project's own folder stands for its videos."""
    from faceloop_workbench.services.track_keeping import videos_of
    from faceloop_workbench.services.video_files import find_videos

    places: list[Path] = []
    for place in asked.places:
        own = project is not None and place.absolute() == project.path
        places += videos_of(project) if own and project is not None else [place]
    return find_videos(places, leave_out=asked.out)


def _check_outputs(
    project: Project | None, asked: ManyVideos, found: FoundVideos, report: Path | None
) -> None:
    from faceloop_datasets import InputError
    from faceloop_datasets.outputs import (
        refuse_in_project,
        refuse_to_replace,
        refuse_unwritable,
        require_ending,
    )
    from faceloop_workbench.services.video_report import REPORTS

    from .options import kept_files

    inside = None if asked.out is None else asked.out / "table"
    if asked.out is not None and not asked.out.is_dir():
        if asked.out.exists():
            raise InputError(
                f"{asked.out} is a file. Choose a folder for the tables of the videos."
            )
        if asked.out.suffix in {".parquet", ".csv"}:
            raise InputError(
                f"--out {asked.out} is the name of one table, and here each video has its own. "
                "Name a folder for them."
            )
    refuse_in_project([inside, report])
    refuse_to_replace([report], [*found.videos, *kept_files(asked.model, project)])
    if report is not None:
        require_ending(report, REPORTS, "a report")
        refuse_unwritable(report)


def _places(
    project: Project | None, asked: ManyVideos, settings: TrackSettings
) -> tuple[TableFolder | None, KeptTracks | None]:
    """Return where results go."""
    from faceloop_workbench.services.video_results import KeptTracks, TableFolder

    tables = tracks = None
    if asked.keep and project is not None:
        tracks = KeptTracks(project, settings.model.load(), settings)
    if asked.out is not None:
        ending = ".csv" if asked.csv or settings.table == "openface" else ".parquet"
        queue = project if asked.queue and tracks is None else None
        tables = TableFolder(asked.out, settings, ending, queue)
    return tables, tracks


def _show(rows: Sequence[VideoRow], found: FoundVideos, totals: Totals) -> None:
    from faceloop_datasets.wording import counted

    ordered = sorted(rows, key=lambda row: row.video)
    worst = sorted(ordered, key=_how_bad, reverse=True)
    if len(worst) > _SHOWN:
        say(f"The {_SHOWN} of {len(worst)} videos that failed or lost most frames:")
    names = ("frames", "lost", "poor", "with a face", "queued")
    lines = []
    for row in worst[:_SHOWN]:
        counts: tuple[object, ...] = ("",) * 4
        if (one := row.summary) is not None:
            counts = f"{one.frames} of {one.of}", one.lost, one.poor, f"{one.face_seconds:.1f} s"
        name = found.videos.get(row.video, str(row.video))
        lines.append((name, *counts, len(row.queued), row.status))
    if lines:
        show_table(("video", *(Column(name, number=True) for name in names), ""), lines)
    sums = f"{totals.tracked} tracked, {totals.done_before} done before, {totals.failed} failed"
    rate = totals.frames_per_second
    show_values(
        {
            "videos": f"{totals.videos}: {sums}",
            "frames": f"{totals.frames}, {totals.lost} without a face, {totals.poor} poor",
            "with a face": f"{totals.face_seconds:.1f} s",
            "time": f"{totals.seconds:.1f} s" + (f", {rate:.1f} frames a second" if rate else ""),
        }
    )
    if totals.queued:
        new = counted(totals.queued, "frame")
        say(f"Added {new} to the review queue: faceloop queue list")


def _how_bad(row: VideoRow) -> tuple[bool, float]:
    one = row.summary
    return row.status == "failed", 0 if one is None else (one.lost + one.poor) / max(one.frames, 1)


def _note(rows: Sequence[VideoRow], found: FoundVideos, report: Path | None) -> None:
    from faceloop_datasets.wording import counted, enumerated

    if found.others:
        are = counted(len(found.others), "file is no video", "files are no videos")
        note(f"{are}: {enumerated([str(one) for one in found.others])}.")
    warned = [
        f"Warning: {row.video}: {row.summary.warning}"
        for row in rows
        if row.summary is not None and row.summary.warning is not None
    ]
    failed = [f"Error: {row.error}" for row in rows if row.error is not None]
    for lines, what in ((warned, "warning"), (failed, "error")):
        for line in lines[:_SHOWN]:
            note(line)
        if len(lines) > _SHOWN:
            where = "" if report is None else f" in {report}"
            note(f"And {counted(len(lines) - _SHOWN, f'more {what}')}{where}.")
