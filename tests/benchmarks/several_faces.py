"""How many of several faces in a picture are found, and whether a box says which one is meant.

    python tests/benchmarks/several_faces.py

Pictures are made of the photographs of afw, each cut to one annotated face: four at a time, of four
photographs, side by side and below each other, each 360 pixels wide or high at most. The model is
the starter, which has seen none of them. A face is found if a fit overlaps its annotated points as
far as the window asks (upright boxes, .3); what else is found are other people in the photographs,
or none. Then two of the four are known, and nothing may be found where they are. Boxes are those of
the annotated points, drawn badly: each side moved by up to 15 % of the box.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
from common import Report, add_common, data_dir

from faceloop_datasets.formats import read_faces
from faceloop_datasets.media.images import read_image
from faceloop_runtime import FaceModel
from faceloop_workbench.services.finding_faces import (
    find_new_faces,
    fit_in_box,
    is_same_face,
    points_box,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    Picture = NDArray[np.uint8]

_SIDE = 360


def faces(folder: Path, seed: int) -> list[tuple[Picture, Points]]:
    """Photographs and the points of their annotated face, in a seeded order, one a photograph."""
    found = {}
    for record in read_faces("ibug", [folder]):
        image = getattr(record, "image", None)
        if image is not None and image.path is not None:
            found.setdefault(image.path.stem.rpartition("_")[0], (image.path, record.annotation))
    rng = np.random.default_rng(seed)
    order = rng.permutation(sorted(found))
    made = []
    for name in order:
        path, annotation = found[name]
        pixels = read_image(path, "rgb")
        scale = _SIDE / max(pixels.shape[:2])
        size = tuple(max(int(side * scale), 1) for side in pixels.shape[1::-1])
        made.append((cv2.resize(pixels, size), annotation.points * scale))
    return made


def groups(every: list[tuple[Picture, Points]]) -> Iterator[tuple[Picture, list[Points]]]:
    """Pictures of four faces, and their points."""
    for first in range(0, len(every) - 3, 4):
        whole = np.zeros((2 * _SIDE, 2 * _SIDE, 3), np.uint8)
        points = []
        for place, (pixels, own) in enumerate(every[first : first + 4]):
            y, x = _SIDE * (place // 2), _SIDE * (place % 2)
            whole[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
            points.append(own + np.array([x, y]))
        yield whole, points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    add_common(parser)
    asked = parser.parse_args()
    model, rng = FaceModel.starter(), np.random.default_rng(asked.seed)
    count = hit = others = again = by_box = pictures = 0
    seconds = 0.0
    for picture, truth in groups(faces(data_dir() / "afw", asked.seed)):
        begun = time.process_time()
        fits = find_new_faces(model, picture, [])
        seconds += time.process_time() - begun
        pictures += 1
        count += len(truth)
        mine = [[is_same_face(fit.points, points) for points in truth] for fit in fits]
        hit += int(np.array(mine, bool).reshape(-1, len(truth)).any(axis=0).sum())
        others += sum(not any(row) for row in mine)
        for fit in find_new_faces(model, picture, truth[:2]):
            again += any(is_same_face(fit.points, points) for points in truth[:2])
        for points in truth:
            x, y, width, height = points_box(points)
            moved = rng.uniform(-0.15, 0.15, (2, 2)) * [width, height]
            corners = np.array([x, y]) + moved[0], np.array([x + width, y + height]) + moved[1]
            by_box += is_same_face(fit_in_box(model, picture, corners).points, points)
    report = Report(asked.json)
    report.table(
        "four faces a picture",
        [
            {
                "pictures": pictures,
                "faces": count,
                "found": hit,
                "found else": others,
                "known ones found again": again,
                "by a box": by_box,
                "processor, s a picture": round(seconds / max(pictures, 1), 2),
            }
        ],
    )


if __name__ == "__main__":
    main()
