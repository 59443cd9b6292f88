"""Commands on the tracks that a project keeps of its videos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Column, note, say, show_json, show_table
from .interrupts import INTERRUPTED
from .monitoring import progress_monitor
from .options import JsonOption, ModelOption, ProjectOption, kept_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_datasets import Media, Project, Scheme, Track, Verdict
    from faceloop_datasets.tracks.history import TrackHistory
    from faceloop_runtime import FaceModel

    Edit = Callable[[Track, int, int, int], Track]

tracks = typer.Typer(
    no_args_is_help=True,
    help="The tracks of videos that a project keeps, and what is done to them.",
)

_WRITTEN = "deeplabcut, movement, openface, sleap, nwb, live-link"
"""Formats of other tools that tracks are exported to; the registry has them, and takes longer."""

_MOST_DIGITS = 19
"""Of a number of a frame; no video has as many."""

VideoArgument = Annotated[
    str, typer.Argument(metavar="VIDEO", help="Name or path of a video of the project.")
]
FramesOption = Annotated[
    str | None,
    typer.Option(
        metavar="FIRST-LAST", help="Which frames, from 0; all by default.", show_default=False
    ),
]
FaceOption = Annotated[
    int | None, typer.Option(help="Id of the face; the first by default.", show_default=False)
]


@tracks.command("list")
def list_tracks(project: ProjectOption, json: JsonOption = False) -> None:
    """List the tracks that are kept: their faces, what is lost, what people edited.

    Example: faceloop tracks list --project faces
    """
    from faceloop_datasets import FaceloopError, Project

    with Project.open(project) as opened:
        rows = []
        for media in opened.tracks():
            try:
                rows.append(_row(media, opened.track_history(media)))
            except FaceloopError as error:  # one that is damaged leaves the others
                note(f"Error: {error}")
    if json:
        show_json({"tracks": rows})
        return
    numbers = ("faces", "frames", "lost", "corrected", "rejected")
    show_table(
        ("video", *(Column(name, number=True) for name in numbers), "model", "last change"),
        [(r["video"], *(r[n] for n in numbers), r["model"], r["last_change"]) for r in rows],
    )


@tracks.command("export")
def export(
    video: VideoArgument,
    project: ProjectOption,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Table (.csv, .parquet), a video to draw into (.mp4), or another tool's file.",
            show_default=False,
        ),
    ] = None,
    kind: Annotated[
        str, typer.Option("--format", help=f"Of another tool: {_WRITTEN}.", show_default=False)
    ] = "",
    frames: FramesOption = None,
    face: Annotated[
        int | None, typer.Option(help="Id of the face; all by default.", show_default=False)
    ] = None,
    model: ModelOption = None,
    json: JsonOption = False,
) -> None:
    """Write a kept track, or a range of it, as it is: nothing is fitted.

    Without --out the file is named by video and range, in this folder. Rejected frames are empty.
    No model is needed; one of the same points fills in missing ones, but not in tools' files.
    docs/how-to/pose-files.md says what files of other tools hold.

    Example: faceloop tracks export talk.mp4 --project faces --frames 100-250 --out part.csv
    """
    from dataclasses import replace

    from faceloop_datasets import Project
    from faceloop_workbench.services.track_export import TrackRange, export_track
    from faceloop_workbench.services.track_keeping import find_video, need_track

    with Project.open(project) as opened:
        media = find_video(opened, video)
        track = need_track(opened, media).track
        if face is not None:
            track = replace(track, faces=(track.face(face),))
        part = TrackRange(*frame_range(track, frames))
        target = out or Path(part.suggested_name(Path(media.name).stem, track.frames))
        points = _model_or_scheme(model, opened)
        with progress_monitor() as monitor:
            done = export_track(
                track,
                points,
                opened.resolve(media),
                target,
                part=part,
                kind=kind,
                keep=kept_files(model, opened),
                progress=monitor,
            )
    if json:
        show_json({"out": target, "frames": done.frames, "of": done.of, "empty": done.empty})
    else:
        say(done.said)
    if done.frames < done.of:
        raise typer.Exit(INTERRUPTED)


@tracks.command("import")
def import_track(
    file: Annotated[Path, typer.Argument(help="The file that another tool has written.")],
    project: ProjectOption,
    video: Annotated[
        str, typer.Option(help="Its video: a path, or the name of one of the project.")
    ],
    source_format: Annotated[
        str, typer.Option("--format", help="Of the file; it is recognised by default.")
    ] = "",
    name: Annotated[
        str, typer.Option("--as", help="What to call the face, where there is one only.")
    ] = "",
    least: Annotated[
        float,
        typer.Option(min=0, max=1, help="Points of which the tool was less sure are missing."),
    ] = 0.0,
    dry_run: Annotated[bool, typer.Option(help="Only say what would come of it.")] = False,
    json: JsonOption = False,
) -> None:
    """Put what another tool found in a video into its track, as faces of their own.

    The faces that are there stay as they are, and faceloop tracks undo takes the new ones back.

    Example: faceloop tracks import talkDLC.csv --video talk.mp4 --project faces
    """
    from dataclasses import asdict

    from faceloop_datasets import Project
    from faceloop_workbench.services.track_keeping import video_path

    with Project.open(project) as opened:
        done = opened.import_track(
            file,
            video_path(opened, video),
            source_format=source_format,
            name=name,
            least=least,
            dry_run=dry_run,
        )
    if json:
        show_json({**asdict(done), "dry_run": dry_run})
        return
    say(("Would import: " if dry_run else "") + done.said)


@tracks.command("accept")
def accept(
    video: VideoArgument,
    project: ProjectOption,
    frames: FramesOption = None,
    face: FaceOption = None,
) -> None:
    """Say that frames are right: no new fit replaces them.

    Example: faceloop tracks accept talk.mp4 --project faces --frames 0-99
    """
    from faceloop_datasets import Verdict

    _judge(project, video, frames, face, Verdict.ACCEPTED)


@tracks.command("reject")
def reject(
    video: VideoArgument,
    project: ProjectOption,
    frames: FramesOption = None,
    face: FaceOption = None,
) -> None:
    """Say that the points in frames are wrong: no export has them.

    Example: faceloop tracks reject talk.mp4 --project faces --frames 40-52
    """
    from faceloop_datasets import Verdict

    _judge(project, video, frames, face, Verdict.REJECTED)


@tracks.command("interpolate")
def interpolate(
    video: VideoArgument,
    project: ProjectOption,
    frames: FramesOption = None,
    face: FaceOption = None,
) -> None:
    """Compute the face between good frames: the ends, and corrected frames between them.

    Example: faceloop tracks interpolate talk.mp4 --project faces --frames 40-52
    """
    from faceloop_datasets.tracks import editing

    _edit(project, video, frames, face, "interpolated", editing.interpolate, poses=True)


@tracks.command("smooth")
def smooth(
    video: VideoArgument,
    project: ProjectOption,
    frames: FramesOption = None,
    face: FaceOption = None,
    window: Annotated[int, typer.Option(help="Frames that are looked at, an odd number.")] = 9,
) -> None:
    """Take the trembling out of a face, without lag (Savitzky-Golay).

    Example: faceloop tracks smooth talk.mp4 --project faces
    """
    from faceloop_datasets.tracks import editing

    _edit(
        project,
        video,
        frames,
        face,
        "smoothed",
        lambda t, f, a, b: editing.smooth(t, f, a, b, window),
    )


@tracks.command("spread")
def spread(
    video: VideoArgument,
    frame: Annotated[int, typer.Argument(help="A frame in which the face is right.")],
    project: ProjectOption,
    face: FaceOption = None,
    model: ModelOption = None,
) -> None:
    """Fit the frames around a right one again, until the fits agree with what was there.

    What was annotated in this video in the project is put into the track first.

    Example: faceloop tracks spread talk.mp4 45 --project faces
    """
    from faceloop_datasets import Project, Video
    from faceloop_workbench.services.model_choice import choose_model
    from faceloop_workbench.services.track_corrections import take_corrections
    from faceloop_workbench.services.track_editing import spread as spread_frame
    from faceloop_workbench.services.track_editing import with_head_poses
    from faceloop_workbench.services.track_keeping import find_video, need_track

    with Project.open(project) as opened:
        media = find_video(opened, video)
        history = need_track(opened, media)
        chosen = choose_model(model, opened)
        taken = take_corrections(opened, media, history.track)
        taken = with_head_poses(taken, chosen.model)
        history = history.did(taken, "took corrected frames")
        with progress_monitor() as monitor, Video(opened.resolve(media)) as source:
            track, said = spread_frame(
                history.track,
                _face(history.track, face),
                frame,
                chosen.model,
                video=source,
                progress=monitor,
            )
        opened.keep_track(history.did(track, said))
    say(f"{said[:1].upper()}{said[1:]}.")


@tracks.command("split")
def split(
    video: VideoArgument,
    frame: Annotated[int, typer.Argument(help="First frame of the new face.")],
    project: ProjectOption,
    face: FaceOption = None,
) -> None:
    """Make what a face is from a frame on another face.

    Example: faceloop tracks split talk.mp4 120 --project faces --face 0
    """
    from faceloop_datasets.tracks import editing

    edit = lambda t, f, *_: editing.split(t, f, frame)  # noqa: E731
    _edit(project, video, None, face, f"split at frame {frame}", edit, ranged=False)


@tracks.command("join")
def join(
    video: VideoArgument,
    other: Annotated[int, typer.Argument(help="Id of the face that is the same person.")],
    project: ProjectOption,
    face: FaceOption = None,
) -> None:
    """Make two faces one: the other's frames become the face's.

    Example: faceloop tracks join talk.mp4 1 --project faces --face 0
    """
    from faceloop_datasets.tracks import editing

    edit = lambda t, f, *_: editing.join(t, f, other)  # noqa: E731
    _edit(project, video, None, face, f"joined face {other}", edit, ranged=False)


@tracks.command("undo")
def undo(video: VideoArgument, project: ProjectOption) -> None:
    """Take back what was done last to a track.

    Example: faceloop tracks undo talk.mp4 --project faces
    """
    _go_back(project, video, "undo", "Took back")


@tracks.command("redo")
def redo(video: VideoArgument, project: ProjectOption) -> None:
    """Do again what was taken back last.

    Example: faceloop tracks redo talk.mp4 --project faces
    """
    _go_back(project, video, "redo", "Done again")


def _judge(
    project: str, video: str, frames: str | None, face: int | None, verdict: Verdict
) -> None:
    from faceloop_datasets.tracks.editing import judge

    edit = lambda t, f, first, last: judge(t, f, first, last, verdict)  # noqa: E731
    _edit(project, video, frames, face, verdict.name.lower(), edit)


def _edit(
    project: str,
    video: str,
    frames: str | None,
    face: int | None,
    word: str,
    edit: Edit,
    *,
    ranged: bool = True,
    poses: bool = False,
) -> None:
    from faceloop_datasets import Project
    from faceloop_workbench.services.track_keeping import find_video, need_track

    with Project.open(project) as opened:
        media = find_video(opened, video)
        history = need_track(opened, media)
        first, last = frame_range(history.track, frames)
        after = edit(history.track, _face(history.track, face), first, last)
        after = _with_head_poses(opened, after) if poses else after
        said = f"{word} frames {first}..{last}" if ranged else word
        done = history.did(after, said)
        if done is history:
            say("Nothing changed.")
            return
        opened.keep_track(done)
    say(f"{said[:1].upper()}{said[1:]}; faceloop tracks undo takes it back.")


def _with_head_poses(project: Project, track: Track) -> Track:
    """Fill in how heads are turned, as the tab Live does; that needs the model in use."""
    from faceloop_datasets import FaceloopError
    from faceloop_workbench.services.model_choice import choose_model
    from faceloop_workbench.services.track_editing import with_head_poses

    try:
        chosen = choose_model(None, project)
    except FaceloopError as error:
        note(f"How the head is turned stays unknown in these frames: {error}")
        return track
    return with_head_poses(track, chosen.model)


def _model_or_scheme(which: str | None, project: Project) -> FaceModel | Scheme:
    """Return the model that fills in missing points; the scheme where the project has none."""
    from faceloop_datasets import FaceloopError
    from faceloop_workbench.services.model_choice import choose_model

    try:
        return choose_model(which, project).model
    except FaceloopError as error:
        if which is not None:
            raise
        if project.active_model is not None:  # it cannot be used; what is kept does not need it
            note(f"Missing points stay missing: {error}")
        return project.scheme


def _go_back(project: str, video: str, way: str, word: str) -> None:
    from faceloop_datasets import Project
    from faceloop_workbench.services.track_keeping import find_video, need_track

    with Project.open(project) as opened:
        media = find_video(opened, video)
        need_track(opened, media)
        said = opened.undo_track(media) if way == "undo" else opened.redo_track(media)
    say(f"There is nothing to {way}." if said is None else f"{word}: {said}.")


def frame_range(track: Track, frames: str | None) -> tuple[int, int]:
    """Return the first and last frame of ``FIRST-LAST``, of all if nothing was said.

    Raises
    ------
    BadParameter
        If it says something else.
    InputError
        If the video has no such frames.
    """
    from faceloop_datasets.tracks.editing import check_range

    if frames is None:
        return 0, track.frames - 1
    first, dash, last = frames.partition("-")
    numbers = [first, last] if dash else [first]
    if not all(n.isascii() and n.isdecimal() and len(n) < _MOST_DIGITS for n in numbers):
        raise typer.BadParameter(f"--frames needs FIRST-LAST, as 100-250, and not {frames!r}")
    check_range(track, int(numbers[0]), int(numbers[-1]))
    return int(numbers[0]), int(numbers[-1])


def _face(track: Track, face: int | None) -> int:
    from faceloop_datasets import InputError

    if face is not None:
        return face
    if not track.faces:
        raise InputError("There is no face in this track.")
    return track.faces[0].id


def _row(media: Media, history: TrackHistory | None) -> dict[str, Any]:
    import numpy as np

    from faceloop_datasets import FrameKind, Verdict

    assert history is not None  # noqa: S101 - it is listed because its file is there
    track = history.track
    return {
        "video": media.name,
        "sha256": media.sha256,
        "faces": len(track.faces),
        "frames": int(track.seen.sum()),
        "of": track.frames,
        "lost": int(np.isinf(track.worst_error).sum()),
        "corrected": sum(int((f.kind == FrameKind.CORRECTED).sum()) for f in track.faces),
        "rejected": sum(int((f.verdict == Verdict.REJECTED).sum()) for f in track.faces),
        "model": track.model,
        "last_change": history.done[-1].said if history.done else "",
    }
