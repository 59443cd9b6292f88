"""How long a retraining takes after a few corrections, and that it gives what a cold one gives.

    python tests/benchmarks/retrain.py
    python tests/benchmarks/retrain.py --faces 550 --correct 10 --repeat 3
    python tests/benchmarks/retrain.py --many 5000

A project with the MUCT faces; trainings take whole people of it until there are so many faces. A
cold training reads and looks at all of them and fills the project's cache. Then some faces are
corrected and saved (five points of each, by 2 % of the IOD), the model is trained again, and once
more without the cache; all arrays of the two are compared. Times are those of `train`, with all
that it reads, on however many cores there are; nobody is held out, so no model is measured. The
processor time is shown too, since machines are busy.

--many repeats the faces, each time with all points moved a little, until there are so many, trains
on them once, cold, and shows the peak of the memory.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from common import Report, add_common, muct, split_subjects
from safetensors.numpy import load_file

from faceloop_datasets.files import CACHE
from faceloop_trainer import TrainingConfig, train
from faceloop_trainer.cache import Cache
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.data.split import split_faces
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Face, Project, Scheme
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


def correct(project: Project, config: TrainingConfig, count: int, seed: int) -> None:
    """Move a few points of some faces that are trained on."""
    rng = np.random.default_rng((seed, 1))
    faces = split_faces(project.faces(), config).training
    for number in rng.choice(len(faces), count, replace=False):
        face = faces[number]
        old, points = face.annotation, face.annotation.points.copy()
        which = rng.choice(np.nonzero(old.present)[0], _POINTS, replace=False)
        size = 0.02 * project.scheme.inter_ocular_distance(points)
        points[which] += rng.normal(0, size, (_POINTS, 2))
        project.save(face.item_id, replace(old, points=points, source="manual"), face.revision_id)


def moved(face: Face, points: np.ndarray) -> Face:
    return replace(face, annotation=replace(face.annotation, points=points))


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


def row(start: tuple[float, float], stages: Stages) -> dict[str, Any]:
    """Times since then, and the peak of the memory."""
    stages.end()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    parts = {f"{what} s (cpu)": f"{w:.2f} ({c:.2f})" for what, (w, c) in stages.seconds.items()}
    return {
        "wall s": round(time.perf_counter() - start[0], 2),
        "cpu s": round(time.process_time() - start[1], 2),
        **parts,
        "peak MB": round(peak),
    }


def timed(project: Project, config: TrainingConfig) -> tuple[FaceModel, dict[str, Any]]:
    """Train; returns the model and a row of times."""
    stages, start = Stages(), (time.perf_counter(), time.process_time())
    model = train(project, config, progress=stages).model
    return model, {"faces": model.provenance["faces"], **row(start, stages)}


def cold_on_many(scheme: Scheme, faces: Sequence[Face], count: int, seed: int) -> dict[str, Any]:
    """Train on so many faces; returns a row of times."""
    stages, config = Stages(), TrainingConfig(seed=seed)
    many = repeated(scheme, faces, count, seed)
    start = time.perf_counter(), time.process_time()
    with TemporaryDirectory() as scratch:
        cache = Cache(Path(scratch))
        ready, _ = load_faces(scheme, many, config.scales[-1], cache=cache, progress=stages)
        train_faces(scheme, ready, config, cache=cache, progress=stages)
        return {"faces": len(ready), **row(start, stages)}


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
    parser.add_argument("--faces", type=int, default=550)
    parser.add_argument("--correct", type=int, default=10, help="faces corrected before retraining")
    parser.add_argument("--repeat", type=int, default=1, help="corrections, one after the other")
    parser.add_argument("--many", type=int, help="one cold training of so many faces instead")
    args = parser.parse_args()
    report = Report(args.json)
    config = TrainingConfig(seed=args.seed, limit=args.faces, holdout=0.0)
    with muct(None) as project, TemporaryDirectory() as scratch:
        if args.many:
            faces = split_subjects(project.faces(), args.faces, args.seed, _PER_SUBJECT).training
            done = cold_on_many(project.scheme, faces, args.many, args.seed)
            report.table(f"cold training of {args.many} faces", [done])
            return
        model, times = timed(project, config)
        rows = [{"training": "cold, filling the cache", **times}]
        for number in range(args.repeat):
            correct(project, config, args.correct, args.seed + number)
            model, times = timed(project, config)
            rows.append({"training": f"{args.correct} faces corrected", **times})
        shutil.rmtree(project.path / CACHE)
        cold, times = timed(project, config)
        rows.append({"training": "the same, without a cache", **times})
        report.table("times", rows)
        report.table("retrained against cold", [difference(model, cold, Path(scratch))])


if __name__ == "__main__":
    main()
