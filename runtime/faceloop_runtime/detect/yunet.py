"""A YuNet network, from a file of OpenCV's model zoo, by `cv2.FaceDetectorYN`.

Its five landmarks give the common box (see `FaceBox`) and the roll.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from faceloop_datasets import InputError
from faceloop_runtime.geometry import Similarity

from .boxes import FaceBox

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

_LEAST_SIDE = 8
"""Pictures with a shorter side have no face that could be seen."""
_LEAST_SCORE = 0.4
_FIVE = np.array([[0.31, 0.38], [0.68, 0.38], [0.51, 0.575], [0.345, 0.775], [0.65, 0.775]])
"""The image's left eye, right eye, nose tip, left and right mouth corner in the common box, as
shares of its width: medians over 750 MUCT and 360 sample faces in boxes of the cascade."""


class YuNet:
    """Finds upright faces.

    Parameters
    ----------
    path : Path
        A file ``face_detection_yunet_*.onnx`` that takes pictures of any size.

    Raises
    ------
    InputError
        If there is no such file, or it is no such network.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InputError(f"There is no YuNet file {path}. Give the path of an .onnx file.")
        self._lock = Lock()  # the network knows one size at a time
        try:
            self._net: Any = cv2.FaceDetectorYN.create(
                str(path), "", (32, 32), score_threshold=_LEAST_SCORE
            )
            for side in (32, 64):
                self._search(np.zeros((side, side, 3), np.uint8))
        except cv2.error as error:
            raise InputError(
                f"{path} is not a YuNet network that OpenCV {cv2.__version__} can run "
                f"({' '.join((error.err or str(error)).split())}). Expected a file that takes "
                "pictures of any size, such as face_detection_yunet_2026may.onnx of "
                "https://github.com/opencv/opencv_zoo; the one of 2023 does not run in OpenCV 5."
            ) from error

    def find(self, image: Image) -> list[FaceBox]:
        """Find faces in a gray (H, W) or RGB (H, W, 3) picture."""
        if min(image.shape[:2]) < _LEAST_SIDE:
            return []
        code = cv2.COLOR_GRAY2BGR if image.ndim == 2 else cv2.COLOR_RGB2BGR
        rows = self._search(np.asarray(cv2.cvtColor(image, code), dtype=np.uint8))
        return [
            five_point_box(row[4:14].reshape(5, 2), float(np.clip(row[14], 0, 1))) for row in rows
        ]

    def _search(self, bgr: Image) -> NDArray[np.float64]:
        with self._lock:
            self._net.setInputSize((bgr.shape[1], bgr.shape[0]))
            _, faces = self._net.detect(bgr)
        return np.zeros((0, 15)) if faces is None else np.asarray(faces, np.float64)


def five_point_box(points: NDArray[np.float64], score: float = 1.0) -> FaceBox:
    """Return the common box of a face.

    Parameters
    ----------
    points : ndarray, shape (5, 2)
        Eyes, nose tip and mouth corners, each pair with the image's left one first (of an upright
        face).
    score : float
        The box's.
    """
    return FaceBox(0.0, 0.0, 1.0, 1.0, 0.0, score).moved(Similarity.between(_FIVE, points))
