"""Axes of the small charts: round ticks, and where a value is drawn. Without Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A straight map from values to pixels.

    Parameters
    ----------
    low, high : float
        The values at the ends.
    begin, end : float
        Where the ends are drawn.
    """

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        """Return where a value is drawn; beyond the ends it stays at the end."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.begin + min(max(share, 0.0), 1.0) * (self.end - self.begin)


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most so many round values from ``low`` to ``high``, steps of 1, 2 or 5 x 10^k."""
    span = high - low
    if not span > 0 or most < 2:
        return [low]
    size = 10.0 ** math.floor(math.log10(span / most))
    step = next(size * k for k in (1, 2, 5, 10, 20) if span / (size * k) <= most - 1)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def label(value: float, step: float) -> str:
    """Write a tick's value with as many digits as its steps need."""
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    return f"{value:.{digits}f}"


def room_above(values: list[float], least: float) -> float:
    """Return a round upper end for an axis from 0 that shows these values."""
    top = max([least, *(v for v in values if math.isfinite(v))])
    size = 10.0 ** math.floor(math.log10(top))
    return next(size * k for k in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if size * k >= top - 1e-12)
