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
class StartMap:
    """Linear map from a `FaceDescription` to where a search starts.

    Trained with the model in closed form, so that the one network starts every scheme.

    Parameters
    ----------
    weights : ndarray of float32, shape (FEATURES, 4 + K)
        Columns: scale and rotation ``a, b`` and shift ``tx, ty`` of the pose, from the model frame
        to the frame of the network's crop, then the shape parameters.
    offset : ndarray of float32, shape (4 + K,)
        The same at zero features.
    spread : ndarray of float32, shape (K,)
        How far the shape parameters usually are from the truth (one standard deviation), measured
        on subjects that the map was trained without.
    place : ndarray of float32, shape (4,)
        The usual pose in the frame of the crop: fields of a `Similarity`.
    """

    weights: NDArray[np.float32]
    offset: NDArray[np.float32]
    spread: NDArray[np.float32]
    place: NDArray[np.float32]

    def __call__(self, face: FaceDescription) -> tuple[Similarity, NDArray[np.float64]]:
        """Return pose, from the model frame to the picture, and shape parameters (K,)."""
        return self.start(face.frame, face.features)

    def start(
        self, frame: Similarity, features: NDArray[np.float32]
    ) -> tuple[Similarity, NDArray[np.float64]]:
        """Return the same for the frame and the features of a description."""
        found = (features @ self.weights + self.offset).astype(np.float64)
        return frame.after(Similarity(*map(float, found[:4]))), found[4:]

    def frame(self, pose: Similarity) -> Similarity:
        """Return where the network looks at a face of this pose: the frame of its crop."""
        return pose.after(Similarity(*map(float, self.place)).inverse())
