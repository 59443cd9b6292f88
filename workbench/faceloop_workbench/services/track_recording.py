"""From what a tracker finds, frame by frame, to the track of a video."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceTrack, FrameKind, Track, Verdict
from faceloop_datasets.tracks.editing import new_face

from .model_choice import expression_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Media, Video
    from faceloop_runtime import FaceModel, FrameResult
    from faceloop_runtime.clmtrackr import ClmtrackrModel
    from faceloop_runtime.track.results import TrackedFace

_SAME_PLACE = 0.5
"""A face whose points lie nearer to another's, in sizes of it, is the same. Beside each other faces
are farther apart than one is wide, which is two sizes and more."""
_NEAR_FRAMES = 50
"""Frames before a face is found, or after, in which it must have been near to be known by place."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """A face in a frame, with what of its fit a track keeps."""

    key: tuple[int, int]
    """The run of tracking, and the face's id in it."""
    frame: int
    points: NDArray[np.float32]
    predicted_error: float
    head_pose: tuple[float, float, float]
    expressions: Mapping[str, float]


def empty_track(media: Media, video: Video, model: str, names: Sequence[str], scheme: str) -> Track:
    """Return the track of a video of which no frame was looked at.

    Parameters
    ----------
    media : Media
        The project's.
    video : Video
        The same, open.
    model : str
        Name of the model.
    names : sequence of str
        Expressions that it knows.
    scheme : str
        Name of the landmark scheme.
    """
    times = np.array(video.times, np.float64)
    return Track(media.sha256, scheme, model, float(video.rate), times, (), tuple(names))


class TrackRecorder:
    """Collects what was found in frames until it is put into a track; used by several threads.

    Parameters
    ----------
    model : FaceModel or ClmtrackrModel
        What is fitted.
    name : str
        Its name.
    """

    def __init__(self, model: FaceModel | ClmtrackrModel, name: str) -> None:
        self.name, self._points = name, len(model.scheme)
        self._words = expression_names(model)
        self._lock = threading.Lock()
        self._run = 0
        self._frames: dict[int, list[Sighting]] = {}
        self._ids: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        """Frames that are in no track yet."""
        with self._lock:
            return len(self._frames)

    def begin_run(self) -> None:
        """Say that faces have new ids from here on: the tracker has looked for them anew."""
        with self._lock:
            self._run += 1

    def add(self, result: FrameResult) -> None:
        """Note what was found in a frame."""
        with self._lock:
            faces = [_sighting(self._run, result.index, face) for face in result.faces]
            self._frames[result.index] = faces

    def found(self) -> dict[int, list[Sighting]]:
        """Return what was found in frames that are in no track yet, for a recorder elsewhere."""
        with self._lock:
            return dict(self._frames)

    def take(self, found: Mapping[int, list[Sighting]]) -> None:
        """Take in what another recorder of this model has found, as a run of its own."""
        with self._lock:
            self._run += 1
            self._frames |= {
                frame: [replace(one, key=(self._run, one.key[1])) for one in faces]
                for frame, faces in found.items()
            }

    def covers(self, track: Track) -> bool:
        """Whether all frames of a track that were looked at were found anew, but for settled ones.

        A track without any frame is covered.
        """
        with self._lock:
            found = np.isin(np.arange(track.frames), list(self._frames))
        return not any(
            ((face.kind != FrameKind.UNSEEN) & ~face.settled & ~found).any() for face in track.faces
        )

    def merged(self, track: Track) -> Track:
        """Return a track with what was collected, which is forgotten.

        A face is the one that is in the same place in the same frames, else the one that was
        there just before or after, else one that is in none of these frames, else a new one.
        Frames that a person has edited or accepted stay as they are. The track has the name of
        this model then, unless others of its frames are another model's; what it knows of
        expressions that this model does not is kept there.
        """
        name = self.name if self.covers(track) else track.model
        with self._lock:
            frames, self._frames = self._frames, {}
            ids = self._ids
        if not frames:
            return track
        track = replace(track.with_room(self._words), model=name)
        groups: dict[tuple[int, int], list[Sighting]] = defaultdict(list)
        for frame in sorted(frames):
            for one in frames[frame]:
                groups[one.key].append(one)
        for key, group in groups.items():
            if key not in ids:
                taken = {ids[other] for other in ids if other[0] == key[0]}
                ids[key] = _identity(track, group, taken)
            track = self._with_group(track, ids[key], group)
        if not track.faces:  # looked at, and there was nobody
            track = track.with_face(new_face(track, 0, self._points))
        return _with_lost(track, sorted(frames), groups.values(), ids)

    def _with_group(self, track: Track, number: int, group: Sequence[Sighting]) -> Track:
        here = [face for face in track.faces if face.id == number]
        face = here[0] if here else new_face(track, number, self._points)
        free = [one for one in group if not face.settled[one.frame]]
        if not free:
            return track.with_face(face)
        rows: dict[str, object] = {
            "points": np.stack([one.points for one in free]),
            "predicted_error": [one.predicted_error for one in free],
            "kind": FrameKind.FITTED,
            "verdict": Verdict.NONE,
            "head_pose": [one.head_pose for one in free],
        }
        if track.expressions:
            nan = float("nan")
            rows["expressions"] = [
                [one.expressions.get(word, nan) for word in track.expressions] for one in free
            ]
        return track.with_face(face.with_rows([one.frame for one in free], **rows))


