"""Smoothing of tracked points: the One-Euro filter.

Casiez, Roussel & Vogel, "1 Euro filter: a simple speed-based low-pass filter for noisy input in
interactive systems" (CHI 2012): a point at rest is smoothed much, a fast one hardly.

With the default settings and the starter model, by `tests/benchmarks/tracking.py` (jitter: median
length of the second difference over the IOD; lag: the delay at which the points lie closest to the
truth, or, in the last two videos, to the raw points):

======================  ==========  ===============  =======  ============
clip, 25 frames/s       raw jitter  smoothed jitter  raw lag  smoothed lag
======================  ==========  ===============  =======  ============
sample, talking         .0058       .0043            .10      .35 frames
sample, fast shake                                   .05      .20
Talking Face            .0035       .0014                     .55
a face at a webcam      .0023       .0006                     .65
======================  ==========  ===============  =======  ============

Smoothing the pose and the shape apart, the pose less, came to the same jitter at the same lag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]


@dataclass(frozen=True)
class OneEuro:
    """How tracked points are smoothed.

    Parameters
    ----------
    cutoff : float
        Cut-off frequency of a point at rest, in Hz. Lower: less trembling, more lag.
    beta : float
        Increase of the cut-off with speed, in Hz per IOD a second. Higher: less lag.
    speed_cutoff : float
        Cut-off frequency of the speed itself, in Hz.

    Raises
    ------
    InputError
        If a cut-off is not positive or ``beta`` is negative.
    """

    cutoff: float = 1.0
    beta: float = 20.0
    speed_cutoff: float = 3.0

    def __post_init__(self) -> None:
        values = (self.cutoff, self.beta, self.speed_cutoff)
        if not (np.isfinite(values).all() and min(values[::2]) > 0 and self.beta >= 0):
            raise InputError(
                f"Cannot smooth with cutoff {self.cutoff}, beta {self.beta} and speed_cutoff "
                f"{self.speed_cutoff}. Expected cut-offs above 0 Hz and a beta of 0 or more."
            )


class PointFilter:
    """The filter of one face's points.

    Parameters
    ----------
    settings : OneEuro
        How much to smooth.
    """

    def __init__(self, settings: OneEuro) -> None:
        self._settings = settings
        self._time = -np.inf
        self._raw = self._smoothed = self._velocity = np.zeros((0, 2))

    def __call__(self, points: Points, time: float, iod: float) -> Points:
        """Smooth the points of the next frame.

        Parameters
        ----------
        points : ndarray, shape (N, 2)
            As they were fitted, in pixels.
        time : float
            In seconds. Where it does not go on, the filter begins anew.
        iod : float
            Size of the face in pixels: speeds count in its measure.

        Returns
        -------
        ndarray, shape (N, 2)
            In pixels.
        """
        seconds, self._time = time - self._time, time
        if not 0 < seconds < np.inf:
            self._raw, self._smoothed, self._velocity = points, points, np.zeros_like(points)
            return points
        share = _share(np.array(self._settings.speed_cutoff), seconds)
        velocity = (points - self._raw) / (iod * seconds)
        self._velocity = share * velocity + (1 - share) * self._velocity
        speed = np.linalg.norm(self._velocity, axis=1, keepdims=True)
        share = _share(self._settings.cutoff + self._settings.beta * speed, seconds)
        self._smoothed = share * points + (1 - share) * self._smoothed
        self._raw = points
        return self._smoothed


def _share(cutoff: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    """Share of the new value in a low-pass filter of first order."""
    return np.asarray(1 / (1 + 1 / (2 * np.pi * cutoff * seconds)))
