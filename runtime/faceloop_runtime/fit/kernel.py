"""Mean-shift by the compiled kernels; see `faceloop_runtime.fit.meanshift`."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from faceloop_runtime.kernels import address

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.pdm import PointDistributionModel

    Floats = NDArray[np.float64]
    Maps = NDArray[np.float32]

ARGUMENTS = "pppanxxap"
_WIDTH = 8
"""Rows of the tangent are filled up with zeros to a multiple of it."""
_NO_MEMORY = 1
"""What a kernel returns then."""
_ADDRESS, _COUNT, _NUMBER = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double


class _Shapes(ctypes.Structure):
    """``struct shape_model``."""

    _fields_ = (
        ("points", _COUNT),
        ("modes", _COUNT),
        ("mean", _ADDRESS),
        ("components", _ADDRESS),
        ("tangent", _ADDRESS),
        ("limits", _ADDRESS),
    )


class _Prior(ctypes.Structure):
    """``struct prior``."""

    _fields_ = (("mean", _ADDRESS), ("variances", _ADDRESS), ("precision", _ADDRESS))


class _Evidence(ctypes.Structure):
    """``struct evidence``."""

    _fields_ = (
        ("maps", _ADDRESS),
        ("centres", _ADDRESS),
        ("weights", _ADDRESS),
        ("scale", _NUMBER),
    )


class _ShapeModel:
    """A shape model as the kernel reads it; ``limit`` deviations of a parameter are allowed."""

    def __init__(self, pdm: PointDistributionModel, limit: float) -> None:
        rows = pdm.tangent(np.zeros(len(pdm.variances)))
        tangent = np.pad(rows.T, ((0, 0), (0, -len(rows) % _WIDTH)))
        # What the structure points to lives as long as it.
        self._kept = (
            np.ascontiguousarray(pdm.mean, np.float64),
            np.ascontiguousarray(pdm.components, np.float64),
            np.ascontiguousarray(tangent, np.float64),
            limit * np.sqrt(pdm.variances),
        )
        self._shapes = _Shapes(
            len(pdm), len(pdm.variances), *(address(array) for array in self._kept)
        )
        self.address = ctypes.addressof(self._shapes)


_models: WeakKeyDictionary[PointDistributionModel, _ShapeModel] = WeakKeyDictionary()


def regularised_mean_shift(
    function: Callable[..., int],
    pdm: PointDistributionModel,
    state: Floats,
    variances: Sequence[float],
    *,
    evidence: tuple[Maps, NDArray[np.complex128], Floats, float],
    prior: tuple[Floats, Floats, Floats],
    noise: float,
    pose_penalty: float,
    limit: float,
) -> float:
    """Make the updates of one crop.

    Parameters
    ----------
    function : callable
        The kernel ``mean_shift``, of the arguments `ARGUMENTS`.
    pdm : PointDistributionModel
    state : ndarray, shape (4 + K,)
        Turn, shift and parameters; changed in place.
    variances : sequence of float
        Of the kernel, one an update.
    evidence : tuple
        Maps (S * S, N), centres, weights, and scale, as of `Evidence`.
    prior : tuple
        Mean, variances and precision, as of `ShapePrior`.
    noise : float
        Variance of a coordinate, in IOD squared.
    pose_penalty : float
        What is added to the normal equations of the pose.
    limit : float
        Standard deviations that a parameter may go.

    Returns
    -------
    float
        Mean movement of a point in the last update, in IOD.
    """
    model = _models.get(pdm)
    if model is None:
        model = _models[pdm] = _ShapeModel(pdm, limit)
    maps, centres, weights = (
        np.ascontiguousarray(evidence[0], np.float32),
        np.ascontiguousarray(evidence[1], np.complex128),
        np.ascontiguousarray(evidence[2], np.float64),
    )
    seen = _Evidence(address(maps), address(centres), address(weights), evidence[3])
    parts = [np.ascontiguousarray(part, np.float64) for part in prior]
    expected = _Prior(*(address(part) for part in parts))
    step = _NUMBER()
    failed = function(
        model.address,
        ctypes.addressof(expected),
        ctypes.addressof(seen),
        np.array(variances, np.float64),
        len(variances),
        noise,
        pose_penalty,
        state,
        ctypes.addressof(step),
    )
    if failed == _NO_MEMORY:
        raise MemoryError
    if failed:
        raise np.linalg.LinAlgError("The fit's normal equations are not positive definite.")
    return step.value
