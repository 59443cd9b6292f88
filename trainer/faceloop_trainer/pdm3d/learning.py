"""From annotated faces to a shape model in space, or to the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.wording import counted
from faceloop_runtime.pdm3d import ShapeModel3D, small_turns, turn_vectors, turns_of

from .depth import first_mean, reversed_depth, seen_from
from .structure import Observations, Structure, structure_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    Floats = NDArray[np.float64]

_MODES = 20
_VIEWS_A_MODE = 2
_FEWEST_POINTS, _FEWEST_FACES = 5, 12
_LEAST_TURN = 4.0
"""Root mean square of the yaw, in degrees, from which on depth can be told."""
_LEAST_AGREEMENT = 0.5
"""Least correlation of the yaw with what the start network sees: it is no turn of heads else."""


@dataclass(frozen=True, eq=False)
class Views:
    """Faces to learn from.

    Parameters
    ----------
    points : ndarray, shape (F, N, 2)
        Aligned to the mean shape; NaN where unknown.
    completed : ndarray, shape (F, N, 2)
        The same with all points, as the shape model in the plane completes them.
    weights : ndarray, shape (F,)
        How much each counts.
    rotations : ndarray, shape (F, 3, 3), or None
        How the start network sees the heads turned; NaN where it sees none. None where it is of no
        use.
    mirror : tuple of int
        The scheme's map, if the second half are the mirror images of the first; else nothing.
    """

    points: Floats
    completed: Floats
    weights: Floats
    rotations: Floats | None
    mirror: Sequence[int]

    @property
    def faces(self) -> int:
        """How many faces are shown."""
        return len(self.points) // (2 if self.mirror else 1)


@dataclass(frozen=True, eq=False)
class SpaceLearning:
    """What could be learned of the shape of faces in space.

    Parameters
    ----------
    model : ShapeModel3D or None
        None where the faces do not show it.
    about : dict
        ``faces``, the ``turn`` that was found (root mean square of the yaw, in degrees), its
        ``agreement`` with the start network (correlation), and under ``lacking`` why there is no
        model.
    """

    model: ShapeModel3D | None
    about: dict[str, object]


def learn_shape(scheme: Scheme, views: Views) -> SpaceLearning:
    """Learn a shape model in space.

    A face that looks into the camera has no turn there. Mirror images say what has no yaw and no
    roll; what has no pitch is a convention, the start network's, on the average of the faces. What
    neither says is zero on the average.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    views : Views
        The faces.
    """
    about: dict[str, object] = {"faces": views.faces}
    if lacking := _too_few(len(scheme), views.faces):
        return SpaceLearning(None, {**about, "lacking": lacking})
    found = _structure(views)
    yaw = turns_of(found.poses.rotation)[:, 0]
    turn = float(np.sqrt((yaw**2).mean()))
    about["turn"] = round(turn, 1)
    if views.rotations is not None:
        agreement = _correlation(yaw, turns_of(views.rotations)[:, 0])
        if agreement is not None:
            about["agreement"] = round(abs(agreement), 2)
            found = reversed_depth(found) if agreement < 0 else found
    if lacking := _too_little(turn, about):
        return SpaceLearning(None, {**about, "lacking": lacking})
    return SpaceLearning(_model(scheme, _facing_ahead(found, views)), about)


def _too_few(points: int, faces: int) -> str:
    if points < _FEWEST_POINTS:
        tell = counted(points, "point does", "points do")
        return f"{tell} not tell depth from shape; {_FEWEST_POINTS} are needed."
    if faces < _FEWEST_FACES:
        few = counted(faces, "face is", "faces are")
        return f"{few} too few to tell depth from; {_FEWEST_FACES} are needed."
    return ""


def _too_little(turn: float, about: dict[str, object]) -> str:
    advice = "Add faces that look to either side."
    if turn < _LEAST_TURN:
        return (
            f"The {about['faces']} faces are turned by {turn:.1f} degrees (root mean square of the "
            f"yaw), too little to tell depth from; {_LEAST_TURN:.0f} are needed. {advice}"
        )
    if float(str(about.get("agreement", 1.0))) < _LEAST_AGREEMENT:
        return (
            f"How the points of the {about['faces']} faces move is not how heads turn in these "
            f"pictures (correlation {about['agreement']}, {_LEAST_AGREEMENT} is needed). {advice}"
        )
    return ""


def _structure(views: Views) -> Structure:
    known = np.asarray(~np.isnan(views.points).any(axis=2))
    points = np.where(known[..., None], views.points, 0.0)
    seen = Observations(points, known, views.weights, views.mirror)
    modes = max(1, min(_MODES, len(points) // _VIEWS_A_MODE, points.shape[1] - _FEWEST_POINTS))
    return structure_from(seen, first_mean(views.completed, views.weights, views.mirror), modes)


def _correlation(own: Floats, theirs: Floats) -> float | None:
    """Return how far two opinions on the yaw agree; None where too few faces have both."""
    known = ~np.isnan(theirs)
    if known.sum() < _FEWEST_FACES or not min(own[known].std(), theirs[known].std()) > 0:
        return None
    return float(np.corrcoef(own[known], theirs[known])[0, 1])


def _facing_ahead(found: Structure, views: Views) -> Structure:
    """Turn the frame so that a face without a turn looks ahead."""
    rotation = found.poses.rotation
    ahead = np.eye(3) if views.rotations is None else views.rotations
    off = turn_vectors(np.swapaxes(rotation, 1, 2) @ ahead)
    middle = np.nanmedian(off, axis=0)
    if views.mirror:
        middle[1:] = 0.0
    return seen_from(found, small_turns(middle))


def _model(scheme: Scheme, found: Structure) -> ShapeModel3D:
    """Return the structure with modes of unit length, and the size that mean shapes have."""
    size = float(scheme.inter_ocular_distance(found.mean[:, :2]))
    loadings = found.loadings.reshape(len(found.loadings), found.mean.size) / size
    _, deviations, modes = np.linalg.svd(loadings, full_matrices=False)
    # A mode may point either way; fixing it makes training repeatable. Of the points of both
    # halves, which move alike, it is the first that decides, whatever the rounding.
    sizes = np.abs(modes)
    first = (sizes > 0.999 * sizes.max(axis=1, keepdims=True)).argmax(axis=1)
    signs = np.sign(modes[np.arange(len(modes)), first])
    variances = np.maximum(deviations**2, 1e-12)
    return ShapeModel3D(found.mean / size, modes * signs[:, None], variances, found.noise / size**2)
