"""What the reader of a tutorial has already: photos, a clip, files of other programs.

All of it is made of the bundled CC0 sample. Each function is given the reader's folder.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import cv2
import numpy as np
from PIL import Image

from faceloop_datasets import Conversion, Project, Video, write_video
from faceloop_datasets.formats import FaceRecord, ImageRef
from faceloop_datasets.sample import sample_clip, sample_dir, sample_faces

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Points = NDArray[np.float64]

FIRST_PHOTO = 1201


def photos(home: Path, count: str = "50") -> None:
    """A folder of photos as a camera names them, each of another person."""
    (home / "photos").mkdir()
    for number, face in enumerate(people(int(count))):
        painted(face, home / "photos" / f"IMG_{FIRST_PHOTO + number}.jpg")


def new_photo(home: Path) -> None:
    """One more photo, `new.jpg`, of somebody who is not among the others."""
    painted(people(60)[-1], home / "new.jpg")


def clip(home: Path, frames: str = "60") -> None:
    """The beginning of the sample clip as `talk.mp4`."""
    with Video(sample_clip()) as video:
        write_video(home / "talk.mp4", (frame.image for frame in islice(video, int(frames))), 25)


def people(count: int) -> list[FaceRecord]:
    """The first picture of each person of the sample, which looks ahead the most."""
    return list(islice(sample_faces(), 0, 4 * count, 4))


def picture(face: FaceRecord, file: Path) -> None:
    """Copy the picture of a face of the sample."""
    shutil.copyfile(sample_dir() / "stills" / face.image_name, file)


def painted(face: FaceRecord, file: Path) -> None:
    """Write the picture of a face as if it were painted.

    The starter has been trained on the pictures themselves. To it, painted ones are about as
    strange as photographs of people are.
    """
    with Image.open(sample_dir() / "stills" / face.image_name) as still:
        rgb = np.asarray(still.convert("RGB"))
    Image.fromarray(cv2.stylization(rgb, sigma_s=60, sigma_r=0.45)).save(file, quality=90)


def muct(home: Path, count: str = "12") -> None:
    """Archives as MUCT's: pictures of one camera, and the table of 76 points."""
    convert = Conversion.load("muct76", "face70")
    rows = [",".join(["name", "tag", *(f"{axis}{k:02d}" for k in range(76) for axis in "xy")])]
    with tarfile.open(home / "muct-a-jpg-v1.tar.gz", "w:gz") as pictures:
        for number, face in enumerate(islice(sample_faces(), 4 * int(count))):
            name = f"i{number // 4:03}{'qrst'[number % 4]}a-fn"
            pictures.add(sample_dir() / "stills" / face.image_name, f"jpg/{name}.jpg")
            points = _converted_back(face.annotation.points, convert.weights)
            rows.append(",".join([name, "0000", *(f"{value:.0f}" for value in points.ravel())]))
    table = "\n".join([*rows, ""]).encode()
    with tarfile.open(home / "muct-landmarks-v1.tar.gz", "w:gz") as landmarks:
        about = tarfile.TarInfo("muct-landmarks/muct76-opencv.csv")
        about.size = len(table)
        landmarks.addfile(about, io.BytesIO(table))


def _converted_back(points: Points, weights: Points) -> Points:
    """Points of another scheme, (M, 2), that convert to these, (N, 2), by weights (N, M).

    A point that nothing is converted from is in the middle of the face.
    """
    middle = points.mean(axis=0)
    return middle + np.linalg.pinv(weights) @ (points - middle)


def people_in_folders(home: Path, count: str = "12") -> None:
    """Two painted photos of each person in a folder, annotated in `faces`; nobody is named."""
    records = []
    for number, face in enumerate(sample_faces()):
        person, view = f"p{number // 4 + 1:02}", number % 4
        if number // 4 == int(count):
            break
        if view < 2:
            file = home / "photos" / person / f"{person}-{view + 1}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            painted(face, file)
            own = replace(face.annotation, source="manual")
            records.append(
                FaceRecord(file.stem, file.stem, ImageRef(file), file.name, own, str(file))
            )
    with Project.create(home / "faces") as project:
        project.import_entries("own", records, scheme="face70")


def clmtools(home: Path, count: str = "16") -> None:
    """A table as clmtools writes it, of 71 points, beside its pictures."""
    convert = Conversion.load("face70", "clmtrackr71")
    with (home / "annotations.csv").open("w", encoding="utf-8") as table:
        for number, face in enumerate(people(int(count))):
            name = f"face{number:02}.jpg"
            picture(face, home / name)
            points = convert.weights @ face.annotation.points
            table.write(";".join([name, *(f"{x:.2f};{y:.2f};true" for x, y in points)]) + "\n")


def imglab(home: Path, count: str = "16") -> None:
    """An XML file as dlib's imglab writes it, of 68 points, beside its pictures."""
    convert = Conversion.load("face70", "ibug68")
    root = ET.Element("dataset")
    images = ET.SubElement(root, "images")
    for number, face in enumerate(people(int(count))):
        image = ET.SubElement(images, "image", file=f"face{number:02}.jpg")
        picture(face, home / image.attrib["file"])
        points = (convert.weights @ face.annotation.points).round().astype(int)
        low, size = points.min(axis=0), np.ptp(points, axis=0)
        sides = zip(("left", "top", "width", "height"), (*low, *size), strict=True)
        box = ET.SubElement(image, "box", {side: str(value) for side, value in sides})
        for part, (x, y) in enumerate(points):
            ET.SubElement(box, "part", name=f"{part:02}", x=str(x), y=str(y))
    ET.ElementTree(root).write(home / "training.xml")


TWELVE = {
    "left eye outer": 23, "left eye inner": 25, "right eye outer": 28, "right eye inner": 30,
    "nose left": 34, "nose right": 40, "mouth left": 43, "mouth right": 49, "upper lip": 46,
    "lower lip": 52, "nose tip": 61, "chin": 7,
}  # fmt: skip
"""Points of a scheme of one's own, and those of `face70` that they are."""


def coco(home: Path, count: str = "24") -> None:
    """A COCO file of twelve keypoints, `annotated.json`, with its pictures."""
    (home / "annotated").mkdir()
    images, annotations = [], []
    for number, face in enumerate(people(int(count)), start=1):
        name = f"cartoon{number:02}.jpg"
        picture(face, home / "annotated" / name)
        points = face.annotation.points[list(TWELVE.values())].round(1)
        images.append({"id": number, "file_name": name, "width": 384, "height": 384})
        keypoints = [value for x, y in points.tolist() for value in (x, y, 2)]
        annotations.append(
            {"id": number, "image_id": number, "category_id": 1, "keypoints": keypoints,
             "num_keypoints": len(points), "iscrowd": 0, "area": 1e4, "bbox": [50, 50, 250, 250]}
        )  # fmt: skip
    category = {"id": 1, "name": "cartoon", "keypoints": list(TWELVE), "skeleton": []}
    whole = {"images": images, "annotations": annotations, "categories": [category]}
    (home / "annotated.json").write_text(json.dumps(whole), encoding="utf-8")


def cartoons(home: Path, count: str = "16") -> None:
    """A folder of painted faces."""
    (home / "drawings").mkdir()
    for number, face in enumerate(people(int(count)), start=1):
        painted(face, home / "drawings" / f"drawing{number:02}.jpg")
