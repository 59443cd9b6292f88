"""Outliers among a project's annotations: which differ from all the others, and how.

Each face is tested in two ways. Does each point lie where the other points of the face predict it,
given the covariance of all faces (Mahalanobis distance of one point's conditional distribution
given the rest, under a Gaussian)? And do the points as a whole, and those of each part, lie where
patch experts trained on other people place them (`fit_offsets`)? The estimates are robust: they
are taken from the nine tenths of the faces that are least unusual.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarities, Similarity
from faceloop_runtime.pdm.gaussian import marginal_distance, residual_of_rest
from faceloop_trainer.pdm.ppca import fit_pdm
from faceloop_trainer.pdm.prior import sample_prior

from .faults import DOUBTFUL_SCORE, Fault
from .fit_offsets import fit_offsets, offset_text, relative_to_other_parts, upper_decile
from .point_permutations import candidate_permutations, part_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_trainer.pdm.ppca import ShapePrior

    from .point_permutations import PointPermutation

    Points = NDArray[np.float64]
    Values = NDArray[np.float64]

_COMPONENTS = 30
_ROUNDS = 4
_INLIERS = 0.9
"""Share of the faces that the covariance and the typical distances are estimated from."""
_UNCERTAINTY = 3e-5
"""Variance added to each coordinate, in IOD squared: .005 IOD that no annotator can see."""
_FACE_WEIGHT = 0.5
"""Weight of an offset of the whole face: few faces are off by more than twice the typical offset,
while points stand out by less. Of mistakes planted in MUCT 95 % are then in the first tenth (12
seeds); with equal weights 92 %."""
_PART_WEIGHT = 0.4
"""Weight of an offset of one part against the rest: smaller, since there are several parts. Of the
parts of MUCT faces moved by .1 IOD, 20 of 21 are then in the first tenth, of other mistakes one in
a hundred fewer."""
_CONFIRMED_SHARE, _NOT_DOUBTFUL = 0.5, 0.95 * DOUBTFUL_SCORE
"""Points are confirmed where a model that was trained elsewhere sees them nearer to the annotation
than this share of their distance from the prediction. Such a face is unusual, but its score is at
most the second: a wink, for example."""
_FACES_FOR_TYPICAL = 15
"""The typical distance of a point is estimated less well from few faces: from so many, the score of
one point is halved. Of 40 faces of the sample that nothing is wrong with, two points were doubtful
without this."""
_TINY = 0.025
"""Distances below this, in IOD, are never doubtful."""
_EXPLAINED = 0.5
"""A permutation of the points explains a face whose Mahalanobis distance squared it reduces to less
than this share."""


def find_outliers(
    scheme: Scheme,
    points: Points,
    visible: NDArray[np.bool_],
    fitted: Points,
    offsets: Points | None = None,
    *,
    approved: NDArray[np.bool_] | None = None,
) -> list[Fault]:
    """Say of each face how unusual its points are, and what looks wrong.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    points : ndarray, shape (F, N, 2)
        Annotations; NaN where missing.
    visible : ndarray of bool, shape (F, N)
        Points to test: a person saw and placed them. Guessed positions of hidden points may be
        far off.
    fitted : ndarray, shape (F, N, 2)
        Out-of-fold fits; NaN for a face without a picture.
    offsets : ndarray, shape (F, N, 2), optional
        Each point minus its position in the fit of a model that was trained elsewhere, in IOD; NaN
        where unknown.
    approved : ndarray of bool, shape (F, N), optional
        Points that a person said are right: they show what is usual, and are no fault.

    Returns
    -------
    list of Fault
        One a face.
    """
    tested_points = visible if approved is None else visible & ~approved
    shapes = _ShapeDistribution.of(scheme, points, visible)
    unusual = shapes.unusual_points()
    of_face, of_parts = fit_offsets(scheme, points, visible, fitted)
    face_offset = np.linalg.norm(of_face, axis=1)
    usual = upper_decile(unusual.max(axis=1))
    unusual = np.where(tested_points, unusual, 0.0)
    by_points = unusual.max(axis=1) / usual
    by_face = np.nan_to_num(_FACE_WEIGHT * face_offset / upper_decile(face_offset))
    by_part = _PART_WEIGHT * relative_to_other_parts(np.linalg.norm(of_parts, axis=2))
    if approved is not None:
        by_face[~tested_points.any(axis=1)] = 0.0
        for number, group in enumerate(scheme.groups.values()):
            by_part[~tested_points[:, list(group)].any(axis=1), number] = 0.0
    faults: list[Fault] = []
    everywhere = tuple(range(len(scheme)))
    tested: tuple[int, ...]
    for i in range(len(points)):
        worst, part = int(unusual[i].argmax()), int(by_part[i].argmax())
        order = None
        if by_points[i] >= DOUBTFUL_SCORE:
            order = _explaining_permutation(scheme, shapes, i, worst)
        score = float(max(by_points[i], by_face[i], by_part[i, part]))
        far, tested = np.inf, ()
        if order is not None:  # first, since a fit that starts from such points ends anywhere, too
            fault = Fault(score, order.what, "exchanged", order.points)
        elif score == by_face[i]:
            what = offset_text("All points", "beside the face", of_face[i])
            fault = Fault(score, what, "shifted")
            far, tested = face_offset[i], everywhere
        elif score == by_part[i, part]:
            name, members = list(scheme.groups.items())[part]
            where = f"beside the {part_name(name)} in the picture"
            what = offset_text(f"The points of {part_name(name)}", where, of_parts[i, part])
            fault = Fault(score, what, "misplaced", members)
            far, tested = float(np.linalg.norm(of_parts[i, part])), members
        else:
            far = shapes.distance(i, worst)
            what = f"Point {worst}, {scheme.names[worst]}, lies {far:.2f} IOD from where the other "
            what += "points expect it."
            score /= 1 + _FACES_FOR_TYPICAL / len(points)
            fault = Fault(score, what, "misplaced", (worst,))
            tested = (worst,)
        confirmed = (
            offsets is not None and _mean_offset(offsets[i], tested) < _CONFIRMED_SHARE * far
        )
        if confirmed or far < _TINY:
            fault = replace(fault, score=min(score, _NOT_DOUBTFUL))
        if approved is not None and fault.points:
            fault = replace(fault, points=tuple(k for k in fault.points if not approved[i, k]))
        faults.append(fault)
    return faults


@dataclass(frozen=True, eq=False)
class _ShapeDistribution:
    """Aligned shapes and the covariance of their coordinates.

    Parameters
    ----------
    median : ndarray, shape (N, 2)
        The median shape, in the model frame.
    shapes : ndarray, shape (F, N, 2)
        In the model frame, minus the median; missing points are completed.
    visible : ndarray of bool, shape (F, N)
        Points to test.
    precision : ndarray, shape (2N, 2N)
        Inverse covariance of the coordinates.
    distances : ndarray, shape (F, N)
        Mahalanobis distance of each point from its prediction by the other points.
    typical : ndarray, shape (N,)
        Upper decile of the distances of each point: a pupil moves about, an inner eye corner does
        not.
    """

    median: Points
    shapes: Points
    visible: NDArray[np.bool_]
    precision: Values
    distances: Values
    typical: Values

    @classmethod
    def of(cls, scheme: Scheme, points: Points, visible: NDArray[np.bool_]) -> _ShapeDistribution:
        pdm, prior = fit_pdm(scheme, points, _COMPONENTS), sample_prior(scheme)
        complete = np.array([pdm.complete(p) for p in points])
        aligned = Similarities.onto(complete, pdm.mean).apply(complete)
        median = np.median(aligned, axis=0)
        shapes = aligned - median
        unusual = np.linalg.norm(shapes, axis=(1, 2))
        for _ in range(_ROUNDS):
            inliers = unusual <= np.quantile(unusual, _INLIERS)
            precision = _precision(shapes[inliers], scheme.mirror, prior)
            count = inliers.sum() + (prior.weight if prior else 0.0)
            distances = _distances(shapes, precision, scheme.mirror, inliers, count)
            typical = np.quantile(distances, _INLIERS, axis=0)
            unusual = np.where(visible, distances / typical, 0.0).max(axis=1)
        return cls(median, shapes, visible, precision, distances, typical)

    def unusual_points(self) -> Values:
        """Distance of each point over the typical one, (F, N); 0 for points not tested."""
        return np.where(self.visible, self.distances / self.typical, 0.0)

    def squared_distance(self, face: int, sources: Sequence[int]) -> float:
        """Mahalanobis distance squared of a face whose points are permuted.

        ``sources`` names the point that each one is taken from; -1 for one that is missing, over
        which the distribution is marginalised.
        """
        known = np.array(sources) >= 0
        shape = np.where(known[:, None], (self.shapes[face] + self.median)[list(sources)], np.nan)
        aligned = Similarity.between(shape, self.median).apply(shape)
        row = (aligned - self.median)[known].ravel()
        return marginal_distance(self.precision, np.repeat(known, 2), row)

    def distance(self, face: int, point: int) -> float:
        """How far a point lies from its prediction by the other points, in IOD."""
        own = slice(2 * point, 2 * point + 2)
        pulled = self.precision[own] @ self.shapes[face].ravel()
        return float(np.linalg.norm(residual_of_rest(self.precision[own, own], pulled)))


def _mirrored(shapes: Points, mirror: Sequence[int]) -> Points:
    """Mirror shapes; where it is not known what mirrors what, they are taken twice as they are."""
    if not mirror:
        return shapes
    return np.asarray((shapes * [-1.0, 1.0])[:, list(mirror)])


def _precision(shapes: Points, mirror: Sequence[int], prior: ShapePrior | None) -> Values:
    """Inverse covariance of shapes and of their mirror images.

    The prior from the sample counts as a few more faces: among few, one that winks would look
    wrong.
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
    inliers: NDArray[np.bool_],
    total: float,
) -> Values:
    """Mahalanobis distance of each point from its mean given all others, (F, N).

    With the precision matrix P of a Gaussian, it is that of the residual of
    `faceloop_runtime.pdm.gaussian.residual_of_rest`, whose covariance is P_ii^-1.

    A trusted face contributes to P, and a face alone in its kind of mistake makes that mistake
    look usual. So each is tested with itself and its mirror image left out of P
    (Sherman-Morrison-Woodbury).
    """
    faces, count = shapes.shape[:2]
    own = np.stack([shapes, _mirrored(shapes, mirror)], axis=1).reshape(faces, 2, -1)
    pulled = own @ precision
    within = pulled @ own.transpose(0, 2, 1)
    rest = 2 * total * np.eye(2) - within
    back = np.where(inliers[:, None, None], np.linalg.inv(rest), 0.0)
    pull = pulled[:, 0] + np.einsum("fi,fij,fjd->fd", within[:, 0], back, pulled)
    blocks = precision.reshape(count, 2, count, 2)[np.arange(count), :, np.arange(count)]
    by_point = pulled.reshape(faces, 2, count, 2)
    blocks = blocks + np.einsum("finx,fij,fjny->fnxy", by_point, back, by_point)
    pull = pull.reshape(faces, count, 2)
    return np.asarray(np.sqrt(np.einsum("fni,fni->fn", pull, residual_of_rest(blocks, pull))))


def _mean_offset(offsets: Points, tested: Sequence[int]) -> float:
    """Length of the mean offset of some points of a face, in IOD; infinite if none is known."""
    known = offsets[[k for k in tested if not np.isnan(offsets[k]).any()]]
    return float(np.linalg.norm(known.mean(axis=0))) if len(known) else np.inf


def _explaining_permutation(
    scheme: Scheme, shapes: _ShapeDistribution, face: int, worst: int
) -> PointPermutation | None:
    """Return the mistake in the order of the points that explains a face, if there is one."""
    identity = list(range(len(scheme)))
    as_is = shapes.squared_distance(face, identity)
    # A permutation that leaves points out has to do better than leaving out the worst point.
    without_worst = shapes.squared_distance(face, [-1 if i == worst else i for i in identity])
    candidates = [
        (
            shapes.squared_distance(face, order.sources)
            / (without_worst if -1 in order.sources else as_is),
            order,
        )
        for order in candidate_permutations(scheme, worst)
    ]
    share, order = min(candidates, key=lambda one: (one[0], one[1].what))
    return order if share < _EXPLAINED else None
