"""Training faces: reduced pictures, points and subjects."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_datasets import FaceloopError, Monitor, PointState, TrainingError
from faceloop_datasets.workers import Threads
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.cache import Cache, key_of
from faceloop_trainer.parallel import StepCounter, parallel_map

from .inputs import hash_until_changed
from .unusable import Unusable, why_unusable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_datasets.face import Face
    from faceloop_datasets.progress import ProgressLike
    from faceloop_trainer.cache import Arrays

    Points = NDArray[np.float64]

_ONE_VIDEO = Lock()
"""Frames are decoded one after the other: threads cannot share a decoder."""
_HALF_WIDTH = 2.2
"""Half width of the picture that is kept of a face, in IOD."""
_LEAST_SHOWN = 0.25
"""If a side of that picture is smaller than this, in IOD, the face is outside the photograph."""
_LEAST_CONTRAST = 4
"""Smallest range of gray values in a usable picture."""
_BACKGROUNDS = 3
"""Background pictures cut from each photograph, for the training of the validator."""
_BACKGROUND_SIZE = 96


@dataclass(frozen=True, eq=False)
class TrainingFace:
    """One annotated face with its reduced picture.

    Parameters
    ----------
    name, subject : str
        Name of the face, and the person it shows.
    picture : ndarray of uint8, shape (H, W), or None
        The surroundings of the face, reduced; None for a shape without a picture.
    points : ndarray, shape (N, 2)
        In pixels of ``picture``; NaN where unknown.
    trains_patches : ndarray of bool, shape (N,)
        Visible landmarks, which patch experts are trained on.
    measured : ndarray of bool, shape (N,)
        Landmarks that the error of a fit is measured on: placed by a person, not estimated.
    backgrounds : tuple of ndarray of uint8, shape (S, S)
        Squares of the photograph that lie outside the face.
    item_id, revision_id : int or None
        The item in the project, and the revision of it, if it comes from one.
    source : str
        Key of picture and backgrounds in the cache; empty if they are not cached.
    subject_source : str
        How the subject is known, see `faceloop_datasets.subjects.SubjectSource`.
    turn : (float, float, float) or None
        Yaw, pitch and roll of the head in degrees, where they are known exactly: of rendered faces.
    expression : str
        What it expresses; empty if nobody has said.
    """

    name: str
    subject: str
    picture: NDArray[np.uint8] | None
    points: Points
    trains_patches: NDArray[np.bool_]
    measured: NDArray[np.bool_]
    backgrounds: tuple[NDArray[np.uint8], ...] = ()
    item_id: int | None = None
    revision_id: int | None = None
    source: str = ""
    subject_source: str = "person"
    turn: tuple[float, float, float] | None = None
    expression: str = ""

    @property
    def trains_experts(self) -> bool:
        """Whether patch experts can be trained on the face."""
        return self.picture is not None and bool(self.trains_patches.any())

    @property
    def measures(self) -> bool:
        """Whether the error of a fit to it can be measured."""
        return self.picture is not None and bool(self.measured.any())

    @cached_property
    def key(self) -> str:
        """Hash of the picture, the points and ``trains_patches``."""
        digest = hashlib.blake2b(digest_size=16)
        if self.picture is not None:
            digest.update(repr(self.picture.shape).encode())
            digest.update(np.ascontiguousarray(self.picture).data)
        for part in (self.points, self.trains_patches):
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()

    def mirrored(self, mirror: Sequence[int]) -> TrainingFace:
        """Return the mirror image; ``mirror`` is the scheme's map of points."""
        order = np.asarray(mirror)
        picture = self.picture
        return TrainingFace(
            name=f"{self.name} (mirrored)",
            subject=self.subject,
            picture=None if picture is None else np.ascontiguousarray(picture[:, ::-1]),
            points=self.mirrored_points(mirror),
            trains_patches=self.trains_patches[order],
            measured=self.measured[order],
            subject_source=self.subject_source,
            expression=self.expression,
        )

    def mirrored_points(self, mirror: Sequence[int]) -> Points:
        """Return the points of the mirror image, (N, 2), in pixels of the mirrored picture."""
        right = 0 if self.picture is None else self.picture.shape[1] - 1
        return np.asarray((self.points * [-1, 1] + [right, 0])[list(mirror)], dtype=np.float64)


