"""Ours beside dlib's: detection, fit and tracking on the same frames, errors and cost, as ratios.

    python tests/benchmarks/peers.py --cache bench-cache
    python tests/benchmarks/peers.py --faces 100 --json peers.json
    python tests/benchmarks/peers.py --cache bench-cache --only video faces

Both are trained on the same MUCT faces (people in a seeded order); both are measured on all faces
of other people and on the Talking Face video. dlib: the frontal face detector (without and with
one doubling of the picture), and shape predictors (Kazemi & Sullivan, CVPR 2014) trained as
`peer_dlib` does. Its detector's boxes are brought to those that the predictor was trained with by
the median place and size on training faces. dlib does not track: in each frame of a video it
detects and fits, or fits in the box of the last frame's points ("box kept"). With several faces
its users do the former, since a box that is kept finds no new face and never ends: its detector
looks at each frame as it is, without doubling, and its predictor fits each box. Ours follows the
faces and looks for further ones as `Tracker` does.

Times: processor time on one core, medians, decoding apart. ratio: dlib's figure over ours. error:
over the points that both have and the truth measures, over the distance of the outer eye corners;
jitter as in `franck`.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import dlib
import numpy as np
from common import (
    Report,
    add_common,
    data_dir,
    imported,
    muct,
    one_core,
    pictures,
    split_subjects,
)
from franck import compare, truth
from peer_dlib import DlibPredictor
from tracking import crowd

from faceloop_datasets import Video
from faceloop_runtime import Detector, FaceModel, Fitter, Tracker
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.data.perturbation import Jitter, jittered_pose
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faceloop_datasets import Face, Scheme
    from faceloop_trainer.data.faces import TrainingFace

_PER_SUBJECT = 4
_TEST = 150
"""Pictures of other people."""
_FRAMES = 300
"""Frames of the video."""
_CROWD_FRAMES = 12
"""Frames with many faces: of dlib three, for they take as long each."""
_SIZES = (0.5, 1.0, 2.0, 4.0)
_SMALL = 40
"""Training faces of the models that only show what landmarks cost."""
_PARTS = ("stills", "video", "size", "faces", "landmarks")
_SCHEMES = (("imm", "imm", "imm58"), ("ibug", "helen_train", "ibug68"), ("muct", "muct", "muct76"))


@dataclass(frozen=True)
class Pair:
    """Ours and dlib's, trained on the same faces."""

    model: FaceModel
    predictor: Any
    kept: np.ndarray  # the landmarks that dlib's predictor has

    @cached_property
    def fitter(self) -> Fitter:
        """Ours."""
        return Fitter(self.model, backend="cpu")

    def peer_points(self, gray: np.ndarray, box: dlib.rectangle) -> np.ndarray:
        """dlib's points in a box; NaN where it has none."""
        points = np.full(self.model.pdm.mean.shape, np.nan)
        parts = self.predictor(gray, box).parts()
        points[self.kept] = [[p.x, p.y] for p in parts]
        return points


def trained(
    scheme: Scheme, faces: Sequence[Face], seed: int, cache: Path | None, name: str
) -> Pair:
    """Train both, or load what was trained before."""
    ready, _ = load_faces(scheme, faces, TrainingConfig().scales[-1], seed=seed)
    ours = cache and cache / f"{name}.safetensors"
    theirs = cache and cache / f"{name}.dat"
    whole = pictures(scheme, faces)
    kept = np.nonzero(np.any([f.measured for f in whole], axis=0))[0]
    if ours and theirs and ours.is_file() and theirs.is_file():
        return Pair(FaceModel.load(ours), dlib.shape_predictor(str(theirs)), kept)
    model = train_faces(scheme, ready, TrainingConfig(seed=seed))
    predictor = DlibPredictor(scheme, model.pdm, whole, seed).predictor
    if ours and theirs:
        ours.parent.mkdir(parents=True, exist_ok=True)
        model.save(ours)
        predictor.save(str(theirs))
    return Pair(model, predictor, kept)


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """Return a call's result and its milliseconds."""
    start = time.process_time()
    result = call()
    return result, 1000 * (time.process_time() - start)


