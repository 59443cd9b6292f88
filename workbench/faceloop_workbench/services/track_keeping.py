"""Tracking a video so that its track is kept with a project."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import InputError, Video
from faceloop_datasets.tracks.history import TrackHistory
from faceloop_datasets.wording import enumerated

from .finding import AUTOMATIC
from .model_choice import check_points, expression_names
from .track_corrections import take_corrections
from .track_editing import with_head_poses
from .track_recording import TrackRecorder, empty_track
from .tracking import track_video

if TYPE_CHECKING:
    from faceloop_datasets import Media, ProgressLike, Project, QueueEntry, Track

    from .finding import Finding
    from .model_choice import ChosenModel, ChosenTracker
    from .tracking import TrackResult

    Chosen = ChosenModel | ChosenTracker

_PER_SHOT = 3
"""Most frames of a shot that wait in the queue, as when a video plays."""


@dataclass(frozen=True, eq=False)
class KeptTrack:
    """A video that was tracked, and its track as the project keeps it.

    Parameters
    ----------
    media : Media
        The video.
    result : TrackResult
        What the tracking came to.
    history : TrackHistory
        The track.
    judged : frozenset of int
        Frames that people had edited, accepted or rejected before.
    """

    media: Media
    result: TrackResult
    history: TrackHistory
    judged: frozenset[int] = frozenset()


def start_track(project: Project, media: Media, chosen: Chosen) -> TrackHistory:
    """Return the kept track of a video, or one of a model of which no frame was looked at yet.

    Raises
    ------
    InputError
        If the video or its kept track cannot be read.
    """
    kept = project.track_history(media)
    if kept is not None:
        return kept
    names = expression_names(chosen.model)
    with Video(project.resolve(media)) as video:
        return TrackHistory(empty_track(media, video, chosen.name, names, project.scheme.name))


def track_and_keep(
    project: Project,
    chosen: Chosen,
    path: Path,
    *,
    max_faces: int = 1,
    finding: Finding = AUTOMATIC,
    progress: ProgressLike = None,
) -> KeptTrack:
    """Track a video and keep its track with a project, to which the video belongs from then on.

    Frames that people have edited or accepted stay, also those of meanwhile; what they annotated in
    the project is in the track as corrected. Where there was a track, this can be undone.

    Parameters
    ----------
    project : Project
        Where to.
    chosen : ChosenModel or ChosenTracker
        What to fit.
    path : Path
        The video.
    max_faces : int
        Faces to follow.
    finding : Finding
        How they are found and where their fits start.
    progress : Monitor or callable, optional
        Told each frame; a monitor may stop the work after each, then the frames until there are
        kept.

    Raises
    ------
    InputError
        If the video cannot be opened, or its kept track cannot be read or written.
    ProjectError
        If the model has other points than the project.
    """
    check_points(chosen, project)
    media = project.add_media(path)
    start_track(project, media, chosen)  # one that cannot be read is told before the work
    recorder = TrackRecorder(chosen.model, chosen.name)
    result = track_video(
        chosen.model,
        path,
        max_faces=max_faces,
        finding=finding,
        each=recorder.add,
        progress=progress,
    )
    tracked = with_found(project, chosen, media, recorder, result)
    return replace(tracked, history=project.keep_track(tracked.history))


def with_found(
    project: Project,
    chosen: Chosen,
    media: Media,
    recorder: TrackRecorder,
    result: TrackResult,
) -> KeptTrack:
    """Return the track of a video with what was found in it; it is not kept yet.

    Parameters
    ----------
    project, chosen, media
        As in `track_and_keep`.
    recorder : TrackRecorder
        Has what was found, which it forgets.
    result : TrackResult
        What the tracking came to.

    Raises
    ------
    InputError
        If the kept track cannot be read.
    """
    history = start_track(project, media, chosen)  # tracking took its time: what is there by now
    track = take_corrections(project, media, without_empty_faces(recorder.merged(history.track)))
    track = with_head_poses(track, chosen.model)
    said = f"tracked by {chosen.name}"
    new = not history.track.faces
    done = history.went_on(track) if new else history.did(track, said)
    return KeptTrack(media, result, replace(done, made_of=""), _judged(history.track))


def queue_poor_frames(project: Project, kept: KeptTrack, model: str) -> list[QueueEntry]:
    """Put the worst frames of each shot, and those where the face was lost, into the queue.

    Frames that people have edited, accepted or rejected, also before they were tracked again, are
    left out. Returns the entries that are new.
    """
    judged = kept.judged | _judged(kept.history.track)
    poor = [c for c in kept.result.poor if c.frame not in judged]
    return project.queue.add_frames(kept.media, poor, model=model, per_shot=_PER_SHOT)


def _judged(track: Track) -> frozenset[int]:
    return frozenset(int(n) for face in track.faces for n in np.flatnonzero(face.judged))


def without_empty_faces(track: Track) -> Track:
    """Return a track without the faces that are in no frame any more, but for one."""
    there = tuple(face for face in track.faces if face.present.any())
    return replace(track, faces=there or track.faces[:1])


def videos_of(project: Project) -> list[Path]:
    """Return where the videos of a project are, or should be.

    Raises
    ------
    InputError
        If it has none.
    """
    found = [media.where(project.path) for media in project.media() if media.kind == "video"]
    if not found:
        raise InputError(f"The project {project.name} has no video. Name a file or a folder.")
    return found


def find_video(project: Project, which: str) -> Media:
    """Return a video of a project by its path, its name, or the beginning of its hash.

    The path of a file that is there wins over the name of others.

    Raises
    ------
    InputError
        If there is none, or several have that name.
    """
    videos = [media for media in project.media() if media.kind == "video"]
    path = Path(which).absolute()
    here = [m for m in videos if m.where(project.path) == path]
    found = here if path.exists() and here else [m for m in videos if m in here or which == m.name]
    found = found or [m for m in videos if len(which) > 5 and m.sha256.startswith(which)]
    if len(found) == 1:
        return found[0]
    names = enumerated([f"{m.name} ({m.sha256[:8]})" for m in found or videos]) or "none"
    said = "Several videos are called" if found else "The project has no video"
    raise InputError(f"{said} {which}. Name one by its path or hash: {names}.")


def video_path(project: Project, which: str) -> Path:
    """Return where a video is: a file, or a video of the project as `find_video` finds it.

    Raises
    ------
    InputError
        If it is neither.
    """
    path = Path(which)
    return path if path.is_file() else project.resolve(find_video(project, which))


def need_track(project: Project, media: Media) -> TrackHistory:
    """Return the kept track of a video.

    Raises
    ------
    InputError
        If there is none, or it is damaged.
    """
    history = project.track_history(media)
    if history is None:
        raise InputError(
            f"No track of {media.name} is kept yet: faceloop track {media.name} "
            f"--project {project.address} --keep makes one."
        )
    return history
