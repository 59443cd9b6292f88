"""Time of a fit and of a tracked frame on one core, and what it depends on.

    python tests/benchmarks/speed.py
    python tests/benchmarks/speed.py --model m.safetensors --backend cpu --json speed.json

An iteration is one look at the picture: the crop, its channels, the responses and a few mean-shift
updates. The first row does what an iteration of clmtrackr does (71 points, one channel, patches of
11 x 11, windows of 11 x 11, three updates; clmtrackr itself takes 8.0 ms, a NumPy port of it 1.15,
on another machine); the tables change one number at a time. Experts, shapes and picture are random
numbers: the time does not depend on them.

Fits and tracking: frames of franck.webm (360 x 288), decoded beforehand; larger and smaller images
are the same frames resized. A fit starts from the face's own pose, jittered as in training; a
tracked frame from the last one. Medians; processor time with the CPU backend (which equals wall
time on an idle core).
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from common import Report, add_common, clock_of, data_dir, one_core

import faceloop_runtime.fit.fitter as fitting
import faceloop_runtime.fit.steps as stages
import faceloop_runtime.responses.cpu as responses
from faceloop_datasets import Video
from faceloop_runtime import FaceModel, Tracker
from faceloop_runtime.fit import meanshift
from faceloop_runtime.fit.fitter import Fitter
from faceloop_runtime.fit.schedule import FROM_CLOSE, FROM_START
from faceloop_runtime.fit.steps import NOISE
from faceloop_runtime.geometry import Similarity, as_complex
from faceloop_runtime.imaging.channels import CropChannels, channel_count
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.pdm import PointDistributionModel
from faceloop_runtime.responses import experts
from faceloop_runtime.responses.experts import PatchExperts, crop_size
from faceloop_trainer.data.perturbation import Jitter, jittered_pose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SIZES = (0.5, 1.0, 2.0, 4.0, 8.0)
_COUNT = 100
_FACES = (1, 2, 4, 8, 16)
_CROWD_FRAMES = 50


@dataclass(frozen=True)
class Iteration:
    """What an iteration has to do. The defaults are clmtrackr's."""

    landmarks: int = 71
    families: tuple[str, ...] = ("raw",)
    patch: int = 11
    window: int = 11
    updates: tuple[float, ...] = (10.0, 5.0, 2.5)
    scale: float = 41.4
    """Its canvas shows the outer eye corners this many pixels apart."""
    components: int = 24

    def ms(self, count: int = 200) -> float:
        """Median processor time of many, in milliseconds."""
        with search_window(self.window):
            run, seconds = self._prepare(), []
            for _ in range(count):
                start = time.process_time()
                run()
                seconds.append(time.process_time() - start)
        return round(1000 * float(np.median(seconds)), 3)

    def _prepare(self) -> Callable[[], object]:
        rng = np.random.default_rng(0)
        n, c = self.landmarks, channel_count(self.families)
        modes, _ = np.linalg.qr(rng.normal(size=(2 * n, min(self.components, 2 * n))))
        variances = 0.1 / np.arange(1, modes.shape[1] + 1) ** 2
        pdm = PointDistributionModel(rng.uniform(-1, 1, (n, 2)), modes.T.copy(), variances, 1e-4)
        weights = rng.normal(0, 0.1, (n, c, self.patch, self.patch)).astype(np.float32)
        one = np.ones(n, np.float32)
        bank = PatchExperts(self.scale, weights, one, 10 * one, one)
        backend = responses.CpuResponses([bank])
        picture = rng.integers(0, 256, (288, 360), dtype=np.uint8)
        pose, start = Similarity(60.0, 0.0, 180.0, 144.0), np.zeros(len(variances))
        size = crop_size(1.05, self.scale, self.patch) + self.window - 11
        border = (self.window + self.patch) // 2

        def run() -> object:
            crop = FaceImage(picture, pose, 1.05, self.scale).crop(pose, self.scale, size)
            middle = (size - 1) / 2
            wanted = np.rint(pdm.shape(start) * self.scale + middle).astype(np.intp)
            centres = wanted.clip(border, size - 1 - border)
            channels = CropChannels(crop, self.families)
            maps = bank.probabilities(backend.responses(0, channels, centres))
            seen = meanshift.Evidence(
                maps=maps,
                centres=as_complex((centres - middle) / self.scale),
                scale=self.scale,
                weights=meanshift.landmark_weights(maps, bank.reliability),
            )
            state = meanshift.ShapeState(1 + 0j, 0j, start)
            return meanshift.regularised_mean_shift(pdm, seen, state, self.updates, noise=NOISE)

        return run


@contextmanager
def search_window(width: int) -> Iterator[None]:
    """Let the modules that an iteration uses search in windows of another width."""
    kept = experts.SEARCH
    try:
        _search_in(width)
        yield
    finally:
        _search_in(kept)


def _search_in(width: int) -> None:
    experts.SEARCH = width
    for module in (meanshift, responses):
        importlib.reload(module)


