"""Time of a fit and of a tracked frame on one core, by size of the image and by stage.

    python tests/benchmarks/speed.py
    python tests/benchmarks/speed.py --model m.safetensors --backend cpu

Frames of franck.webm (360 x 288), decoded beforehand; larger and smaller images are the same frames
resized. A fit starts from the face's own pose, jittered as in training; a tracked frame from the
last one. Medians; processor time with the CPU backend (which equals wall time on an idle core).
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from common import Report, add_common, clock_of, data_dir, one_core

import faceloop_runtime.fitter as stages
from faceloop_datasets import Video
from faceloop_runtime import FaceModel, Tracker
from faceloop_runtime.crop import FaceImage
from faceloop_runtime.experts import PatchExperts
from faceloop_runtime.fitter import FROM_NEAR, FROM_START, Fitter
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.starts import Jitter, jittered_pose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SIZES = (0.5, 1.0, 2.0, 4.0, 8.0)
_COUNT = 100


def frames(count: int) -> list[np.ndarray]:
    """Return the first frames, gray."""
    video = Video(data_dir() / "talking_face" / "franck.webm")
    return [frame.gray() for frame in islice(video, count)]


@contextmanager
def clocks(fitter: Fitter, clock: Callable[[], float]) -> Iterator[dict[str, float]]:
    """Add up the time spent in each stage of a fit."""
    spent: dict[str, float] = defaultdict(float)
    backend = type(fitter.backend)
    places = (
        (FaceImage, "__init__", "crop"),
        (FaceImage, "crop", "crop"),
        (stages, "channel_stack", "channels"),
        (backend, "responses", "responses"),
        (PatchExperts, "probabilities", "responses"),
        (stages, "landmark_weights", "mean-shift"),
        (stages, "settle", "mean-shift"),
        (stages.FitRun, "correct", "regressor"),
        (stages.FitRun, "result", "judges"),
        (stages, "face_features", "judges"),
    )
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in places]

    def timed(call: Any, stage: str) -> Any:
        def clocked(*args: Any, **options: Any) -> Any:
            start = clock()
            try:
                return call(*args, **options)
            finally:
                spent[stage] += clock() - start

        return clocked

    for owner, name, stage in places:
        setattr(owner, name, timed(getattr(owner, name), stage))
    try:
        yield spent
    finally:
        for owner, name, call in kept:
            setattr(owner, name, call)


def poses(fitter: Fitter, images: list[np.ndarray]) -> list[tuple[np.ndarray, Similarity]]:
    """Where the face is, by tracking: the truth that starts are jittered from."""
    found = []
    for image, result in zip(images, Tracker(fitter.model).track(images), strict=True):
        if result.points is not None:
            found.append((image, Similarity.between(fitter.model.pdm.mean, result.points)))
    return found


def fits(fitter: Fitter, starts: list[tuple[np.ndarray, Similarity]]) -> np.ndarray:
    """Seconds of each fit."""
    clock, seconds = clock_of(fitter.backend.name), []
    for image, pose in starts:
        begin = clock()
        fitter.fit_pose(image, pose)
        seconds.append(clock() - begin)
    return np.array(seconds)


def jittered(
    fitter: Fitter, faces: list[tuple[np.ndarray, Similarity]], seed: int
) -> list[tuple[np.ndarray, Similarity]]:
    """Starts as the issue defines them."""
    rng, pdm = np.random.default_rng(seed), fitter.model.pdm
    return [
        (image, jittered_pose(pdm, pose.apply(pdm.mean), pose.scale, Jitter(), rng))
        for image, pose in faces
    ]


def tracking_ms(model: FaceModel, images: list[np.ndarray], backend: str) -> float:
    """Median time of a frame, the first (which looks for the face) left out."""
    clock, seconds = clock_of(backend), []
    results = Tracker(model, backend=backend).track(images)
    for _ in images:
        begin = clock()
        next(results)
        seconds.append(clock() - begin)
    return 1000 * float(np.median(seconds[1:]))


def by_size(model: FaceModel, backend: str, seed: int) -> list[dict[str, Any]]:
    """Fits and tracked frames against the size of the image."""
    fitter, rows = Fitter(model, backend), []
    images = frames(_COUNT)
    faces = poses(fitter, images)
    for factor in _SIZES:
        some = _COUNT if factor <= 2 else 25
        sized = [cv2.resize(i, None, fx=factor, fy=factor) for i in images[:some]]
        move = Similarity(factor, 0.0, 0.5 * factor - 0.5, 0.5 * factor - 0.5)
        starts = [(i, move.after(p)) for i, (_, p) in zip(sized, faces, strict=False)]
        seconds = fits(fitter, jittered(fitter, starts, seed))
        height, width = sized[0].shape
        rows.append(
            {
                "image": f"{width} x {height}",
                "fit ms": round(1000 * float(np.median(seconds)), 2),
                "fit ms p95": round(1000 * float(np.percentile(seconds, 95)), 2),
                "tracking ms a frame": round(tracking_ms(model, sized, backend), 2),
            }
        )
    return rows


def by_stage(model: FaceModel, backend: str, seed: int) -> list[dict[str, Any]]:
    """Mean milliseconds in each stage of a fit, at 360 x 288."""
    fitter, rows, clock = Fitter(model, backend), [], clock_of(backend)
    faces = poses(fitter, frames(_COUNT))
    for what, passes in (("from a jittered start", FROM_START), ("from the last frame", FROM_NEAR)):
        starts = jittered(fitter, faces, seed) if passes is FROM_START else faces
        with clocks(fitter, clock) as spent:
            begin = clock()
            for image, pose in starts:
                fitter.fit_pose(image, pose, passes=passes)
            total = clock() - begin
        row = {k: round(1000 * v / len(starts), 2) for k, v in spent.items()}
        row["other"] = round(1000 * (total - sum(spent.values())) / len(starts), 2)
        rows.append({"fit": what, **row, "all": round(1000 * total / len(starts), 2)})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--model", type=Path, help="a model file; the starter by default")
    parser.add_argument("--backend", default="cpu")
    args = parser.parse_args()
    report = Report(args.json)
    model = FaceModel.load(args.model) if args.model else FaceModel.starter()
    one_core()
    report.table(
        "milliseconds by size of the image, one core", by_size(model, args.backend, args.seed)
    )
    report.table(
        "mean milliseconds by stage, one core, 360 x 288", by_stage(model, args.backend, args.seed)
    )


if __name__ == "__main__":
    main()
