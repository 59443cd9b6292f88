"""All pictures of a project looked through for faces that nobody has annotated or removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceloop_datasets import FaceloopError, Monitor
from faceloop_datasets.media.images import read_annotated

from .finding import AUTOMATIC, Finding
from .finding_faces import shown_faces, take_new_fits
from .queue_reasons import FOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from faceloop_datasets import Item, Media, ProgressLike, Project
    from faceloop_runtime import Fit

    from .face_finder import FaceFinder


@dataclass(frozen=True, eq=False)
class FoundInPicture:
    """New faces of one picture, or why it could not be read.

    Parameters
    ----------
    media : Media
        The picture or video.
    frame : int or None
        Number of the frame of a video.
    fits : tuple of Fit
        The faces, from left to right.
    items : tuple of Item
        What they became in the project; empty if nothing was to be changed.
    error : str or None
        Why the picture could not be read.
    """

    media: Media
    frame: int | None
    fits: tuple[Fit, ...] = ()
    items: tuple[Item, ...] = ()
    error: str | None = None


def find_in_project(
    project: Project,
    finder: FaceFinder,
    *,
    wanted: Callable[[Media], bool] = lambda _media: True,
    finding: Finding = AUTOMATIC,
    dry_run: bool = False,
    progress: ProgressLike = None,
) -> list[FoundInPicture]:
    """Find the faces that no item shows yet, and make them faces with their fits as starts.

    Parameters
    ----------
    project : Project
        Whose pictures: all images, and the frames of videos of which it has a face.
    finder : FaceFinder
        What finds them.
    wanted : callable
        Which of its media to look through.
    finding : Finding
        How faces are found, and where their fits start.
    dry_run : bool
        Only report what would be done.
    progress : Monitor or callable, optional
        Told each picture; a monitor may stop the work before each: what was found till then stays.

    Returns
    -------
    list of FoundInPicture
        Pictures with new faces, and those that could not be read.

    Raises
    ------
    FaceloopError
        If there is no such detector, or the model cannot start so.
    """
    monitor, found = Monitor.of(progress), []
    finding.make_detector()  # one that is not there is told before the first picture
    places = list(_places(project, wanted))
    for number, (media, frame) in enumerate(places):
        if monitor.stopping:
            break
        monitor.tell(number, len(places), f"finding faces in {media.name}")
        try:
            pixels = _read(project, media, frame)
        except FaceloopError as error:
            found.append(FoundInPicture(media, frame, error=str(error)))
            continue
        known = [face.points for face in shown_faces(project, media.id, frame)]
        fits = finder.find(pixels, known, finding)
        items: list[Item] = []
        if fits and not dry_run:
            model = finder.chosen.name
            items = take_new_fits(project, media, frame, fits, model=model, note=FOUND)
        if fits:
            found.append(FoundInPicture(media, frame, tuple(fits), tuple(items)))
    return found


def _places(
    project: Project, wanted: Callable[[Media], bool]
) -> Iterator[tuple[Media, int | None]]:
    for media in filter(wanted, project.media()):
        if media.kind == "image":
            yield media, None
            continue
        frames = {item.frame for item in project.items_of(media.id, with_removed=True)}
        yield from ((media, frame) for frame in sorted(f for f in frames if f is not None))


def _read(project: Project, media: Media, frame: int | None) -> NDArray[np.uint8]:
    path = project.resolve(media)
    if frame is None or media.shown is None:
        return read_annotated(path, media.sha256, "rgb")
    with media.shown.open(path) as video:
        return video[frame].image
