"""Colours of a predicted error, told apart by people who see red and green alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.quality.thresholds import POOR_ERROR

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Green and yellow of Okabe & Ito's palette (2008); their vermilion is as light as the green, so a
# darker one: all differ in lightness too.
_STOPS = np.array([[0, 158, 115], [240, 228, 66], [176, 48, 8]], dtype=np.float64)
_GOOD, _BAD = 1 / 3, 5 / 3  # of the threshold: where green ends and red begins
_UNKNOWN = (128, 128, 128)
_LOST = (28, 16, 44)
_FADED = 0.6
# The rest of their palette; none of them is a colour of an error.
_FACES = ((86, 180, 233), (230, 159, 0), (204, 121, 167), (0, 114, 178), (153, 153, 153))


def error_colours(
    errors: ArrayLike, stale: ArrayLike = False, threshold: float = POOR_ERROR
) -> NDArray[np.uint8]:
    """Colour predicted errors: green where good, yellow at the threshold, red where bad.

    Parameters
    ----------
    errors : array_like, shape (n,)
        In IOD; NaN is unknown (gray), infinite a lost face (nearly black).
    stale : array_like of bool, shape (n,)
        Whether another model found it; such colours are faded to gray.
    threshold : float
        A higher error is poor.

    Returns
    -------
    ndarray of uint8, shape (n, 3)
    """
    values = np.atleast_1d(np.asarray(errors, dtype=np.float64))
    at = np.array([_GOOD, 1.0, _BAD]) * threshold
    colours = np.stack([np.interp(values, at, stop) for stop in _STOPS.T], axis=1)
    colours[np.isinf(values)] = _LOST
    faded = np.broadcast_to(stale, values.shape)[:, None]
    gray = np.array(_UNKNOWN, dtype=np.float64)
    colours = np.where(faded, (1 - _FADED) * colours + _FADED * gray, colours)
    colours[np.isnan(values)] = gray
    return np.asarray(np.rint(colours), dtype=np.uint8)


def error_word(error: float, threshold: float = POOR_ERROR) -> str:
    """Say in a word what a predicted error means."""
    if np.isnan(error):
        return "not seen"
    if np.isinf(error):
        return "no face"
    if error > threshold:
        return "poor"
    return "good" if error <= (_GOOD + 1) / 2 * threshold else "fair"


def face_colour(number: int) -> tuple[int, int, int]:
    """Colour of the face of an id: the same wherever it is drawn."""
    return _FACES[number % len(_FACES)]
