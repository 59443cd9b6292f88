"""Commands that fit pictures and track videos."""

from __future__ import annotations

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faceloop_workbench.services.finding import Finding, starts_text

from .console import Column, note, say, show_json, show_table, show_values
from .errors import FAILED
from .interrupts import INTERRUPTED
from .monitoring import progress_monitor
from .options import (
    DetectorOption,
    FitStart,
    JsonOption,
    ModelOption,
    OptionalProject,
    SchedulerOption,
    StartOption,
    kept_files,
)
from .tracking_kept import track_kept
from .tracking_many import ManyVideos, track_videos

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Project
    from faceloop_workbench.services.stills import StillResult
    from faceloop_workbench.services.tracking import TrackSummary

PointsOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Table of the points: .parquet or .csv.", show_default=False),
]


class Table(StrEnum):
    """Which columns a table of a tracked video has."""

    faceloop = "faceloop"
    openface = "openface"


QueueOption = Annotated[
    bool, typer.Option("--queue", help="Put poor fits into the review queue of --project.")
]
FacesOption = Annotated[int, typer.Option(min=1, help="At most so many faces in one picture.")]


def fit(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE")],
    model: ModelOption = None,
    project: OptionalProject = None,
    out: PointsOption = None,
    overlay: Annotated[
        Path | None,
        typer.Option(
            help="Picture with the points drawn in; for several pictures a folder.",
            show_default=False,
        ),
    ] = None,
    queue: QueueOption = False,
    faces: FacesOption = 1,
    detector: DetectorOption = "auto",
    start: StartOption = FitStart.auto,
    json: JsonOption = False,
) -> None:
    """Find and fit faces in pictures.

    Without --model or --project it works with the starter model. A picture that cannot be read
    is told at the end, the others are fitted.

    Example: faceloop fit portrait.jpg --overlay fitted.png
    """
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.model_choice import choose_tracker
    from faceloop_workbench.services.stills import fit_stills, overlay_files, queue_stills

    _check_queue(queue, project)
    with ExitStack() as stack:
        opened = _opened(stack, project)
        chosen = choose_tracker(model, opened)
        with progress_monitor() as monitor:
            results = fit_stills(
                chosen.model,
                images,
                points=out,
                overlay=overlay,
                max_faces=faces,
                finding=Finding(detector, start.value),
                keep=kept_files(model, opened),
                progress=monitor,
            )
        entries = queue_stills(opened, results, chosen.name) if queue and opened else []
    if json:
        queued = [entry.id for entry in entries] if queue else None
        rows = [result.to_dict() for result in results]
        show_json({"model": chosen.name, "images": rows, "queued": queued})
    else:
        _show_fits(results)
        _show_written(out, overlay)
        _note_longer_names(overlay, overlay_files(images, overlay))
        if queue:
            say(f"Added {counted(len(entries), 'picture')} to the review queue.")
    _note_more_faces(results)
    refused = [result.error for result in results if result.error is not None]
    for error in refused:
        note(f"Error: {error}")
    if len(results) < len(images):
        of = counted(len(images), "picture")
        note(f"Stopped after {len(results)} of {of}; the files hold these.")
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(FAILED if refused else 0)