def rectangle(points: np.ndarray) -> dlib.rectangle:
    """Box of some points."""
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    return dlib.rectangle(*(int(v) for v in (*low, *high)))


class PeerDetector:
    """dlib's detector, and its boxes as the predictor knows them."""

    def __init__(self, pair: Pair, faces: Sequence[TrainingFace]) -> None:
        self._find = dlib.get_frontal_face_detector()
        moves = []
        for face in faces:
            pose, _ = pair.model.pdm.parameters(face.points)
            known = rectangle(pose.apply(pair.model.pdm.mean))
            for box in self._find(face.picture, 0):
                size = box.width()
                apart = known.center() - box.center()
                if abs(apart.x) < size / 2 and abs(apart.y) < size / 2:
                    moves.append(
                        (
                            apart.x / size,
                            apart.y / size,
                            known.width() / size,
                            known.height() / size,
                        )
                    )
        self._move = np.median(moves, axis=0)

    def __call__(self, gray: np.ndarray, doublings: int = 0) -> list[dlib.rectangle]:
        """Boxes, the surest first."""
        return [self._moved(box) for box in self._find(gray, doublings)]

    def _moved(self, box: dlib.rectangle) -> dlib.rectangle:
        dx, dy, width, height = self._move * box.width()
        x, y = box.center().x + dx - width / 2, box.center().y + dy - height / 2
        return dlib.rectangle(*(int(v) for v in (x, y, x + width, y + height)))


def row(what: str, ours: Sequence[float], theirs: Sequence[float], **more: Any) -> dict[str, Any]:
    """Median milliseconds of both, and their ratio."""
    one, other = float(np.median(ours)), float(np.median(theirs))
    return {
        "what": what,
        "ours ms": round(one, 2),
        "dlib ms": round(other, 2),
        "ratio": round(other / one, 2),
        **more,
    }


def figures(errors: Sequence[float]) -> str:
    """Mean and 95th percentile of those found, and the share found."""
    found = np.array([e for e in errors if np.isfinite(e)])
    if not len(found):
        return "none found"
    share = 100 * len(found) / len(errors)
    return f"{found.mean():.4f} {np.percentile(found, 95):.4f} {share:.0f} %"


def both_errors(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, Any]:
    """Errors of both, and the ratio of their means."""
    ratio = float(np.nanmean(theirs) / np.nanmean(ours))
    return {
        "ours error": figures(ours),
        "dlib error": figures(theirs),
        "error ratio": round(ratio, 2),
    }


def stills(pair: Pair, find: PeerDetector, faces: Sequence[TrainingFace], seed: int) -> list[Any]:
    """Detection, fits from the same starts, and both after one another, on pictures."""
    detector, pdm, rng = Detector(), pair.model.pdm, np.random.default_rng(seed)
    ms: dict[str, list[float]] = {k: [] for k in ("find", "find0", "find1", "fit", "fit0")}
    errors: dict[str, list[float]] = {k: [] for k in ("ours", "dlib", "ours found", "dlib found")}
    for face in faces:
        gray, iod = face.picture, pair.model.scheme.inter_ocular_distance(face.points)

        def error(points: np.ndarray, face: TrainingFace = face, iod: float = iod) -> float:
            both = face.measured & np.isin(np.arange(len(points)), pair.kept)
            return float(np.nanmean(np.linalg.norm(points - face.points, axis=1)[both]) / iod)

        pose = jittered_pose(pdm, face.points, iod, Jitter(), rng)
        fit, spent = timed(lambda: pair.fitter.fit_pose(gray, pose))  # noqa: B023
        ms["fit"].append(spent)
        errors["ours"].append(error(fit.points))
        box = rectangle(pose.apply(pdm.mean))
        points, spent = timed(lambda: pair.peer_points(gray, box))  # noqa: B023
        ms["fit0"].append(spent)
        errors["dlib"].append(error(points))
        boxes, spent = timed(lambda: detector.detect(gray))  # noqa: B023
        ms["find"].append(spent)
        errors["ours found"].append(
            error(pair.fitter.fit(gray, boxes[0]).points) if boxes else np.nan
        )
        for doublings in (1, 0):
            rects, spent = timed(lambda: find(gray, doublings))  # noqa: B023
            ms[f"find{doublings}"].append(spent)
        errors["dlib found"].append(error(pair.peer_points(gray, rects[0])) if rects else np.nan)
    return [
        row("detection", ms["find"], ms["find0"]),
        row("detection, dlib's picture doubled", ms["find"], ms["find1"]),
        row(
            "fit from a jittered start",
            ms["fit"],
            ms["fit0"],
            **both_errors(errors["ours"], errors["dlib"]),
        ),
        row(
            "detection and fit",
            np.add(ms["find"], ms["fit"]),
            np.add(ms["find0"], ms["fit0"]),
            **both_errors(errors["ours found"], errors["dlib found"]),
        ),
    ]


