"""Videos and pictures with something drawn over their faces."""

from __future__ import annotations

import zlib
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from PIL import Image

from faceloop_datasets import InputError, Monitor, Video, VideoWriter
from faceloop_datasets.files import atomic_path
from faceloop_datasets.media.images import IMAGE_SUFFIXES, frames_of, read_image
from faceloop_datasets.media.video import Sound
from faceloop_datasets.outputs import (
    refuse_in_project,
    refuse_to_replace,
    refuse_unwritable,
    require_ending,
)
from faceloop_runtime import Tracker
from faceloop_runtime.render.backend import make_warper
from faceloop_runtime.render.cover.plan import Footage, plan_cover, plan_covers

from .drawing import FaceDrawing, Hiding
from .finding import AUTOMATIC, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from faceloop_datasets import ProgressLike, VideoFrame
    from faceloop_runtime import FaceModel
    from faceloop_runtime.render.warp import Warper

    from .render_choice import Rendering

    Pixels = NDArray[np.uint8]

_PICTURES = (".png", ".jpg", ".jpeg")
_VIDEOS = (".mp4", ".mkv", ".mov", ".m4v")
_PIXELS = (
    "Faces are covered by pixels: this model's points tell too little of where a face ends for the "
    "average one to be drawn over it."
)
_ADVICE = "No detector finds every face. Look at the whole result before you give it away."


@dataclass(frozen=True)
class RenderSummary:
    """What drawing over a video or a picture came to.

    Parameters
    ----------
    source, out : Path
        The file, and the one that was made.
    frames : int
        Frames written; 1 for a picture.
    drawn : int
        How many of them have something drawn over them.
    warning : str or None
        What is wrong with the video file, or that no face was found in it.
    advice : str or None
        What to do with it, where faces are hidden.
    """

    source: Path
    out: Path
    frames: int
    drawn: int
    warning: str | None
    advice: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "source": str(self.source), "out": str(self.out)}


def render(
    model: FaceModel,
    source: Path,
    out: Path,
    rendering: Rendering,
    *,
    max_faces: int = 1,
    finding: Finding = AUTOMATIC,
    sound: bool = True,
    keep: Iterable[Path] = (),
    progress: ProgressLike = None,
) -> RenderSummary:
    """Draw over the faces of a video or a picture; the file appears complete or not at all.

    Nothing goes from one file to the other but the frames drawn over, their times and the sound.

    Parameters
    ----------
    model : FaceModel
        What finds where each face's points are.
    source : Path
        The video or picture.
    out : Path
        The file to make.
    rendering : Rendering
        What to draw. One that hides is for all faces, and a video is looked through twice: first
        for where its faces are, then to cover them.
    max_faces : int
        Faces to draw over, where it does not hide.
    finding : Finding
        How faces are found and where their fits start.
    sound : bool
        Whether the sound is copied, packet by packet.
    keep : iterable of Path
        Files besides the source that must not be replaced, see `faceloop_datasets.outputs`.
    progress : Monitor or callable, optional
        Told each frame.

    Raises
    ------
    Cancelled
        If the monitor stops it.
    InputError
        If a file cannot be read or written, would replace one that is read or kept, is of no known
        format or an animation; if the sound does not fit into it; or there is no such detector or
        start.
    """
    read = [source] if rendering.face is None else [source, rendering.face]
    refuse_to_replace([out], [*read, *keep])
    refuse_in_project([out])
    picture = source.suffix.lower() in IMAGE_SUFFIXES
    require_ending(out, _PICTURES if picture else _VIDEOS, "a picture" if picture else "a video")
    refuse_unwritable(out)
    monitor = Monitor.of(progress)
    with closing(make_warper()) as warper:
        job = _Job(model, rendering, max_faces, finding, warper)
        if picture:
            return _render_picture(job, source, out)
        return _render_video(job, source, out, sound=sound, monitor=monitor)