def load_faces(
    scheme: Scheme,
    faces: Sequence[Face],
    scale: float,
    *,
    seed: int = 0,
    cache: Cache | None = None,
    progress: ProgressLike = None,
) -> tuple[list[TrainingFace], list[Unusable]]:
    """Read the pictures of annotated faces, reduced and cropped to what training needs.

    Workers in use (`faceloop_datasets.use_scheduler`) read what is not cached; one that does not
    see a file, or sees another one under its path, leaves it to this process.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    faces : sequence of Face
        As the project gives them.
    scale : float
        Largest IOD, in pixels, that training needs; larger faces are reduced to it, so
        that memory does not depend on the size of the photographs.
    seed : int
        Chooses the backgrounds.
    cache : Cache, optional
        Cache of pictures that earlier trainings read and reduced.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Returns
    -------
    faces, unusable : list
        The usable faces, and the others with the reason.

    Raises
    ------
    Cancelled
        If the monitor stopped it.
    """
    kept, steps = cache or Cache(None), StepCounter(Monitor.of(progress))
    steps.total, steps.what = len(faces), "reading faces"
    steps.tick(0)
    reader = _Reader(scheme, scale, seed)
    made: dict[int, Arrays] = {}
    if not isinstance(steps.workers, Threads):
        made = reader.read_away([face for face in faces if reader.wants(face, kept)], steps)

    def load(face: Face) -> TrainingFace | Unusable:
        read = made.pop(id(face), None)
        try:
            found: TrainingFace | Unusable = _load(scheme, face, scale, seed, kept, read)
        except FaceloopError as error:
            found = Unusable(face.name, str(error))
        if read is None:
            steps.tick()
        return found

    every = parallel_map(load, faces)
    good = [face for face in every if isinstance(face, TrainingFace)]
    return good, [face for face in every if isinstance(face, Unusable)]


def whole_pictures(scheme: Scheme, faces: Iterable[Face]) -> Iterator[TrainingFace]:
    """Read faces one by one with their whole pictures, as detectors need them.

    Faces whose picture, or points that measure them, are missing are left out.
    """
    for face in faces:
        try:
            gray = face.read_gray()
        except FaceloopError:
            continue
        points = np.where(face.annotation.present[:, None], face.annotation.points, np.nan)
        measured = face.annotation.present & (face.annotation.states != PointState.ESTIMATED)
        if scheme.inter_ocular_distance(points) > 1.0:
            yield TrainingFace(
                name=face.name,
                subject=face.subject_key,
                picture=gray,
                points=points,
                trains_patches=measured & False,
                measured=measured,
                item_id=face.item_id,
                revision_id=face.revision_id,
                subject_source=face.subject_source,
            )


@dataclass(frozen=True, eq=False)
class _Reader:
    """Reads faces on other computers; the parameters are those of `load_faces`."""

    scheme: Scheme
    scale: float
    seed: int

    def wants(self, face: Face, cache: Cache) -> bool:
        """Whether a face has a picture that can be used and has to be read."""
        if not face.has_image or why_unusable(self.scheme, face.annotation):
            return False
        source = _cache_key(face, _known_points(face), self.scale, self.seed)
        return not (source and cache.holds("faces", source))

    def read_away(self, faces: Sequence[Face], steps: StepCounter) -> dict[int, Arrays]:
        """Have workers read faces; return what they have seen, by the identity of the face."""
        found = steps.map(self, faces, done=lambda read: steps.tick(read is not None))
        pairs = zip(faces, found, strict=True)
        return {id(face): read for face, read in pairs if read is not None}

    def __call__(self, face: Face) -> Arrays | None:
        """Read a face; None where its file is missing here, another one, or damaged."""
        points = _known_points(face)
        try:
            if face.frame is not None and not _is_the_video(face):
                return None
            return _read(face, points, self.scheme.frontal_iod(points), self.scale, self.seed)
        except FaceloopError:
            return None


def _is_the_video(face: Face) -> bool:
    """Whether the file under a video's path has its content; of pictures, reading them asks."""
    assert face.media is not None  # noqa: S101 - asked by the caller
    try:
        about = face.media.stat()
    except OSError:
        return False
    known = face.media_sha256
    return (
        known is None or hash_until_changed(face.media, about.st_size, about.st_mtime_ns) == known
    )


def _known_points(face: Face) -> Points:
    known = face.annotation.trains_shape[:, None]
    return np.asarray(np.where(known, face.annotation.points, np.nan))