def track(
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO|FOLDER|PATTERN")],
    model: ModelOption = None,
    project: OptionalProject = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Table of the points: .parquet or .csv; for several videos a folder.",
            show_default=False,
        ),
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option(help="Video with the points drawn in.", show_default=False)
    ] = None,
    plot_expressions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            help="Plot of what the face expresses over time.",
            show_default=False,
        ),
    ] = None,
    queue: QueueOption = False,
    faces: FacesOption = 1,
    detector: DetectorOption = "auto",
    start: StartOption = FitStart.auto,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="Keep tracks with --project, poor frames queued; of several videos always so "
            "without --out.",
        ),
    ] = False,
    smooth: Annotated[
        bool, typer.Option(help="Add points that tremble less, half a frame late.")
    ] = False,
    table: Annotated[
        Table, typer.Option(help="Columns of --out: faceloop's, or OpenFace's (.csv).")
    ] = Table.faceloop,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Videos at once, each in a process; as many as cores by default.",
            show_default=False,
        ),
    ] = None,
    scheduler: SchedulerOption = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="What came of several videos: .csv or .json; by default in --out.",
            show_default=False,
        ),
    ] = None,
    csv: Annotated[
        bool, typer.Option("--csv", help="Tables of several videos are CSV, not Parquet.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Track faces through videos: one, several, or all below folders, in a process a core.

    Without --model or --project it works with the starter model. Ctrl-C stops it: of one video
    the files then hold the frames until there; of several those that are finished stay, and the
    same command goes on with the others. Tracks that are kept with a project can be corrected in
    the tab Live, and by faceloop tracks; the project's own folder stands for its videos.

    Example: faceloop track talk.mp4 --project faces --out talk.parquet --overlay out.mp4 --queue

    Example: faceloop track recordings --out tables
    """
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.model_choice import choose_tracker
    from faceloop_workbench.services.tracking import queue_frames, track_video
    from faceloop_workbench.services.video_files import names_one_file

    _check_queue(queue, project, keep=keep)
    if table is not Table.faceloop and out is None:
        raise typer.BadParameter(f"--table {table.value} needs --out, the table to write (.csv)")
    # A pattern that the shell resolved may have left one file.
    folder = out is not None and (out.is_dir() or not out.suffix)
    of_many = csv or any(one is not None for one in (processes, scheduler, report))
    with ExitStack() as stack:
        opened = _opened(stack, project)
        if folder or of_many or not names_one_file(videos):
            if overlay or plot_expressions:
                raise typer.BadParameter("--overlay and --plot-expressions are of one video")
            how = {"max_faces": faces, "smooth": smooth, "table": table.value}
            asked = ManyVideos(
                places=tuple(videos),
                model=model,
                settings={**how, "finding": Finding(detector, start.value)},
                out=out,
                csv=csv,
                keep=keep or out is None,
                queue=queue,
                report=report,
                processes=processes,
                scheduler=scheduler,
            )
            track_videos(opened, asked, json=json)
        (video,) = videos
        chosen = choose_tracker(model, opened)
        if keep and opened is not None:
            if out or overlay or plot_expressions:
                raise typer.BadParameter(
                    "--keep writes no files: faceloop tracks export does, afterwards"
                )
            track_kept(opened, chosen, video, faces, Finding(detector, start.value), json=json)
        with progress_monitor() as monitor:
            result = track_video(
                chosen.model,
                video,
                points=out,
                overlay=overlay,
                plot=plot_expressions,
                max_faces=faces,
                finding=Finding(detector, start.value),
                smooth=smooth,
                table=table.value,
                keep=kept_files(model, opened),
                progress=monitor,
            )
        entries = queue_frames(opened, result, chosen.name) if queue and opened else []
    summary = result.summary
    if json:
        files = {"points": out, "overlay": overlay, "plot": plot_expressions}
        queued = [entry.id for entry in entries] if queue else None
        show_json({"model": chosen.name, **summary.to_dict(), **files, "queued": queued})
    else:
        show_track(summary, chosen.name)
        _show_written(out, overlay, plot_expressions)
        if queue:
            say(f"Added {counted(len(entries), 'frame')} to the review queue: faceloop queue list")
    if summary.error is not None:
        note(f"Error: {summary.error}")
        raise typer.Exit(FAILED)
    if summary.stopped:
        note(f"Stopped after {summary.frames} of {summary.of} frames; the files hold these.")
        raise typer.Exit(INTERRUPTED)


def show_track(summary: TrackSummary, model: str) -> None:
    """Show what tracking a video came to."""
    values = {
        "model": model,
        "frames": f"{summary.frames} of {summary.of}",
        "lost": f"{summary.lost} ({summary.lost / max(summary.frames, 1):.1%})",
    }
    if summary.median_predicted_error is not None:
        values["predicted error"] = (
            f"median {summary.median_predicted_error:.4f}, "
            f"worst {summary.worst_predicted_error:.4f}"
        )
        values["fits started from"] = starts_text(summary.starts)
    if summary.expressions:
        values["expressions"] = ", ".join(
            f"{name} {count}" for name, count in summary.expressions.items()
        )
    if summary.fit_ms is not None:
        values["finding and fitting"] = f"{summary.fit_ms:.1f} ms a frame (median)"
        values["decoding"] = f"{summary.read_ms:.1f} ms a frame (median)"
    show_values(values)
    if summary.warning is not None:
        note(f"Warning: {summary.warning}")


def _check_queue(queue: bool, project: str | None, *, keep: bool = False) -> None:
    if project is None and (queue or keep):
        raise typer.BadParameter(f"{'--queue' if queue else '--keep'} needs --project")


def _opened(stack: ExitStack, project: str | None) -> Project | None:
    from faceloop_datasets import Project

    return None if project is None else stack.enter_context(Project.open(project))


def _show_fits(results: Sequence[StillResult]) -> None:
    columns = (
        "image",
        Column("faces", number=True),
        Column("predicted error", number=True),
        "started from",
    )
    rows = [
        (
            r.image,
            len(r.fits),
            ", ".join(f"{fit.predicted_error:.3f}" for fit in r.fits),
            starts_text(fit.start for fit in r.fits),
        )
        for r in results
        if r.error is None
    ]
    show_table(columns, rows)


def _note_longer_names(folder: Path | None, files: Sequence[Path | None]) -> None:
    from faceloop_datasets.wording import counted

    longer = [file for file in files if file and folder not in (file, file.parent)]
    if longer:
        has = counted(len(longer), "picture has", "pictures have")
        note(f"{has} the name of another, and a file called by the folder too: {longer[0]}, …")


def _note_more_faces(results: Sequence[StillResult]) -> None:
    from faceloop_datasets.wording import enumerated

    found = {r.image: (len(r.fits), len(r.fits) + r.more) for r in results if r.more}
    if found:
        shown = enumerated(
            [f"{image} ({few} of at least {all_})" for image, (few, all_) in found.items()]
        )
        most = max(all_ for _, all_ in found.values())
        note(f"Not all faces were fitted: {shown}. --faces {most} fits those.")


def _show_written(*files: Path | None) -> None:
    for file in files:
        if file is not None and file.exists():  # of pictures that cannot be read nothing is written
            say(f"Wrote {file}.")
