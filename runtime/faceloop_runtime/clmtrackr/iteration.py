"""One iteration of clmtrackr, as in its version 1.1.

It is regularised landmark mean-shift (Saragih, Lucey & Cohn, IJCV 2011) with peculiarities that
are followed here, since a model's file is tuned to them: the windows' grid stays upright when the
face is turned; kernel and prior depend on the face's size (the kernel's variance is multiplied by
the scale, not by its square); and the windows are cut where the prediction says, but taken to lie
where the last iteration ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.pdm.tangent import pose_tangent

from .canvas import Canvas

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .model import ClmtrackrModel
    from .responses import Responses

    Floats = NDArray[np.float64]

_VARIANCES = (10.0, 5.0, 1.0)
"""Variance of the kernel in each of the three updates, and weight of the prior."""
_RELAXATION = 0.1
"""Share of the last movement that the prediction leaves out."""
_CONVERGED = 0.01
"""Sum of the squared movements of all points, in square pixels, that ends an iteration."""
_CLIP = 3.0
"""Modes stay within this many standard deviations."""


@dataclass(frozen=True, eq=False)
class ClmtrackrState:
    """The state of a fit between two iterations.

    Parameters
    ----------
    parameters : ndarray, shape (4 + K,)
        See `ClmtrackrModel.points`.
    points : ndarray, shape (71, 2)
        Points in the picture; a browser's pixels, whose corners, not centres, are whole numbers.
    earlier : tuple of ndarray
        Parameters after the last iterations, two at most, for the prediction.
    movement : float
        Mean distance that the points moved in the last iteration, in pixels of the picture.
    """

    parameters: Floats
    points: Floats
    earlier: tuple[Floats, ...] = ()
    movement: float = np.inf

    def predicted(self) -> Floats:
        """Return the parameters predicted with constant velocity."""
        if len(self.earlier) < 2:
            return self.parameters
        before, last = self.earlier
        return last + (1 - _RELAXATION) * (last - before)


def iterate(
    model: ClmtrackrModel,
    responses: Responses,
    image: NDArray[np.uint8],
    state: ClmtrackrState,
) -> ClmtrackrState:
    """Make one iteration: draw the canvas, compute the responses, update three times.

    Parameters
    ----------
    model : ClmtrackrModel
        What to fit.
    responses : Responses
        Of the same model.
    image : ndarray of uint8, shape (H, W) or (H, W, 3)
        The picture, gray or RGB.
    state : ClmtrackrState
        Where the last iteration ended.
    """
    parameters, points = state.predicted(), state.points
    canvas = Canvas.draw(model, image, parameters)
    maps = responses(canvas, model.shape(parameters[4:]))
    scale = float(np.hypot(1 + parameters[0], parameters[1]))
    grid = scale * (np.arange(model.search) - (model.search - 1) / 2)
    windows = points[:, :, None] + grid
    for variance in _VARIANCES:
        shift = _mean_shift(maps, windows, points, variance * scale)
        parameters = _updated(model, parameters, shift, variance)
        moved = model.points(parameters)
        steps, points = ((moved - points) ** 2).sum(axis=1), moved
        if steps.sum() < _CONVERGED:
            break
    movement = float(np.linalg.norm(points - state.points, axis=1).mean())
    return ClmtrackrState(parameters, points, (*state.earlier, parameters)[-2:], movement)


def _mean_shift(maps: Floats, windows: Floats, points: Floats, variance: float) -> Floats:
    """Return the mean-shift vectors (71, 2); windows (71, 2, S) hold the places of the maps."""
    kernel = np.exp(-0.5 * (windows - points[:, :, None]) ** 2 / variance)
    across, down = kernel[:, 0], kernel[:, 1]
    columns = np.einsum("nyx,ny->nx", maps, down) * across
    rows = np.einsum("nyx,nx->ny", maps, across) * down
    mass = columns.sum(axis=1)
    sums = np.stack([(columns * windows[:, 0]).sum(axis=1), (rows * windows[:, 1]).sum(axis=1)], 1)
    there = (mass > 0)[:, None]
    return np.where(there, sums / np.where(there, mass[:, None], 1.0) - points, 0.0)


def _updated(model: ClmtrackrModel, parameters: Floats, shift: Floats, weight: float) -> Floats:
    """Solve the regularised least squares for pose and modes, and keep the modes in bounds."""
    tangent = _tangent(model, parameters)
    prior = weight * model.precisions
    normal = tangent.T @ tangent + np.diag(prior)
    step = np.linalg.solve(normal, tangent.T @ shift.reshape(-1) - prior * parameters)
    updated = parameters + step
    limit = _CLIP * np.sqrt(model.variances)
    updated[4:] = updated[4:].clip(-limit, limit)
    return updated


def _tangent(model: ClmtrackrModel, parameters: Floats) -> Floats:
    """Return how the points move with the parameters, (142, 4 + K)."""
    p0, p1 = parameters[:2]
    base = model.shape(parameters[4:])
    columns = np.zeros((model.modes.shape[0], len(parameters)))
    columns[:, :4] = pose_tangent(base).T
    x, y = model.modes[0::2], model.modes[1::2]
    columns[0::2, 4:] = (1 + p0) * x - p1 * y
    columns[1::2, 4:] = (1 + p0) * y + p1 * x
    return columns
