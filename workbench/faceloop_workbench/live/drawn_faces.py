"""What is drawn over the faces of frames as they go by: by one thread, knowing only the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_runtime.render.backend import make_warper
from faceloop_runtime.render.cover.hide import pixelated_whole
from faceloop_runtime.render.cover.own_shape import OwnShapes
from faceloop_runtime.render.cover.search import Cover, FaceSearch
from faceloop_workbench.services.drawing import FaceDrawing, Hiding

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from faceloop_runtime import FrameResult
    from faceloop_runtime.render.warp import Warper
    from faceloop_runtime.responses.gl.context import GLContext
    from faceloop_workbench.services.render_choice import Rendering

    from .model_in_use import ModelInUse
    from .sources import Frame

    Image = NDArray[np.uint8]


class DrawnFaces:
    """Draws over the faces of one frame after the other.

    A frame whose faces are to be hidden is pixelated all over as long as nothing was looked for in
    it, or what covers faces cannot be made.

    Parameters
    ----------
    make_context : callable
        Makes the contexts that OpenGL draws in.

    Attributes
    ----------
    rendering : Rendering or None
        What is drawn; None leaves the frames as they are.
    """

    def __init__(self, make_context: Callable[[], GLContext]) -> None:
        self.rendering: Rendering | None = None
        self._make_context = make_context
        self._warper: Warper | None = None
        self._drawing: FaceDrawing | Hiding | None = None
        self.forget()

    def use(self, rendering: Rendering | None, model: ModelInUse) -> None:
        """Draw something else from the next frame on.

        Raises
        ------
        InputError
            If a picture cannot be read, or the model finds no face in it: all stays as it is then,
            but if faces were to be hidden, all of the frames is.
        """
        if rendering is not None and rendering.hides:
            self.rendering, self._drawing = rendering, None
        drawing = self._made(rendering, model)
        self.rendering, self._drawing = rendering, drawing
        self.forget()

    def use_model(self, model: ModelInUse) -> None:
        """Draw over the fits of another model.

        Raises
        ------
        InputError
            If it does not find the face that is to be drawn; nothing is drawn then.
        """
        self._drawing = None
        self.use(self.rendering, model)

    def forget(self) -> None:
        """Know nothing of the past: the next frame is another scene."""
        self._search: FaceSearch | None = None
        self._own: OwnShapes | None = None
        self._looked = 0
        self._last: tuple[Frame, FrameResult, Image] | None = None

    def draw(
        self, frame: Frame, result: FrameResult | None, rate: float, model: ModelInUse
    ) -> Image:
        """Return the picture of a frame with its faces drawn over.

        Parameters
        ----------
        frame : Frame
            The next frame, or the last one again.
        result : FrameResult or None
            What was found in it; None if nothing was looked for.
        rate : float
            Frames a second.
        model : ModelInUse
            What looked.
        """
        if result is None or self._drawing is None:
            hides = self.rendering is not None and self.rendering.hides
            return pixelated_whole(frame.image) if hides else frame.image
        if isinstance(self._drawing, FaceDrawing):
            return self._drawing(frame.image, [face.fit for face in result.faces])
        if self._last is None or self._last[0] is not frame or self._last[1] is not result:
            cover = self._cover(frame.image, result, rate, model)
            self._last = frame, result, self._drawing(frame.image, cover)
        return self._last[2]

    def close(self) -> None:
        """Free what is held in OpenGL."""
        if self._warper is not None:
            self._warper.close()

    def _cover(
        self, image: Image, result: FrameResult, rate: float, model: ModelInUse
    ) -> Cover | None:
        if model.chosen is None or model.detector is None or not isinstance(self._drawing, Hiding):
            return None
        if self._search is None or self._own is None:
            self._own = OwnShapes(model.chosen.model)
            self._search = FaceSearch(
                model.chosen.model,
                model.detector,
                rate,
                (image.shape[1], image.shape[0]),
                draw_over=self._drawing.draws_over,
                live=True,
            )
        # Counted here: who steps back sees the frame before as the next one.
        number, self._looked = self._looked, self._looked + 1
        faces = self._search.look(number, image, result.faces, thorough=number == 0)
        self._own.add(faces)
        return Cover.of(faces, self._own, self._search.chains.now(number))

    def _made(self, rendering: Rendering | None, model: ModelInUse) -> FaceDrawing | Hiding | None:
        if rendering is None or model.chosen is None:
            return None
        if self._warper is None:
            self._warper = make_warper(self._make_context)
        make = Hiding if rendering.hides else FaceDrawing
        return make(rendering, model.chosen.model, self._warper)
