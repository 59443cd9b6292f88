"""What a player shows of a kept track, and what it finds for it; used by several threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets import Verdict
from faceloop_workbench.services.track_editing import kept_result
from faceloop_workbench.services.track_recording import TrackRecorder

if TYPE_CHECKING:
    from faceloop_datasets import Track
    from faceloop_runtime import FrameResult
    from faceloop_workbench.services.model_choice import ChosenModel


class KeptFrames:
    """The kept track of the video that plays, frame by frame.

    Frames that the model in use has fitted before, and those that a person has edited, are shown
    as they are kept. What is fitted anew is collected for the track.

    Attributes
    ----------
    track : Track or None
        As it is kept; None without one.
    recorder : TrackRecorder or None
        What was found since it was read last.
    fits_anew : bool
        Whether faces are found in another way than before: only edited frames are shown as kept.
    """

    def __init__(self) -> None:
        self.track: Track | None = None
        self.recorder: TrackRecorder | None = None
        self.fits_anew = False

    def clear(self) -> None:
        """Forget all: another video is open."""
        self.track, self.recorder, self.fits_anew = None, None, False

    def result(self, index: int, chosen: ChosenModel | None) -> FrameResult | None:
        """Return a frame as it is kept; None if it has to be fitted."""
        track = self.track
        if track is None or chosen is None or index >= track.frames:
            return None
        if track.scheme != chosen.model.scheme.name:
            return None
        same = track.model == chosen.name and not self.fits_anew
        if not same and not self.judges(index):
            return None
        return kept_result(track, index, chosen.model)

    def rejects(self, index: int) -> bool:
        """Whether a person has rejected the points of a face in a frame."""
        track = self.track
        if track is None or index >= track.frames:
            return False
        return any(face.verdict[index] == Verdict.REJECTED for face in track.faces)

    def judges(self, index: int) -> bool:
        """Whether a person has edited, accepted or rejected a face in a frame."""
        track = self.track
        if track is None or index >= track.frames:
            return False
        return any(face.judged[index] for face in track.faces)

    def begin_run(self) -> None:
        """Say that faces were looked for anew: ids mean others from here on."""
        if self.recorder is not None:
            self.recorder.begin_run()

    def add(self, result: FrameResult, chosen: ChosenModel | None) -> None:
        """Note what was found in a frame; not of a model that is only tried."""
        if chosen is None or not chosen.kept:
            return
        if self.recorder is None or self.recorder.name != chosen.name:
            self.recorder = TrackRecorder(chosen.model, chosen.name)
        self.recorder.add(result)
