"""What the patch experts answer around each point of a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.fit.schedule import Pass
from faceloop_runtime.fit.steps import SearchStart, search
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.responses.experts import SEARCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime import FaceModel, Fit
    from faceloop_runtime.responses import ResponseBackend


@dataclass(frozen=True, eq=False)
class ResponseMaps:
    """Response maps of one face and where they lie in the picture.

    Attributes
    ----------
    maps : ndarray of float32, shape (N, S, S)
        Probability that the point is there, each map summing to 1.
    to_picture : tuple of Similarity, N
        From ``(column, row)`` of a map to pixels ``(x, y)`` of the picture.
    """

    maps: NDArray[np.float32]
    to_picture: tuple[Similarity, ...]


def response_maps(
    model: FaceModel, backend: ResponseBackend, gray: NDArray[np.uint8], fit: Fit
) -> ResponseMaps:
    """Ask the finest patch experts where the points are, around where a fit put them.

    Parameters
    ----------
    model : FaceModel
        The model that fitted.
    backend : ResponseBackend
        What computes responses; made for the model's experts.
    gray : ndarray of uint8, shape (H, W)
        The picture.
    fit : Fit
        Where the face is.
    """
    still = [Pass(len(model.experts) - 1, ())]  # looks, and moves nothing
    found = search(model, backend, gray, SearchStart.at(model.pdm, fit.pose, fit.b), still).last
    pixel = 1 / found.evidence.scale
    middle = SEARCH // 2 * pixel
    placed = tuple(
        found.crop_pose.after(Similarity(pixel, 0.0, centre.real - middle, centre.imag - middle))
        for centre in found.evidence.centres
    )
    return ResponseMaps(found.evidence.maps, placed)
