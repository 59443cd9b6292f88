"""Between a track and the annotated faces of its video: corrected frames are training data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FrameKind, InputError, PointState
from faceloop_datasets.tracks.editing import correct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from faceloop_datasets import Annotation, Item, Media, Project, Track

_NEAR_FRAMES = 25
"""Frames around one without a face in which a face may be to be the one that was annotated."""


def take_corrections(
    project: Project, media: Media, track: Track, items: Iterable[Item] | None = None
) -> Track:
    """Put what people annotated in a video into its track.

    Parameters
    ----------
    project : Project
        Has the annotations.
    media : Media
        The video.
    track : Track
        Its track.
    items : iterable of Item, optional
        Which faces; all of the video by default.

    Returns
    -------
    Track
        The same one if all of it was in there.
    """
    for item in project.items_of(media.id) if items is None else items:
        revision = project.annotation(item.id)
        if revision is not None and item.frame is not None and by_person(revision.annotation):
            track = _corrected(track, item.frame, revision.annotation.points)
    return track


def by_person(annotation: Annotation) -> bool:
    """Whether a person has placed any of the points: the others follow these."""
    known = annotation.states[annotation.present]
    return bool((known != PointState.ESTIMATED).any())


def item_for(project: Project, media: Media, track: Track, face: int, frame: int) -> Item:
    """Return the item of a face in a frame, to correct it in; a new one if there is none.

    Raises
    ------
    ProjectError
        If the video has no such frame.
    """
    there = project.items_of(media.id, frame)
    for item in there:
        revision = project.annotation(item.id)
        if revision is None or face_at(track, frame, revision.annotation.points) == face:
            return item
    return project.add_item(media, frame)


def face_at(track: Track, frame: int, points: NDArray[np.floating]) -> int:
    """Id of the face that lies nearest to points in a frame.

    Of those that are not in the frame, where they were nearest in time counts; without any face
    near, a new id.
    """
    low, high = max(frame - _NEAR_FRAMES, 0), frame + _NEAR_FRAMES + 1
    best, least = None, np.inf
    for face in track.faces:
        near = low + np.flatnonzero(face.present[low:high])
        if not len(near):
            continue
        at = near[np.abs(near - frame).argmin()]
        away = _apart(face.points[at], points)
        if away < least:
            best, least = face.id, away
    if best is not None and least < 1.0:
        return best
    empty = [face.id for face in track.faces if not face.present[low:high].any()]
    new = max((face.id for face in track.faces), default=-1) + 1
    return empty[0] if best is None and empty else new


def _corrected(track: Track, frame: int, points: NDArray[np.float64]) -> Track:
    number = face_at(track, frame, points)
    if frame < track.frames and number in {face.id for face in track.faces}:
        face, wanted = track.face(number), points.astype(np.float32)
        same = np.array_equal(face.points[frame], wanted, equal_nan=True)
        if same and face.kind[frame] == FrameKind.CORRECTED:
            return track
    try:
        return correct(track, number, frame, points)
    except InputError:  # an annotation of another video's length, or without points
        return track


def _apart(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Mean distance of points, in sizes (root mean square from the middle) of the second shape."""
    middle = np.nanmean(other, axis=0)
    size = float(np.sqrt(np.nanmean(np.square(other - middle)) * 2))
    away = float(np.nanmean(np.linalg.norm(one - other, axis=1)))
    return away / max(size, 1e-6)
