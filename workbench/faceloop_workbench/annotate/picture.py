"""The picture of the face in work, read in the background. Without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from faceloop_datasets import Cancelled, FaceloopError
from faceloop_workbench.services.background import Job

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faceloop_datasets import Item, Monitor
    from faceloop_workbench.session import Session

    Picture = NDArray[np.uint8]

_SOON = 0.04  # seconds; a picture that is there by then is shown at once, without a flicker


class FacePicture:
    """Reads pictures of faces, the last that was asked for.

    A photograph of 12 megapixels takes longer to decode than a window may stand still.

    Parameters
    ----------
    session : Session
        Reads them.

    Attributes
    ----------
    arrived : Signal()
        `pixels` is the picture of the face asked for last, or `problem` says why it has none.
    """

    arrived = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self._job: Job[None] | None = None
        self._asked = 0
        self.pixels: Picture | None = None
        self.problem = ""

    def read(self, item: Item | None) -> None:
        """Read the picture of a face; None for none. `arrived` tells when it is there."""
        self.pixels, self.problem = None, ""
        self._asked += 1
        if self._job is not None:
            self._job.cancel()
        if item is None:
            self.close_down()  # the project may be about to close
            self.arrived.emit()
            return
        number = self._asked
        found: list[Picture | str] = []
        self._job = Job(lambda monitor: self._read(item, found, monitor), "reading a picture")
        self._job.done.connect(lambda _: self._picture_read(number, found), thread="main")
        self._job.start()
        if self._job.wait(_SOON):
            self._picture_read(number, found)

    def close_down(self) -> None:
        """Wait for the reading under way."""
        self._asked += 1
        if self._job is not None:
            self._job.cancel()
            self._job.wait()

    def _read(self, item: Item, found: list[Picture | str], monitor: Monitor) -> None:
        if monitor.stopping:
            raise Cancelled("Another face was asked for.")
        try:
            found.append(self._session.picture(item))
        except FaceloopError as error:
            found.append(str(error))

    def _picture_read(self, number: int, found: list[Picture | str]) -> None:
        """Take what was read, once, unless something else was asked for since."""
        if number != self._asked or self.pixels is not None or self.problem:
            return
        if isinstance(found[0], str):
            self.problem = found[0]
        else:
            self.pixels = found[0]
        self.arrived.emit()
