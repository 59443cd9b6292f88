"""COCO keypoints, written: one JSON file, a line for each picture and each face."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.files import atomic_path
from faceloop_datasets.schemes.edges import edges_of

from ._face_keys import PictureSizes, estimated, own_subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from faceloop_datasets.schemes.scheme import Scheme

    from .format import NamedFace

ESTIMATED = "estimated_points"
"""In the attributes of an annotation, which COCO leaves to its users: numbers of points, from 0."""


def write_coco(faces: Sequence[NamedFace], dest: Path, scheme: Scheme) -> None:
    """Write one file; what COCO has no word for stands in the attributes of annotations."""
    pictures = {(face.picture, face.record.frame): face.record for face in faces}
    numbers = {key: number for number, key in enumerate(pictures, 1)}
    clips = dict.fromkeys(name for name, frame in pictures if frame is not None)
    videos = {name: number for number, name in enumerate(clips, 1)}
    sizes = PictureSizes()
    members: dict[str, Iterable[object]] = {
        "categories": [_category(scheme)],
        "videos": ({"id": number, "name": name} for name, number in videos.items()),
        "images": (
            _image(number, key, videos, sizes.of(pictures[key])) for key, number in numbers.items()
        ),
        "annotations": (
            _annotation(number, numbers[face.picture, face.record.frame], face)
            for number, face in enumerate(faces, 1)
        ),
    }
    with atomic_path(dest) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"info": {"description": "Written by faceloop"}, "licenses": []')
        for key, values in members.items():
            file.write(f',\n"{key}": [')
            for number, value in enumerate(values):
                file.write((",\n" if number else "\n") + json.dumps(value))
            file.write("]")
        file.write("}\n")


def _category(scheme: Scheme) -> dict[str, object]:
    return {
        "id": 1, "name": scheme.name, "supercategory": "face", "keypoints": list(scheme.names),
        "skeleton": [[a + 1, b + 1] for a, b in edges_of(scheme)],
    }  # fmt: skip


def _image(
    number: int, key: tuple[str, int | None], clips: Mapping[str, int], size: tuple[int, int] | None
) -> dict[str, object]:
    name, frame = key
    found: dict[str, object] = {"id": number, "file_name": name}
    if frame is not None:
        path = PurePosixPath(name)
        picture = str(path.with_name(f"{path.stem}_{frame:06d}.png"))
        found |= {"file_name": picture, "video_id": clips[name], "frame_id": frame}
    return found if size is None else found | {"width": size[0], "height": size[1]}


def _annotation(number: int, picture: int, face: NamedFace) -> dict[str, object]:
    points, states = face.record.annotation.points, face.record.annotation.states
    keypoints: list[float] = []
    for (x, y), state in zip(points.tolist(), states, strict=True):
        if state == PointState.MISSING:
            keypoints += [0, 0, 0]
        else:
            keypoints += [x, y, 2 if state == PointState.VISIBLE else 1]
    present = points[face.record.annotation.present]
    low, size = present.min(axis=0), np.ptp(present, axis=0)
    attributes = {
        "subject": own_subject(face.record),
        "expression": face.record.expression,
        ESTIMATED: estimated(face.record),
    }
    return {
        "id": number, "image_id": picture, "category_id": 1, "iscrowd": 0,
        "bbox": [*low.tolist(), *size.tolist()], "area": float(size.prod()), "segmentation": [],
        "num_keypoints": len(present), "keypoints": keypoints,
        "attributes": {key: value for key, value in attributes.items() if value},
    }  # fmt: skip
