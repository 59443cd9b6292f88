"""Where in a picture faces are: scikit-image's LBP cascade, or a YuNet network.

What the cascade finds, by `Detector.detect` before it looked for faces narrower than a fifth of
the picture (intersection over union with the box of the annotated points at least .4; no picture
without a face is among the first five rows):

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

Fifteen calls of `Detector.detect_part`, of 2 to 5 ms each, find together 361 of the sample stills'
400 faces, 357 of helen_train's, 134 of afw's, with four times as many boxes off the face.

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
from faceloop_runtime.geometry import Similarity

from .boxes import overlap

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Box = NDArray[np.float64]

_SIDE = 240
"""The smaller side of the copy that is searched for faces of the usual sizes, in pixels."""
_SMALLEST = 0.2
"""Least width of a usual face, as a share of the picture's smaller side."""


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
    margin : float
        Margin round the copy, as a share of its smaller side. The cascade wants the whole head,
        and pictures are often nearly filled by it.
    """

    smallest: float
    step: float
    even: bool
    largest: float = np.inf
    stride: float = 1.0
    margin: float = 0.2


_QUICK = _Search(0.25, 1.15, even=False)
_THOROUGH = _Search(0.2, 1.1, even=True)
_EDGES = (0.25, 0.2875, 0.33, 0.38, 0.5, np.inf)
_PARTS = tuple(
    _Search(smallest, 1.15, even, largest, stride=1.4)
    for even in (False, True)
    for smallest, largest in pairwise(_EDGES)
)
"""A whole search, cut by the width of the faces into parts that take about as long."""
_SMALL = _Search(0.125, 1.15, even=False, largest=0.25)
"""For faces half as wide, in a copy twice as large."""
_TILE = _Search(0.25, 1.15, even=True, largest=0.5, stride=1.4, margin=0.0)
"""For faces half as wide, in a part of the picture half as large."""
_TILE_EVERY = 3
"""Calls of `Detector.detect_part` of which one searches such a part."""
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

    def detect(self, gray: Gray, *, wanted: int = 1) -> list[Box]:
        """Find faces.

        Parameters
        ----------
        gray : ndarray of uint8, shape (H, W)
            The picture, of any size; a reduced copy is searched.
        wanted : int
            The cascade searches again while it has found fewer, which takes up to six times as
            long: in finer steps and with even contrast, then for faces half as wide.

        Returns
        -------
        list of ndarray, shape (4,)
            Boxes ``(x, y, width, height)`` in pixels, the surest first. They overlap little,
            and may reach beyond the picture.
        """
        if self._net is not None:
            small, scale = self._reduced(gray)
            return _enlarged(_search_yunet(self._net, small), scale)
        found: list[Box] = []
        for how, side in ((_QUICK, _SIDE), (_THOROUGH, _SIDE), (_SMALL, 2 * _SIDE)):
            small, scale = self._reduced(gray, side)
            for box in _enlarged(self._search(small, how), scale):
                if not found or overlap(box[None], np.array(found)).max() < _APART:
                    found.append(box)
            if len(found) >= wanted:
                break
        return found

    def detect_part(self, gray: Gray, call: int, width: float | None = None) -> list[Box]:
        """Do a small part of a search; another one in each call.

        In a video no frame has to be searched whole: after fifteen calls faces of the usual sizes
        were looked for twice, and most are found sooner. Every third call looks for faces half as
        wide, in one part of the picture after the other; it takes about sixty calls to look
        everywhere. A network cannot be cut in parts; it searches in every fifth call.

        Parameters
        ----------
        gray : ndarray of uint8, shape (H, W)
            The picture; in each call the next of a video.
        call : int
            Number of the call, from 0.
        width : float, optional
            Of a box that is expected, in pixels: every second call looks for about this width
            in the whole picture, unless it is narrower than usual.

        Returns
        -------
        list of ndarray, shape (4,)
            Boxes as from `detect`.
        """
        if self._net is not None:
            return [] if call % (len(_EDGES) - 1) else self.detect(gray)
        if width is not None:
            call, again = divmod(call, 2)
            share = width / (self._share * min(gray.shape))
            if again and share >= _EDGES[0]:
                return self._detect_part(gray, _expected(share, even=call % 2 == 1))
        rest, tile = call % _TILE_EVERY, call // _TILE_EVERY
        if rest == _TILE_EVERY - 1:
            return self._search_tile(gray, tile)
        number = tile * (_TILE_EVERY - 1) + rest
        return self._detect_part(gray, _PARTS[number % len(_PARTS)])

    def _detect_part(self, gray: Gray, how: _Search) -> list[Box]:
        small, scale = self._reduced(gray)
        return _enlarged(self._search(small, how), scale)

    def _search_tile(self, gray: Gray, number: int) -> list[Box]:
        side = max(1, int(0.5 * self._share * min(gray.shape)))
        step = max(1, side // 2)  # no face is wider, so each is whole in one of the tiles
        rows, columns = (range(0, max(1, n - side + step), step) for n in gray.shape)
        row, column = divmod(number % (len(rows) * len(columns)), len(columns))
        x, y = (
            min(at, n - side)
            for at, n in ((columns[column], gray.shape[1]), (rows[row], gray.shape[0]))
        )
        scale = min(1.0, _SIDE / side)
        small = _resized(gray[y : y + side, x : x + side], scale)
        place = np.array([x, y, 0.0, 0.0])
        return [box + place for box in _enlarged(_search_cascade(small, _TILE), scale)]

    def _reduced(self, gray: Gray, side: int = _SIDE) -> tuple[Gray, float]:
        scale = min(1.0, side / self._share / min(gray.shape))
        return _resized(gray, scale), scale

    def _search(self, small: Gray, how: _Search) -> list[Box]:
        smallest, largest = how.smallest * self._share, how.largest * self._share
        return _search_cascade(small, replace(how, smallest=smallest, largest=largest))


def _expected(share: float, *, even: bool) -> _Search:
    # A face that turns away or comes from the edge is found in windows of other widths.
    return _Search(0.8 * share, 1.15, even, largest=1.2 * share, stride=1.4)


def _resized(gray: Gray, scale: float) -> Gray:
    if scale == 1:
        return np.ascontiguousarray(gray)
    return _u8(cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def _enlarged(boxes: list[Box], scale: float) -> list[Box]:
    # Pixel centres: x = (x' + 0.5) / scale - 0.5. A box's corner is a corner of its pixel.
    return [box / scale + ((0.5 / scale - 0.5) * np.array([1, 1, 0, 0])) for box in boxes]


def _search_cascade(small: Gray, how: _Search) -> list[Box]:
    side = min(small.shape)
    pad = int(how.margin * side)
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
