"""The average of a hundred rendered faces: a face that is nobody's.

Each face of the bundled sample is warped to one shape; the mean of the pixels is the picture. A
triangle counts by how much of it the face shows: a cheek that is turned away and lips that are
closed give little. The shape is that of open mouths, so that there is something to show between
the lips of someone who speaks.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_datasets import Scheme
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import SCHEME, sample_faces
from faceloop_runtime.geometry import Similarity

from .mesh import FaceMesh, doubled_areas, painted_order
from .texture import Texture
from .warp import CpuWarper, Window, labels_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Points = NDArray[np.float64]

AVERAGE_SCHEME = SCHEME
"""Scheme of the average's landmarks."""
_IOD = 120.0
"""Of the picture, in pixels."""
_OPEN = 0.2
"""Share of the faces, those with the most open mouths, whose shape the average has."""
_LIPS = ("inner upper lip middle", "inner lower lip middle")
_REACH = 1.3
"""Size of the picture: beyond the ears, so that a model can find the cheeks in it."""
_LEAST_WEIGHT = 1e-3
_UNUSUAL = 40.0
"""Distance from the mean, in levels, at which a pixel counts half."""


@cache
def average_picture() -> tuple[Image, Points]:
    """Return the average face; a second the first time.

    Returns
    -------
    image : ndarray of uint8, shape (H, W, 3)
        RGB.
    points : ndarray, shape (70, 2)
        Its landmarks of `AVERAGE_SCHEME`, in pixels.
    """
    scheme = Scheme.load(AVERAGE_SCHEME)
    faces = _most_frontal(scheme)
    shapes = [_aligned(points, scheme) for _, points in faces]
    mesh = FaceMesh.of(scheme, np.mean(shapes, axis=0), reach=_REACH)
    opening = [np.ptp(shape[[scheme.point(lip) for lip in _LIPS], 1]) for shape in shapes]
    most = np.argsort(opening)[-round(_OPEN * len(shapes)) :]
    points = _symmetric(np.mean([shapes[k] for k in most], axis=0), scheme) * _IOD
    vertices = mesh.vertices(points)
    low = vertices.min(axis=0) - 1
    image = _mean_picture(faces, mesh, vertices - low)
    return image, points - low


def _mean_picture(faces: Iterable[tuple[Path, Points]], mesh: FaceMesh, vertices: Points) -> Image:
    width, height = np.ceil(vertices.max(axis=0)).astype(int) + 2
    window, warper = Window(0, 0, width, height), CpuWarper()
    order = painted_order(vertices, mesh.triangles)
    label = labels_of(vertices[order], window)
    goal = np.abs(doubled_areas(vertices[order]))
    pictures, weights = [], []
    for path, landmarks in faces:
        own = mesh.vertices(landmarks)
        there = Texture(read_image(path, "rgb"), own)
        pictures.append(warper.warp(there, vertices, mesh.triangles, window)[0])
        shown = doubled_areas(own[order]).clip(0) / np.maximum(goal, 1e-9)
        weights.append(np.clip(shown / np.median(shown), _LEAST_WEIGHT, 1.0)[label])
    mean = _usual(pictures, weights)
    edge = cv2.dilate((label < 0).astype(np.uint8), np.ones((3, 3))) > 0
    mean[label < 0] = mean[edge & (label >= 0)].mean(axis=0)
    return np.asarray(np.rint(mean), np.uint8)


def _usual(pictures: list[Image], weights: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    """Return the weighted mean of pictures (H, W, 3), of what is usual in each place.

    A pixel counts less the further it is from the mean of all (Cauchy weights), as hair on a
    forehead is.
    """
    usual = np.zeros(1)
    for scale in (np.inf, _UNUSUAL, _UNUSUAL):
        total = np.zeros(pictures[0].shape, np.float32)
        count = np.zeros((*pictures[0].shape[:2], 1), np.float32)
        for picture, weight in zip(pictures, weights, strict=True):
            away = ((picture - usual) ** 2).sum(axis=2) / scale**2
            share = (weight / (1 + away)).astype(np.float32)[..., None]
            total += share * picture
            count += share
        usual = total / count
    return np.asarray(usual, np.float32)


def _most_frontal(scheme: Scheme) -> list[tuple[Path, Points]]:
    """Return one picture of each person, and its points: the one most like its mirror image."""
    best: dict[str, tuple[float, Path, Points]] = {}
    for record in sample_faces():
        shape = _aligned(record.annotation.points, scheme)
        skew = float(np.abs(shape - _mirrored(shape, scheme)).mean())
        person = str(record.subject)
        if record.image is not None and (person not in best or skew < best[person][0]):
            best[person] = skew, record.image.path, record.annotation.points
    return [(path, points) for _, path, points in best.values()]


def _aligned(points: Points, scheme: Scheme) -> Points:
    """Return a shape with its eyes level, its middle at the origin and an IOD of 1."""
    eyes = points[list(scheme.iod)]
    level = Similarity.between(eyes, np.array([[-0.5, 0.0], [0.5, 0.0]])).apply(points)
    return np.asarray(level - level.mean(axis=0))


def _symmetric(shape: Points, scheme: Scheme) -> Points:
    return (shape + _mirrored(shape, scheme)) / 2


def _mirrored(shape: Points, scheme: Scheme) -> Points:
    return np.asarray(shape[list(scheme.mirror)] * (-1.0, 1.0))
