"""How long a retraining takes after a few corrections, and that it gives what a cold one gives.

    python tests/benchmarks/retrain.py
    python tests/benchmarks/retrain.py --faces 550 --correct 10 --repeat 3
    python tests/benchmarks/retrain.py --many 5000

Faces are those of `muct.py`: people in a seeded order, of each the first four. A cold training
reads and looks at all of them and fills the cache. Then some faces are corrected (of each five
points by 2 % of the IOD), the model is trained again from the cache, and once more without one; all
arrays of the two are compared. Times are of reading and training, without measuring the result, on
however many cores there are; processor time is shown too, since machines are busy.

--many repeats the faces, each time with all points moved a little, until there are so many, and
shows the peak of the memory.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from common import Report, add_common, muct, split_subjects
from safetensors.numpy import load_file

from faceloop_trainer import TrainingConfig
from faceloop_trainer.cache import Cache
from faceloop_trainer.train import train_faces
from faceloop_trainer.trainingset import load_faces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Face, Scheme
    from faceloop_datasets.progress import Progress
    from faceloop_runtime import FaceModel

_PER_SUBJECT = 4
_POINTS = 5


class Stages:
    """Wall and processor time of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._what, self._since = "", (time.perf_counter(), time.process_time())

    def __call__(self, step: Progress) -> None:
        if step.what != self._what:
            self.end(step.what)

    def end(self, following: str = "") -> None:
        now = (time.perf_counter(), time.process_time())
        if self._what:
            for i in (0, 1):
                self.seconds[self._what][i] += now[i] - self._since[i]
        self._what, self._since = following, now


def moved(face: Face, points: np.ndarray) -> Face:
    return replace(face, annotation=replace(face.annotation, points=points))


def corrected(scheme: Scheme, faces: Sequence[Face], count: int, seed: int) -> list[Face]:
    """Move a few points of some faces."""
    rng = np.random.default_rng((seed, 1))
    chosen = set(rng.choice(len(faces), count, replace=False).tolist())
    out = []
    for number, face in enumerate(faces):
        points = face.annotation.points.copy()
        if number in chosen:
            known = np.nonzero(face.annotation.present)[0]
            which = rng.choice(known, _POINTS, replace=False)
            iod = scheme.inter_ocular_distance(points)
            points[which] += rng.normal(0, 0.02 * iod, (_POINTS, 2))
        out.append(moved(face, points))
    return out


def repeated(scheme: Scheme, faces: Sequence[Face], count: int, seed: int) -> list[Face]:
    """Take the faces again and again, all points of a repetition a little moved."""
    rng = np.random.default_rng((seed, 2))
    out = list(faces)
    while len(out) < count:
        for face in faces[: count - len(out)]:
            points = face.annotation.points
            size = 0.005 * scheme.inter_ocular_distance(points)
            out.append(moved(face, points + rng.normal(0, size, points.shape)))
    return out


def timed(
    scheme: Scheme, faces: Sequence[Face], config: TrainingConfig, cache: Cache
) -> tuple[FaceModel, dict[str, Any]]:
    """Read and train; returns the model and a row of times."""
    stages, wall, cpu = Stages(), time.perf_counter(), time.process_time()
    ready, _ = load_faces(
        scheme, faces, config.scales[-1], seed=config.seed, cache=cache, progress=stages
    )
    model = train_faces(scheme, ready, config, cache=cache, progress=stages)
    stages.end()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    parts = {f"{what} s (cpu)": f"{w:.2f} ({c:.2f})" for what, (w, c) in stages.seconds.items()}
    return model, {
        "faces": len(ready),
        "wall s": round(time.perf_counter() - wall, 2),
        "cpu s": round(time.process_time() - cpu, 2),
        **parts,
        "peak MB": round(peak),
    }


def difference(one: FaceModel, other: FaceModel, folder: Path) -> dict[str, Any]:
    """Compare all arrays of two models."""
    files = folder / "one.safetensors", folder / "other.safetensors"
    one.save(files[0])
    other.save(files[1])
    arrays, others = (load_file(file) for file in files)
    assert arrays.keys() == others.keys()
    largest = max(
        float(np.abs(arrays[k].astype(float) - others[k].astype(float)).max())
        for k in arrays
        if arrays[k].size
    )
    return {
        "arrays": len(arrays),
        "largest difference": largest,
        "files equal": files[0].read_bytes() == files[1].read_bytes(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--project", type=Path, help="keep the imported faces here for next time")
    parser.add_argument("--faces", type=int, default=550)
    parser.add_argument("--correct", type=int, default=10, help="faces corrected before retraining")
    parser.add_argument("--repeat", type=int, default=1, help="corrections, one after the other")
    parser.add_argument("--many", type=int, help="one cold training of so many faces instead")
    args = parser.parse_args()
    report, config = Report(args.json), TrainingConfig(seed=args.seed)
    with muct(args.project) as project, TemporaryDirectory() as scratch:
        scheme, folder = project.scheme, Path(scratch)
        faces: Sequence[Face] = split_subjects(
            project.faces(), args.faces, args.seed, _PER_SUBJECT
        ).training
        if args.many:
            many = repeated(scheme, faces, args.many, args.seed)
            _, row = timed(scheme, many, config, Cache(folder / "cache"))
            report.table(f"cold training of {args.many} faces", [row])
            return
        cache, rows = Cache(folder / "cache"), []
        model, row = timed(scheme, faces, config, cache)
        rows.append({"training": "cold, filling the cache", **row})
        for number in range(args.repeat):
            faces = corrected(scheme, faces, args.correct, args.seed + number)
            model, row = timed(scheme, faces, config, cache)
            rows.append({"training": f"{args.correct} faces corrected", **row})
        cold, row = timed(scheme, faces, config, Cache(None))
        rows.append({"training": "the same, without a cache", **row})
        report.table("times", rows)
        report.table("retrained against cold", [difference(model, cold, folder)])


if __name__ == "__main__":
    main()
