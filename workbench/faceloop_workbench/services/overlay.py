"""Fits drawn into pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_runtime import Fit, HeadPose

    Image = NDArray[np.uint8]

LINE_COLOUR = (70, 220, 255)
AXIS_COLOURS = ((255, 90, 90), (110, 235, 110), (110, 150, 255))
"""Of the axes of a head: to the side, down, and to where it looks."""
_AXIS = 0.6  # length of an axis that lies in the picture, in sizes of the face
_SURE, _UNSURE = np.array([60.0, 230.0, 90.0]), np.array([255.0, 60.0, 40.0])
_TEXT = (255, 255, 255)
_SURE_FROM = 0.5  # the best quarter of the points of a good fit have more confidence than this
_SUBPIXEL = 4  # bits after the point in OpenCV's coordinates


def draw_fits(image: Image, fits: Iterable[Fit], scheme: Scheme) -> Image:
    """Draw contours and points of faces, and what is known of each as `fit_text`.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB picture; it stays as it is.
    fits : iterable of Fit
        Fits in pixels of the picture; points are green where the model is sure of them, red
        where it is not, and those that are missing are left out. Three lines show how a head is
        turned, if that is known.
    scheme : Scheme
        Contours of the points.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    drawn = image.copy()
    lines = []
    for fit in fits:
        draw_fit(drawn, fit, scheme)
        lines.append(fit_text(fit))
    for row, line in enumerate(lines or ["no face"]):
        _write(drawn, line, row)
    return drawn


def fit_text(fit: Fit) -> str:
    """Say what error the model predicts of a fit, if it made it, and how the head is turned."""
    placed = fit.predicted_error == 0  # of points that a person placed, no model predicts one
    said = "corrected" if placed else f"predicted error {fit.predicted_error:.3f}"
    return said if fit.head_pose is None else f"{said}, {turn_text(fit.head_pose)}"


def turn_text(head: HeadPose, unit: str = "") -> str:
    """Say how a head is turned, in plain letters, as OpenCV draws them."""
    angles = {"yaw": head.yaw, "pitch": head.pitch, "roll": head.roll}
    return ", ".join(f"{name} {round(angle):+d}{unit}" for name, angle in angles.items())


def head_axes(fit: Fit, scheme: Scheme) -> NDArray[np.float64]:
    """Return the axes of a head as lines from the middle of its points.

    Returns
    -------
    ndarray, shape (3, 2, 2)
        Start and end of the axes to the side, down and to where the face looks, ``(x, y)``; none,
        (0, 2, 2), if it is not known how the head is turned.
    """
    length = _AXIS * scheme.frontal_iod(fit.points)
    if fit.head_pose is None or np.isnan(length):
        return np.zeros((0, 2, 2))
    middle = np.tile(np.nanmean(fit.points, axis=0), (3, 1))
    ends = middle + length * fit.head_pose.rotation[:2].T
    return np.stack([middle, ends], axis=1)


def draw_fit(image: Image, fit: Fit, scheme: Scheme, *, axes: bool = True) -> None:
    """Draw contours and points of a face into a picture itself; see `draw_fits`.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        Drawn into.
    fit, scheme
        As there.
    axes : bool
        Whether to draw how the head is turned.
    """
    size = float(np.nan_to_num(scheme.inter_ocular_distance(fit.points)))
    width = max(1, round(size / 120))
    there = np.asarray(~np.isnan(fit.points).any(axis=1))
    points = _fixed(np.where(there[:, None], fit.points, 0))
    for contour in scheme.contours:
        ends = list(contour.points)
        if there[ends].all():
            line = points[ends].reshape(-1, 1, 2)
            cv2.polylines(image, [line], contour.closed, LINE_COLOUR, width, cv2.LINE_AA, _SUBPIXEL)
            continue
        for a, b in zip(ends, ends[1:] + ends[: int(contour.closed)], strict=False):
            if there[a] and there[b]:
                start, end = points[[a, b]].tolist()
                cv2.line(image, start, end, LINE_COLOUR, width, cv2.LINE_AA, _SUBPIXEL)
    radius = round(max(1.2, size / 60) * 2**_SUBPIXEL)
    colours = confidence_colours(fit.confidence)
    for point, colour in zip(points[there].tolist(), colours[there].tolist(), strict=True):
        cv2.circle(image, point, radius, colour, cv2.FILLED, cv2.LINE_AA, _SUBPIXEL)
    for line, ink in zip(head_axes(fit, scheme) if axes else (), AXIS_COLOURS, strict=False):
        start, end = _fixed(line).tolist()
        cv2.line(image, start, end, ink, 2 * width, cv2.LINE_AA, _SUBPIXEL)


def confidence_colours(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colour points, (N, 3) in 0..255: green where the model is sure of them, red where not."""
    sure = np.clip(confidence / _SURE_FROM, 0.0, 1.0)[:, None]
    return np.asarray(sure * _SURE + (1 - sure) * _UNSURE)


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    # far outside the picture OpenCV's own integers would overflow
    near = np.clip(points, -10_000, 30_000)
    return np.asarray(np.rint(near * 2**_SUBPIXEL), dtype=np.int32)


def _write(image: Image, text: str, row: int) -> None:
    scale = max(0.4, image.shape[0] / 800)
    place = (round(10 * scale), round((22 + 24 * row) * scale * 1.2))
    for colour, shift in (((0, 0, 0), 1), (_TEXT, 0)):  # a shadow keeps it legible on white
        at = (place[0] + shift, place[1] + shift)
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
