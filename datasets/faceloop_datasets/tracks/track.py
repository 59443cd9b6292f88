"""The faces of a video, frame by frame, as a value that never changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.errors import InputError

from .face_track import FrameKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from numpy.typing import NDArray

    from .face_track import FaceTrack


@dataclass(frozen=True, eq=False)
class Track:
    """The faces of a video of F frames.

    Parameters
    ----------
    sha256 : str
        Of the video's content.
    scheme : str
        Name of the landmark scheme of the points.
    model : str
        Name of the model whose fits the frames are: that of the tracking. Fits of another one to
        some of them leave it.
    rate : float
        Mean frames a second.
    times : ndarray of float64, shape (F,)
        Seconds after the first frame.
    faces : tuple of FaceTrack
        By id.
    expressions : tuple of str
        Names of the expressions that the models know which were fitted to any of the frames.

    Raises
    ------
    InputError
        If the faces do not fit the video or each other.
    """

    sha256: str
    scheme: str
    model: str
    rate: float
    times: NDArray[np.float64]
    faces: tuple[FaceTrack, ...] = ()
    expressions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        ids = [face.id for face in self.faces]
        if len(set(ids)) < len(ids):
            raise InputError(f"Expected faces with different ids but got {ids}.")
        for face in self.faces:
            if len(face) != self.frames:
                raise InputError(
                    f"Expected {self.frames} frames but face {face.id} has {len(face)}."
                )
        if len({face.points.shape for face in self.faces}) > 1:
            raise InputError("Expected faces with as many points as each other.")
        self.times.flags.writeable = False

    @property
    def frames(self) -> int:
        """How many frames the video has."""
        return len(self.times)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Frames that were looked at, shape (F,)."""
        seen = np.zeros(self.frames, np.bool_)
        for face in self.faces:
            seen |= face.kind != FrameKind.UNSEEN
        return seen

    @property
    def worst_error(self) -> NDArray[np.float32]:
        """Predicted error of the worst face of each frame, shape (F,), in IOD.

        NaN where nobody has looked yet, or where no face has one (points of other tools);
        infinite where there is no face.
        """
        worst = np.where(self.seen, np.inf, np.nan).astype(np.float32)
        for face in self.faces:
            worst[face.present] = np.nan
        for face in self.faces:
            here = face.present
            worst[here] = np.fmax(worst[here], face.predicted_error[here])
        return worst

    def with_room(self, names: Iterable[str]) -> Self:
        """Return a copy that may have these expressions too; what it knew of others stays.

        Parameters
        ----------
        names : iterable of str
            The expressions.
        """
        all_ = tuple(dict.fromkeys((*self.expressions, *names)))
        if all_ == self.expressions:
            return self
        faces = tuple(face.with_room(len(all_)) for face in self.faces)
        return replace(self, faces=faces, expressions=all_)

    def face(self, number: int) -> FaceTrack:
        """Return a face by its id.

        Parameters
        ----------
        number : int
            Id of the face.

        Raises
        ------
        InputError
            If there is none.
        """
        for face in self.faces:
            if face.id == number:
                return face
        raise InputError(
            f"There is no face {number} in this track. It has: "
            f"{', '.join(str(face.id) for face in self.faces) or 'none'}."
        )

    def with_face(self, face: FaceTrack) -> Self:
        """Return a copy with a face in the place of the one of its id, or as another."""
        others = [one for one in self.faces if one.id != face.id]
        return replace(self, faces=tuple(sorted([*others, face], key=lambda one: one.id)))

    def without_face(self, number: int) -> Self:
        """Return a copy without a face.

        Parameters
        ----------
        number : int
            Id of the face.
        """
        return replace(self, faces=tuple(face for face in self.faces if face.id != number))
