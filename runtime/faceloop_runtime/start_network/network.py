"""The start network: what a face looks like as a whole, whatever its turn.

A small convolutional network that was trained on rendered faces only
(`faceloop_trainer.start_network` makes it). It takes a gray crop of 64 x 64 pixels and gives the 70
points of face70, which of them are seen, the turn of the head, whether it is a face at all, and 192
features, from which `StartMap` finds pose and shape of any scheme. OpenCV runs it.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from faceloop_datasets import FaceloopError
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.crop import FaceImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.detect.boxes import FaceBox

    Gray = NDArray[np.uint8]
    Floats = NDArray[np.float64]
    Rows = NDArray[np.float32]

SIDE = 64
"""Width and height of a crop, in pixels."""
POINTS = 70
FEATURES = 192 + 2 * POINTS
"""What a linear map looks at: the network's features, and where it puts its points."""
_HEATMAP = 16
_FILE = Path(__file__).parent / "start_network.onnx"
_OUTPUTS = ("features", "outputs", "heatmaps")
_CONTRAST = 8.0
"""Gray levels that are added to the spread of a crop before it is divided by it."""
_FINE = 2
"""A crop is cut that much larger and then averaged, so that nothing aliases."""
_ROOM = 1.35
"""Side of a crop, in units of the longer side of the upright box round the points."""
_LEAST_SCORE = 0.5
"""Of less likely faces the points are not believed, and no second look is taken."""
_TURN_ERROR = (4.5, 5.0)
"""Mean error of the turn of a head that looks ahead, in degrees, and how much it grows to the side
(with 1 - cos(yaw)): of rendered people kept aside."""
_BOX_CENTRE, _BOX_SIDE = (0.505, 0.648), 1.156
"""Where the crop's middle lies in a `FaceBox`, and the crop's side, as shares of the box's width:
means over 1,044 rendered faces."""


@dataclass(frozen=True, eq=False)
class FaceDescription:
    """What the start network says about a face.

    Parameters
    ----------
    frame : Similarity
        From the frame of the crop (origin in the middle, side 1) to the picture.
    features : ndarray of float32, shape (FEATURES,)
        For linear maps; the points among them are in the frame of the crop.
    visibility : ndarray, shape (70,)
        Probability that each point of face70 is seen, 0 to 1.
    yaw, pitch, roll : float
        Of the head, in degrees: yaw > 0 turns to the right of the picture, pitch > 0 looks down,
        roll > 0 leans to the right.
    score : float
        Probability that it is a face, 0 to 1.
    error : float
        Expected mean error of the points, in sides of the crop.
    """

    frame: Similarity
    features: Rows
    visibility: Floats
    yaw: float
    pitch: float
    roll: float
    score: float
    error: float

    @property
    def turn_error(self) -> float:
        """By what angle the turn is usually wrong, in degrees."""
        ahead, more = _TURN_ERROR
        return ahead + more * (1.0 - float(np.cos(np.deg2rad(self.yaw))))

    @property
    def points(self) -> Floats:
        """The 70 points of face70 in the picture, (70, 2), in pixels."""
        inside = self.features[-2 * POINTS :].reshape(-1, 2).astype(np.float64)
        return self.frame.apply(inside)


def frame_of_box(box: FaceBox) -> Similarity:
    """Return the frame of the crop for a found face, upright as its box."""
    turn = Similarity.from_polar(1.0, float(np.deg2rad(box.roll)), *box.centre)
    x, y = (_BOX_CENTRE[0] - 0.5) * box.width, (_BOX_CENTRE[1] - 0.5) * box.height
    return turn.after(Similarity(box.width * _BOX_SIDE, 0.0, x, y))


def frame_of_points(points: Floats, angle: float = 0.0) -> Similarity:
    """Return the frame of the crop round points (N, 2), NaN where unknown, turned by an angle."""
    turn = Similarity.from_polar(1.0, angle, 0.0, 0.0)
    upright = turn.inverse().apply(points)
    low, high = np.nanmin(upright, axis=0), np.nanmax(upright, axis=0)
    side = _ROOM * float((high - low).max())
    return turn.after(Similarity(side, 0.0, *map(float, (low + high) / 2)))


