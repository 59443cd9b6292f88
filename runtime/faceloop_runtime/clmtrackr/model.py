"""The parts of a clmtrackr model."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import Scheme

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SCHEME = "clmtrackr71"
POINTS = 71
RAW = "raw"
"""The filters on gray values, which every SVM model has. It may have others for ``sobel`` and
``lbp``, which clmtrackr itself uses with WebGL only, and if asked to."""


@dataclass(frozen=True, eq=False)
class SvmPatches:
    """Linear patch experts.

    Parameters
    ----------
    weights : mapping of str to ndarray, shape (71, P, P)
        Filters of each kind of response, ``raw`` and perhaps ``sobel`` and ``lbp``.
    bias : mapping of str to ndarray, shape (71,)
        Added to the responses before they go through the logistic function.
    """

    weights: Mapping[str, Floats]
    bias: Mapping[str, Floats]

    @property
    def size(self) -> int:
        """Width of a patch in pixels of the canvas."""
        return int(self.weights[RAW].shape[-1])


@dataclass(frozen=True, eq=False)
class MossePatches:
    """Correlation filters in the frequency domain (Bolme et al., CVPR 2010).

    Parameters
    ----------
    transfer : ndarray of complex, shape (71, P, P)
        What the spectrum of a window is multiplied with.
    """

    transfer: NDArray[np.complex128]

    @property
    def size(self) -> int:
        """Width of a window, which is the search window too."""
        return int(self.transfer.shape[-1])


@dataclass(frozen=True, eq=False)
class Scoring:
    """Logistic regression on the reduced central region of the face: face or no face.

    Parameters
    ----------
    weights : ndarray, shape (height, width)
        One weight a pixel.
    bias : float
        Added to the weighted sum.
    """

    weights: Floats
    bias: float


@dataclass(frozen=True, eq=False)
class ClmtrackrModel:
    """A model of clmtrackr's, with 71 points.

    All lengths are pixels of its canvas, on which a face is about 65 px wide.

    Parameters
    ----------
    mean : ndarray, shape (71, 2)
        Mean shape.
    modes : ndarray, shape (142, K)
        Modes of variation; the rows are ``x0, y0, x1, y1, ...``.
    variances : ndarray, shape (K,)
        Variance of each mode.
    free : tuple of int
        Modes without a prior.
    patches : SvmPatches or MossePatches
        The patch experts.
    canvas : tuple of int
        Width and height of the canvas.
    scoring : Scoring or None
        Probability that the canvas shows a face.
    hints : mapping of str to ndarray, shape (2,)
        Where ``leftEye``, ``rightEye`` and ``nose`` are looked for when clmtrackr starts; empty if
        the model has none.
    path : mapping of str to list
        What clmtrackr draws: polylines (``normal``) and triangles (``vertices``).
    """

    mean: Floats
    modes: Floats
    variances: Floats
    free: tuple[int, ...]
    patches: SvmPatches | MossePatches
    canvas: tuple[int, int]
    scoring: Scoring | None
    hints: Mapping[str, Floats] = field(default_factory=dict)
    path: Mapping[str, list[Any]] = field(default_factory=dict)

    @cached_property
    def scheme(self) -> Scheme:
        """The landmarks: clmtrackr's 71."""
        return Scheme.load(SCHEME)

    @cached_property
    def precisions(self) -> Floats:
        """Diagonal of the prior for pose (4) and modes (K), per unit of its weight."""
        modes = 1.0 / self.variances
        modes[list(self.free)] = 1e-7  # clmtrackr's value for modes without a prior
        return np.concatenate([np.zeros(4), modes])

    @property
    def search(self) -> int:
        """Width of the search window in pixels of the canvas."""
        return 11 if isinstance(self.patches, SvmPatches) else self.patches.size

    @property
    def window(self) -> int:
        """Width of what one landmark's response is computed from, in pixels of the canvas."""
        if isinstance(self.patches, SvmPatches):
            return self.search + self.patches.size - 1
        return self.patches.size

    def shape(self, b: Floats) -> Floats:
        """Return the shape with parameters ``b`` (K,) on the canvas, (71, 2)."""
        return self.mean + (self.modes @ b).reshape(-1, 2)

    def points(self, parameters: Floats) -> Floats:
        """Return the points in the picture, (71, 2).

        Parameters
        ----------
        parameters : ndarray, shape (4 + K,)
            clmtrackr's: scale times cosine of the turn, less 1; scale times its sine; shift in x
            and y; then the modes.
        """
        p0, p1 = parameters[:2]
        turn = np.array([[1 + p0, p1], [-p1, 1 + p0]])
        return np.asarray(self.shape(parameters[4:]) @ turn + parameters[2:4])

    def summary(self) -> dict[str, Any]:
        """Return the model's properties for users."""
        svm = isinstance(self.patches, SvmPatches)
        return {
            "kind": "clmtrackr",
            "scheme": SCHEME,
            "points": POINTS,
            "components": len(self.variances),
            "patches": "SVM" if svm else "MOSSE",
            "responses": list(self.patches.weights) if isinstance(self.patches, SvmPatches) else [],
            "patch": self.patches.size,
            "search": self.search,
            "canvas": list(self.canvas),
            "scoring": self.scoring is not None,
        }