def video(size: float = 1.0, count: int = _FRAMES) -> list[np.ndarray]:
    """Frames of the Talking Face video."""
    path = data_dir() / "talking_face" / "franck.webm"
    frames = [frame.gray() for frame in islice(Video(path), count)]
    return [cv2.resize(f, None, fx=size, fy=size) for f in frames] if size != 1 else frames


def ours_tracked(
    pair: Pair, frames: Sequence[np.ndarray], faces: int = 1
) -> tuple[np.ndarray, list[float], int]:
    """Points of the first face, milliseconds, and the most faces in a frame."""
    session = Tracker(pair.model, backend="cpu", max_faces=faces).follow()
    points, ms, most = [], [], 0
    for frame in frames:
        result, spent = timed(lambda: session.step(frame))  # noqa: B023
        none = np.full_like(pair.model.pdm.mean, np.nan)
        points.append(none if result.points is None else result.points)
        ms.append(spent)
        most = max(most, len(result.faces))
    return np.array(points), ms, most


def theirs_tracked(
    pair: Pair, find: PeerDetector, frames: Sequence[np.ndarray], *, box_kept: bool
) -> tuple[np.ndarray, list[float], int]:
    """Follow as dlib's users do: every frame by itself, or in the box of the last."""
    points, ms, most = [], [], 0
    last: dlib.rectangle | None = None
    for frame in frames:

        def step(frame: np.ndarray = frame, last: dlib.rectangle | None = last) -> list[Any]:
            boxes = [last] if box_kept and last is not None else find(frame)
            return [pair.peer_points(frame, box) for box in boxes]

        found, spent = timed(step)
        none = np.full_like(pair.model.pdm.mean, np.nan)
        points.append(found[0] if found else none)
        last = rectangle(found[0]) if found else None
        ms.append(spent)
        most = max(most, len(found))
    return np.array(points), ms, most


def tracking(pair: Pair, find: PeerDetector) -> list[Any]:
    """Errors, jitter and cost on the video."""
    frames, true = video(), truth()[:_FRAMES]
    rows = []
    mine, ms, _ = ours_tracked(pair, frames)
    hidden = np.setdiff1d(np.arange(mine.shape[1]), pair.kept)
    mine[:, hidden] = true[:, hidden] = np.nan
    for what, kept in (("tracking, dlib detects each frame", False), ("box kept", True)):
        peer, peer_ms, _ = theirs_tracked(pair, find, frames, box_kept=kept)
        shown: dict[str, Any] = {}
        for name, points in (("ours", mine), ("dlib", peer)):
            both = compare(points, true, pair.model.scheme)
            everything = next(k for k in both if k.startswith("all"))
            lost = int(np.isnan(points[:, pair.kept]).any(axis=(1, 2)).sum())
            shown[f"{name} error"] = f"{both[everything]}, {lost} lost"
            shown[f"{name} jitter"] = both["jitter"]
        shown["jitter ratio"] = round(shown["dlib jitter"] / shown["ours jitter"], 2)
        rows.append(row(what, ms, peer_ms, **shown))
    return rows


