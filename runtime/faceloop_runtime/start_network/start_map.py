"""From what the start network says to pose and shape of a model's own scheme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from faceloop_runtime.geometry import Similarity

if TYPE_CHECKING:
    from .network import FaceDescription


@dataclass(frozen=True, eq=False)
class Start:
    """Where a search starts, and what is expected of the shape.

    Parameters
    ----------
    pose : Similarity
        From the model frame to the picture.
    b : ndarray, shape (K,)
        Shape parameters.
    spread : ndarray, shape (K,)
        How far they usually are from the truth (one standard deviation).
    visibility : ndarray, shape (N,)
        How likely each landmark is seen, 0 to 1.
    error : float
        How far the points usually are from the truth, in IOD.
    """

    pose: Similarity
    b: NDArray[np.float64]
    spread: NDArray[np.float64]
    visibility: NDArray[np.float64]
    error: float


@dataclass(frozen=True, eq=False)
class StartMap:
    """Linear map from a `FaceDescription` to where a search starts.

    Trained with the model in closed form, so that the one network starts every scheme.

    Parameters
    ----------
    weights : ndarray of float32, shape (FEATURES, 4 + K + N)
        Columns: scale and rotation ``a, b`` and shift ``tx, ty`` of the pose, from the model frame
        to the frame of the network's crop, the shape parameters, and whether each landmark is seen.
    offset : ndarray of float32, shape (4 + K + N,)
        The same at zero features.
    spread : ndarray of float32, shape (K,)
        How far the shape parameters usually are from the truth (one standard deviation), measured
        on subjects that the map was trained without.
    place : ndarray of float32, shape (4,)
        The usual pose in the frame of the crop: fields of a `Similarity`.
    error : ndarray of float32, shape (1,)
        How far the points usually are from the truth, in IOD, measured on the same subjects.
    """

    weights: NDArray[np.float32]
    offset: NDArray[np.float32]
    spread: NDArray[np.float32]
    place: NDArray[np.float32]
    error: NDArray[np.float32]

    def __call__(self, face: FaceDescription) -> Start:
        """Return where the search for a described face starts."""
        return self.start(face.frame, face.features)

    def start(self, frame: Similarity, features: NDArray[np.float32]) -> Start:
        """Return the same for the frame and the features of a description."""
        found = (features @ self.weights + self.offset).astype(np.float64)
        shown = 4 + len(self.spread)
        return Start(
            pose=frame.after(Similarity(*map(float, found[:4]))),
            b=found[4:shown],
            spread=self.spread.astype(np.float64),
            visibility=np.clip(found[shown:], 0.0, 1.0),
            error=float(self.error[0]),
        )

    def frame(self, pose: Similarity) -> Similarity:
        """Return where the network looks at a face of this pose: the frame of its crop."""
        return pose.after(Similarity(*map(float, self.place)).inverse())
