"""Values of the quantities that are plotted, computed in the background. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from faceloop_workbench.services.background import Job
from faceloop_workbench.services.extremes import Extremes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Monitor
    from faceloop_datasets.tracks.face_track import FaceTrack
    from faceloop_datasets.tracks.track import Track
    from faceloop_workbench.services.quantities import Quantity

_TAILS = (0.2, 99.8)
"""Percentiles within which the axis is sure to reach: one wild fit does not flatten the rest."""
_ROOM = 0.08
_FROM_ZERO = ("IOD", "IOD/s")


@dataclass(frozen=True, eq=False)
class Series:
    """A quantity of all faces of a track.

    Parameters
    ----------
    faces : tuple of FaceTrack
        The faces.
    values : mapping of int to Extremes
        Values by the face's id; NaN where it is lost.
    limits : (float, float)
        Where the axis begins and ends.
    """

    faces: tuple[FaceTrack, ...]
    values: dict[int, Extremes]
    limits: tuple[float, float]


class PlotSeries:
    """Quantities of the faces of a track.

    After a change of the track, what was computed before is shown until it is computed anew.

    Attributes
    ----------
    changed : Signal()
        Something was computed.
    track : Track or None
        Whose.
    quantities : tuple of Quantity
        The chosen ones.
    """

    changed = Signal()

    def __init__(self) -> None:
        self.track: Track | None = None
        self.quantities: tuple[Quantity, ...] = ()
        self._known: dict[str, Series] = {}
        self._job: Job[Series] | None = None

    def show_track(self, track: Track | None) -> None:
        """Take another track, or what it has become."""
        self.track = track
        self._go_on()

    def choose(self, quantities: Sequence[Quantity]) -> None:
        """Plot these."""
        self.quantities = tuple(quantities)
        self._go_on()

    def forget(self) -> None:
        """Forget what was computed: it is of another video."""
        self.track = None
        self._known = {}

    @property
    def faces(self) -> tuple[FaceTrack, ...]:
        """The faces of the track."""
        return () if self.track is None else self.track.faces

    @property
    def computing(self) -> bool:
        """Whether something is missing still."""
        return self._job is not None

    def of(self, one: Quantity) -> Series | None:
        """Return the values of a quantity; None while there are none."""
        return self._known.get(one.name)

    def close_down(self) -> None:
        """Wait until nothing is computed any more."""
        self.track = None
        if self._job is not None:
            self._job.wait()

    def _go_on(self) -> None:
        missing = None if self._job is not None else self._missing()
        if missing is None or self.track is None:
            return
        self._job = Job(partial(_series, missing, self.track), f"measuring {missing.name}")
        self._job.done.connect(partial(self._computed, missing.name), thread="main")
        self._job.ended.connect(self._ended, thread="main")
        self._job.start()

    def _missing(self) -> Quantity | None:
        for one in self.quantities:
            known = self._known.get(one.name)
            if known is None or known.faces != self.faces:
                return one
        return None

    def _computed(self, name: str, series: Series) -> None:
        if self.track is not None:
            self._known[name] = series
            self.changed.emit()

    def _ended(self) -> None:
        self._job = None
        self._go_on()


def _series(one: Quantity, track: Track, _monitor: Monitor) -> Series:
    values = {face.id: one.of(face, track) for face in track.faces}
    known = [v[np.isfinite(v)] for v in values.values()]
    limits = axis_limits(np.concatenate(known) if known else np.zeros(0), one.unit)
    return Series(track.faces, {number: Extremes(v) for number, v in values.items()}, limits)


def axis_limits(values: NDArray[np.float64], unit: str) -> tuple[float, float]:
    """Return limits that nearly all values lie within, with some room.

    Parameters
    ----------
    values : ndarray
        Without NaN; may be empty.
    unit : str
        Of the quantity: probabilities go from 0 to 1, lengths from 0 where none is less.
    """
    if unit == "probability" or not len(values):
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(values, _TAILS))
    if unit in _FROM_ZERO and float(values.min()) >= 0:
        return 0.0, high * (1 + _ROOM) or 1.0
    room = _ROOM * (high - low) or abs(high) or 1.0
    return low - room, high + room
