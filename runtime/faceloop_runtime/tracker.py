"""Following faces from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Video, VideoFrame

from .detector import Detector, overlap
from .fitter import FROM_CLOSE, FROM_NEAR, FROM_START, Fitter, as_gray
from .geometry import Similarity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from .backends import ResponseBackend
    from .fitter import Fit
    from .model import FaceModel

    Gray = NDArray[np.uint8]
    Frame = VideoFrame | NDArray[np.uint8]

_RATE = 25.0
"""Frames a second of a source that does not know the time."""
_MEMORY = 0.6
"""Share of the old value in the running face score: it follows within a few frames."""
_LEAST_SCORE = 0.35
"""A face is lost when the running score falls below this; a new one needs it at once."""
_WORST_ERROR = 0.15
"""A fit of a higher predicted error is wrong, in IOD."""
_SURE_SCORE, _SURE_ERROR = 0.6, 0.11
"""A new face must also be sure by one of the two. Most real faces are by both; a face upside
down looks a little like one and fits a little."""
_EFFORTS = ((FROM_CLOSE, 0.05), (FROM_NEAR, _WORST_ERROR), (FROM_START, _WORST_ERROR))
"""How a face is looked for again, and up to which predicted error the result is taken. The
finest scale alone is enough for most frames and costs half as much (Talking Face, frames
0-999: mean error of all points .0357 against .0353)."""
_LEAST_INSIDE = 0.4
"""Share of the points that must lie in the picture."""
_NUDGES = ((0.06, 0.03), (-0.05, 0.05))
"""Shifts of the start, in IOD, from which a new face is fitted again ..."""
_AGREE = 0.045
"""... and how far the results may differ, in IOD: on a face they find the same place (.02 for
95 % of good fits, .03 and more for bad ones)."""
_SMALLEST = 6.0
"""Least IOD of a face, in pixels."""
_INERTIA = 0.5
"""Share of the last movement that a face is expected to make again. On the fast shake of the
sample clip the mean error is .0222 with it, .0254 at 0 and .0225 at 1."""

_SEARCH_EVERY = 5
"""Frames between searches while no face is known."""
_MORE_EVERY = 15
"""Frames between searches for further faces."""
_THOROUGH_EVERY = 3
"""Every so many searches without a face are thorough."""
_PERSIST = 3
"""Frames that a lost face is looked for where it was."""
_REMEMBER = 15
"""Frames after which a face that comes back is a new one."""
_CANDIDATES = 3
"""Boxes that are tried beyond the number of faces wanted."""
_SAME_FACE = 0.3
"""Fits that overlap by more (intersection over union of their boxes) are on one face."""


@dataclass(frozen=True, eq=False)
class TrackedFace:
    """A face in a frame.

    Attributes
    ----------
    id : int
        Stays the same while the face is followed; a face that was gone for more than
        half a second gets a new one.
    fit : Fit
        Where it is.
    quality : float
        Running face score, 0 to 1.
    """

    id: int
    fit: Fit
    quality: float

    @property
    def roll(self) -> float:
        """Turn in the picture plane, in degrees; positive is clockwise."""
        return float(np.degrees(self.fit.pose.angle))

    @property
    def scale(self) -> float:
        """Size: the IOD of the mean shape, in pixels."""
        return self.fit.pose.scale


@dataclass(frozen=True, eq=False)
class FrameResult:
    """What was found in a frame.

    Attributes
    ----------
    index : int
        Number of the frame, from 0.
    time : float
        Seconds after the first frame.
    faces : tuple of TrackedFace
        Faces in the order of their identity; empty while there is none.
    """

    index: int
    time: float
    faces: tuple[TrackedFace, ...]

    @property
    def points(self) -> NDArray[np.float64] | None:
        """Points of the first face, (N, 2) in pixels; None while it is lost."""
        return self.faces[0].fit.points if self.faces else None

    @property
    def lost(self) -> bool:
        """Whether there is no face."""
        return not self.faces


class Tracker:
    """Follows faces through a video.

    A face is fitted from where it was; if the fit does not look like a face, coarser, and then
    from the detector. A fit from the detector becomes a face only if it looks like one and
    fits from nearby starts agree with it.

    Parameters
    ----------
    model : FaceModel
        What to fit.
    backend : str or ResponseBackend
        See `Fitter`.
    max_faces : int
        Faces to follow.
    detector : Detector, optional
        Finds faces; the cascade by default.
    """

    def __init__(
        self,
        model: FaceModel,
        backend: str | ResponseBackend = "auto",
        max_faces: int = 1,
        detector: Detector | None = None,
    ) -> None:
        self._fitter = Fitter(model, backend)
        self._detector = detector or Detector()
        self._max_faces = max_faces

    def track(self, source: str | Path | Iterable[Frame]) -> Iterator[FrameResult]:
        """Follow faces through a video, one frame at a time and in constant memory.

        Parameters
        ----------
        source : path, Video, or iterable of VideoFrame or ndarray
            Where frames come from. Arrays are gray (H, W) or RGB (H, W, 3), uint8; they are
            counted from 0 and timed at 25 a second. Each call starts afresh.

        Yields
        ------
        FrameResult
            One a frame.

        Raises
        ------
        FaceloopError
            If the video cannot be read, or a frame is no picture.
        """
        pursuit = self.follow()
        frames: Iterable[Frame] = Video(source) if isinstance(source, str | Path) else source
        for frame in frames:
            yield pursuit.step(frame)

    def follow(self) -> Pursuit:
        """Begin to follow faces through frames that are given one by one."""
        return Pursuit(self._fitter, self._detector, self._max_faces)


@dataclass(frozen=True, eq=False)
class _Track:
    """A face that is followed, or was until `missing` frames ago."""

    face: TrackedFace
    velocity: tuple[float, float] = (0.0, 0.0)
    missing: int = 0

    def predicted(self) -> Similarity:
        pose = self.face.fit.pose
        return replace(pose, tx=pose.tx + self.velocity[0], ty=pose.ty + self.velocity[1])


class Pursuit:
    """The faces of one video as it goes by; made by `Tracker.follow`.

    It may be used from any thread, but by one at a time.
    """

    def __init__(self, fitter: Fitter, detector: Detector, max_faces: int) -> None:
        self._fitter, self._detector, self._max_faces = fitter, detector, max_faces
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first, for instance after a seek."""
        self._count = 0
        self._tracks: tuple[_Track, ...] = ()
        self._next_id = 0
        self._since_search = _MORE_EVERY  # the first frame is searched
        self._in_vain = 0

    def step(self, frame: Frame) -> FrameResult:
        """Find the faces of the next frame.

        Parameters
        ----------
        frame : VideoFrame or ndarray
            An array is gray (H, W) or RGB (H, W, 3), uint8; it is counted from 0 and timed at
            25 a second since the beginning or the last reset.

        Raises
        ------
        FaceloopError
            If it is no picture.
        """
        gray = frame.gray() if isinstance(frame, VideoFrame) else as_gray(frame)
        index, time = self._count, self._count / _RATE
        if isinstance(frame, VideoFrame):
            index, time = frame.index, frame.time
        faces = self._advance(gray)
        self._count += 1
        return FrameResult(index, time, faces)

    def _advance(self, gray: Gray) -> tuple[TrackedFace, ...]:
        was_lost = [t for t in self._tracks if t.missing]
        followed = _distinct([self._follow(gray, track) for track in self._tracks])
        known = [t for t in followed if not t.missing]
        just_lost = sum(t.missing > 0 for t in followed) > len(was_lost)
        self._since_search += 1
        if len(known) < self._max_faces and (just_lost or self._search_is_due(known)):
            followed = self._search(gray, followed)
        self._tracks = tuple(t for t in followed if t.missing <= _REMEMBER)
        faces = [t.face for t in self._tracks if not t.missing]
        return tuple(sorted(faces, key=lambda face: face.id))

    def _follow(self, gray: Gray, track: _Track) -> _Track:
        if track.missing < _PERSIST:
            for passes, worst in _EFFORTS:
                fit = self._fitter.fit_pose(gray, track.predicted(), track.face.fit.b, passes)
                quality = _MEMORY * track.face.quality + (1 - _MEMORY) * fit.score
                if quality >= _LEAST_SCORE and _plausible(fit, gray, worst):
                    return _moved(track, fit, quality)
        return replace(track, missing=track.missing + 1, velocity=(0.0, 0.0))

    def _search_is_due(self, known: Sequence[_Track]) -> bool:
        return self._since_search >= (_MORE_EVERY if known else _SEARCH_EVERY)

    def _search(self, gray: Gray, tracks: list[_Track]) -> list[_Track]:
        self._since_search = 0
        thorough = self._in_vain % _THOROUGH_EVERY == 0 and not any(not t.missing for t in tracks)
        found = 0
        boxes = self._detector.detect(gray, thorough=thorough)
        for box in boxes[: self._max_faces + _CANDIDATES]:
            known = [t for t in tracks if not t.missing]
            if len(known) >= self._max_faces:
                break
            fit = self._fitter.fit(gray, box)
            if any(_shared(fit, t.face.fit) > _SAME_FACE for t in known):
                continue
            if self._is_face(fit, gray):
                tracks = self._welcome(fit, tracks)
                found += 1
        self._in_vain = 0 if found else self._in_vain + 1
        return tracks

    def _is_face(self, fit: Fit, gray: Gray) -> bool:
        if fit.score < _LEAST_SCORE or not _plausible(fit, gray, _WORST_ERROR):
            return False
        if fit.score < _SURE_SCORE and fit.predicted_error > _SURE_ERROR:
            return False
        for dx, dy in _NUDGES:
            start = fit.pose.after(Similarity(tx=dx, ty=dy))
            again = self._fitter.fit_pose(gray, start, fit.b / 2, FROM_NEAR)
            apart = np.linalg.norm(again.points - fit.points, axis=1).mean()
            if apart > _AGREE * fit.pose.scale:
                return False
        return True

    def _welcome(self, fit: Fit, tracks: list[_Track]) -> list[_Track]:
        """Go on with the lost track that was here, or begin a new one."""
        lost = [t for t in tracks if t.missing]
        near = max(lost, key=lambda t: _shared(fit, t.face.fit), default=None)
        if near is not None and _shared(fit, near.face.fit) > _SAME_FACE:
            face = TrackedFace(near.face.id, fit, fit.score)
            return [_Track(face) if t is near else t for t in tracks]
        face = TrackedFace(self._next_id, fit, fit.score)
        self._next_id += 1
        return [*tracks, _Track(face)]


