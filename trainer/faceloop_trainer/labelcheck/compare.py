"""Annotations that disagree with all the others: which, how much, and what seems to be wrong.

Two questions are asked of each face. Does each point lie where the other points of the face expect
it, given how points vary together in all faces (the distribution of one point given the rest under
a Gaussian; Mahalanobis distance)? And do the points as a whole, and those of each part, lie where
patch experts that were trained on other people see them? The measures are robust: they are taken
from the nine tenths of the faces that agree best.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarities, Similarity
from faceloop_runtime.pdm.gaussian import marginal_distance, residual_of_rest
from faceloop_trainer.pdm.ppca import fit_pdm
from faceloop_trainer.pdm.prior import sample_prior

from .doubt import DOUBTFUL, Finding
from .orders import orders, said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_trainer.pdm.ppca import ShapePrior

    from .orders import Order

    Points = NDArray[np.float64]
    Values = NDArray[np.float64]

_COMPONENTS = 30
_ROUNDS = 4
_TRUSTED = 0.9
"""Share of the faces that the measures of the usual are taken from, the most usual ones."""
_UNCERTAINTY = 3e-5
"""Variance added to each coordinate, in IOD squared: .005 IOD that no annotator can see."""
_SHIFT_WEIGHT = 0.5
"""A shift of the whole face counts half: few faces are shifted by more than twice the usual, while
points stand out by less. Of mistakes planted in MUCT 95 % are then in the first tenth (12 seeds);
with equal weights 92 %."""
_PART_WEIGHT = 0.4
"""A shift of one part against the rest counts less still: there are several. Of parts of MUCT faces
moved by .1 IOD, 20 of 21 are then in the first tenth, of other mistakes one in a hundred fewer."""
_SEEN_THERE, _UNDOUBTED = 0.5, 0.95 * DOUBTFUL
"""What is seen where it was placed by a model that was trained elsewhere, nearer than this share of
the way to where the others expect it, is unusual, but no more than this doubtful: a wink."""
_FEW = 15
"""What is usual of a point is known the less the fewer faces tell it: of so many, half as well. Of
40 faces of the sample that nothing is wrong with, two points were doubtful without this."""
_TINY = 0.025
"""And so is what lies nearer than this to where it is expected, in IOD."""
_EXPLAINED = 0.5
"""Another order of the points explains a face that it makes less unusual by this factor."""


def compare(
    scheme: Scheme,
    points: Points,
    judged: NDArray[np.bool_],
    fitted: Points,
    off: Points | None = None,
) -> list[Finding]:
    """Say of each face how unusual its points are, and what looks wrong.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    points : ndarray, shape (F, N, 2)
        Annotations; NaN where missing.
    judged : ndarray of bool, shape (F, N)
        Points that a person has seen and placed: a guess at a hidden one may be far off.
    fitted : ndarray, shape (F, N, 2)
        Where experts of other people see the points; NaN for a face without a picture.
    off : ndarray, shape (F, N, 2), optional
        How far each point is from where a model sees it that was trained elsewhere, in IOD; NaN
        where it does not say.

    Returns
    -------
    list of Finding
        One a face.
    """
    shapes = _Shapes.of(scheme, points, judged)
    misfit = shapes.misfit()
    shift, parts = _shifts(scheme, points, judged, fitted)
    odd = misfit.max(axis=1) / _usual(misfit.max(axis=1))
    moved = np.linalg.norm(shift, axis=1)
    away = np.nan_to_num(_SHIFT_WEIGHT * moved / _usual(moved))
    apart = _PART_WEIGHT * _alone(np.linalg.norm(parts, axis=2))
    findings: list[Finding] = []
    everywhere = tuple(range(len(scheme)))
    about: tuple[int, ...]
    for i in range(len(points)):
        worst, part = int(misfit[i].argmax()), int(apart[i].argmax())
        order = _misordered(scheme, shapes, i, worst) if odd[i] >= DOUBTFUL else None
        score = float(max(odd[i], away[i], apart[i, part]))
        far, about = np.inf, ()
        if order is not None:  # a fit that starts from such points ends anywhere, too
            found = Finding(score, order.what, "exchanged", order.about)
        elif score == away[i]:
            what = _shifted("All points", "beside the face", shift[i])
            found = Finding(score, what, "shifted")
            far, about = moved[i], everywhere
        elif score == apart[i, part]:
            name, members = list(scheme.groups.items())[part]
            where = f"beside the {said(name)} in the picture"
            what = _shifted(f"The points of {said(name)}", where, parts[i, part])
            found = Finding(score, what, "misplaced", members)
            far, about = float(np.linalg.norm(parts[i, part])), members
        else:
            far = shapes.distance(i, worst)
            what = f"Point {worst}, {scheme.names[worst]}, lies {far:.2f} IOD from where the other "
            what += "points expect it."
            score /= 1 + _FEW / len(points)
            found = Finding(score, what, "misplaced", (worst,))
            about = (worst,)
        there = off is not None and _seen(off[i], about) < _SEEN_THERE * far
        if there or far < _TINY:
            found = replace(found, score=min(score, _UNDOUBTED))
        findings.append(found)
    return findings


@dataclass(frozen=True, eq=False)
class _Shapes:
    """Aligned shapes and how their coordinates vary together.

    Parameters
    ----------
    usual : ndarray, shape (N, 2)
        The median shape, in the model frame.
    shapes : ndarray, shape (F, N, 2)
        In the model frame, missing points completed, `usual` taken off.
    judged : ndarray of bool, shape (F, N)
        Points that count.
    precision : ndarray, shape (2N, 2N)
        Inverse covariance of the coordinates.
    distances : ndarray, shape (F, N)
        Mahalanobis distance of each point from where the others expect it.
    typical : ndarray, shape (N,)
        Distance of each point from where the others expect it at which the most unusual tenth
        begins: a pupil looks about, an inner eye corner does not.
    """

    usual: Points
    shapes: Points
    judged: NDArray[np.bool_]
    precision: Values
    distances: Values
    typical: Values

    @classmethod
    def of(cls, scheme: Scheme, points: Points, judged: NDArray[np.bool_]) -> _Shapes:
        pdm, prior = fit_pdm(scheme, points, _COMPONENTS), sample_prior(scheme)
        complete = np.array([pdm.complete(p) for p in points])
        aligned = Similarities.onto(complete, pdm.mean).apply(complete)
        usual = np.median(aligned, axis=0)
        shapes = aligned - usual
        unusual = np.linalg.norm(shapes, axis=(1, 2))
        for _ in range(_ROUNDS):
            trusted = unusual <= np.quantile(unusual, _TRUSTED)
            precision = _precision(shapes[trusted], scheme.mirror, prior)
            count = trusted.sum() + (prior.weight if prior else 0.0)
            distances = _distances(shapes, precision, scheme.mirror, trusted, count)
            typical = np.quantile(distances, _TRUSTED, axis=0)
            unusual = np.where(judged, distances / typical, 0.0).max(axis=1)
        return cls(usual, shapes, judged, precision, distances, typical)

    def misfit(self) -> Values:
        """Distance of each point from where the others expect it, over the typical, (F, N)."""
        return np.where(self.judged, self.distances / self.typical, 0.0)

    def energy(self, face: int, order: Sequence[int]) -> float:
        """Mahalanobis distance squared of a face whose points are taken in another order.

        ``order`` names the point that each one is taken from; -1 for one that is lost, and is
        then where the others expect it.
        """
        known = np.array(order) >= 0
        shape = np.where(known[:, None], (self.shapes[face] + self.usual)[list(order)], np.nan)
        aligned = Similarity.between(shape, self.usual).apply(shape)
        row = (aligned - self.usual)[known].ravel()
        return marginal_distance(self.precision, np.repeat(known, 2), row)

    def distance(self, face: int, point: int) -> float:
        """How far a point lies from where the others expect it, in IOD."""
        own = slice(2 * point, 2 * point + 2)
        pulled = self.precision[own] @ self.shapes[face].ravel()
        return float(np.linalg.norm(residual_of_rest(self.precision[own, own], pulled)))


def _mirrored(shapes: Points, mirror: Sequence[int]) -> Points:
    return np.asarray((shapes * [-1.0, 1.0])[:, list(mirror)])


def _precision(shapes: Points, mirror: Sequence[int], prior: ShapePrior | None) -> Values:
    """Inverse covariance of shapes and of their mirror images.

    Among few faces one that winks would look wrong; what the sample knows of faces counts as a
    few more.
    """
    rows = np.concatenate([shapes, _mirrored(shapes, mirror)]).reshape(2 * len(shapes), -1)
    covariance = rows.T @ rows / len(rows)
    if prior is not None:
        total = len(shapes) + prior.weight
        covariance = (len(shapes) * covariance + prior.weight * prior.covariance) / total
    covariance += _UNCERTAINTY * np.eye(rows.shape[1])
    return np.asarray(np.linalg.inv(covariance))


def _distances(
    shapes: Points,
    precision: Values,
    mirror: Sequence[int],
    trusted: NDArray[np.bool_],
    total: float,
) -> Values:
    """Mahalanobis distance of each point from its mean given all others, (F, N).

    With the precision matrix P of a Gaussian, it is that of the residual of
    `faceloop_runtime.pdm.gaussian.residual_of_rest`, whose covariance is P_ii^-1.

    A trusted face is part of what it is compared with, and one alone in its kind of mistake makes
    that mistake look usual. So it and its mirror image are taken out of P for it
    (Sherman-Morrison-Woodbury).
    """
    faces, count = shapes.shape[:2]
    own = np.stack([shapes, _mirrored(shapes, mirror)], axis=1).reshape(faces, 2, -1)
    pulled = own @ precision
    within = pulled @ own.transpose(0, 2, 1)
    rest = 2 * total * np.eye(2) - within
    back = np.where(trusted[:, None, None], np.linalg.inv(rest), 0.0)
    pull = pulled[:, 0] + np.einsum("fi,fij,fjd->fd", within[:, 0], back, pulled)
    blocks = precision.reshape(count, 2, count, 2)[np.arange(count), :, np.arange(count)]
    by_point = pulled.reshape(faces, 2, count, 2)
    blocks = blocks + np.einsum("finx,fij,fjny->fnxy", by_point, back, by_point)
    pull = pull.reshape(faces, count, 2)
    return np.asarray(np.sqrt(np.einsum("fni,fni->fn", pull, residual_of_rest(blocks, pull))))


def _shifts(
    scheme: Scheme, points: Points, judged: NDArray[np.bool_], fitted: Points
) -> tuple[Points, Points]:
    """How far each annotation lies from its fit, beyond the usual, in IOD.

    Returns
    -------
    whole : ndarray, shape (F, 2)
        All points together.
    parts : ndarray, shape (F, G, 2)
        The points of each group of the scheme, beyond that.
    """
    iod = np.linalg.norm(fitted[:, scheme.iod[1]] - fitted[:, scheme.iod[0]], axis=1)
    apart = (points - fitted) / iod[:, None, None]
    # Annotators place some points where experts do not see them; that is the same in all faces.
    known = ~np.isnan(apart).all(axis=(0, 2))
    apart[:, known] -= np.nanmedian(apart[:, known], axis=0)
    shift = np.full((len(points), 2), np.nan)
    seen = ~np.isnan(apart).all(axis=(1, 2))
    shift[seen] = np.nanmedian(apart[seen], axis=1)
    told = judged & ~np.isnan(apart).any(axis=2)
    beyond = np.where(told[..., None], apart - shift[:, None], 0.0)
    parts = [
        beyond[:, list(part)].sum(axis=1) / np.maximum(told[:, list(part)].sum(axis=1), 1)[:, None]
        for part in scheme.groups.values()
    ]
    return shift, np.stack(parts, axis=1)


def _alone(apart: Values) -> Values:
    """How unusual the distance of each part (F, G) is, if that of the face's other parts is not.

    A fit that has gone astray, on glasses for instance, is off in several parts.
    """
    unusual = np.nan_to_num(apart / [_usual(part) for part in apart.T])
    second = np.sort(unusual, axis=1)[:, -2:-1] if unusual.shape[1] > 1 else 0.0
    return np.asarray(unusual / np.maximum(second, 1.0))


def _usual(values: Values) -> float:
    """Where the most unusual tenth begins."""
    return max(float(np.nanquantile(values, _TRUSTED)), 1e-12)


def _shifted(points: str, where: str, shift: Values) -> str:
    x, y = shift
    across = f"{abs(x):.2f} to the {'right' if x > 0 else 'left'}"
    along = f"{abs(y):.2f} {'down' if y > 0 else 'up'}"
    parts = [text for text, value in ((across, x), (along, y)) if abs(value) >= 0.005]
    return f"{points} lie {where}: {' and '.join(parts) or across}, in units of the IOD."


def _seen(off: Points, about: Sequence[int]) -> float:
    """How far some points of a face together are from where they are seen, in IOD."""
    known = off[[k for k in about if not np.isnan(off[k]).any()]]
    return float(np.linalg.norm(known.mean(axis=0))) if len(known) else np.inf


def _misordered(scheme: Scheme, shapes: _Shapes, face: int, worst: int) -> Order | None:
    """Name the mistake in the order of the points that explains a face, if one does."""
    right = list(range(len(scheme)))
    as_is = shapes.energy(face, right)
    # An order that leaves points out has to do better than leaving out the one that stands out.
    alone = shapes.energy(face, [-1 if i == worst else i for i in right])
    tried = [
        (shapes.energy(face, order.sources) / (alone if -1 in order.sources else as_is), order)
        for order in orders(scheme, worst)
    ]
    share, order = min(tried, key=lambda one: (one[0], one[1].what))
    return order if share < _EXPLAINED else None