@dataclass(frozen=True, eq=False)
class _Job:
    """What is to be drawn, and with what."""

    model: FaceModel
    rendering: Rendering
    max_faces: int
    finding: Finding
    warper: Warper

    @cached_property
    def hiding(self) -> Hiding:
        return Hiding(self.rendering, self.model, self.warper)

    @property
    def advice(self) -> str | None:
        if not self.rendering.hides:
            return None
        other = self.rendering.draws_over and not self.hiding.draws_over
        return f"{_PIXELS} {_ADVICE}" if other else _ADVICE

    def warning(self, drawn: int, of_file: str | None = None) -> str | None:
        """Join what is wrong with a file, and that no frame of it has a face to be drawn over."""
        nothing = None
        if not drawn:
            left = "covered" if self.rendering.hides else "drawn"
            nothing = f"No face was found: nothing is {left}."
        return " ".join(filter(None, (of_file, nothing))) or None

    def tracker(self) -> Tracker:
        detector = self.finding.make_detector()
        return Tracker(
            self.model, max_faces=self.max_faces, detector=detector, start=self.finding.start
        )


def _render_picture(job: _Job, source: Path, out: Path) -> RenderSummary:
    frames = frames_of(source)
    if frames > 1:
        raise InputError(
            f"{source} is an animation of {frames} pictures; expected one picture, or a video. "
            f"Make a video of it first: ffmpeg -i {source.name} {source.stem}.mp4."
        )
    pixels = read_image(source, "rgb")
    if job.rendering.hides:
        hide = job.hiding
        cover = plan_cover(
            job.model,
            job.finding.make_detector(),
            pixels,
            draw_over=hide.draws_over,
            start=job.finding.start,
        )
        drawn, found = hide(pixels, cover), bool(cover)
    else:
        (result,) = job.tracker().track([pixels])
        fits = [face.fit for face in result.faces]
        drawn = FaceDrawing(job.rendering, job.model, job.warper)(pixels, fits)
        found = bool(fits)
    with atomic_path(out) as part:
        Image.fromarray(drawn).save(part, quality=95)  # of a JPEG
    return RenderSummary(source, out, 1, int(found), job.warning(int(found)), job.advice)


def _render_video(
    job: _Job, source: Path, out: Path, *, sound: bool, monitor: Monitor
) -> RenderSummary:
    video = Video(source)
    with ExitStack() as stack:
        track = Sound(source, video.start) if sound else None
        if track is not None:
            stack.callback(track.close)
            track.check_fits(out)
        frames = _hidden(job, video, monitor) if job.rendering.hides else _drawn(job, video)
        part = stack.enter_context(atomic_path(out))
        count = covered = 0
        with VideoWriter(part, video.rate, track, name=out) as writer:
            for frame, pixels, found in frames:
                monitor.step(frame.index, len(video), f"drawing {source.name}")
                writer.write(pixels, frame.time)
                count, covered = count + 1, covered + found
    warning = job.warning(covered, video.warning)
    return RenderSummary(source, out, count, covered, warning, job.advice)


def _drawn(job: _Job, video: Video) -> Iterator[tuple[VideoFrame, Pixels, bool]]:
    draw, session = FaceDrawing(job.rendering, job.model, job.warper), job.tracker().follow()
    for frame in video:
        fits = [face.fit for face in session.step(frame).faces]
        yield frame, draw(frame.image, fits), bool(fits)


def _hidden(job: _Job, video: Video, monitor: Monitor) -> Iterator[tuple[VideoFrame, Pixels, bool]]:
    """Yield the frames of a video with their faces covered.

    A frame of which nothing is known is covered whole: one that could not be decoded when faces
    were looked for, or that is another now. Damaged files without times may count another way.
    """
    hide = job.hiding
    looked_at: dict[int, int] = {}
    covers = plan_covers(
        job.model,
        job.finding.make_detector(),
        Footage.of(video),
        _noted(video, looked_at),
        draw_over=hide.draws_over,
        start=job.finding.start,
        progress=monitor,
    )
    for frame in video:
        same = looked_at.get(frame.index) == zlib.crc32(frame.image.tobytes())
        cover = covers[frame.index] if same else None
        yield frame, hide(frame.image, cover), cover is None or bool(cover)


def _noted(frames: Iterable[VideoFrame], sums: dict[int, int]) -> Iterator[VideoFrame]:
    """Hand frames on, and note a checksum of each."""
    for frame in frames:
        sums[frame.index] = zlib.crc32(frame.image.tobytes())
        yield frame
