"""What a kept track holds, in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FrameKind, Verdict
from faceloop_datasets.wording import counted

if TYPE_CHECKING:
    from faceloop_datasets import Track

_EDITED = (
    FrameKind.CORRECTED, FrameKind.SPREAD, FrameKind.INTERPOLATED, FrameKind.SMOOTHED,
)  # fmt: skip


def no_video_text(tracks: int) -> str:
    """Say what to do where no video is open, and how many videos of the project have a track."""
    kept = f" {counted(tracks, 'video has', 'videos have')} a track." if tracks else ""
    return f"Choose a video.{kept}"


def track_text(track: Track | None) -> str:
    """Say in a line what a track holds."""
    if track is None:
        return "No track is kept of this video yet."
    seen, lost = int(track.seen.sum()), int(np.isinf(track.worst_error).sum())
    said = [
        counted(len(track.faces), "face"),
        f"{seen} of {track.frames} frames",
        f"by {track.model}",
    ]
    said += [f"{lost} lost"] if lost else []
    for kind in _EDITED:
        count = sum(int((face.kind == kind).sum()) for face in track.faces)
        said += [f"{count} {kind.name.lower()}"] if count else []
    for verdict in (Verdict.ACCEPTED, Verdict.REJECTED):
        count = sum(int((face.verdict == verdict).sum()) for face in track.faces)
        said += [f"{count} {verdict.name.lower()}"] if count else []
    return ", ".join(said)
