"""Where in a picture faces are: scikit-image's LBP cascade, or a YuNet network.

What the cascade finds, by `Detector.detect` (intersection over union with the box of the
annotated points at least .4; no picture without a face is among the first five rows):

=============  ========  =========  ==================  ======
set            found     first box  boxes off the face  ms CPU
=============  ========  =========  ==================  ======
MUCT           750/752   750        21                  37
sample stills  365/400   362        41                  38
helen_train    375/400   365        76                  39
afw            153/172   149        27                  40
imm            120/120   120        11                  39
no face        --        --         20 in 40 pictures   112
=============  ========  =========  ==================  ======

Ten glances of `Detector.glance`, of 2.8 ms each, find together 361 of the sample stills' 400
faces, 357 of helen_train's, 134 of afw's, with three times as many boxes off the face.

Most of the missed are turned by 30 degrees and more. The margin round the picture brought the
sample from 51 to 64 of 80 found; CLAHE and finer steps found a third of those still missed.
Boxes off the face (some show faces that are not annotated) are told apart by the fit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from faceloop_datasets import InputError

from .geometry import Similarity

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Box = NDArray[np.float64]

_SIDE = 240
"""The smaller side of the copy that is searched for faces of the usual sizes, in pixels."""
_SMALLEST = 0.2
"""Least width of a usual face, as a share of the picture's smaller side."""
_PAD = 0.2
"""Margin round the copy, as a share of that side. The cascade wants the whole head, and
pictures are often nearly filled by it."""


@dataclass(frozen=True)
class _Search:
    """How the copy is searched.

    Parameters
    ----------
    smallest : float
        Least width of a face, as a share of the copy's smaller side.
    step : float
        Ratio of the widths that are tried.
    even : bool
        Whether contrast is evened out first (CLAHE).
    largest : float
        Greatest width, as `smallest`.
    stride : float
        Distance of the places that are tried, in pixels of the cascade's own size.
    """

    smallest: float
    step: float
    even: bool
    largest: float = np.inf
    stride: float = 1.0


_QUICK = _Search(0.25, 1.15, even=False)
_THOROUGH = _Search(0.2, 1.1, even=True)
_EDGES = (0.25, 0.2875, 0.33, 0.38, 0.5, np.inf)
_GLANCES = tuple(
    _Search(smallest, 1.15, even, largest, stride=1.4)
    for even in (False, True)
    for smallest, largest in pairwise(_EDGES)
)
"""A whole search, cut by the width of the faces into parts that take about as long."""
_VOTES = 2
"""Windows that must agree on a face."""
_SAME = 0.4
"""Windows that overlap by more (intersection over union) show the same face."""
_APART = 0.2
"""Faces that overlap by more are one, the one with more votes."""

_FIVE = np.array([[0.31, 0.38], [0.68, 0.38], [0.51, 0.575], [0.345, 0.775], [0.65, 0.775]])
"""The image's left eye, right eye, nose tip, left and right mouth corner in a box of the
cascade, as shares of its width: medians over 750 MUCT and 360 sample faces."""


class Detector:
    """Finds faces.

    Boxes of both methods mean the same place of the face: the cascade's box, from mid-forehead
    to below the mouth. A YuNet face is brought to that box by its five landmarks.

    Parameters
    ----------
    yunet : Path, optional
        A YuNet file (``face_detection_yunet_*.onnx``). Without it the cascade is used.
    smallest : float
        Least width of a face's box, as a share of the picture's smaller side; half of it takes
        four times as long.

    Raises
    ------
    InputError
        If there is no such file, it is no network that OpenCV can read, or the share is not
        between 0 and 1.
    """

    def __init__(self, yunet: Path | None = None, smallest: float = _SMALLEST) -> None:
        if not 0 < smallest <= 1:
            raise InputError(
                f"The smallest face cannot be {smallest} of the picture; expected a share between "
                f"0 and 1, such as {_SMALLEST}."
            )
        self._net = None if yunet is None else _load_yunet(yunet)
        self._share = smallest / _SMALLEST

    def detect(self, gray: Gray, *, thorough: bool = True) -> list[Box]:
        """Find faces.

        Parameters
        ----------
        gray : ndarray of uint8, shape (H, W)
            The picture, of any size; a reduced copy is searched.
        thorough : bool
            Whether the cascade searches again if it found nothing, which takes three times
            as long: for smaller faces, in finer steps and with even contrast.

        Returns
        -------
        list of ndarray, shape (4,)
            Boxes ``(x, y, width, height)`` in pixels, the surest first. They overlap little,
            and may reach beyond the picture.
        """
        small, scale = self._reduced(gray)
        if self._net is not None:
            found = _search_yunet(self._net, small)
        else:
            found = self._search(small, _QUICK)
            if thorough and not found:
                found = self._search(small, _THOROUGH)
        return _enlarged(found, scale)

    def glance(self, gray: Gray, turn: int) -> list[Box]:
        """Do a small part of a search; another one in each turn.

        Who has no face yet and many frames to come needs not search each of them whole: after
        ten turns faces of all sizes were looked for twice, and most are found sooner. A network
        cannot be cut in parts; it searches in every fifth turn.

        Parameters
        ----------
        gray : ndarray of uint8, shape (H, W)
            The picture; in each turn the next of a video.
        turn : int
            Counts the calls.

        Returns
        -------
        list of ndarray, shape (4,)
            Boxes as from `detect`.
        """
        if self._net is not None:
            return [] if turn % (len(_EDGES) - 1) else self.detect(gray)
        small, scale = self._reduced(gray)
        return _enlarged(self._search(small, _GLANCES[turn % len(_GLANCES)]), scale)

    def _reduced(self, gray: Gray) -> tuple[Gray, float]:
        scale = min(1.0, _SIDE / self._share / min(gray.shape))
        if scale == 1:
            return gray, scale
        small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return _u8(small), scale

    def _search(self, small: Gray, how: _Search) -> list[Box]:
        smallest, largest = how.smallest * self._share, how.largest * self._share
        return _search_cascade(small, replace(how, smallest=smallest, largest=largest))


