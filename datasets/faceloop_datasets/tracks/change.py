"""What tells two tracks of a video apart, so that one can be made from the other either way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .face_track import FaceTrack, widened

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from .track import Track

    Rows = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class FaceChange:
    """What changed of one face.

    Parameters
    ----------
    id : int
        Which face.
    names : tuple of (str or None, str or None)
        Its name before and after; None where there is no such face.
    frames : ndarray of int64, shape (K,)
        Frames that differ.
    before, after : dict of str to ndarray, shape (K, ...)
        The rows of `FaceTrack.arrays` in these frames; of a face that is not there those of
        `FaceTrack.unseen`.
    """

    id: int
    names: tuple[str | None, str | None]
    frames: NDArray[np.int64]
    before: Rows
    after: Rows

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        return sum(array.nbytes for rows in (self.before, self.after) for array in rows.values())

    def reversed(self) -> Self:
        """Return the way back."""
        return replace(self, names=self.names[::-1], before=self.after, after=self.before)

    def with_room(self, expressions: int) -> Self:
        """Return the same change of a face of more expressions, which it leaves unknown."""
        before, after = (
            _with_room(rows, len(self.frames), expressions) for rows in (self.before, self.after)
        )
        return replace(self, before=before, after=after)

    def apply(self, track: Track) -> Track:
        """Return a track with this change made."""
        name = self.names[1]
        if name is None:
            return track.without_face(self.id)
        here = [face for face in track.faces if face.id == self.id]
        face = here[0] if here else _unseen(self.id, track.frames, self.after)
        return track.with_face(replace(face.with_rows(self.frames, **self.after), name=name))


@dataclass(frozen=True, eq=False)
class TrackChange:
    """What a person or a tracking changed in a track.

    Parameters
    ----------
    said : str
        What was done, for people: "spread frame 120".
    created : str
        When, ISO 8601 in UTC.
    models : tuple of (str, str)
        The track's model before and after.
    faces : tuple of FaceChange
        The faces that differ.
    """

    said: str
    created: str
    models: tuple[str, str]
    faces: tuple[FaceChange, ...]

    @classmethod
    def between(cls, before: Track, after: Track, said: str, created: str) -> Self | None:
        """Compare two tracks.

        Returns
        -------
        TrackChange or None
            None if one is no edit of the other: of another video or scheme, or with other
            fields.
        """
        if not _are_alike(before, after):
            return None
        ids = sorted({face.id for face in (*before.faces, *after.faces)})
        changes = (_face_change(number, before, after) for number in ids)
        found = tuple(change for change in changes if change is not None)
        return cls(said, created, (before.model, after.model), found)

    def __bool__(self) -> bool:
        return bool(self.faces) or self.models[0] != self.models[1]

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        return sum(face.bytes for face in self.faces)

    @property
    def frames(self) -> tuple[int, int] | None:
        """First and last frame that differ; None if only names do."""
        ends = [int(f.frames[i]) for f in self.faces if len(f.frames) for i in (0, -1)]
        return (min(ends), max(ends)) if ends else None

    def reversed(self) -> Self:
        """Return the way back."""
        faces = tuple(face.reversed() for face in self.faces)
        return replace(self, models=self.models[::-1], faces=faces)

    def with_room(self, expressions: int) -> Self:
        """Return the same change of a track of more expressions."""
        return replace(self, faces=tuple(face.with_room(expressions) for face in self.faces))

    def apply(self, track: Track) -> Track:
        """Return a track with this change made."""
        for face in self.faces:
            track = face.apply(track)
        return track if self.models[0] == self.models[1] else replace(track, model=self.models[1])


def _are_alike(one: Track, other: Track) -> bool:
    if (one.sha256, one.scheme, one.frames) != (other.sha256, other.scheme, other.frames):
        return False
    shapes = {
        tuple((name, array.shape) for name, array in face.arrays().items())
        for face in (*one.faces, *other.faces)
    }
    return one.expressions == other.expressions and len(shapes) <= 1


def _face_change(number: int, before: Track, after: Track) -> FaceChange | None:
    old, new = (_face(number, track) for track in (before, after))
    if old is new:
        return None
    there = old or new
    assert there is not None  # noqa: S101 - one of the tracks has it
    was = old or _unseen(number, before.frames, there.arrays())
    now = new or _unseen(number, before.frames, there.arrays())
    frames = _differing(was, now)
    names = (None if old is None else old.name, None if new is None else new.name)
    if not len(frames) and names[0] == names[1]:
        return None
    rows = [{name: array[frames] for name, array in face.arrays().items()} for face in (was, now)]
    return FaceChange(number, names, frames, *rows)


def _with_room(rows: Rows, count: int, expressions: int) -> Rows:
    wide = widened(rows.get("expressions"), count, expressions)
    return rows if wide is None else {**rows, "expressions": wide}


def _face(number: int, track: Track) -> FaceTrack | None:
    return next((face for face in track.faces if face.id == number), None)


def _unseen(number: int, frames: int, like: Rows) -> FaceTrack:
    expressions = like["expressions"].shape[1] if "expressions" in like else 0
    face = FaceTrack.unseen(number, frames, like["points"].shape[1], expressions=expressions)
    return face if "head_pose" in like else replace(face, head_pose=None)


def _differing(one: FaceTrack, other: FaceTrack) -> NDArray[np.int64]:
    differs = np.zeros(len(one), np.bool_)
    for name, array in one.arrays().items():
        pair = [a.reshape(len(one), -1) for a in (array, other.arrays()[name])]
        # bit by bit: two NaN are the same here
        if array.dtype == np.float32:
            pair = [np.ascontiguousarray(a).view(np.uint32) for a in pair]
        differs |= (pair[0] != pair[1]).any(axis=1)
    return np.flatnonzero(differs)
