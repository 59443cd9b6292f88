"""Initial positions of a face's points: from a fit, three clicks, key frames, or the other half."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceloopError, PointState
from faceloop_datasets.schemes.toml import INITIALISATION
from faceloop_datasets.tracks.blending import blend
from faceloop_datasets.wording import counted
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.pdm.gaussian import observe
from faceloop_runtime.start.finding import find_faces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_runtime import Detector, FaceModel, Fit, Fitter

    Points = NDArray[np.float64]
    Click = tuple[str, tuple[int, ...]]

_BOXES = 3
"""Most detected boxes that are fitted."""
_NO_START = 0.6
"""Predicted error from which a fit is no start. A poor one is better than none, and a model of few
faces doubts itself: a video's limit of .15 refused 19 of 100 photographs of Helen, this one 1. Of
what is no face, where the detector took it for one, the sample's least is .84."""
_CLICK_VARIANCE = 1e-9
"""Of a click, in IOD squared: hardly any, so that the clicked places stay where they are."""


def from_fit(fitter: Fitter, detector: Detector, image: NDArray[np.uint8]) -> Fit:
    """Find the face and fit the model to it.

    Parameters
    ----------
    fitter : Fitter
        Fits the model.
    detector : Detector
        Finds faces; where it finds none, the model's own looks.
    image : ndarray of uint8, shape (H, W) or (H, W, 3)
        The picture, gray or RGB.

    Returns
    -------
    Fit
        The best of the fits to the surest faces.

    Raises
    ------
    FaceloopError
        If no face was found.
    """
    boxes = find_faces(detector, fitter.model, image)[:_BOXES]
    fits = [fitter.fit(image, box) for box in boxes]
    if not fits or (best := min(fits, key=_expected_error)).predicted_error > _NO_START:
        raise FaceloopError(
            "No face was found in this picture. Start it with three clicks instead: on the "
            f"{_named(clicks_of(fitter.model.scheme))}."
        )
    return best


def _expected_error(fit: Fit) -> float:
    return fit.predicted_error


def clicks_of(scheme: Scheme) -> tuple[Click, Click, Click]:
    """Return where the three clicks go, and the points whose mean each is.

    The pupils, and the chin, which fixes the length of the face best; the mouth where a scheme has
    no chin, the nose where it has neither. Where a training has chosen the places, their points.
    """
    left, right, nose = (scheme.initialisation[key] for key in INITIALISATION)
    eyes = (
        (_place_name(scheme, left, "middle of the pupil on the left of the picture"), left),
        (_place_name(scheme, right, "middle of the pupil on its right"), right),
    )
    if "chin" in scheme.names and (chin := (scheme.names.index("chin"),)) not in (left, right):
        return *eyes, ("chin", chin)
    if "mouth" in scheme.groups:
        return *eyes, ("middle of the mouth", scheme.groups["mouth"])
    return *eyes, (_place_name(scheme, nose, "tip of the nose"), nose)


def _place_name(scheme: Scheme, points: tuple[int, ...], usual: str) -> str:
    """Name a place; ``usual`` is what schemes that know about eyes and nose mean by it."""
    names = [scheme.names[point] for point in points]
    if len(names) > 2 or any("pupil" in name or "nose" in name for name in names):
        return usual
    return f"point {names[0]}" if len(names) == 1 else f"middle of {names[0]} and {names[1]}"


def _named(clicks: tuple[Click, ...]) -> str:
    first, second, third = (name for name, _ in clicks)
    return f"{first}, the {second}, and the {third}"


def from_clicks(model: FaceModel, clicks: Points) -> Points:
    """Put the most probable face on three clicked places.

    Parameters
    ----------
    model : FaceModel
        Knows which shapes a face can take.
    clicks : ndarray, shape (3, 2)
        The places of `clicks_of`, usually the pupil on the image's left, that on its right, and
        the chin.

    Returns
    -------
    ndarray, shape (N, 2)
        In pixels. The clicked places are exactly where they were clicked.

    Raises
    ------
    FaceloopError
        If two of the clicks are the same place.
    """
    if len(np.unique(clicks, axis=0)) < 3:
        raise FaceloopError(
            "Two of the three clicks are in the same place. Click the "
            f"{_named(clicks_of(model.scheme))}."
        )
    pdm, scheme = model.pdm.independent, model.scheme
    places = [points for _, points in clicks_of(scheme)]
    pick = np.zeros((3, len(scheme)))
    for row, members in zip(pick, places, strict=True):
        row[list(members)] = 1 / len(members)
    two = np.asarray(np.kron(pick, np.eye(2)), dtype=np.float64)
    modes = (pdm.components.T * pdm.variances) @ pdm.components
    gain = observe(modes, two, _CLICK_VARIANCE)
    shape = pdm.mean
    for _ in range(3):
        pose = Similarity.between(pick @ shape, clicks)
        target = pose.inverse().apply(clicks)
        shape = pdm.mean + (gain @ (target - pick @ pdm.mean).ravel()).reshape(-1, 2)
    return pose.apply(shape)


def interpolate(before: Points, after: Points, share: float) -> Points:
    """Interpolate between two key frames.

    Position, size, rotation and shape go over one by one, so that a face that turns stays in
    shape half-way.

    Parameters
    ----------
    before, after : ndarray, shape (N, 2)
        The face in the two frames; NaN where missing.
    share : float
        How far to go, 0 for ``before`` to 1 for ``after``.

    Returns
    -------
    ndarray, shape (N, 2)
        NaN where either has none.
    """
    return np.asarray(blend(before, after, [share])[0])


def mirrored(model: FaceModel, points: Points, states: NDArray[np.uint8], from_side: str) -> Points:
    """Make one half of the face from the other.

    Parameters
    ----------
    model : FaceModel
        Its scheme knows which points are each other's mirror images.
    points : ndarray, shape (N, 2)
        In pixels; NaN where missing.
    states : ndarray of uint8, shape (N,)
        One `PointState` a point. Points that a person placed or confirmed say where the axis
        is; with fewer than three of them, all of the half that is kept do.
    from_side : {"left", "right"}
        The half to keep, of the image of an upright face.

    Returns
    -------
    ndarray, shape (N, 2)
        The other half is the mirror image about the face's own axis; its points whose partner
        is missing stay where they are.

    Raises
    ------
    FaceloopError
        If fewer than two points of the half are known, or the scheme has no mirror map.
    """
    if not model.scheme.mirror:
        raise FaceloopError(
            f"The scheme {model.scheme.name} does not say which points mirror each other."
        )
    order = np.asarray(model.scheme.mirror)
    x = model.pdm.mean[:, 0]
    sign = 1.0 if from_side == "left" else -1.0
    other = sign * (x - x[order]) > 0
    sure = np.isin(states, (PointState.VISIBLE, PointState.OCCLUDED))
    known = ~np.isnan(points).any(axis=1) & ~other
    axis = known & sure if (known & sure).sum() > 2 else known
    if axis.sum() < 2:
        raise FaceloopError(
            f"The {from_side} half of the face has {counted(int(axis.sum()), 'point')}; expected "
            "at least 2 to mirror. Place some points of it first."
        )
    flipped = model.pdm.mean * [-1.0, 1.0]
    symmetric = 0.5 * (model.pdm.mean + flipped[order])
    pose = Similarity.between(symmetric[axis], points[axis])
    image = pose.apply(pose.inverse().apply(points) * [-1.0, 1.0])[order]
    made = other & ~np.isnan(image).any(axis=1)
    return np.asarray(np.where(made[:, None], image, points))