def _load(  # noqa: PLR0917 - where it comes from, and what it is to become
    scheme: Scheme, face: Face, scale: float, seed: int, cache: Cache, read: Arrays | None
) -> TrainingFace:
    """Return a face; ``read`` is what a worker has read of it."""
    annotation = face.annotation
    shape_known, points = annotation.trains_shape, _known_points(face)
    if reason := why_unusable(scheme, annotation):
        raise TrainingError(reason)
    picture, moved, source = None, points, ""
    backgrounds: tuple[NDArray[np.uint8], ...] = ()
    if face.has_image:
        source = _cache_key(face, points, scale, seed)
        kept = cache.load("faces", source) if source and read is None else None
        if kept is None:
            kept = read or _read(face, points, scheme.frontal_iod(points), scale, seed)
            if source:
                cache.save("faces", source, kept)
        picture, backgrounds = kept["picture"], tuple(kept["backgrounds"])
        if np.ptp(picture) < _LEAST_CONTRAST:
            raise TrainingError("the picture has no contrast where the face should be.")
        moved = Similarity(*map(float, kept["move"])).apply(points)
    return TrainingFace(
        name=face.name,
        subject=face.subject_key,
        picture=picture,
        points=moved,
        trains_patches=annotation.trains_patches if picture is not None else shape_known & False,
        measured=shape_known & (annotation.states != PointState.ESTIMATED),
        backgrounds=backgrounds,
        item_id=face.item_id,
        revision_id=face.revision_id,
        source=source,
        subject_source=face.subject_source,
        expression=face.expression,
    )


def _cache_key(face: Face, points: Points, scale: float, seed: int) -> str:
    """Return a cache key of what is read of a face; it changes with the file and the points."""
    if face.media is None or face.media_sha256 is None:
        return ""
    try:
        about = face.media.stat()
    except OSError:
        return ""  # reading it will raise the error
    file = (face.media_sha256, about.st_size, about.st_mtime_ns, face.frame)
    return key_of(*file, points, scale, seed, _HALF_WIDTH, _BACKGROUNDS, _BACKGROUND_SIZE)


def _read(face: Face, points: Points, size: float, scale: float, seed: int) -> Arrays:
    with nullcontext() if face.frame is None else _ONE_VIDEO:
        gray = face.read_gray()
    picture, move = _surroundings(gray, points, size, scale)
    rng = np.random.default_rng((seed, *np.frombuffer(points.tobytes(), np.uint32)))
    backgrounds = _backgrounds(gray, points, size, rng)
    shape = (len(backgrounds), _BACKGROUND_SIZE, _BACKGROUND_SIZE)
    return {
        "picture": picture,
        "move": np.array([move.a, move.b, move.tx, move.ty]),
        "backgrounds": np.array(backgrounds, np.uint8).reshape(shape),
    }


def _surroundings(
    gray: NDArray[np.uint8], points: Points, size: float, scale: float
) -> tuple[NDArray[np.uint8], Similarity]:
    centre = np.nanmean(points, axis=0)
    low = np.maximum(np.floor(centre - _HALF_WIDTH * size), 0).astype(int)
    high = np.ceil(centre + _HALF_WIDTH * size).astype(int) + 1
    part = gray[low[1] : high[1], low[0] : high[0]]
    if part.size == 0 or min(part.shape) < _LEAST_SHOWN * size:
        raise TrainingError("the points lie outside the picture.")
    move = Similarity(1.0, 0.0, -float(low[0]), -float(low[1]))
    factor = 1.25 * scale / size
    if factor > 1.25 / 1.5:
        return part.copy(), move
    # The same reduction as a fit makes, so that training sees what fitting will.
    small = np.asarray(
        cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), dtype=np.uint8
    )
    shift = 0.5 * factor - 0.5
    return small, Similarity(factor, 0.0, shift, shift).after(move)


def _backgrounds(
    gray: NDArray[np.uint8], points: Points, size: float, rng: np.random.Generator
) -> list[NDArray[np.uint8]]:
    """Cut squares about as large as the face from beside it."""
    centre = np.nanmean(points, axis=0)
    found: list[NDArray[np.uint8]] = []
    for _ in range(4 * _BACKGROUNDS):
        width = int(size * rng.uniform(0.7, 2.0))
        room = np.array(gray.shape[::-1]) - width
        if (room <= 0).any() or len(found) == _BACKGROUNDS:
            break
        corner = rng.integers(0, room)
        if np.abs(corner + width / 2 - centre).max() > 0.8 * size + width / 2:
            part = gray[corner[1] : corner[1] + width, corner[0] : corner[0] + width]
            square = (_BACKGROUND_SIZE, _BACKGROUND_SIZE)
            small = cv2.resize(part, square, interpolation=cv2.INTER_AREA)
            found.append(np.asarray(small, dtype=np.uint8))
    return found
