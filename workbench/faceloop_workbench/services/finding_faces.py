"""Several faces in a picture: which it shows already, which are new, and making items of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceloopError
from faceloop_runtime import FaceBox, Fitter, Tracker
from faceloop_runtime.detect.boxes import overlap
from faceloop_runtime.start.finding import find_faces

from .finding import AUTOMATIC, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Annotation, Item, Media, Project
    from faceloop_runtime import FaceModel, Fit

    Points = NDArray[np.float64]
    Picture = NDArray[np.uint8]

MOST = 30
"""Most new faces that are looked for in one picture: each takes some fits."""
_SAME = 0.3
"""Faces whose points overlap by more, as intersection over union of upright boxes, are one."""
_ROOM = 0.5
"""Share of a drawn box by which more of the picture is looked at on each side of it."""
_EYES_TO_MOUTH = 0.85
"""Width of a `FaceBox`, mid-forehead to below the mouth, in that of a box round the whole face."""


@dataclass(frozen=True, eq=False)
class ShownFace:
    """A face that a picture has in a project.

    Parameters
    ----------
    item : Item
        The face, perhaps one that was removed.
    annotation : Annotation or None
        What counts, else the fit that waits in the review queue; None if there is neither.
    """

    item: Item
    annotation: Annotation | None

    @property
    def points(self) -> Points | None:
        """Where it is, shape (N, 2), in pixels, NaN where missing; None if nobody knows."""
        if self.annotation is None or not self.annotation.present.any():
            return None
        return self.annotation.points


def shown_faces(project: Project, media_id: int, frame: int | None) -> list[ShownFace]:
    """Faces of a picture, or of a frame of a video, in the order they came; removed ones too."""
    found = []
    for item, revision in project.annotations_of(media_id, frame, with_removed=True):
        entry = project.queue.of_item(item.id) if revision is None else None
        fit = None if entry is None else entry.fit
        found.append(ShownFace(item, fit if revision is None else revision.annotation))
    return found


def find_new_faces(
    model: FaceModel,
    picture: Picture,
    known: Iterable[Points | None],
    finding: Finding = AUTOMATIC,
    most: int = MOST,
) -> list[Fit]:
    """Find and fit the faces of a picture that are not known yet.

    Parameters
    ----------
    model : FaceModel
        What to fit.
    picture : ndarray of uint8, shape (H, W) or (H, W, 3)
        Gray or RGB.
    known : iterable of ndarray, shape (N, 2), or None
        Where faces are known, removed ones too: nobody wants to be asked about them again.
    finding : Finding
        How faces are found, and where their fits start.
    most : int
        At most so many.

    Returns
    -------
    list of Fit
        What looks like a face, as in the first frame of a video, and overlaps no known one; from
        left to right.

    Raises
    ------
    FaceloopError
        If there is no such detector, or the model cannot start so.
    """
    boxes = [points_box(points) for points in known if points is not None]
    tracker = Tracker(
        model,
        "cpu",
        max_faces=len(boxes) + most,
        detector=finding.make_detector(),
        start=finding.start,
    )
    (found,) = tracker.track([picture])
    fits = sorted((face.fit for face in found.faces), key=lambda fit: fit.predicted_error)
    new: list[Fit] = []
    for fit in fits:
        there = [*boxes, *(points_box(other.points) for other in new)]
        if not there or overlap(points_box(fit.points)[None], np.array(there)).max() <= _SAME:
            new.append(fit)
    return sorted(new[:most], key=lambda fit: float(fit.points[:, 0].mean()))


def fit_in_box(
    model: FaceModel,
    picture: Picture,
    corners: tuple[Points, Points],
    finding: Finding = AUTOMATIC,
) -> Fit:
    """Fit the face round which a person has drawn a box.

    Where a face is found in it, from there; and from the box itself: the better of the two.

    Parameters
    ----------
    model : FaceModel
        What to fit.
    picture : ndarray of uint8, shape (H, W) or (H, W, 3)
        Gray or RGB.
    corners : (ndarray, ndarray), shape (2,) each
        Upper left and lower right corner of the box, in pixels.
    finding : Finding
        How faces are found, and where their fits start.

    Raises
    ------
    FaceloopError
        If the box lies outside the picture; if there is no such detector, or the model cannot
        start so.
    """
    low, high = corners
    size = np.maximum(high - low, 1.0)
    shape = np.array(picture.shape[1::-1])
    first = np.clip(np.floor(low - _ROOM * size), 0, shape).astype(int)
    last = np.clip(np.ceil(high + _ROOM * size), 0, shape).astype(int)
    if (last - first).min() < 1 or (low > shape).any() or (high < 0).any():
        raise FaceloopError("There is no picture in that box. Drag it round a face.")
    part = np.ascontiguousarray(picture[first[1] : last[1], first[0] : last[0]])
    inside = [
        box
        for box in find_faces(finding.make_detector(), model, part)
        if ((first + box.centre > low) & (first + box.centre < high)).all()
    ]
    moved = [
        FaceBox(b.x + first[0], b.y + first[1], b.width, b.height, b.roll, b.score)
        for b in inside[:1]
    ]
    fitter = Fitter(model, "cpu", finding.start)
    fits = [fitter.fit(picture, box) for box in (*moved, _drawn_box(low, size))]
    return min(fits, key=lambda fit: fit.predicted_error)


def _drawn_box(low: Points, size: Points) -> FaceBox:
    """Return the box of a face that fills a drawn one, whatever its sides."""
    width = _EYES_TO_MOUTH * float(np.sqrt(size.prod()))
    x, y = low + size / 2 - width / 2
    return FaceBox(float(x), float(y), width, width)


def points_box(points: Points) -> Points:
    """Box ``(x, y, width, height)`` of some points (N, 2), NaN where missing; at least a pixel."""
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    return np.array([*low, *np.maximum(high - low, 1.0)])


def is_same_face(one: Points, other: Points) -> bool:
    """Whether two faces of a picture, (N, 2) each, overlap so far that they are one."""
    return bool(overlap(points_box(one)[None], points_box(other)[None])[0, 0] > _SAME)


def take_fit(
    project: Project,
    media: Media,
    frame: int | None,
    fit: Fit,
    *,
    model: str,
    time: float | None = None,
    note: str,
) -> Item:
    """Make a fit the start of a face of the project, at the top of the review queue.

    It becomes no revision: those are what people say. It goes to the face of the picture that it
    overlaps, which is brought back if it was removed; else to one of which nobody knows where it
    is; else to a new one.

    Parameters
    ----------
    project : Project
        Where to.
    media : Media
        The picture or video.
    frame : int or None
        Number of the frame of a video.
    fit : Fit
        The fit.
    model : str
        Name of the model.
    time : float, optional
        Seconds into the video.
    note : str
        Where it comes from, for people; the predicted error is added.
    """
    item = _item_for(project, media, frame, fit.points)
    if item.removed:
        project.bring_back([item.id])
    said = f"{note}, predicted error {fit.predicted_error:.3f}"
    project.queue.add(item.id, "manual", model=model, fit=fit.points, note=said, time=time)
    return item


def take_fits(
    project: Project,
    media: Media,
    frame: int | None,
    fits: Sequence[Fit],
    *,
    model: str,
    time: float | None = None,
    note: str,
) -> list[Item]:
    """As `take_fit` for several faces of a picture."""
    return [take_fit(project, media, frame, fit, model=model, time=time, note=note) for fit in fits]


def take_new_fits(
    project: Project,
    media: Media,
    frame: int | None,
    fits: Sequence[Fit],
    *,
    model: str,
    time: float | None = None,
    note: str,
) -> list[Item]:
    """As `take_fits`, but leave out the faces that were removed from the picture."""
    removed = [
        face.points
        for face in shown_faces(project, media.id, frame)
        if face.item.removed and face.points is not None
    ]
    wanted = [f for f in fits if not any(is_same_face(f.points, points) for points in removed)]
    return take_fits(project, media, frame, wanted, model=model, time=time, note=note)


def _item_for(project: Project, media: Media, frame: int | None, points: Points) -> Item:
    faces = shown_faces(project, media.id, frame)
    same = [f for f in faces if f.points is not None and is_same_face(points, f.points)]
    empty = [f for f in faces if f.points is None and not f.item.removed]
    # One that is there goes before one that was removed from the same place.
    best = sorted(same, key=lambda face: face.item.removed) or empty
    return best[0].item if best else project.add_item(media, frame)
