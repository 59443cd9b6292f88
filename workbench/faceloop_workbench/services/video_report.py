"""What tracking many videos came to: in all, and a file with a line for each."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from faceloop_datasets.files import atomic_path, escape_formula
from faceloop_datasets.outputs import require_ending

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Self

    from .many_videos import VideoRow

REPORTS = (".csv", ".json")
"""Endings of reports."""
_COLUMNS = (
    "video", "status", "frames", "of", "lost", "poor", "face_seconds", "median_predicted_error",
    "worst_predicted_error", "faces", "seconds", "table", "queued", "warning", "error",
)  # fmt: skip


@dataclass(frozen=True)
class Totals:
    """Sums over videos.

    Parameters
    ----------
    videos, tracked, done_before, failed : int
        How many there are, and what came of them; those that a stop left over are the rest.
    frames, lost, poor : int
        Frames of all that were tracked now or before, without a face, and with a poor fit.
    face_seconds : float
        Time with a face, in seconds of the videos.
    queued : int
        Frames that came into the review queue.
    seconds : float
        That the whole took now.
    frames_per_second : float
        Frames tracked now over that.
    """

    videos: int
    tracked: int
    done_before: int
    failed: int
    frames: int
    lost: int
    poor: int
    face_seconds: float
    queued: int
    seconds: float
    frames_per_second: float

    @classmethod
    def of(cls, rows: Sequence[VideoRow], videos: int, seconds: float) -> Self:
        """Add up what came of some of so many videos in so many seconds."""
        summaries = [row.summary for row in rows if row.summary is not None]
        status = [row.status for row in rows]
        now = sum(r.summary.frames for r in rows if r.summary and r.status != "done before")
        return cls(
            videos=videos,
            tracked=status.count("tracked"),
            done_before=status.count("done before"),
            failed=status.count("failed"),
            frames=sum(one.frames for one in summaries),
            lost=sum(one.lost for one in summaries),
            poor=sum(one.poor for one in summaries),
            face_seconds=sum(one.face_seconds for one in summaries),
            queued=sum(len(row.queued) for row in rows),
            seconds=seconds,
            frames_per_second=now / seconds if seconds else 0.0,
        )


def write_report(
    file: Path, rows: Sequence[VideoRow], others: Sequence[Path], totals: Totals
) -> None:
    """Write what came of each video, and what was no video.

    Parameters
    ----------
    file : Path
        ``.csv``, a line each, or ``.json``, with the totals.
    rows : sequence of VideoRow
        In any order; they are sorted by their videos.
    others : sequence of Path
        Files that are no videos.
    totals : Totals
        Over all.

    Raises
    ------
    InputError
        If it cannot be written, or has another ending.
    """
    require_ending(file, REPORTS, "a report")
    listed = [row.to_dict() for row in sorted(rows, key=lambda row: row.video)]
    with atomic_path(file) as part:
        if file.suffix.lower() == ".json":
            said = {"videos": listed, "not_videos": list(map(str, others))}
            said["total"] = asdict(totals)
            part.write_text(json.dumps(said, indent=2), encoding="utf-8")
            return
        # names of files may be no text
        with part.open("w", newline="", encoding="utf-8", errors="backslashreplace") as text:
            writer = csv.writer(text)
            writer.writerow(_COLUMNS)
            writer.writerows(_cells(row) for row in listed)
            writer.writerows(_cells({"video": str(o), "status": "no video"}) for o in others)


def _cells(row: dict[str, Any]) -> Iterator[object]:
    for name in _COLUMNS:
        value = row.get(name)
        if isinstance(value, list):
            yield len(value)
        elif isinstance(value, float):
            yield f"{value:.6g}"
        else:
            yield escape_formula(value) if isinstance(value, str) else value