def describe(gray: Gray, frame: Similarity) -> FaceDescription:
    """Look at a face, and again where it was found to be, upright.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        The picture.
    frame : Similarity
        Roughly where the face is: the frame of the crop, from `frame_of_box` or
        `frame_of_points`.

    Raises
    ------
    FaceloopError
        If the network that came with faceloop is missing or damaged.
    """
    picture = _around(gray, frame)
    first = _look(picture, frame)
    if first.score < _LEAST_SCORE:
        return first
    return _look(picture, frame_of_points(first.points, float(np.deg2rad(first.roll))))


def look(gray: Gray, frame: Similarity) -> FaceDescription:
    """Look at a face once, in this very frame; arguments and errors are those of `describe`."""
    return _look(_around(gray, frame), frame)


def network_key() -> str:
    """Return the hash of the network: what was computed by another one is not the same."""
    return hashlib.sha256(_content()).hexdigest()


def _around(gray: Gray, frame: Similarity) -> FaceImage:
    return FaceImage(gray, frame, np.sqrt(0.5), _FINE * SIDE)


def _look(picture: FaceImage, frame: Similarity) -> FaceDescription:
    crop = picture.crop(frame, _FINE * SIDE, _FINE * SIDE)
    small = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    features, heads, heatmaps = _run(standardised(np.asarray(small, np.float32)))
    inside = points_of_heatmaps(heatmaps) + heads[: 2 * POINTS].reshape(-1, 2)
    rest = heads[2 * POINTS :].astype(np.float64)
    turned = np.rad2deg(frame.angle + np.arctan2(rest[POINTS + 3], rest[POINTS + 2]))
    return FaceDescription(
        frame=frame,
        features=np.concatenate([features, inside.reshape(-1)]),
        visibility=_probability(rest[:POINTS]),
        yaw=float(np.rad2deg(rest[POINTS])),
        pitch=float(np.rad2deg(rest[POINTS + 1])),
        roll=float((turned + 180.0) % 360.0 - 180.0),
        score=float(_probability(rest[POINTS + 4])),
        error=float(np.exp(min(rest[POINTS + 5], 0.0))),
    )


def standardised(crops: Rows) -> Rows:
    """Bring crops (..., H, W) to mean 0 and a spread of about 1."""
    centred = crops - crops.mean(axis=(-1, -2), keepdims=True)
    return np.asarray(centred / (centred.std(axis=(-1, -2), keepdims=True) + _CONTRAST), np.float32)


def points_of_heatmaps(heatmaps: Rows) -> Rows:
    """Return the mean place of each heatmap (N, H, H), (N, 2), in the frame of the crop."""
    flat = heatmaps.reshape(len(heatmaps), -1)
    weights = np.exp(flat - flat.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    steps = ((np.arange(_HEATMAP) + 0.5) / _HEATMAP - 0.5).astype(np.float32)
    maps = weights.reshape(-1, _HEATMAP, _HEATMAP)
    return np.stack([maps.sum(axis=1) @ steps, maps.sum(axis=2) @ steps], axis=1)


def _probability(logits: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-np.clip(logits, -50.0, 50.0)))


class _Networks(threading.local):
    """A network for each thread, since a network of OpenCV serves one at a time."""

    def __init__(self) -> None:
        self.net = cv2.dnn.readNetFromONNX(np.frombuffer(_content(), np.uint8))


@cache
def _networks() -> _Networks:
    return _Networks()


def _run(crop: Rows) -> tuple[Rows, Rows, Rows]:
    net = _networks().net
    net.setInput(crop[None, None])
    features, heads, heatmaps = net.forward(_OUTPUTS)
    return features[0], heads[0], heatmaps[0]


@cache
def _content() -> bytes:
    about = _FILE.with_suffix(".json")
    try:
        content = _FILE.read_bytes()
        expected = json.loads(about.read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, KeyError) as error:
        raise FaceloopError(
            f"The start network {_FILE} cannot be read ({error}). Install faceloop again."
        ) from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise FaceloopError(
            f"The start network {_FILE} is damaged: its content has not the hash that {about.name} "
            "gives. Install faceloop again."
        )
    return content
