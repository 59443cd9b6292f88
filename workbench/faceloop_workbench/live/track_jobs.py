"""What is done with the track of a video in the background, from reading it to correcting it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import TrackConflict, Video
from faceloop_workbench.services.track_corrections import face_at, item_for, take_corrections
from faceloop_workbench.services.track_editing import spread, with_head_poses
from faceloop_workbench.services.track_keeping import start_track

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from faceloop_datasets import Item, Media, Monitor, Project, QueueEntry, Track
    from faceloop_datasets.tracks.history import TrackHistory
    from faceloop_workbench.services.model_choice import ChosenModel
    from faceloop_workbench.services.track_recording import TrackRecorder


@dataclass(frozen=True, eq=False)
class TrackStep:
    """What came of a piece of work.

    Attributes
    ----------
    media : Media or None
        The video in the project; None if it is in none.
    history : TrackHistory or None
        Its track; None if there is none.
    said : str
        What to tell the person.
    item : tuple of (Item, QueueEntry or None) or None
        A face to open in the tab Annotate.
    made : bool
        Whether that face is new in the project.
    queued : int
        Frames that went to the review queue.
    corrected : tuple of (int, int)
        Face and frame of each correction that may spread.
    """

    media: Media | None
    history: TrackHistory | None
    said: str = ""
    item: tuple[Item, QueueEntry | None] | None = None
    made: bool = False
    queued: int = 0
    corrected: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, eq=False)
class OpenVideo:
    """The video that is open, the project it is kept with, and the model that fits it."""

    project: Project
    path: Path
    chosen: ChosenModel


def known_media(project: Project, path: Path | None) -> Media | None:
    """Return the media of a project that a file is, by its place."""
    if path is None:
        return None
    there = path.absolute()
    videos = (media for media in project.media() if media.kind == "video")
    return next((media for media in videos if media.where(project.path).absolute() == there), None)


def loaded(project: Project, path: Path) -> TrackStep:
    """Read the kept track of a file.

    Raises
    ------
    InputError
        If it is damaged.
    """
    media = known_media(project, path)
    return TrackStep(media, None if media is None else project.track_history(media))


def takes_fits(track: Track | None, recorder: TrackRecorder) -> bool:
    """Whether fits may go into a track: one of their model, or one that they replace as a whole.

    So that the frames of a track are those of the model that it names.
    """
    if track is None or track.model == recorder.name:
        return True
    edited = any(face.settled.any() for face in track.faces)
    return not edited and recorder.covers(track)


def merged(
    video: OpenVideo, step: TrackStep, recorder: TrackRecorder | None
) -> tuple[Media, TrackHistory]:
    """Put what was found into the track and keep it; the video becomes the project's.

    Where somebody else wrote the track meanwhile, theirs is what it is put into.

    Raises
    ------
    InputError
        If the video cannot be read, or the track cannot be read or written.
    """
    project = video.project
    media = step.media or project.add_media(video.path)
    history = _latest(project, media, step.history) or start_track(project, media, video.chosen)
    if recorder is None or not len(recorder) or not takes_fits(history.track, recorder):
        return media, history
    return media, project.keep_track(history.went_on(recorder.merged(history.track)))


def _latest(project: Project, media: Media, history: TrackHistory | None) -> TrackHistory | None:
    """Return the track as it is kept by now; None if there was none, or it is gone."""
    if history is None:
        return None
    try:
        project.check_track(history)
    except TrackConflict:
        return project.track_history(media)
    return history


def opened_for_correction(video: OpenVideo, step: TrackStep, face: int, frame: int) -> TrackStep:
    """Find or make the item of a face in a frame, with the track's points to start from."""
    assert step.media is not None and step.history is not None  # noqa: S101, PT018 - merged
    project, track = video.project, step.history.track
    before = {item.id for item in project.items_of(step.media.id, frame)}
    item = item_for(project, step.media, track, face, frame)
    if item.head is not None:
        return replace(step, item=(item, None))
    here = [one for one in track.faces if one.id == face and one.present[frame]]
    entry = project.queue.add(
        item.id,
        "manual",
        model=track.model,
        fit=here[0].points[frame].astype(np.float64) if here else None,
        note="to be corrected in its video",
        time=float(track.times[frame]),
    )
    return replace(step, item=(item, entry), made=item.id not in before)


def corrected(video: OpenVideo, step: TrackStep, items: Collection[int]) -> TrackStep:
    """Put what people annotated in the frames of a video into its track."""
    assert step.media is not None and step.history is not None  # noqa: S101, PT018 - merged
    project, before = video.project, step.history.track
    chosen = [project.item(number) for number in sorted(items)]
    after = take_corrections(project, step.media, before, chosen)
    if after is before:
        return step
    after = with_head_poses(after, video.chosen.model)
    frames = [item.frame for item in chosen if item.frame is not None]
    named = ", ".join(map(str, frames))
    history = project.keep_track(step.history.did(after, f"corrected frame {named}"))
    found = []
    for item in chosen:
        revision = project.annotation(item.id)
        if revision is not None and item.frame is not None:
            found.append((face_at(after, item.frame, revision.annotation.points), item.frame))
    return replace(
        step, history=history, said=f"Frame {named} is corrected.", corrected=tuple(found)
    )


def spread_in_file(
    video: OpenVideo, track: Track, face: int, frame: int, monitor: Monitor
) -> tuple[Track, str]:
    """Let a face in a frame spread, see `faceloop_workbench.services.track_editing.spread`."""
    with Video(video.path) as frames:
        return spread(track, face, frame, video.chosen.model, video=frames, progress=monitor)
