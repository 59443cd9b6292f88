"""What the timeline shows of a face: one row of numbers a frame, and frames to jump to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from faceloop_datasets.tracks.face_track import FrameKind, Verdict
from faceloop_workbench.services.extremes import Extremes

from .colours import error_word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets.tracks.face_track import FaceTrack

    from .record import ErrorRecord

MarkKind = Literal["annotated", "queued", "poor", "lost", "corrected"]
"""Kinds of frames that a person jumps to."""

_RANKED = (FrameKind.SMOOTHED, FrameKind.INTERPOLATED, FrameKind.SPREAD, FrameKind.CORRECTED)
"""Kinds that are shown; the last wins where many share a pixel."""
_RANK = np.zeros(max(FrameKind) + 1, dtype=np.float32)
_RANK[list(_RANKED)] = np.arange(1, len(_RANKED) + 1)
_VERDICTS = {Verdict.ACCEPTED: "accepted", Verdict.REJECTED: "rejected"}


def shown_kind(rank: int) -> FrameKind:
    """Return the kind that a rank of `TrackRow.ranks` stands for."""
    return _RANKED[rank - 1]


@dataclass(frozen=True, eq=False)
class TrackRow:
    """One face of a video, ready to be drawn at any zoom.

    Parameters
    ----------
    id : int or None
        The face; None for the worst of all of them.
    name : str
        For people; may be empty.
    errors : Extremes
        Predicted error in IOD; NaN where nobody has looked or no fit was made, infinite where
        there is no face.
    stale : Extremes or None
        More than 0 where another model found it.
    ranks : Extremes or None
        How points came about where not by a fit: see `shown_kind`; 0 elsewhere.
    verdicts : Extremes or None
        A `faceloop_datasets.tracks.face_track.Verdict` a frame.
    kinds : ndarray of uint8, optional
        A `faceloop_datasets.tracks.face_track.FrameKind` a frame.
    """

    id: int | None
    name: str
    errors: Extremes
    stale: Extremes | None = None
    ranks: Extremes | None = None
    verdicts: Extremes | None = None
    kinds: NDArray[np.uint8] | None = None

    @classmethod
    def of_face(cls, face: FaceTrack, record: ErrorRecord | None = None) -> TrackRow:
        """Return the row of a face of a track.

        Parameters
        ----------
        face : FaceTrack
            The face.
        record : ErrorRecord, optional
            What was seen since: fills the frames that the track has not.
        """
        errors = np.where(face.lost, np.float32(np.inf), face.predicted_error)
        if record is not None and len(record.errors) == len(errors):
            errors = np.where(face.kind == FrameKind.UNSEEN, record.errors, errors)
        return cls(
            face.id,
            face.name,
            Extremes(errors),
            ranks=Extremes(_RANK[face.kind]),
            verdicts=Extremes(face.verdict),
            kinds=face.kind,
        )

    @classmethod
    def of_record(cls, record: ErrorRecord) -> TrackRow:
        """Return the row of what was seen while a video played, as it is now."""
        return cls(None, "", Extremes(record.errors.copy()), stale=Extremes(record.stale))

    @property
    def title(self) -> str:
        """What to call the face."""
        return self.name or ("" if self.id is None else f"face {self.id}")

    def about(self, frame: int, threshold: float) -> str:
        """Say what is there in a frame, in words."""
        error = float(self.errors.values[frame])
        said = error_word(error, threshold)
        if np.isfinite(error):
            said += f" {error:.3f}"
        if self.stale is not None and self.stale.values[frame]:
            said += ", by another model"
        if self.kinds is not None and self.kinds[frame] in _RANKED:
            kind = FrameKind(self.kinds[frame]).name.lower()
            said = f"{kind}, {said}" if np.isfinite(error) and error else kind  # by a person: 0
        if self.verdicts is not None:
            said = ", ".join(filter(None, [said, _VERDICTS.get(self.verdicts.values[frame])]))
        return f"{self.title}: {said}" if self.title else said

    def starts(self, kind: MarkKind, threshold: float) -> NDArray[np.intp]:
        """First frames of all spans of a kind.

        Parameters
        ----------
        kind : {"poor", "lost", "corrected"}
            Predicted error above ``threshold``; no face; placed by a person.
        threshold : float
            In IOD.
        """
        errors = self.errors.values
        if kind == "corrected":
            there = (
                np.zeros(len(errors), np.bool_)
                if self.kinds is None
                else self.kinds == FrameKind.CORRECTED
            )
        else:
            there = np.isinf(errors) if kind == "lost" else _poor(errors, threshold)
        return np.flatnonzero(there & ~np.concatenate([[False], there[:-1]]))


def neighbour(frames: NDArray[np.intp], index: int, step: int) -> int | None:
    """Return the next (``step`` 1) or previous (-1) of sorted frames; None if there is none."""
    if step > 0:
        at = int(np.searchsorted(frames, index, side="right"))
    else:
        at = int(np.searchsorted(frames, index, side="left")) - 1
    return int(frames[at]) if 0 <= at < len(frames) else None


def _poor(errors: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(errors) & (np.nan_to_num(errors) > threshold))
