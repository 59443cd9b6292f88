"""Where a time axis has its ticks, and what stands there."""

from __future__ import annotations

from math import ceil

_ROUND = (1, 2, 5)
_CLOCK = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_HOUR, _MINUTE = 3600, 60  # seconds; an hour has as many minutes as a minute seconds
_SECONDS_FROM = 0.5
"""Ticks this far apart, in seconds, or more stand at round seconds, closer ones at round frames."""


def time_ticks(first: float, span: float, rate: float, most: int) -> list[tuple[int, str]]:
    """Return frames to put ticks at, and what to write there: ``12 s · 300``.

    Parameters
    ----------
    first, span : float
        What is seen, in frames.
    rate : float
        Frames a second.
    most : int
        How many ticks there may be.
    """
    apart = span / max(most, 1)
    if apart / rate >= _SECONDS_FROM:
        step = next((s for s in _CLOCK if s >= apart / rate), _HOUR * ceil(apart / rate / _HOUR))
        numbers = range(ceil(first / rate / step), ceil((first + span) / rate / step))
        ticks = [(round(k * step * rate), clock(k * step)) for k in numbers]
    else:
        step = _round_step(apart)
        frames = range(ceil(first / step) * step, ceil(first + span), step)
        ticks = [(k, clock(k / rate, digits=2)) for k in frames]
    return [(frame, f"{time} · {frame}") for frame, time in ticks]


def clock(seconds: float, digits: int = 0) -> str:
    """Write a time as ``12 s``, ``3:20`` or ``1:02:30``, with so many digits after the point."""
    if round(seconds, digits) < _MINUTE:
        return f"{seconds:.{digits}f} s"
    minutes, left = divmod(round(seconds, digits), _MINUTE)
    hours, minutes = divmod(int(minutes), _MINUTE)
    rest = f"{left:0{3 + digits if digits else 2}.{digits}f}"
    return f"{hours}:{minutes:02d}:{rest}" if hours else f"{minutes}:{rest}"


def _round_step(wanted: float) -> int:
    power = 1
    while True:
        for k in _ROUND:
            if k * power >= wanted:
                return k * power
        power *= 10
