"""Tasks that Label Studio imports, and the labelling interface that they need."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.files import atomic_path

from ._face_keys import PictureSizes, own_subject
from ._point_names import names_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from faceloop_datasets.schemes.scheme import Scheme

    from .format import NamedFace

POINTS = "points"
"""Member of a task's data: which points there are."""

_HALF = 0.5
_NOTES = {PointState.OCCLUDED: "occluded", PointState.ESTIMATED: "estimated"}
_LOCAL = "/data/local-files/?d="


def config_beside(dest: Path) -> Path:
    """File of the labelling interface beside the tasks."""
    return dest.with_name(f"{dest.stem}.config.xml")


def write_labelstudio(faces: Sequence[NamedFace], dest: Path, scheme: Scheme) -> None:
    """Write tasks, and beside them the interface to paste into the project's settings."""
    by_picture: dict[str, list[NamedFace]] = {}
    for face in faces:
        by_picture.setdefault(face.picture, []).append(face)
    sizes = PictureSizes()
    with atomic_path(dest) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.write("[")
        for number, (picture, there) in enumerate(by_picture.items()):
            size = sizes.of(there[0].record)
            if size is None:
                raise InputError(
                    f"{there[0].record.image} is no picture that can be read, and Label Studio's "
                    "positions are percent of its size. Put the picture back, or remove the face."
                )
            task = _task(picture, there, size, scheme)
            file.write((",\n" if number else "\n") + json.dumps(task))
        file.write("\n]\n")
    with atomic_path(config_beside(dest)) as part:
        part.write_text(_config(scheme), encoding="utf-8", newline="\n")


def _config(scheme: Scheme) -> str:
    labels = "\n".join(f"    <Label value={quoteattr(name)}/>" for name in scheme.names)
    return (
        '<View>\n  <Image name="image" value="$image"/>\n'
        '  <RectangleLabels name="box" toName="image">\n    <Label value="face"/>\n'
        '  </RectangleLabels>\n  <KeyPointLabels name="points" toName="image">\n'
        f"{labels}\n  </KeyPointLabels>\n</View>\n"
    )


def _task(
    picture: str, faces: Sequence[NamedFace], size: tuple[int, int], scheme: Scheme
) -> dict[str, object]:
    result = [
        region
        for number, face in enumerate(faces, 1)
        for region in _regions(face, number, size, scheme)
    ]
    data = {"image": f"{_LOCAL}{quote(picture)}", POINTS: names_text(scheme)}
    return {"data": data, "annotations": [{"result": result}]}


def _regions(
    face: NamedFace, number: int, size: tuple[int, int], scheme: Scheme
) -> Iterator[dict[str, object]]:
    annotation, record = face.record.annotation, face.record
    percent = (annotation.points + _HALF) * 100 / np.array(size)
    shared = {
        "original_width": size[0], "original_height": size[1], "image_rotation": 0,
        "to_name": "image",
    }  # fmt: skip
    (x, y), (right, bottom) = np.nanmin(percent, axis=0), np.nanmax(percent, axis=0)
    box = {"x": x, "y": y, "width": right - x, "height": bottom - y, "rotation": 0}
    notes = {"subject": own_subject(record), "expression": record.expression}
    yield {
        "id": f"face{number}", "type": "rectanglelabels", "from_name": "box", **shared,
        "value": {**box, "rectanglelabels": ["face"]},
        "meta": {"text": [f"{key}: {value}" for key, value in notes.items() if value]},
    }  # fmt: skip
    values = zip(scheme.names, percent.tolist(), annotation.states, strict=True)
    for place, (name, (x, y), state) in enumerate(values):
        if state != PointState.MISSING:
            note = _NOTES.get(PointState(state))
            yield {
                "id": f"face{number}-{place}", "type": "keypointlabels", "from_name": "points",
                **shared, "parentID": f"face{number}", "meta": {"text": [note] if note else []},
                "value": {"x": x, "y": y, "width": 0.3, "keypointlabels": [name]},
            }  # fmt: skip
