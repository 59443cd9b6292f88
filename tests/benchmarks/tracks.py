"""How many actions put a track with failures right, and how fast a long track opens.

    python tests/benchmarks/tracks.py
    python tests/benchmarks/tracks.py --only opening

Correcting: the sample clip, played forth and back for 1,000 frames, is tracked with the starter
model, which has not seen its person; then 10 spans fail: the face is lost in half of them and
pushed away by .15 to .4 IOD in the others. An oracle takes, again and again, the frame that is
worst, puts its points where they truly are (one action), and lets that spread (another), until no
frame is off by more than .03 IOD. Frames in which the clip shows no face do not count. Against it:
each frame that is off by more is corrected by itself (one action each), and the oracle without
planted spans: what the model's own errors in this clip take.

Opening: a track of 100,000 frames of 70 points, head pose and expressions included, is written,
read, and corrected.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import Clock, Report, add_common

from faceloop_datasets import FaceTrack, FrameKind, Track, Video, VideoFrame
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_datasets.tracks import editing
from faceloop_datasets.tracks.file import read_track, write_track
from faceloop_datasets.tracks.history import TrackHistory
from faceloop_runtime import FaceModel, Tracker
from faceloop_workbench.services.track_editing import spread
from faceloop_workbench.services.track_recording import TrackRecorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Scheme

_FRAMES, _SPANS, _GOOD = 1000, 10, 0.03
_LONG = 100_000


class ForthAndBack:
    """The sample clip, forth and back."""

    def __init__(self, frames: int) -> None:
        clip = list(Video(sample_clip()))
        order = [*range(len(clip)), *range(len(clip) - 1, -1, -1)]
        self.order = [order[i % len(order)] for i in range(frames)]
        self._clip = clip

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, number: int) -> VideoFrame:
        shown = self._clip[self.order[number]]
        return VideoFrame(number, number / 25, shown._raw, shown._view)


@dataclass
class Oracle:
    """Knows the truth, and acts until a track is right."""

    truth: np.ndarray
    counts: np.ndarray
    iod: np.ndarray
    model: FaceModel
    frames: ForthAndBack

    def errors(self, track: Track) -> np.ndarray:
        """Mean distance from the truth, in IOD; infinite where the face is lost."""
        points = track.face(0).points
        off = np.linalg.norm(points - self.truth, axis=2).mean(axis=1) / self.iod
        return np.where(self.counts, np.nan_to_num(off, nan=np.inf), 0.0)

    def alone(self, track: Track) -> int:
        """Actions where each frame is corrected by itself."""
        return int((self.errors(track) > _GOOD).sum())

    def act(self, track: Track) -> tuple[int, int, Track]:
        """Correct and spread until all is right; returns corrections, spreads, and the track."""
        corrections = spreads = 0
        while (self.errors(track) > _GOOD).any():
            frame = self.choose(track)
            track = editing.correct(track, 0, frame, self.truth[frame])
            corrections += 1
            if not (self.errors(track) > _GOOD).any():
                break
            around = self.errors(track)[max(frame - 1, 0) : frame + 2]
            if (around > _GOOD).any():
                track, _ = spread(track, 0, frame, self.model, video=self.frames)
                spreads += 1
        return corrections, spreads, track

    def choose(self, track: Track) -> int:
        """The middle of the longest run of frames that are off."""
        runs = editing.runs(self.errors(track) > _GOOD)
        start, end = max(runs, key=lambda run: run[1] - run[0])
        return (start + end) // 2


def tracked(model: FaceModel, frames: ForthAndBack) -> Track:
    """Track the frames; all that is found is one face."""
    recorder = TrackRecorder(model, "starter")
    for result in Tracker(model, "cpu").track(frames[i] for i in range(len(frames))):
        recorder.add(result)
    times = np.arange(len(frames)) / 25
    track = Track("0" * 64, "face70", "starter", 25.0, times, (), model.expression_names)
    track = recorder.merged(track)
    while len(track.faces) > 1:
        track = editing.join(track, track.faces[0].id, track.faces[1].id)
    return track


def planted(track: Track, oracle: Oracle, rng: np.random.Generator) -> Track:
    """Let spans fail: lost, or pushed away, more in the middle."""
    free = np.flatnonzero(oracle.errors(track) <= _GOOD)
    for number, part in enumerate(np.array_split(np.arange(_FRAMES), _SPANS)):
        inside = part[np.isin(part, free) & oracle.counts[part]]
        length = int(rng.integers(15, 60))
        first = int(rng.integers(0, max(len(inside) - length, 1)))
        span = inside[first : first + length]
        face = track.face(0)
        if number % 2:
            rows: dict[str, Any] = {"points": np.nan, "predicted_error": np.nan}
            track = track.with_face(face.with_rows(span, kind=FrameKind.LOST, **rows))
            continue
        bump = np.sin(np.linspace(0, np.pi, len(span) + 2)[1:-1])
        angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.4)
        away = far * np.array([np.cos(angle), np.sin(angle)])
        shift = (np.maximum(bump, 0.3) * oracle.iod[span])[:, None, None] * away
        moved = face.with_rows(span, points=face.points[span] + shift, predicted_error=0.08)
        track = track.with_face(moved)
    return track


def correcting(seed: int) -> list[dict[str, Any]]:
    """Count actions."""
    model, frames = FaceModel.starter(), ForthAndBack(_FRAMES)
    clip = sample_clip_truth()
    oracle = Oracle(
        clip.points[frames.order],
        clip.face[frames.order],
        _iods(model.scheme, clip.points[frames.order]),
        model,
        frames,
    )
    track = tracked(model, frames)
    failed = planted(track, oracle, np.random.default_rng(seed))
    rows = []
    for name, one in (("as tracked", track), ("10 spans failed", failed)):
        corrections, spreads, after = oracle.act(one)
        rows.append(
            {
                "track": name,
                "frames off": oracle.alone(one),
                "frame by frame": oracle.alone(one),
                "corrections": corrections,
                "spreads": spreads,
                "actions": corrections + spreads,
                "worst after": round(float(oracle.errors(after).max()), 4),
            }
        )
    own = rows[0]["actions"]
    rows[1]["actions a span"] = round((rows[1]["actions"] - own) / _SPANS, 2)
    return rows


def _iods(scheme: Scheme, points: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([scheme.inter_ocular_distance(one) for one in points])


def opening() -> list[dict[str, Any]]:
    """Time what a long track takes."""
    rng = np.random.default_rng(0)
    face = FaceTrack.unseen(0, _LONG, 70, expressions=7)
    rows = {
        "points": rng.uniform(0, 500, (_LONG, 70, 2)),
        "predicted_error": rng.uniform(0, 0.1, _LONG),
        "kind": FrameKind.FITTED,
    }
    face = face.with_rows(slice(None), **rows)
    names = tuple("abcdefg")
    track = Track("0" * 64, "face70", "starter", 25.0, np.arange(_LONG) / 25, (face,), names)
    history = TrackHistory(track)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "track.safetensors"
        for what, work in (
            ("write", lambda: write_track(file, history)),
            ("open", lambda: read_track(file)),
            ("worst error of each frame", lambda: track.worst_error),
            ("correct a frame", lambda: editing.correct(track, 0, 7, np.ones((70, 2)))),
            ("note it", lambda: history.did(editing.correct(track, 0, 7, np.ones((70, 2))), "")),
        ):
            with Clock() as clock:
                work()
            found.append({"what": what, "seconds": round(clock.wall, 3)})
        found.append({"what": "MB on disk", "seconds": round(file.stat().st_size / 1e6, 1)})
    return found


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("correcting", "opening"))
    add_common(parser)
    arguments = parser.parse_args()
    report = Report(arguments.json)
    if arguments.only != "opening":
        report.table("correcting", correcting(arguments.seed))
    if arguments.only != "correcting":
        report.table("a track of 100,000 frames", opening())


if __name__ == "__main__":
    main()