def _sighting(run: int, frame: int, face: TrackedFace) -> Sighting:
    head, said = face.fit.head_pose, face.fit.expressions
    nan = float("nan")
    return Sighting(
        (run, face.id),
        frame,
        face.fit.points.astype(np.float32),
        face.fit.predicted_error,
        (nan, nan, nan) if head is None else (head.yaw, head.pitch, head.roll),
        {} if said is None else said,
    )


def _with_lost(
    track: Track,
    frames: Sequence[int],
    groups: Iterable[Sequence[Sighting]],
    ids: dict[tuple[int, int], int],
) -> Track:
    """Mark the frames in which faces of the track were not found."""
    seen: dict[int, set[int]] = defaultdict(set)
    for group in groups:
        seen[ids[group[0].key]] |= {one.frame for one in group}
    for face in track.faces:
        gone = np.array(sorted(set(frames) - seen[face.id]), np.int64)
        gone = gone[~face.settled[gone]]
        if len(gone):
            nan = np.nan
            rows = {"points": nan, "predicted_error": nan, "head_pose": nan, "expressions": nan}
            lost = face.with_rows(gone, kind=FrameKind.LOST, verdict=Verdict.NONE, **rows)
            track = track.with_face(lost)
    return track


def _identity(track: Track, group: Sequence[Sighting], taken: set[int]) -> int:
    """Which face of a track a face is that a tracker has found."""
    free = [face for face in track.faces if face.id not in taken]
    near = {face.id: _distance(face, group) for face in free}
    close = {number: away for number, away in near.items() if away < _SAME_PLACE}
    if close:
        return min(close, key=close.__getitem__)
    frames = [one.frame for one in group]
    absent = [
        face.id for face in free if not face.present[frames].any() and np.isinf(near[face.id])
    ]
    if absent:
        return absent[0]
    return max((face.id for face in track.faces), default=-1) + 1


def _distance(face: FaceTrack, group: Sequence[Sighting]) -> float:
    """How far a face is from where it was found, in sizes; infinite if it was not near in time.

    In the same frames, if it is in one, else from the last one before, and the first one after.
    """
    both = [one for one in group if face.present[one.frame]]
    if both:
        return float(np.median([_apart(face.points[one.frame], one.points) for one in both]))
    first, last = group[0], group[-1]
    before = np.flatnonzero(face.present[max(first.frame - _NEAR_FRAMES, 0) : first.frame])
    after = np.flatnonzero(face.present[last.frame + 1 : last.frame + 1 + _NEAR_FRAMES])
    found = [np.inf]
    if len(before):
        at = max(first.frame - _NEAR_FRAMES, 0) + int(before[-1])
        found.append(_apart(face.points[at], first.points))
    if len(after):
        found.append(_apart(face.points[last.frame + 1 + int(after[0])], last.points))
    return min(found)


def _apart(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Distance of the middles of two shapes, in sizes (root mean square from the middle)."""
    middle = np.nanmean(other, axis=0)
    size = float(np.sqrt(np.nanmean(np.square(other - middle)) * 2))
    return float(np.linalg.norm(np.nanmean(one, axis=0) - middle)) / max(size, 1e-6)