def by_size(pair: Pair, find: PeerDetector) -> list[Any]:
    """Cost against the size of the picture."""
    rows, detector = [], Detector()
    for size in _SIZES:
        frames = video(size, 40 if size <= 1 else 12)
        height, width = frames[0].shape
        found = [timed(lambda: detector.detect(f))[1] for f in frames]  # noqa: B023
        theirs = [timed(lambda: find(f))[1] for f in frames]  # noqa: B023
        rows.append(row(f"{width} x {height}, detection", found, theirs))
        _, mine, _ = ours_tracked(pair, frames)
        _, peer, _ = theirs_tracked(pair, find, frames, box_kept=True)
        rows.append(row(f"{width} x {height}, tracking, box kept", mine[1:], peer[1:]))
    return rows


def by_landmarks(pair: Pair, seed: int, cache: Path | None) -> list[Any]:
    """Cost of a fit against the number of landmarks."""
    rows = []
    for kind, folder, scheme in _SCHEMES:
        sources = sorted((data_dir() / folder).glob("*.tar.gz")) or [data_dir() / folder]
        kept = cache and cache / scheme
        with imported(kind, sources, scheme, kept) as project:
            faces = split_subjects(project.faces(), _SMALL, seed).training
            small = trained(project.scheme, faces, seed, cache, f"{scheme}-{_SMALL}-{seed}")
            rows.append(_landmark_row(small, pictures(project.scheme, faces)))
    return sorted([*rows, _landmark_row(pair, None)], key=lambda r: int(r["what"].split()[0]))


def _landmark_row(pair: Pair, faces: Sequence[TrainingFace] | None) -> dict[str, Any]:
    if faces is None:
        frames = video(count=_SMALL)
        pairs = list(zip(frames, ours_tracked(pair, frames)[0], strict=True))
    else:
        pairs = [(f.picture, pair.model.pdm.complete(f.points)) for f in faces]
    mine, peer = [], []
    for gray, points in pairs:
        pose, _ = pair.model.pdm.parameters(points)
        mine.append(timed(lambda: pair.fitter.fit_pose(gray, pose))[1])  # noqa: B023
        box = rectangle(points)
        peer.append(timed(lambda: pair.peer_points(gray, box))[1])  # noqa: B023
    scheme = pair.model.scheme
    return row(f"{len(scheme)} landmarks ({scheme.name}), one fit", mine, peer)


def by_faces(pair: Pair, find: PeerDetector) -> list[Any]:
    """Cost against the number of faces in a 1080p frame."""
    rows = []
    for count in (1, 4, 16):
        frames = crowd(count)[:_CROWD_FRAMES]
        _, mine, ours = ours_tracked(pair, frames, count)
        _, peer, theirs = theirs_tracked(pair, find, frames[:3], box_kept=False)
        shown = {"ours found": ours, "dlib found": theirs}
        rows.append(row(f"{count} faces, 1080p, each frame", mine[1:], peer, **shown))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--faces", type=int, default=300, help="MUCT faces to train both on")
    parser.add_argument("--cache", type=Path, help="keep what was imported and trained here")
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=_PARTS)
    args = parser.parse_args()
    report = Report(args.json)
    cache: Path | None = args.cache
    with muct(cache and cache / "muct") as project:
        split = split_subjects(project.faces(), args.faces, args.seed, _PER_SUBJECT)
        name = f"face70-{args.faces}-{args.seed}"
        pair = trained(project.scheme, split.training, args.seed, cache, name)
        find = PeerDetector(pair, pictures(project.scheme, split.training[:60]))
        step = max(1, len(split.test) // _TEST)
        test = pictures(project.scheme, split.test[::step][:_TEST])
    one_core()
    parts: dict[str, tuple[str, Callable[[], list[Any]]]] = {
        "stills": (
            "MUCT, other people (error: mean, p95, found)",
            lambda: stills(pair, find, test, args.seed),
        ),
        "video": (
            "Talking Face (error: mean, median, p95 of all points)",
            lambda: tracking(pair, find),
        ),
        "size": ("by size of the picture", lambda: by_size(pair, find)),
        "faces": ("by faces in a frame", lambda: by_faces(pair, find)),
        "landmarks": ("by landmarks", lambda: by_landmarks(pair, args.seed, cache)),
    }
    for name in args.only:
        title, rows = parts[name]
        report.table(title, rows())


if __name__ == "__main__":
    main()
