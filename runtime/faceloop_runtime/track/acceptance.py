"""Whether a fit shows a face: by the start network, or by fits from nearby starts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.clmtrackr import ClmtrackrFitter
from faceloop_runtime.fit.fitter import Fitter
from faceloop_runtime.fit.schedule import FROM_NEAR
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.quality.thresholds import NO_FACE_ERROR
from faceloop_runtime.start_network import describe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.fit.result import Fit
    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.start_network import StartMap

    Gray = NDArray[np.uint8]
    AnyFitter = Fitter | ClmtrackrFitter

LEAST_SCORE = 0.35
"""A face is lost when the running score falls below this; a new one needs it at once."""
_SURE_SCORE, _SURE_ERROR = 0.6, 0.11
"""A new face must also be sure by one of the two. Most real faces are by both; a face upside
down looks a little like one and fits a little."""
_SURER_ERROR = 0.08
"""The predicted error that a face in a later frame needs: the next frame is another chance."""
_PERTURBATIONS = ((0.06, 0.03), (-0.05, 0.05))
"""Shifts of the start, in IOD, from which a new face is fitted again ..."""
_AGREE = 0.045
"""... and how far the results may differ, in IOD: on a face they find the same place (.02 for
95 % of good fits, .03 and more for bad ones)."""
_LEAST_INSIDE = 0.4
"""Share of the points that must lie in the picture."""
_SMALLEST = 6.0
"""Least IOD of a face, in pixels."""
_SURE_FACE = 0.9
"""Score of the start network from which on it is a face. Of 306 faces in the wild, turned and
covered ones too, the least has .99; whole-face validator and predicted error refuse a quarter."""
_UNSURE, _BETTER = 0.03, 0.6
"""Where the network expects a larger error of its points, in sides of its crop (5 % of those
faces), the face may stand on its head: it does if seen so the error is less by this factor."""
_MOST_UNSURE = 0.05
"""Expected error above which a new face is none: of 572 faces in the wild one has more than .04. Of
700 pictures without a face the cascade then has 2 where all else takes something for a face; with
.06 5."""
_WORST = 0.5
"""Predicted error above which even so it is none, unless the network knows the points well and the
fit is where it has them: four of the faces in the wild are fitted well and expect .52 to .94; so do
fits of necklace, cat and grain, which the cascade took for faces and the network agreed, ..."""
_WELL_KNOWN, _CLOSE = 0.045, 0.1
"""... but of 556 such boxes none has an expected error of the points, in sides of the crop, and a
distance of the fit from them, in IOD, as small as this. All but one of the faces have."""
_APART = 0.2
"""How far the fit may lie from where the start network has the points, in IOD: .13 at most on
those faces."""


@dataclass(frozen=True)
class Look:
    """What the start network says of a fitted face.

    Parameters
    ----------
    score : float
        Probability that there is a face, 0 to 1.
    error : float
        Expected error of the network's points, in sides of its crop.
    apart : float
        Mean distance of the fit's points from where the network has them, in IOD.
    """

    score: float
    error: float
    apart: float

    @property
    def knows_face(self) -> bool:
        """Whether the network knows the points so well that the fit need not be sure itself."""
        return self.error <= _WELL_KNOWN and self.apart <= _CLOSE

    @property
    def shows_face(self) -> bool:
        """Whether there is a face, and the fit lies on it."""
        return self.score >= _SURE_FACE and self.apart <= _APART


class NetworkCheck:
    """The start network's view of fits.

    Parameters
    ----------
    model : FaceModel
        What was fitted.
    start : StartMap
        Its own.
    """

    def __init__(self, model: FaceModel, start: StartMap) -> None:
        self._pdm, self._start = model.pdm, start

    def look(self, fit: Fit, gray: Gray) -> Look:
        """Look at the face where the fit has it."""
        seen = describe(gray, self._start.frame(fit.pose))
        start = self._start(seen)
        points = start.pose.apply(self._pdm.shape(start.b))
        return Look(seen.score, seen.error, _apart(points, fit))

    def face_score(self, fit: Fit, gray: Gray, *, new: bool) -> float | None:
        """Return how surely a fit from a rough start shows a face; None if it does not.

        A new face must also expect no hopeless error; one that is followed may for a while.
        """
        if not is_plausible(fit, gray, math.inf):
            return None
        look = self.look(fit, gray)
        hopeless = fit.predicted_error > _WORST and not look.knows_face
        if new and (hopeless or look.error > _MOST_UNSURE):
            return None
        if not look.shows_face or (look.error > _UNSURE and self._is_upside_down(fit, look, gray)):
            return None
        return look.score

    def _is_upside_down(self, fit: Fit, look: Look, gray: Gray) -> bool:
        turned = fit.pose.after(Similarity(a=-1.0))
        seen = describe(gray, self._start.frame(turned))
        on_its_head = math.cos(math.radians(seen.roll) - fit.pose.angle) < 0
        return on_its_head and seen.error < _BETTER * look.error


def network_check(fitter: AnyFitter) -> NetworkCheck | None:
    """Return the start network's view, if the fitter's model has a map for it."""
    if isinstance(fitter, ClmtrackrFitter) or fitter.model.start_map is None:
        return None
    return NetworkCheck(fitter.model, fitter.model.start_map)


def face_score(fitter: AnyFitter, fit: Fit, gray: Gray, *, first: bool) -> float | None:
    """Return how surely a fit shows a face, by itself and by fits from nearby; None if it does not.

    Parameters
    ----------
    fitter : Fitter or ClmtrackrFitter
        What fitted it.
    fit : Fit
        The fit.
    gray : ndarray of uint8, shape (H, W)
        The picture.
    first : bool
        Whether it is the first frame.
    """
    if fit.score < LEAST_SCORE or not is_plausible(fit, gray, NO_FACE_ERROR):
        return None
    sure_error = _SURE_ERROR if first else _SURER_ERROR
    if fit.score < _SURE_SCORE and fit.predicted_error > sure_error:
        return None
    for dx, dy in _PERTURBATIONS:
        start = fit.pose.after(Similarity(tx=dx, ty=dy))
        again = fitter.fit_pose(gray, start, fit.b / 2, FROM_NEAR)
        if _apart(again.points, fit) > _AGREE:
            return None
    return fit.score


def is_plausible(fit: Fit, gray: Gray, worst: float) -> bool:
    """Whether a fit lies in the picture, is large enough, and expects no error above ``worst``."""
    if fit.predicted_error > worst or fit.pose.scale < _SMALLEST:
        return False
    inside = (fit.points >= 0) & (fit.points < gray.shape[::-1])
    return bool(inside.all()) or float(inside.all(axis=1).mean()) >= _LEAST_INSIDE


def _apart(points: NDArray[np.float64], fit: Fit) -> float:
    return float(np.linalg.norm(points - fit.points, axis=1).mean()) / fit.pose.scale
