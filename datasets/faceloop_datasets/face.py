"""The training view of a project: faces with their points and pictures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .errors import InputError
from .media.images import read_annotated

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from .annotation import Annotation
    from .media.shown import ShownVideo
    from .media.video import Video
    from .subjects import SubjectSource


@dataclass(frozen=True, eq=False)
class Face:
    """One annotated face, as training and evaluation read it.

    Parameters
    ----------
    item_id : int
        The item in the project.
    revision_id : int
        The revision that `annotation` is.
    name : str
        For people.
    subject : str
        Faces of one subject stay on one side of a split.
    annotation : Annotation
        The head revision.
    media : Path or None
        The image or video; None for a face that can train the shape only.
    frame : int or None
        Number of the frame, if the media is a video.
    media_sha256 : str or None
        Hash of the media's content.
    video : ShownVideo or None
        How the media was shown when it was added, if it is a video.
    subject_source : str
        How the subject is known, see `faceloop_datasets.subjects.SubjectSource`.
    expression : str
        What it expresses, a word of the project's vocabulary; empty for none.
    side : str
        The side of every split that a person has chosen for it, ``held out`` or ``training``; empty
        where nobody has.
    """

    item_id: int
    revision_id: int
    name: str
    subject: str
    annotation: Annotation
    media: Path | None
    frame: int | None
    media_sha256: str | None
    video: ShownVideo | None = None
    subject_source: SubjectSource = "person"
    expression: str = ""
    side: str = ""

    @property
    def subject_key(self) -> str:
        """What a split keeps together: the subject, or the face alone where none is known."""
        return self.subject or self.name

    @property
    def has_image(self) -> bool:
        """Whether there is a picture to read."""
        return self.media is not None

    def read_gray(self) -> NDArray[np.uint8]:
        """Gray picture, (H, W), upright.

        Raises
        ------
        InputError
            If the face has no picture, or it is missing or damaged.
        """
        if self.frame is None or self.video is None:
            return read_annotated(self._media(), self.media_sha256, "gray")
        return _open(self._media(), self.video)[self.frame].gray()

    def read_rgb(self) -> NDArray[np.uint8]:
        """Colour picture, (H, W, 3), upright.

        Raises
        ------
        InputError
            If the face has no picture, or it is missing or damaged.
        """
        if self.frame is None or self.video is None:
            return read_annotated(self._media(), self.media_sha256, "rgb")
        return _open(self._media(), self.video)[self.frame].image

    def _media(self) -> Path:
        if self.media is None:
            raise InputError(f"Item {self.item_id} ({self.name}) has no picture, only a shape.")
        return self.media


@lru_cache(maxsize=4)
def _open(path: Path, shown: ShownVideo) -> Video:
    # Faces of one video come one after the other: its index and decoder are worth keeping.
    return shown.open(path)


def snapshot_hash(faces: Iterable[Face]) -> str:
    """Identity of a set of annotated faces, as SHA-256 in hexadecimal.

    It depends on what was annotated (names, subjects, expressions, points, states, sources, chosen
    sides, picture content), not on the numbers a project gave them, so that the same data has the
    same hash in every project.
    """
    parts = []
    for face in faces:
        one = hashlib.sha256()
        text = (face.name, face.subject, face.media_sha256, face.frame, face.annotation.source)
        # As before expressions could be named, for faces without one.
        labels = (face.expression,) if face.expression else ()
        side = (("side", face.side),) if face.side else ()
        one.update(repr((*text, face.annotation.scheme, *labels, *side)).encode())
        one.update(face.annotation.points.astype("<f8").tobytes())
        one.update(face.annotation.states.tobytes())
        parts.append(one.digest())
    return hashlib.sha256(b"".join(sorted(parts))).hexdigest()
