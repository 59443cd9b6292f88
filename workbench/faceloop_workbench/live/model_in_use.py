"""What fits the frames of a video: the model in use, its backend, the faces it follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from faceloop_runtime import Tracker
from faceloop_runtime.fit.start_choice import checked_choice
from faceloop_runtime.responses import GlResponses, describe, make_backend
from faceloop_workbench.services.finding import AUTOMATIC

from .responses import response_maps

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_runtime import Detector, FrameResult
    from faceloop_runtime.responses.base import ResponseBackend
    from faceloop_runtime.responses.gl.context import GLContext
    from faceloop_runtime.track.tracker import TrackingSession
    from faceloop_workbench.services.finding import Finding
    from faceloop_workbench.services.model_choice import ChosenModel

    from .responses import ResponseMaps
    from .sources import Frame


@dataclass(frozen=True, eq=False)
class FitSettings:
    """Which model fits the frames, and how.

    Parameters
    ----------
    load : callable
        Loads the model; called in the player's thread.
    key : object
        Says which model it is: the same key is not loaded again.
    backend : {"auto", "cpu", "gl"}
        Where responses are computed.
    max_faces : int
        Faces to follow.
    finding : Finding
        How they are found and where their fits start.
    """

    load: Callable[[], ChosenModel]
    key: object
    backend: str = "auto"
    max_faces: int = 1
    finding: Finding = AUTOMATIC

    @property
    def how(self) -> tuple[object, ...]:
        """What tells these settings from others; the key first."""
        return self.key, self.backend, self.max_faces, self.finding


class ModelInUse:
    """The model in use, its backend, and the faces it follows; used by one thread.

    Attributes
    ----------
    chosen : ChosenModel or None
        The model; None before the first was loaded.
    detector : Detector or None
        What finds faces; None before the first model was loaded.
    about : str
        Which backend it has, and why where the choice was automatic.
    """

    def __init__(self) -> None:
        self.chosen: ChosenModel | None = None
        self.detector: Detector | None = None
        self.about = ""
        self._in_use: FitSettings | None = None
        self._backend: ResponseBackend | None = None
        self._session: TrackingSession | None = None

    def has(self, settings: FitSettings) -> bool:
        """Whether this is what there is already."""
        return self._in_use is not None and self._in_use.how == settings.how

    def use(self, settings: FitSettings, make_context: Callable[[], GLContext]) -> bool:
        """Fit with other settings.

        Parameters
        ----------
        settings : FitSettings
            What to fit with.
        make_context : callable
            Makes the contexts that OpenGL draws responses in.

        Returns
        -------
        bool
            Whether the model is another.

        Raises
        ------
        FaceloopError
            If the model cannot be loaded or start as chosen, there is no such detector, or OpenGL
            does not work; all stays as it is then.
        """
        new = self._in_use is None or settings.key != self._in_use.key
        chosen = settings.load() if self.chosen is None or new else self.chosen
        detector = settings.finding.make_detector()
        start = checked_choice(settings.finding.start, chosen.model)
        backend = self._backend_for(settings, chosen, make_context)
        if backend is not self._backend:
            self.close()
        self.chosen, self._backend, self._in_use = chosen, backend, settings
        self.detector = detector
        self.about = backend.name
        if settings.backend == "auto":
            self.about = describe(make_context)
        tracker = Tracker(chosen.model, backend, settings.max_faces, detector, start=start)
        self._session = tracker.follow()
        return new

    def _backend_for(
        self, settings: FitSettings, chosen: ChosenModel, make_context: Callable[[], GLContext]
    ) -> ResponseBackend:
        """Return the backend there is, if it does: a model may differ in its shapes only."""
        before, backend = self._in_use, self._backend
        if before is not None and backend is not None and self.chosen is not None:
            same_experts = chosen.model.experts is self.chosen.model.experts
            if same_experts and before.backend == settings.backend:
                return backend
        return make_backend(settings.backend, chosen.model.experts, make_context)

    def forget(self) -> None:
        """Look for faces anew in the next frame."""
        if self._session is not None:
            self._session.reset()

    def track_frame(self, frame: Frame) -> FrameResult | None:
        """Find the faces of a frame; None without a model."""
        if self._session is None:
            return None
        return replace(self._session.step(frame.gray()), index=frame.index, time=frame.time)

    def responses(self, frame: Frame, result: FrameResult) -> tuple[ResponseMaps, ...]:
        """Response maps of each face that was found in a frame."""
        if self.chosen is None or self._backend is None:
            return ()
        model, backend, gray = self.chosen.model, self._backend, frame.gray()
        return tuple(response_maps(model, backend, gray, face.fit) for face in result.faces)

    def close(self) -> None:
        """Free what the backend holds in OpenGL."""
        if isinstance(self._backend, GlResponses):
            self._backend.close()
