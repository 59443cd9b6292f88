"""A video that plays with the fit on it: decoding and fitting in a thread. Without Qt."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from faceloop_datasets import FaceloopError
from faceloop_runtime.responses.gl.egl import EglContext
from faceloop_workbench.services.overlay import draw_fit
from faceloop_workbench.services.poor_frames import PoorFrames

from .clock import Clock
from .drawn_faces import DrawnFaces
from .kept_frames import KeptFrames
from .model_in_use import ModelInUse
from .record import ErrorRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from faceloop_datasets import FrameCandidate
    from faceloop_runtime import FrameResult
    from faceloop_runtime.responses.gl.context import GLContext
    from faceloop_workbench.services.model_choice import ChosenModel
    from faceloop_workbench.services.render_choice import Rendering

    from .model_in_use import FitSettings
    from .recording import Recording
    from .responses import ResponseMaps
    from .sources import Frame, FrameSource

    Image = NDArray[np.uint8]

AS_FAST_AS_IT_GOES = math.inf
"""A speed."""
_SHOW_EVERY = 1 / 60
"""Seconds between pictures handed over; what comes between is fitted but not drawn."""
_PAUSE = 0.5
"""Seconds without a picture from a camera after which a face may be anywhere: it was paused, or the
computer slept."""


@dataclass(frozen=True, eq=False)
class ShownFrame:
    """A frame to draw.

    Attributes
    ----------
    index : int
        Its number.
    time : float
        Seconds after the first.
    image : ndarray of uint8, shape (H, W, 3)
        RGB; with the fits drawn in while it moves, or with its faces drawn over.
    moving : bool
        Whether it is one of many; a still frame is for looking at closely.
    result : FrameResult or None
        What was found; None if nothing was fitted yet.
    chosen : ChosenModel or None
        The model that was fitted.
    fit_ms : float
        How long that took.
    responses : tuple of ResponseMaps
        Of each face of a still frame.
    drawn_over : bool
        Whether the faces are drawn over: then no points are shown.
    """

    index: int
    time: float
    image: Image
    moving: bool
    result: FrameResult | None = None
    chosen: ChosenModel | None = None
    fit_ms: float = 0.0
    responses: tuple[ResponseMaps, ...] = ()
    drawn_over: bool = False


@dataclass
class _Requests:
    """What was asked for since the thread last read it: the newest of each kind."""

    open: Callable[[], FrameSource | None] | None = None
    use_model: FitSettings | None = None
    draw_over: tuple[Rendering | None] | None = None
    target: int | None = None
    reset_tracking: bool = False  # the target was jumped to, not stepped to
    show_again: bool = False  # the frame there is should be handed over once more
    close: bool = False

    def __bool__(self) -> bool:
        return self != _Requests()

    @property
    def elsewhere(self) -> bool:
        """Whether another frame is asked for, or none any more."""
        return self.open is not None or self.target is not None or self.close


class Player:
    """Plays one source at a time.

    Every frame that plays is fitted and recorded. A video whose fits take longer than its frames
    last plays slower than asked for: no frame is skipped, because each may be one for the review
    queue. Only the newest frame is kept for drawing; what nobody has taken is replaced.

    Its methods ask and return at once. The signals are emitted in the player's thread.

    Parameters
    ----------
    make_context : callable, optional
        Makes the contexts that OpenGL draws responses in.

    Attributes
    ----------
    opened : Signal(FrameSource or None)
        Another source is open, or none.
    model_changed : Signal(str, str)
        Name of the model in use, and which backend it has and why.
    stopped : Signal(str)
        It no longer plays: ``paused`` or ``end``.
    failed : Signal(FaceloopError)
        Something asked for cannot be done.
    draws_axes : bool
        Whether moving frames show how heads are turned.
    kept : KeptFrames
        The track that is kept of the video: such frames are shown as they are kept.
    recording : Recording or None
        Is given each frame that plays, until it is stopped or another source is opened.
    """

    opened = Signal(object)
    model_changed = Signal(str, str)
    stopped = Signal(str)
    failed = Signal(object)

    def __init__(self, make_context: Callable[[], GLContext] = EglContext) -> None:
        self.source: FrameSource | None = None
        self.record = ErrorRecord(0)
        self.speed = 1.0
        self.draws_axes = True
        self.recording: Recording | None = None
        self.playing = False
        self.kept = KeptFrames()
        self._was_kept = False  # the frame there is was not fitted
        self._make_context = make_context
        self._requests = _Requests()
        self._changed = threading.Condition()
        self._newest: ShownFrame | None = None
        self._poor = PoorFrames()
        self._poor_of: ChosenModel | None = None
        self._poor_lock = threading.Lock()
        self._at = 0
        self._aim = 0  # where it will stand when all that was asked for is done
        self._model = ModelInUse()
        self._faces = DrawnFaces(make_context)
        self._clock = Clock()
        self._current: tuple[Frame, FrameResult | None, float] | None = None
        self._last_shown = 0.0
        self._thread = threading.Thread(target=self._run, name="faceloop player", daemon=True)
        self._thread.start()

    # Asked by anybody

    def open(self, make: Callable[[], FrameSource | None]) -> None:
        """Open another source, or none, paused at its first frame.

        Parameters
        ----------
        make : callable
            Opens it; called in the thread.
        """
        with self._changed:
            self.playing = False
            self._requests = replace(self._requests, open=make, target=None)
            self._changed.notify()

    def use_model(self, settings: FitSettings) -> None:
        """Fit with this from the next frame on."""
        with self._changed:
            self._requests.use_model = settings
            self._changed.notify()

    def draw_over(self, rendering: Rendering | None) -> None:
        """Draw this over the faces, or with None their points again."""
        with self._changed:
            self._requests.draw_over = (rendering,)
            self._changed.notify()

    def play(self) -> None:
        """Play on, or from the beginning if this is the end."""
        with self._changed:
            if self.source is None or self.playing:
                return
            if self._requests.target is None and self._at == _last(self.source):
                self._request_frame(0)
                self._requests.reset_tracking = True
            self.playing = True
            self._clock.start()
            self._changed.notify()

    def pause(self) -> None:
        """Stand still on the frame there is."""
        with self._changed:
            if self.playing:
                self.playing = False
                self._requests.show_again = True
                self._changed.notify()

    def step(self, frames: int) -> None:
        """Pause and move by some frames."""
        with self._changed:
            self._request_frame(self._aim + frames)
            self.playing = False

    def seek(self, frame: int) -> None:
        """Go to a frame, exactly; the faces are looked for anew there."""
        with self._changed:
            self._request_frame(frame)
            self._requests.reset_tracking = True

    def set_speed(self, speed: float) -> None:
        """Play at a multiple of the real speed."""
        with self._changed:
            self.speed = speed
            self._clock.start()

    @property
    def chosen(self) -> ChosenModel | None:
        """The model in use; None while none was loaded."""
        return self._model.chosen

    @property
    def current(self) -> tuple[Frame, FrameResult | None] | None:
        """The frame it stands on, without anything drawn in, and what was found in it."""
        current = self._current
        return None if current is None else current[:2]

    def take_frame(self) -> ShownFrame | None:
        """Take the newest frame to draw; None if there is none since the last."""
        with self._changed:
            shown, self._newest = self._newest, None
            return shown

    def set_threshold(self, threshold: float) -> None:
        """Collect fits with a higher predicted error, in IOD, from now on."""
        with self._poor_lock:
            self._poor.threshold = threshold

    def poor_frames(self, of: ChosenModel | None) -> list[FrameCandidate]:
        """Poor fits of this source by a model that were collected while it played.

        Empty if another fits by now: what it does badly is its own. Frames that a person has
        judged meanwhile are left out.
        """
        with self._poor_lock:
            found = self._poor.candidates if of is self._poor_of else []
        return [one for one in found if not self.kept.judges(one.frame)]

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self.playing = False
            self._requests.close = True
            self._changed.notify()
        self._thread.join()

    def _request_frame(self, frame: int) -> None:
        if self.source is not None:
            self._requests.target = self._aim = max(frame, 0)
            self._changed.notify()

    def _arrive(self, frame: int) -> None:
        with self._changed:
            self._at = frame
            if self._requests.target is None:  # nobody has asked for another meanwhile
                self._aim = frame

    # In the thread

    def _run(self) -> None:
        while True:
            requests = self._wait()
            if requests.close:
                break
            for action in self._actions(requests):
                try:
                    action()
                except FaceloopError as error:
                    self._arrive(self._at)  # a frame that cannot be read is no place to step from
                    self._stop_playing("paused")
                    self.failed.emit(error)
        self._model.close()
        self._faces.close()
        if self.source is not None:
            self.source.close()

    def _actions(self, requests: _Requests) -> Iterator[Callable[[], None]]:
        """Yield what is to be done; one that fails leaves the others."""
        if requests.use_model is not None:
            yield partial(self._use_model, requests.use_model)
        if requests.draw_over is not None:
            yield partial(self._draw_over, requests.draw_over[0])
        if requests.open is not None:
            yield partial(self._open, requests.open)
        if requests.target is not None:
            yield partial(
                self._go_to_frame, requests.target, reset_tracking=requests.reset_tracking
            )
        elif requests.show_again:
            yield self._show_again
        elif not requests and self.playing and self._clock.due(self._due(), self.speed):
            yield self._advance

    def _wait(self) -> _Requests:
        """Sleep until something is asked for or the next frame is due."""
        with self._changed:
            if not self._requests:
                delay = self._clock.delay(self._due(), self.speed) if self.playing else None
                if delay is None or delay > 0:
                    self._changed.wait(delay)
            requests, self._requests = self._requests, _Requests()
            return requests

    def _open(self, make: Callable[[], FrameSource | None]) -> None:
        source = make()
        if self.recording is not None:
            self.recording.stop()
        if self.source is not None:
            self.source.close()
        with self._poor_lock:
            self._poor = PoorFrames(self._poor.threshold)
        self.record = ErrorRecord(0 if source is None else source.frames or 0)
        self._current = None
        self._arrive(0)
        self._faces.forget()
        self.kept.clear()
        self.source = source
        with self._changed:
            self._newest = None  # a frame of the source before would be drawn over what comes now
        self.opened.emit(source)
        self._go_to_frame(0, reset_tracking=True)

    def _use_model(self, settings: FitSettings) -> None:
        """Change what fits, and fit the frame there is anew; nothing if it is the same."""
        if self._model.has(settings):
            return
        before = self._model.chosen
        if self._model.use(settings, self._make_context):
            self.record.mark_stale()
            with self._poor_lock:
                self._poor.forget()
                self._poor_of = self._model.chosen
        self.kept.fits_anew = before is not None and before is self._model.chosen
        self.kept.begin_run()
        if self._model.chosen is not None:
            self.model_changed.emit(self._model.chosen.name, self._model.about)
        if self._current is not None:
            self._fit(self._current[0])
        try:
            self._faces.use_model(self._model)
        finally:
            self._show_again()

    def _draw_over(self, rendering: Rendering | None) -> None:
        self._faces.use(rendering, self._model)
        self._show_again()

    def _go_to_frame(self, target: int, *, reset_tracking: bool) -> None:
        """Go to a frame: the picture is handed over at once, and again with the fit."""
        if self.source is None:
            return
        last = _last(self.source)  # another source may have been opened since
        frame = self.source.frame(target if last is None else min(target, last))
        self._arrive(frame.index)
        self._clock.start()
        if reset_tracking:
            self._forget()
            self._current = frame, None, 0.0
            self._show_again()
            if self._requests.elsewhere:  # somebody drags along the strip: on to the next place
                return
        self._fit(frame)
        self._show_again()

    def _show_again(self) -> None:
        if self._current is not None:
            self._hand_over(*self._current, moving=self.playing)

    def _due(self) -> float | None:
        return None if self.source is None else self.source.time(self._following())

    def _following(self) -> int:
        last = None if self.source is None else _last(self.source)
        return self._at + 1 if last is None else min(self._at + 1, last)

    def _advance(self) -> None:
        assert self.source is not None  # noqa: S101 - it plays
        if self._at == _last(self.source):
            self._stop_playing("end")
            return
        frame = self.source.frame(self._following())
        self._arrive(frame.index)
        result, milliseconds = self._fit(frame)
        if self.recording is not None:
            self.recording.add(frame, result, self._model.chosen)
        if result is not None and self.source.frames is not None:
            with self._poor_lock:
                judged = self.kept.judges(frame.index)
                self._poor.add(result, frame.gray(), judged=judged)
        self._clock.tick(frame.time, self.speed)
        now = time.monotonic()
        if now - self._last_shown >= _SHOW_EVERY:
            self._last_shown = now
            self._hand_over(frame, result, milliseconds, moving=True)

    def _comes_after_pause(self, frame: Frame) -> bool:
        camera = self.source is not None and self.source.frames is None
        before = self._current
        return camera and before is not None and frame.time - before[0].time > _PAUSE

    def _fit(self, frame: Frame) -> tuple[FrameResult | None, float]:
        if self._comes_after_pause(frame):
            self._forget()
        start = time.perf_counter()
        result = self._find(frame)
        milliseconds = (time.perf_counter() - start) * 1000
        if result is not None and self.source is not None and self.source.frames is not None:
            self.record.put(result)
        self._current = frame, result, milliseconds
        return result, milliseconds

    def _find(self, frame: Frame) -> FrameResult | None:
        """Return a frame as it is kept, or find the faces in it for what is kept."""
        chosen, file = (
            self._model.chosen,
            self.source is not None and self.source.frames is not None,
        )
        kept = self.kept.result(frame.index, chosen) if file else None
        if self._was_kept and kept is None:  # the faces of the last frame fitted may be anywhere
            self._model.forget()
            self.kept.begin_run()
        self._was_kept = kept is not None
        if kept is not None:
            return kept
        result = self._model.track_frame(frame)
        if result is not None and file:
            self.kept.add(result, chosen)
        return result

    def _forget(self) -> None:
        """Look for faces anew in the next frame."""
        self._model.forget()
        self._faces.forget()
        self.kept.begin_run()

    def _hand_over(
        self, frame: Frame, result: FrameResult | None, milliseconds: float, *, moving: bool
    ) -> None:
        image, chosen = frame.image, self._model.chosen
        responses: tuple[ResponseMaps, ...] = ()
        drawn_over = self._faces.rendering is not None
        if drawn_over and self.source is not None:
            image = self._faces.draw(frame, result, self.source.rate, self._model)
        elif result is not None and result.faces and chosen is not None:
            if moving:
                image = image.copy()
                for face in result.faces:
                    draw_fit(image, face.fit, chosen.model.scheme, axes=self.draws_axes)
            else:
                responses = self._model.responses(frame, result)
        shown = ShownFrame(
            index=frame.index,
            time=frame.time,
            image=image,
            moving=moving,
            result=result,
            chosen=chosen,
            fit_ms=milliseconds,
            responses=responses,
            drawn_over=drawn_over,
        )
        with self._changed:
            self._newest = shown

    def _stop_playing(self, why: str) -> None:
        playing, self.playing = self.playing, False
        self._show_again()
        if playing:
            self.stopped.emit(why)


def _last(source: FrameSource) -> int | None:
    return None if source.frames is None else source.frames - 1
