"""What is to be covered in every frame of a video, known before the first is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Monitor
from faceloop_runtime.track.tracker import Tracker

from .moments import moments
from .own_shape import OwnShapes
from .search import MOST_FACES, Cover, FaceSearch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from faceloop_datasets import ProgressLike, Video, VideoFrame
    from faceloop_runtime.detect.detector import Detector
    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.track.results import TrackedFace


@dataclass(frozen=True)
class Footage:
    """What a plan has to know of a video.

    Parameters
    ----------
    rate : float
        Frames a second, where they come fastest: what is covered for some seconds is covered for
        so many frames.
    size : (int, int)
        Width and height of the frames.
    count : int or None
        How many frames there are, for the progress.
    """

    rate: float
    size: tuple[int, int]
    count: int | None = None

    @classmethod
    def of(cls, video: Video) -> Footage:
        """Return what is to be known of a video file."""
        in_a_second = np.searchsorted(video.times, video.times + 1.0) - np.arange(len(video))
        return cls(max(video.rate, float(in_a_second.max())), video.size, len(video))


def plan_covers(
    model: FaceModel,
    detector: Detector,
    footage: Footage,
    frames: Iterable[VideoFrame],
    *,
    draw_over: bool,
    start: str = "auto",
    progress: ProgressLike = None,
) -> dict[int, Cover]:
    """Look at a whole video and say what has to be covered in each frame.

    Every frame is searched by the detector and by the tracker, some of them by all means, see
    `faceloop_runtime.render.cover.moments`. A face that was seen is covered for
    a while before and after that too, see `faceloop_runtime.render.cover.chains`.

    Parameters
    ----------
    model : FaceModel
        What is tracked.
    detector : Detector
        Finds faces.
    footage : Footage
        The video.
    frames : iterable of VideoFrame
        All its frames, in order.
    draw_over : bool
        Whether faces that are followed well will be drawn over; else all are covered.
    start : str
        Where fits start, see `faceloop_runtime.Fitter`.
    progress : Monitor or callable, optional
        Told each frame.

    Returns
    -------
    dict of int to Cover
        One for each frame, by its number.

    Raises
    ------
    Cancelled
        If the monitor stops it.
    """
    monitor = Monitor.of(progress)
    session = Tracker(model, max_faces=MOST_FACES, detector=detector, start=start).follow()
    search = FaceSearch(model, detector, footage.rate, footage.size, draw_over=draw_over)
    cuts: list[int] = []
    faces: dict[int, tuple[TrackedFace, ...]] = {}
    own = OwnShapes(model)
    for moment in moments(frames):
        frame, number = moment.frame, moment.frame.index
        monitor.step(number, footage.count, "looking for faces")
        tracked = session.step(frame).faces
        faces[number] = search.look(number, frame.image, tracked, thorough=moment.thorough)
        own.add(faces[number])
        if moment.after_cut:
            cuts.append(number)
    places = search.chains.whole(max(faces, default=-1) + 1, cuts)
    return {number: Cover.of(there, own, places[number]) for number, there in faces.items()}


def plan_cover(
    model: FaceModel,
    detector: Detector,
    image: NDArray[np.uint8],
    *,
    draw_over: bool,
    start: str = "auto",
) -> Cover:
    """Look at one RGB picture (H, W, 3) and say what has to be covered; see `plan_covers`."""
    tracked = next(iter(Tracker(model, "auto", MOST_FACES, detector, start=start).track([image])))
    size = image.shape[1], image.shape[0]
    search = FaceSearch(model, detector, 1.0, size, draw_over=draw_over)
    faces, own = search.look(0, image, tracked.faces, thorough=True), OwnShapes(model)
    own.add(faces)
    return Cover.of(faces, own, search.chains.now(0))
