"""Following faces from frame to frame."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import InputError, Video, VideoFrame
from faceloop_runtime.clmtrackr import ClmtrackrFitter, ClmtrackrModel
from faceloop_runtime.detect.detector import Detector
from faceloop_runtime.expressions import PersonNormalisation
from faceloop_runtime.fit.fitter import Fitter
from faceloop_runtime.fit.schedule import FROM_CLOSE, FROM_NEAR, FROM_START
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.pictures import as_gray, as_picture
from faceloop_runtime.quality.thresholds import NO_FACE_ERROR
from faceloop_runtime.start.finding import find_faces, find_learned
from faceloop_runtime.start.initialiser import BOX_IOD

from .acceptance import LEAST_SCORE, face_score, is_plausible, network_check
from .results import FrameResult
from .smoothing import PointFilter
from .tracks import PERSIST, Track, on_same_face, one_track_per_face, points_box

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from faceloop_runtime.detect.boxes import FaceBox
    from faceloop_runtime.fit.result import Fit
    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.responses import ResponseBackend

    from .results import TrackedFace
    from .smoothing import OneEuro

    Gray = NDArray[np.uint8]
    Frame = VideoFrame | NDArray[np.uint8]
    AnyFitter = Fitter | ClmtrackrFitter

_RATE = 25.0
"""Frames a second of a source that does not know the time."""
_ATTEMPTS = ((FROM_CLOSE, 0.05), (FROM_NEAR, NO_FACE_ERROR), (FROM_START, NO_FACE_ERROR))
"""How a face is looked for again, and up to which predicted error the result is taken. The
finest scale alone is enough for most frames and costs half as much (Talking Face, frames
0-999: mean error of all points .0357 against .0353)."""
_FAST = 0.08
"""A face that moved further since the last frame, in IOD, is blurred: the finest scale alone is not
enough (the sample clip's fast shake: greatest error .043 against .060)."""
_DOUBTFUL = 0.05
"""A face of a higher predicted error may be fitted wrongly, in its shape's favour. ..."""
_CHECK_EVERY = 25
"""... So many frames later it is compared with what the detector finds there."""
_MUCH_BETTER = 0.7
"""Ratio of the predicted errors at which that is taken instead."""
_PART_SEARCH_INTERVAL = 3
"""Frames between searches for further faces, each of a part; see `Detector.detect_part`."""
_LEARNED_EVERY = 5
"""Such searches without a face of which one looks for the faces that the model has learned."""
_EAGER_FRAMES = 75
"""Frames without a face after which every second one is enough."""
_CANDIDATES = 3
"""Boxes that are tried beyond the number of faces wanted."""


class Tracker:
    """Follows faces through a video.

    A face is fitted from where it was; if the fit does not look like a face, coarser, and then
    from the detector. A fit from the detector becomes a face only if it looks like one and
    fits from nearby starts agree with it.

    Parameters
    ----------
    model : FaceModel or ClmtrackrModel
        What to fit.
    backend : str or ResponseBackend
        See `Fitter`. A clmtrackr model is always fitted on the CPU.
    max_faces : int
        Faces to follow.
    detector : Detector, optional
        Finds faces; by default as `Detector` does. Where it finds none, the model's own detector
        looks for such as it was trained on.
    smoothing : OneEuro, optional
        Smooths the points of each face over time; by default they are as fitted. The raw points
        stay in ``face.fit.points``.
    start : str
        Where the fit to a found face starts, see `Fitter`.

    Raises
    ------
    FaceloopError
        If no face is wanted, there is no such backend or start, or the model cannot start so.
    """

    def __init__(
        self,
        model: FaceModel | ClmtrackrModel,
        backend: str | ResponseBackend = "auto",
        max_faces: int = 1,
        detector: Detector | None = None,
        smoothing: OneEuro | None = None,
        *,
        start: str = "auto",
    ) -> None:
        if max_faces < 1:
            raise InputError(f"Cannot follow {max_faces} faces. Expected max_faces of 1 or more.")
        self._fitter: AnyFitter = (
            ClmtrackrFitter(model, start)
            if isinstance(model, ClmtrackrModel)
            else Fitter(model, backend, start)
        )
        self._detector = detector or Detector()
        self._max_faces, self._smoothing = max_faces, smoothing

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
        session = self.follow()
        frames: Iterable[Frame] = Video(source) if isinstance(source, str | Path) else source
        for frame in frames:
            yield session.step(frame)

    def follow(self) -> TrackingSession:
        """Begin to follow faces through frames that are given one by one."""
        return TrackingSession(self._fitter, self._detector, self._max_faces, self._smoothing)


class TrackingSession:
    """The faces of one video as it goes by; made by `Tracker.follow`.

    It may be used from any thread, but by one at a time.
    """

    def __init__(
        self, fitter: AnyFitter, detector: Detector, max_faces: int, smoothing: OneEuro | None
    ) -> None:
        self._fitter, self._detector, self._max_faces = fitter, detector, max_faces
        self._smoothing = smoothing
        self._model = fitter.model if isinstance(fitter, Fitter) else None
        self._network = network_check(fitter)
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first, for instance after a seek."""
        self._tracks: list[Track] = []
        self._filters: dict[int, PointFilter] = {}
        self._people: dict[int, tuple[PersonNormalisation, float]] = {}  # and when last seen
        self._count = 0
        self._next_id = 0
        self._part_searches = 0
        self._empty = 0  # frames since a face was seen
        self._width: float | None = None  # of the box of the face that was lost last
        self._untried: list[FaceBox] = []  # of the last frame, as enough faces were found

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
        # Colours help to find a tilted face; those of a video's frames cost more than that.
        picture = frame.gray() if isinstance(frame, VideoFrame) else as_picture(frame)
        index, time = self._count, self._count / _RATE
        if isinstance(frame, VideoFrame):
            index, time = frame.index, frame.time
        self._advance(picture)
        self._count += 1
        faces = sorted((t.face for t in self._tracks if t.seen), key=lambda face: face.id)
        faces = self._normalised(faces, time)
        return FrameResult(index, time, self._smoothed(faces, time))

    def _normalised(self, faces: list[TrackedFace], time: float) -> list[TrackedFace]:
        """Take what is always the same in a person's face out of what it expresses."""
        remembered = {track.face.id for track in self._tracks}
        self._people = {k: known for k, known in self._people.items() if k in remembered}
        return [self._normalised_face(face, time) for face in faces]

    def _normalised_face(self, face: TrackedFace, time: float) -> TrackedFace:
        found = face.fit.expressions
        if found is None or self._model is None or self._model.expressions is None:
            return face
        known = self._people.get(face.id)
        person, last = known or (PersonNormalisation(self._model.expressions.typical), time)
        self._people[face.id] = person, time
        shares = person(np.array(list(found.values())), max(time - last, 0.0))
        named = dict(zip(found, shares.tolist(), strict=True))
        return replace(face, fit=replace(face.fit, expressions=named))

    def _smoothed(self, faces: list[TrackedFace], time: float) -> tuple[TrackedFace, ...]:
        if self._smoothing is None:
            return tuple(faces)
        # A face that was lost begins anew: it does not glide to where it is found.
        known = self._filters
        self._filters = {f.id: known.get(f.id) or PointFilter(self._smoothing) for f in faces}
        return tuple(
            replace(f, smoothed=self._filters[f.id](f.fit.points, time, f.scale)) for f in faces
        )

    def _advance(self, picture: Gray) -> None:
        before, gray = self._tracks, as_gray(picture)
        followed = one_track_per_face(before, [self._follow(gray, track) for track in before], gray)
        lost = [t for t, now in zip(before, followed, strict=True) if t.seen and now.missed]
        self._empty = 0 if any(t.seen for t in followed) else self._empty + 1
        for track in lost:
            self._width = track.face.scale / BOX_IOD
        self._tracks = [t for t in followed if not t.expired]
        boxes = self._boxes(picture, just_lost=bool(lost))
        for box in boxes:
            self._try(gray, box)
        self._untried = [box for box in boxes if not on_same_face(box.upright(), self._tracks)]

    def further_faces(self, frame: Frame) -> int:
        """Count the faces of the last frame beyond those that are followed, as far as is known.

        It fits those places that the search for faces has found and nobody has looked at, which
        takes as long as these fits; nothing is followed because of it.

        Parameters
        ----------
        frame : VideoFrame or ndarray
            What `step` was given last.
        """
        gray = as_gray(frame.gray() if isinstance(frame, VideoFrame) else as_picture(frame))
        count = 0
        for box in self._untried if self._seen() == self._max_faces else ():
            fit = self._fitter.fit(gray, box)
            new = not on_same_face(points_box(fit), self._tracks)
            count += new and self._face_score(fit, gray) is not None
        return count

    def _follow(self, gray: Gray, track: Track) -> Track:
        if not track.seen and track.is_occluded_by(self._tracks):
            return track.occluded()
        found = self._fit_again(gray, track) if track.missed < PERSIST else None
        return track.without_fit() if found is None else track.updated(*found, gray)

    def _fit_again(self, gray: Gray, track: Track) -> tuple[Fit, float] | None:
        """Fit a face where it was, and say how surely it is one."""
        start = track.start(gray)
        fast = _apart(start, track.pose) > _FAST * start.scale
        attempts = _ATTEMPTS if self._network is None else _ATTEMPTS[:-1]
        for passes, worst in attempts[fast:]:
            fit = self._fitter.fit_next(gray, start, track.face.fit, passes)
            if track.quality(fit.score) >= LEAST_SCORE and is_plausible(fit, gray, worst):
                return self._checked(gray, fit)
        found = self._fit_by_network(gray, start, new=not track.seen)
        return found if found and track.may_continue(found[0], gray) else None

    def _checked(self, gray: Gray, fit: Fit) -> tuple[Fit, float] | None:
        """Look now and then whether the fit of a followed face still lies on it."""
        if self._network is None or self._count % _CHECK_EVERY:
            return fit, fit.score
        look = self._network.look(fit, gray)
        if look.shows_face and fit.predicted_error <= _DOUBTFUL:
            return fit, fit.score
        other = self._fit_by_network(gray, fit.pose, new=False)
        least = _MUCH_BETTER * fit.predicted_error
        if not look.shows_face or (other and other[0].predicted_error <= least):
            return other
        return fit, look.score

    def _fit_by_network(
        self, gray: Gray, pose: Similarity, *, new: bool
    ) -> tuple[Fit, float] | None:
        """Fit from where the start network sees the face, if it sees one.

        One that was out of sight has to be as sure as a new one: it may have moved elsewhere.
        """
        if self._network is None or isinstance(self._fitter, ClmtrackrFitter):
            return None
        fit = self._fitter.fit_near(gray, pose)
        score = self._network.face_score(fit, gray, new=new)
        return None if score is None else (fit, score)

    def _seen(self) -> int:
        return sum(t.seen for t in self._tracks)

    def _boxes(self, picture: Gray, *, just_lost: bool) -> list[FaceBox]:
        """Look for faces: the first frame and after a loss everywhere, else a little a frame."""
        most = self._max_faces + _CANDIDATES
        if self._count == 0:
            return self._find(picture, wanted=self._max_faces)[:most]
        if just_lost or self._check_is_due():
            return self._find(picture, wanted=0)[:most]
        if self._seen() == self._max_faces or self._count % self._part_search_interval():
            return []
        self._part_searches += 1
        found = self._detector.detect_part(picture, self._part_searches, self._width)
        if not found and not self._seen() and self._part_searches % _LEARNED_EVERY == 0:
            found = find_learned(self._model, picture, wanted=0)
        return found[:most]

    def _find(self, picture: Gray, wanted: int) -> list[FaceBox]:
        return find_faces(self._detector, self._model, picture, wanted=wanted)

    def _part_search_interval(self) -> int:
        if self._empty > _EAGER_FRAMES:
            return 2
        return 1 if self._empty or any(t.missed for t in self._tracks) else _PART_SEARCH_INTERVAL

    def _check_is_due(self) -> bool:
        return self._count % _CHECK_EVERY == 0 and any(map(self._doubtful, self._tracks))

    def _doubtful(self, track: Track) -> bool:
        """Whether the detector may know better; not where the start network is asked itself."""
        return self._network is None and track.seen and track.face.fit.predicted_error > _DOUBTFUL

    def _try(self, gray: Gray, box: FaceBox) -> None:
        """Fit the face in a box, if there is one that is not followed yet, or not well."""
        there = on_same_face(box.upright(), self._tracks)
        if any(not self._doubtful(track) for track in there):
            return
        if not there and self._seen() == self._max_faces:
            return
        fit = self._fitter.fit(gray, box)
        there = on_same_face(points_box(fit), self._tracks)
        if any(fit.predicted_error > _MUCH_BETTER * t.face.fit.predicted_error for t in there):
            return
        score = self._face_score(fit, gray)
        if score is not None:
            self._continue_or_begin(fit, score, gray, there)

    def _face_score(self, fit: Fit, gray: Gray) -> float | None:
        if self._network is not None:
            return self._network.face_score(fit, gray, new=True)
        return face_score(self._fitter, fit, gray, first=self._count == 0)

    def _continue_or_begin(self, fit: Fit, score: float, gray: Gray, there: list[Track]) -> None:
        """Go on with the track that is there or one that was lost, or begin a new one."""
        back = there or [t for t in self._tracks if not t.seen and t.may_match(fit, gray)]
        if back:
            old = max(back, key=lambda t: t.match_score(fit, gray))
            self._tracks[self._tracks.index(old)] = old.reacquired(fit, score, gray)
        elif self._seen() + sum(t.may_reappear for t in self._tracks) < self._max_faces:
            self._tracks.append(Track.started(self._next_id, fit, score, gray))
            self._next_id += 1
        if self._seen() == self._max_faces:
            self._tracks = [t for t in self._tracks if t.seen]


def _apart(one: Similarity, other: Similarity) -> float:
    return math.hypot(one.tx - other.tx, one.ty - other.ty)