def _moved(track: _Track, fit: Fit, quality: float) -> _Track:
    velocity = (0.0, 0.0)
    if not track.missing:
        before, after = track.face.fit.pose, fit.pose
        velocity = (_INERTIA * (after.tx - before.tx), _INERTIA * (after.ty - before.ty))
    return _Track(TrackedFace(track.face.id, fit, quality), velocity)


def _plausible(fit: Fit, gray: Gray, worst: float) -> bool:
    height, width = gray.shape
    x, y = fit.points.T
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    return (
        fit.predicted_error <= worst
        and float(inside.mean()) >= _LEAST_INSIDE
        and fit.pose.scale >= _SMALLEST
    )


def _distinct(tracks: list[_Track]) -> list[_Track]:
    """Leave the best of the tracks that have come together on one face."""
    kept: list[_Track] = []
    for track in sorted(tracks, key=lambda t: (t.missing, -t.face.quality)):
        if track.missing or not any(
            _shared(track.face.fit, other.face.fit) > _SAME_FACE
            for other in kept
            if not other.missing
        ):
            kept.append(track)
    return kept


def _shared(first: Fit, second: Fit) -> float:
    return float(overlap(_box(first), _box(second))[0, 0])


def _box(fit: Fit) -> NDArray[np.float64]:
    low, high = fit.points.min(axis=0), fit.points.max(axis=0)
    return np.concatenate([low, high - low])[None]
