"""Annotations as files for other programs. Each file appears complete or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.outputs import refuse_in_project, refuse_to_replace
from faceloop_datasets.schemes.conversion import Conversion
from faceloop_datasets.wording import counted

from ._names import PictureNames
from .format import NamedFace
from .registry import get_writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from faceloop_datasets.schemes.scheme import Scheme

    from .format import Holds
    from .record import FaceRecord


_TABLES = ("csv", "parquet")
"""Formats of which a file without a face is something: a table with the names of its columns."""


@dataclass(frozen=True)
class Written:
    """What was written.

    Parameters
    ----------
    faces : int
        How many faces.
    longer : tuple of str
        Names of the pictures whose file names others have too.
    lost : tuple of str
        What the format cannot hold of these faces, a sentence each.
    """

    faces: int
    longer: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def write_faces(
    target_format: str,
    records: Iterable[FaceRecord],
    dest: str | Path,
    *,
    scheme: Scheme,
    keep: Iterable[Path] = (),
) -> Written:
    """Write annotated faces.

    Pictures of the same name are told apart by their folders.

    Parameters
    ----------
    target_format : str
        One of `faceloop_datasets.formats.writable`.
    records : iterable of FaceRecord
        Faces that all follow ``scheme``.
    dest : path
        The file, or for some formats the folder.
    scheme : Scheme
        The scheme of the annotations.
    keep : iterable of Path
        Files that must not be replaced, see `faceloop_datasets.outputs.refuse_to_replace`.

    Returns
    -------
    Written

    Raises
    ------
    InputError
        If the format is unknown, there is no face to write (but for tables, which are empty then),
        ``dest`` cannot be written or lies in a project, or a file to keep is in its place.
    SchemeError
        If the format needs other points and there is no conversion.
    """
    writer, dest = get_writer(target_format), Path(dest)
    conversion = Conversion.load(scheme, writer.scheme or scheme)
    converted = [replace(r, annotation=conversion.apply(r.annotation)) for r in records]
    faces = [r for r in converted if writer.holds.unplaced or _is_placed(r)]
    if not faces and target_format not in _TABLES:
        why = " ".join(_left_out(len(converted))) or "There is no annotated face."
        raise InputError(f"There is nothing to write to {dest}. {why}")
    names = PictureNames(faces)
    named = [NamedFace(*pair) for pair in zip(faces, writer.names(names), strict=True)]
    files = writer.files(dest, named)
    refuse_to_replace(files, keep)
    refuse_in_project(files)
    writer.write(named, dest, scheme if writer.scheme is None else _native(writer.scheme, scheme))
    lost = (*_left_out(len(converted) - len(faces)), *_lost(faces, writer.holds))
    return Written(len(faces), tuple(sorted(names.longer)), lost)


def _is_placed(record: FaceRecord) -> bool:
    return record.image is not None and record.image.path.is_file()


def _native(name: str, scheme: Scheme) -> Scheme:
    return scheme if scheme.name == name else type(scheme).load(name)


def _left_out(count: int) -> Iterator[str]:
    if count:
        was = counted(count, "face is", "faces are")
        yield f"{was} left out: the format needs the size of the picture, which is not there."


def _lost(faces: Sequence[FaceRecord], holds: Holds) -> Iterator[str]:
    """Say what the format cannot hold of some faces, a sentence each."""
    states = np.concatenate([face.annotation.states for face in faces] or [np.zeros(0, np.uint8)])
    for state in PointState:
        count = int((states == state).sum())
        if count and state in holds.states:
            what = f"{state.name.lower()} point"
            were = counted(count, f"{what} is", f"{what}s are")
            yield f"{were} written as {holds.states[state]}."
    rounded = any((face.annotation.points % 1 > 0).any() for face in faces)
    if rounded and holds.whole_pixels:
        yield "Positions are rounded to whole pixels."
    subjects = len({face.subject for face in faces if face.subject_source != "picture"})
    if subjects and not holds.subject:
        yield f"{counted(subjects, 'subject is', 'subjects are')} not written."
    expressions = sum(bool(face.expression) for face in faces)
    if expressions and not holds.expression:
        yield f"{counted(expressions, 'expression is', 'expressions are')} not written."
    frames = sum(face.frame is not None for face in faces)
    if frames and not holds.frame:
        are = counted(frames, "frame of a video is", "frames of videos are")
        yield f"{are} called like pictures of it."
    pictures = {(face.image or face.image_name, face.frame) for face in faces}
    if len(pictures) < len(faces) and not holds.several:
        are = counted(len(faces) - len(pictures), "face is", "faces are")
        yield f"{are} of a picture that has one already: only the first is read again."