def _enlarged(boxes: list[Box], scale: float) -> list[Box]:
    # Pixel centres: x = (x' + 0.5) / scale - 0.5. A box's corner is a corner of its pixel.
    return [box / scale + ((0.5 / scale - 0.5) * np.array([1, 1, 0, 0])) for box in boxes]


def _search_cascade(small: Gray, how: _Search) -> list[Box]:
    side = min(small.shape)
    pad = int(_PAD * side)
    if how.even:
        small = _u8(cv2.createCLAHE(clipLimit=2.0, tileGridSize=(4, 4)).apply(small))
    padded = cv2.copyMakeBorder(small, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    widest = int(min(*padded.shape, how.largest * side))
    cascade = _cascade()
    narrowest = max(cascade.window_width, int(how.smallest * side))
    if narrowest > widest:
        return []
    # Windows as they are: the cascade's own merging does not tell how many agreed.
    found = cascade.detect_multi_scale(
        padded,
        scale_factor=how.step,
        step_ratio=how.stride,
        min_size=(narrowest, narrowest),
        max_size=(widest, widest),
        min_neighbor_number=0,
        intersection_score_threshold=2.0,
    )
    windows = np.array([[w["c"], w["r"], w["width"], w["height"]] for w in found], np.float64)
    return merge(windows.reshape(-1, 4) - [pad, pad, 0, 0])


@cache
def _cascade() -> Any:
    # Imported here: it takes as long as the rest of the package, and a video needs it rarely.
    from skimage.data import lbp_frontal_face_cascade_filename  # noqa: PLC0415
    from skimage.feature import Cascade  # noqa: PLC0415

    return Cascade(lbp_frontal_face_cascade_filename())  # type: ignore[no-untyped-call]


def merge(windows: NDArray[np.float64]) -> list[Box]:
    """Merge windows that show the same face.

    Parameters
    ----------
    windows : ndarray, shape (M, 4)
        ``(x, y, width, height)`` each.

    Returns
    -------
    list of ndarray, shape (4,)
        The median window of each group of at least two, the largest group first; groups that
        overlap a larger one are left out.
    """
    same = overlap(windows, windows) > _SAME
    left = np.ones(len(windows), dtype=bool)
    kept: list[Box] = []
    while left.any():
        members = (same & left) * left[:, None]
        votes = members.sum(axis=1)
        if votes.max() < _VOTES:
            break
        group = members[votes.argmax()]
        left &= ~group
        box = np.median(windows[group], axis=0)
        if not kept or overlap(box[None], np.array(kept)).max() < _APART:
            kept.append(box)
    return kept


def overlap(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of boxes (M, 4) with boxes (L, 4), shape (M, L)."""
    a, b = first[:, None], second[None]
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    common = np.clip(high - low, 0.0, None).prod(axis=-1)
    union = a[..., 2:].prod(axis=-1) + b[..., 2:].prod(axis=-1) - common
    return np.asarray(common / union)


def _load_yunet(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"There is no YuNet file {path}. Give the path of an .onnx file.")
    try:
        return cv2.FaceDetectorYN.create(str(path), "", (_SIDE, _SIDE), score_threshold=0.6)
    except cv2.error as error:
        raise InputError(
            f"{path} is not a YuNet network that OpenCV can read ({error.err or error}). Expected "
            "a file such as face_detection_yunet_2023mar.onnx; download it again."
        ) from error


def _search_yunet(net: Any, small: Gray) -> list[Box]:
    net.setInputSize((small.shape[1], small.shape[0]))
    _, faces = net.detect(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR))
    rows = [] if faces is None else sorted(faces, key=lambda row: -float(row[14]))
    return [five_point_box(np.asarray(row[4:14], np.float64).reshape(5, 2)) for row in rows]


def five_point_box(points: NDArray[np.float64]) -> Box:
    """Box that the cascade would give a face.

    Parameters
    ----------
    points : ndarray, shape (5, 2)
        Eyes, nose tip and mouth corners, each pair with the image's left one first.

    Returns
    -------
    ndarray, shape (4,)
        ``(x, y, width, height)``.
    """
    pose = Similarity.between(_FIVE, points)
    (x, y), width = pose.apply(np.array([[0.5, 0.5]]))[0], pose.scale
    return np.array([x - width / 2, y - width / 2, width, width])


def _u8(image: Any) -> Gray:
    return np.asarray(image, dtype=np.uint8)
