"""What the reader of a tutorial has already: photos, a clip, files of other programs.

All of it is made of the bundled CC0 sample. Each function is given the reader's folder.
"""

from __future__ import annotations

import io
import shutil
import tarfile
from itertools import islice
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from faceloop_datasets import Conversion, Video, write_video
from faceloop_datasets.sample import sample_clip, sample_dir, sample_faces

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from faceloop_datasets.formats import FaceRecord

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
