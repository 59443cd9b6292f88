"""The kept track of the video that plays: what a person does to it, one after the other. No Qt."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from faceloop_datasets import FaceloopError, Track, TrackConflict, Verdict
from faceloop_datasets.tracks import editing
from faceloop_datasets.tracks.history import TrackHistory
from faceloop_datasets.wording import counted
from faceloop_workbench.services.background import Job
from faceloop_workbench.services.model_choice import check_points
from faceloop_workbench.services.track_editing import with_head_poses
from faceloop_workbench.services.track_export import (
    TABLES,
    VIDEOS,
    ExportedTrack,
    TrackRange,
    export_track,
)
from faceloop_workbench.services.track_keeping import queue_poor_frames, track_and_keep

from .job_queue import JobQueue
from .track_jobs import (
    OpenVideo,
    TrackStep,
    corrected,
    known_media,
    loaded,
    merged,
    opened_for_correction,
    spread_in_file,
    takes_fits,
)
from .track_text import no_video_text, track_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faceloop_datasets import Item, Media, Monitor, QueueEntry, Revision
    from faceloop_workbench.session import Session

    from .player import Player
    from .screening import Screening

_REST = 1.0
"""Seconds without a new fit after which what was found is kept."""
_VERDICTS = {
    Verdict.ACCEPTED: "accepted",
    Verdict.REJECTED: "rejected",
    Verdict.NONE: "took the verdict from",
}


class TrackEditor:
    """The track of the video that is open, kept with the project, and what is done to it.

    Everything that takes longer than a moment is a job, and one waits for the other. What a
    person did can be undone, also after the project was closed.

    Parameters
    ----------
    session : Session
        The open project.
    player : Player
        What plays.
    screening : Screening
        Knows how faces are to be found.

    Attributes
    ----------
    history : TrackHistory or None
        The track and what was done to it; None if none is kept.
    media : Media or None
        The video in the project; None if it is in none.
    face : int or None
        Id of the face that is edited; None for the first.
    spreads : bool
        Whether a correction spreads at once.
    correcting : tuple of (int, int) or None
        Item and frame that are open in the tab Annotate to be corrected.
    changed : Signal()
        The track is another.
    progressed : Signal(str, Progress)
        A step of long work of this name.
    idle : Signal()
        Nothing is under way any more.
    """

    changed = Signal()

    def __init__(self, session: Session, player: Player, screening: Screening) -> None:
        self._session, self._player, self._screening = session, player, screening
        self.history: TrackHistory | None = None
        self.media: Media | None = None
        self.face: int | None = None
        self.spreads = True
        self.correcting: tuple[int, int] | None = None
        self._made: int | None = None  # the item of it, if it is new
        self._jobs = JobQueue()
        self._pending: set[int] = set()  # items of this video that were annotated meanwhile
        self._found, self._found_at = 0, 0.0
        self._kept_with: OpenVideo | None = None  # where what is found goes
        self.progressed, self.idle = self._jobs.progressed, self._jobs.idle
        self._jobs.done.connect(self._done)
        self._jobs.failed.connect(self._failed)
        session.saved.connect(self._saved)
        session.ask_before_closing(self._jobs.loss)

    # What there is

    @property
    def track(self) -> Track | None:
        """The track as it is now."""
        return None if self.history is None else self.history.track

    @property
    def about(self) -> str:
        """What the track holds, in a line; without a video, what there is to choose."""
        project = self._session.project
        if self.track is None and self._player.source is None:
            return no_video_text(0 if project is None else len(project.tracks()))
        return track_text(self.track)

    @property
    def busy(self) -> str:
        """What is under way, for people; empty if nothing is that takes long."""
        return self._jobs.name

    @property
    def edited_face(self) -> int | None:
        """Id of the face that is edited: the chosen one, or the first; None without any."""
        ids = [] if self.track is None else [face.id for face in self.track.faces]
        return self.face if self.face in ids else next(iter(ids), None)

    # What a person does

    def track_all(self) -> None:
        """Track the whole video, and keep that; what was edited stays."""
        video, (_, max_faces, finding) = self._video(), self._screening.how
        if not video.chosen.kept:
            raise FaceloopError(
                "A model that is only tried keeps no tracks. Use it in Train first."
            )

        def work(monitor: Monitor) -> TrackStep:
            kept = track_and_keep(
                video.project,
                video.chosen,
                video.path,
                max_faces=max_faces,
                finding=finding,
                progress=monitor,
            )
            summary = kept.result.summary
            until = f" as far as frame {summary.frames - 1}" if summary.stopped else ""
            new = len(queue_poor_frames(video.project, kept, video.chosen.name))
            queued = f"{counted(new, 'poor or lost frame')} went to the queue." if new else ""
            tracked = f"{video.path.name} is tracked{until}."
            said = " ".join(filter(None, [tracked, queued, summary.error]))
            return TrackStep(kept.media, kept.history, said, queued=new)

        self._player.pause()
        self._player.kept.recorder = None
        self._jobs.begin(f"Tracking {video.path.name}", work)

    def import_file(self, file: Path) -> None:
        """Put what another tool found in this video into the track, as faces of their own."""
        video = self._video()

        def work(_monitor: Monitor) -> TrackStep:
            self._up_to_date(video)
            done = video.project.import_track(file, video.path)
            return replace(loaded(video.project, video.path), said=done.said)

        self._player.pause()
        self._jobs.begin(f"Importing {file.name}", work)

    def judge(self, verdict: Verdict, first: int, last: int) -> None:
        """Accept or reject the face in a range; where all of it is so already, neither any more."""

        def edit(track: Track, _monitor: Monitor) -> tuple[Track, str]:
            face = self._face_of(track)
            for wanted in (verdict, Verdict.NONE):
                after = editing.judge(track, face, first, last, wanted)
                said = f"{_VERDICTS[wanted]} frames {first}..{last}"
                if TrackHistory(track).did(after, said).done:
                    return after, said
            return track, "nothing changed"

        self._begin_edit("", edit)

    def interpolate(self, first: int, last: int) -> None:
        """Compute the face between the good frames of a range."""
        said = f"interpolated frames {first}..{last}"
        self._edit(said, lambda t, face: editing.interpolate(t, face, first, last))

    def smooth(self, first: int, last: int) -> None:
        """Take the trembling out of the face in a range."""
        said = f"smoothed frames {first}..{last}"
        self._edit(said, lambda t, face: editing.smooth(t, face, first, last))

    def split(self, frame: int) -> None:
        """Make another face of what the face is from a frame on."""
        self._edit(f"split at frame {frame}", lambda t, face: editing.split(t, face, frame))

    def join(self, other: int) -> None:
        """Make the face and another one."""
        self._edit(f"joined face {other}", lambda t, face: editing.join(t, face, other))

    def spread(self, frame: int, face: int | None = None) -> None:
        """Let the face in a frame spread to those around it."""
        video = self._video()

        def edit(track: Track, monitor: Monitor) -> tuple[Track, str]:
            number = self._face_of(track) if face is None else face
            return spread_in_file(video, track, number, frame, monitor)

        self._begin_edit(f"Spreading frame {frame}", edit)

    def undo(self) -> None:
        """Take back what was done last."""
        self._go_back("Took back", lambda history: (history.undo(), history.done))

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._go_back("Done again", lambda history: (history.redo(), history.undone))

    def correct(self, frame: int) -> None:
        """Open the face in a frame in the tab Annotate, with the track's points to start from."""
        video = self._video()
        self._player.pause()

        def work(_monitor: Monitor) -> TrackStep:
            step = self._up_to_date(video)
            assert step.history is not None  # noqa: S101 - it was begun, if there was none
            track = step.history.track
            face = self._face_of(track) if track.faces else 0
            return opened_for_correction(video, step, face, frame)

        self._jobs.begin(f"Opening frame {frame}", work)

    def take_pending(self) -> None:
        """Put what was annotated meanwhile into the track, and let it spread if wanted."""
        self._take_away_empty()
        project, chosen = self._session.project, self._player.chosen
        if not self._pending or self.media is None or project is None or chosen is None:
            return
        if chosen.model.scheme.name != project.scheme.name:
            return  # no fits of it are in the track
        video, (wanted, self._pending) = self._video(), (self._pending, set())
        self.correcting = None
        self._jobs.begin("", lambda _monitor: corrected(video, self._up_to_date(video), wanted))

    def _take_away_empty(self) -> None:
        """Take the item away that a correction began, if nobody has placed a point in it."""
        made, self._made = self._made, None
        if made is None or self._session.project is None:
            return
        if self._session.item is not None and self._session.item.id == made:
            self._session.show(None)
        if self._session.project.item(made).head is not None:
            return
        self._session.project.remove([made])
        self.correcting = None
        self._session.items_changed.emit()
        self._session.queue_changed.emit()

    def suggested_name(self, selected: tuple[int, int] | None) -> str:
        """Return a name for a table of the video, or of a range of it; empty without a video."""
        path, source = self._path(), self._player.source
        if path is None or source is None or source.frames is None:
            return ""
        part = TrackRange(*(selected or (0, source.frames - 1)))
        return part.suggested_name(path.stem, source.frames)

    def export(self, target: Path, selected: tuple[int, int] | None) -> Job[ExportedTrack] | None:
        """Return a job that writes the kept track, or a range of it.

        Returns
        -------
        Job or None
            None where the video has to be fitted: not all of the frames are kept, or something is
            drawn over the faces.

        Raises
        ------
        FaceloopError
            If it is the file of another tool, and not all of the frames are kept.
        """
        track, drawn = self.track, self._screening.rendering is not None
        if target.suffix.lower() not in (*TABLES, *VIDEOS):
            drawn = False
            if track is None or not track.seen.all():
                raise FaceloopError("Not all frames are kept yet. Track all, then export again.")
        if track is None or (drawn and target.suffix.lower() not in TABLES):
            return None
        part = TrackRange(*selected) if selected is not None else TrackRange.all_of(track)
        if not track.seen[part.first : part.last + 1].all():
            return None
        video = self._video()
        keep = tuple(video.project.files())

        def work(monitor: Monitor) -> ExportedTrack:
            model, path = video.chosen.model, video.path
            return export_track(track, model, path, target, part=part, keep=keep, progress=monitor)

        return Job(work, f"exporting the track of {video.path.name}")

    def cancel(self) -> None:
        """Stop what is under way; what was tracked until then is kept."""
        self._jobs.cancel()

    # What happens

    def leave(self) -> None:
        """Keep what was found in the video that is open, before another one is."""
        recorder = self._player.kept.recorder
        if recorder is not None and len(recorder) and self._may_keep():
            video, step = self._video(), TrackStep(self.media, self.history)

            def work(_monitor: Monitor) -> TrackStep:
                media, history = merged(video, step, recorder)
                return replace(step, media=media, history=history)

            self._jobs.begin("", work, always=True)

    def load(self) -> None:
        """Read the kept track of the video that is open."""
        self._jobs.open_another()
        self.history = self.media = self.correcting = self._kept_with = self._made = None
        self._pending = set()
        self._player.kept.track = None
        self.changed.emit()
        project, path = self._session.project, self._path()
        if project is not None and path is not None:
            self._jobs.begin("", lambda _monitor: loaded(project, path))

    def tick(self) -> None:
        """Keep what was found, once nothing new comes; called now and then by the window."""
        recorder, now = self._player.kept.recorder, time.monotonic()
        found = 0 if recorder is None else len(recorder)
        if found != self._found:
            self._found, self._found_at = found, now
        if not found or self._jobs.busy or not self._may_keep():
            return
        self._kept_with = video = self._video()
        if not self._player.playing and now - self._found_at > _REST:
            self._jobs.begin("", lambda _monitor: self._up_to_date(video))

    def project_closes(self) -> None:
        """Keep what was found, and wait until it is on disk."""
        self._jobs.close_down()
        recorder, video = self._player.kept.recorder, self._kept_with
        if video is None or recorder is None or not len(recorder):
            return
        try:
            merged(video, TrackStep(self.media, self.history), recorder)
        except FaceloopError as error:
            self._session.tell(str(error), "error")

    def close_down(self) -> None:
        """Keep what was found, and listen to nobody any more."""
        self.project_closes()
        self._session.saved.disconnect(self._saved)

    # How it works

    def _path(self) -> Path | None:
        return None if self._player.source is None else self._player.source.path

    def _video(self) -> OpenVideo:
        project, path, chosen = self._session.need_project(), self._path(), self._player.chosen
        if path is None:
            raise FaceloopError("This needs a video file. Open one first.")
        if chosen is None:
            raise FaceloopError("No model is loaded yet. Wait a moment, or choose one in Train.")
        check_points(chosen, project)
        return OpenVideo(project, path, chosen)

    def _may_keep(self) -> bool:
        """Whether fits of the model in use belong into the track of a video of the project."""
        chosen, project = self._player.chosen, self._session.project
        if project is None or chosen is None or not chosen.kept:
            return False
        if self.media is None:
            self.media = known_media(project, self._path())
        same = chosen.model.scheme.name == project.scheme.name
        recorder = self._player.kept.recorder
        takes = recorder is not None and takes_fits(self.track, recorder)
        return self.media is not None and same and takes

    def _face_of(self, track: Track) -> int:
        ids = [face.id for face in track.faces]
        if not ids:
            raise FaceloopError("There is no face in this track yet. Play the video, or track it.")
        return self.face if self.face in ids else ids[0]

    def _up_to_date(self, video: OpenVideo) -> TrackStep:
        """Return the kept track with all that was found; in the thread of a job."""
        step = TrackStep(self.media, self.history)
        media, history = merged(video, step, self._player.kept.recorder)
        return replace(step, media=media, history=history)

    def _edit(self, said: str, operation: Callable[[Track, int], Track]) -> None:
        def edit(track: Track, _monitor: Monitor) -> tuple[Track, str]:
            after = operation(track, self._face_of(track))
            return after, said if TrackHistory(track).did(after, said).done else "nothing changed"

        self._begin_edit("", edit)

    def _begin_edit(self, name: str, edit: Callable[[Track, Monitor], tuple[Track, str]]) -> None:
        video = self._video()

        def work(monitor: Monitor) -> TrackStep:
            if self.history is not None:  # else the person would edit what she has not seen
                video.project.check_track(self.history)
            step = self._up_to_date(video)
            assert step.history is not None  # noqa: S101 - it was begun, if there was none
            track, said = edit(step.history.track, monitor)
            track = with_head_poses(track, video.chosen.model)
            history = video.project.keep_track(step.history.did(track, said))
            return replace(step, history=history, said=f"{said[:1].upper()}{said[1:]}.")

        self._jobs.begin(name, work)

    def _go_back(
        self, word: str, go: Callable[[TrackHistory], tuple[TrackHistory, tuple[object, ...]]]
    ) -> None:
        project = self._session.need_project()

        def work(_monitor: Monitor) -> TrackStep:
            step = TrackStep(self.media, self.history)
            if step.history is None or not (changes := go(step.history)[1]):
                return replace(step, said="There is nothing to take back or do again here.")
            said = getattr(changes[-1], "said", "")
            after = project.keep_track(go(step.history)[0])
            return replace(step, history=after, said=f"{word}: {said}.")

        self._jobs.begin("", work)

    def _saved(self, revision: Revision) -> None:
        project, media = self._session.project, self.media
        if project is None or media is None:
            return
        if project.item(revision.item_id).media_id == media.id:
            self._pending.add(revision.item_id)

    def _done(self, step: TrackStep) -> None:
        new, self.media = self.media is None, step.media
        if step.history is not self.history:
            self.history = step.history
            self._player.kept.track = self.track
            self._show_errors()
            self.changed.emit()
            if not self._player.playing:
                self._player.step(0)
        if new and step.media is not None:
            self._session.items_changed.emit()
        if step.queued:
            self._session.items_changed.emit()
            self._session.queue_changed.emit()
        if step.said:
            self._session.tell(step.said)
        if step.item is not None:
            self._show(*step.item, step.made)
        for face, frame in step.corrected if self.spreads else ():
            self.spread(frame, face)

    def _show(self, item: Item, entry: QueueEntry | None, made: bool) -> None:
        assert item.frame is not None  # noqa: S101 - it is one of a video
        self.correcting = item.id, item.frame
        self._made = item.id if made else None
        self._session.items_changed.emit()
        self._session.queue_changed.emit()
        self._session.show(item, entry)
        self._session.tab_wanted.emit("annotate")

    def _show_errors(self) -> None:
        """Colour the time by what is kept."""
        track, record, chosen = self.track, self._player.record, self._player.chosen
        if track is not None and len(record.errors) == track.frames:
            errors = track.worst_error
            seen = ~np.isnan(errors)
            record.errors[seen] = errors[seen]
            record.stale[seen] = chosen is not None and chosen.name != track.model

    def _failed(self, error: FaceloopError) -> None:
        project, path = self._session.project, self._path()
        if isinstance(error, TrackConflict) and project is not None and path is not None:
            self._session.tell(f"{error} It is shown as it is now.", "error")
            self._jobs.begin("", lambda _monitor: loaded(project, path))
            return
        self._session.tell(str(error), "error")