def iterations(report: Report) -> None:
    """One iteration, and what it costs with more of everything."""
    theirs = Iteration()
    ours = Iteration(
        landmarks=70,
        families=("gradient", "lbp"),
        updates=FROM_CLOSE[0].variances,
        scale=54.0,
        components=30,
    )
    rows = [
        {"iteration": "as clmtrackr's", "ms": theirs.ms()},
        {"iteration": "the default configuration's, finest scale", "ms": ours.ms()},
    ]
    report.table("milliseconds of one iteration, one core", rows)
    changes: dict[str, list[Any]] = {
        "landmarks": [10, 20, 40, 71, 140, 280],
        "families": [("raw",), ("gradient",), ("gradient", "lbp"), ("raw", "gradient", "lbp")],
        "patch": [5, 7, 11, 15, 21],
        "window": [5, 7, 11, 15, 21],
        "updates": [(5.0,) * k for k in (1, 2, 4, 8)],
    }
    for name, values in changes.items():
        table = []
        for value in values:
            changed = {"as clmtrackr's": theirs, "default": ours}
            times = {k: replace(v, **{name: value}).ms() for k, v in changed.items()}
            table.append({name: _shown(name, value), **{f"{k}, ms": t for k, t in times.items()}})
        report.table(f"milliseconds of one iteration by {name}", table)


def _shown(name: str, value: Any) -> str:
    if name == "families":
        return f"{' + '.join(value)} ({channel_count(value)} channels)"
    return str(len(value)) if name == "updates" else str(value)


def frames(count: int) -> list[np.ndarray]:
    """Return the first frames, gray."""
    video = Video(data_dir() / "talking_face" / "franck.webm")
    return [frame.gray() for frame in islice(video, count)]


@contextmanager
def clocks(fitter: Fitter, clock: Callable[[], float]) -> Iterator[dict[str, float]]:
    """Add up the time spent in each stage of a fit, without what stages inside it take."""
    spent: dict[str, float] = defaultdict(float)
    inside = [0.0]
    backend = type(fitter.backend)
    places = (
        (FaceImage, "__init__", "crop"),
        (FaceImage, "crop", "crop"),
        (CropChannels, "_planes", "channels"),
        (backend, "responses", "responses"),
        (PatchExperts, "probabilities", "responses"),
        (stages, "landmark_weights", "mean-shift"),
        (stages, "regularised_mean_shift", "mean-shift"),
        (fitting, "correct", "regressor"),
        (fitting, "assess", "quality"),
        (stages, "whole_face", "quality"),
    )
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in places]

    def timed(call: Any, stage: str) -> Any:
        def clocked(*args: Any, **options: Any) -> Any:
            inside.append(0.0)
            start = clock()
            try:
                return call(*args, **options)
            finally:
                took = clock() - start
                spent[stage] += took - inside.pop()
                inside[-1] += took

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


def by_faces(model: FaceModel, backend: str) -> list[dict[str, Any]]:
    """Tracked frames of 1920 x 1080 against the number of faces in them."""
    clock, images = clock_of(backend), frames(_COUNT)
    rows: list[dict[str, Any]] = []
    for count in _FACES:
        found, seconds = [], []
        results = Tracker(model, backend=backend, max_faces=count).track(crowd(images, count))
        for _ in range(_CROWD_FRAMES):
            start = clock()
            found.append(len(next(results).faces))
            seconds.append(clock() - start)
        # The second half, when all have been found.
        late = 1000 * float(np.median(seconds[_CROWD_FRAMES // 2 :]))
        seen = float(np.mean(found[_CROWD_FRAMES // 2 :]))
        rows.append(
            {
                "faces": count,
                "followed": round(seen, 1),
                "ms a frame": round(late, 2),
                "ms a face": round(late / seen, 2),
            }
        )
    return rows


def crowd(images: list[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """Pictures of 1920 x 1080 with this many faces, each at another time of the video."""
    height, width = 270, 336
    small = [cv2.resize(i, (width, height), interpolation=cv2.INTER_AREA) for i in images]
    for time_now in range(_CROWD_FRAMES):
        picture = np.full((4 * height, 1920), 128, np.uint8)
        for k in range(count):
            row, column = divmod(k, 5)
            tile = small[(time_now + 3 * k) % len(small)]
            picture[row * height :, column * width :][:height, :width] = tile
        yield picture


def by_stage(model: FaceModel, backend: str, seed: int) -> list[dict[str, Any]]:
    """Mean milliseconds in each stage of a fit, at 360 x 288."""
    fitter, rows, clock = Fitter(model, backend), [], clock_of(backend)
    faces = poses(fitter, frames(_COUNT))
    for what, passes in (
        ("from a jittered start", FROM_START),
        ("from the last frame", FROM_CLOSE),
    ):
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
    if args.backend == "cpu":
        iterations(report)
    by_size_rows = by_size(model, args.backend, args.seed)
    report.table("milliseconds by size of the image, one core", by_size_rows)
    report.table("tracking frames of 1920 x 1080 by faces in them", by_faces(model, args.backend))
    by_stage_rows = by_stage(model, args.backend, args.seed)
    report.table("mean milliseconds by stage, one core, 360 x 288", by_stage_rows)


if __name__ == "__main__":
    main()
