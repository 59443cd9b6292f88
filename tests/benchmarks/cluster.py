"""Training on workers: the same file, time and efficiency; and a thousand workers by arithmetic.

    python tests/benchmarks/cluster.py [FACES] [--project DIR]

On FACES faces of the sample (200), or of a project, it trains cold in one thread, by 1 and 2
processes, and by Dask with 1, 2 and 4 worker processes, compares the files, and prints wall time,
processor time of the client and of the workers, the time this would take where each of them has a
core of its own, and the efficiency: that time in one thread, over time and workers.

Then it measures what a face costs in each kind of work, how many bytes of it travel each way, and
what a pair of partial sums takes to be added and to travel, and computes the time of a training of
100,000 faces by 1 to 1000 workers: work, the client's line (1 and 10 Gbit/s), scheduling (1 ms a
job, as Dask's documentation says), the tree of sums, and what the client does alone.
The last grows faster up to 400 faces than beyond, where detector and quality models take no more:
with fewer than 800 FACES it is an upper bound.
"""

from __future__ import annotations

import argparse
import math
import pickle
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from faceloop_datasets import Project, use_scheduler
from faceloop_datasets.sample import sample_faces
from faceloop_datasets.workers import Threads, Workers
from faceloop_datasets.workers.base import sum_in_order
from faceloop_trainer import TrainingConfig, train
from faceloop_trainer.experts.moment_cache import _CHUNK, _MOST_CHUNKS

SCHEDULING = 0.001
"""Seconds of the scheduler for each job."""
GATHERING, SCALES, SUMS, BATCH = "_Gathering", 4, 8, 8
"""Of moments there is a sum for each scale and fold, and faces travel once for all scales; of all
else so many faces make a job."""
CAPPED = {"Searcher": 4000, "_ExampleFitter": 450, "_Misplaced": 600, "_Look": 8000}
"""Most faces, mirrored ones too, of the work that does not grow without end."""


@dataclass
class Cost:
    """What one kind of work costs."""

    items: int = 0
    faces: int = 0
    seconds: float = 0.0
    pickled: float = 0.0
    there: int = 0
    back: int = 0
    common: int = 0


class Measured(Workers):
    """One thread that says what each kind of work costs, and what of it would travel."""

    count = 1

    def __init__(self) -> None:
        self.costs: dict[str, Cost] = {}

    def as_done(self, function: Any, items: Any, **_: Any) -> Iterator[tuple[int, Any]]:
        """Do one after the other."""
        name = type(function.function).__name__
        cost = self.costs.setdefault(name, Cost())
        cost.common = len(pickle.dumps(function))
        for number, item in enumerate(items):
            begun = time.thread_time()  # trainings of scales have a thread each
            result = function(item)
            cost.seconds += time.thread_time() - begun
            cost.items += 1
            cost.faces += len(item) if name == GATHERING else 1
            begun = time.thread_time()
            cost.there += len(pickle.dumps(item))
            cost.back += len(pickle.dumps(result))
            cost.pickled += time.thread_time() - begun
            yield number, result

    def map_sum(self, function: Any, chunks: Any, *, done: Any = None, **_: Any) -> Any:
        """Add them."""
        return sum_in_order(self.as_done(function, chunks), done)


def show(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def cold(project: Project, config: TrainingConfig) -> bytes:
    """Train without a cache; return the model's file."""
    for kept in (project.path / "cache").glob("*/*"):
        kept.unlink()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.safetensors"
        train(project, config).model.save(file)
        return file.read_bytes()


def compared(project: Project, config: TrainingConfig) -> None:
    """Train by different workers, and show what it takes."""
    from distributed import LocalCluster

    first: list[tuple[bytes, float]] = []

    def timed(name: str, workers: int, scheduler: Any) -> None:
        with use_scheduler(scheduler):
            begun, own = time.perf_counter(), time.process_time()
            made = cold(project, config)
            took, own = time.perf_counter() - begun, time.process_time() - own
        rows.append((name, workers, took, own, made))

    def of_children() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)  # of those that have ended
        return used.ru_utime + used.ru_stime

    rows: list[tuple[str, int, float, float, bytes]] = []
    show("workers         wall  client workers own cores efficiency")
    plans: list[tuple[str, int]] = [("thread", 1), ("processes", 1), ("processes", 2)]
    for kind, count in [*plans, *(("Dask", count) for count in (1, 2, 4))]:
        before = of_children()
        if kind == "Dask":
            with LocalCluster(
                n_workers=count, threads_per_worker=1, dashboard_address=":0", silence_logs=50
            ) as cluster:
                timed(kind, count, cluster.scheduler_address)
        else:
            timed(kind, count, Threads(1) if kind == "thread" else f"local:{count}")
        name, workers, took, own, made = rows[-1]
        theirs = of_children() - before
        free = own + theirs / workers
        first = first or [(made, free)]
        same = "" if made == first[0][0] else "  ANOTHER FILE"
        share = first[0][1] / free / workers
        times = f"{took:5.1f} s {own:5.1f} s {theirs:5.1f} s {free:7.1f} s"
        show(f"{f'{name}, {count}':12} {times} {share:10.0%}{same}")


def simulated(project: Project, config: TrainingConfig, faces: int) -> None:
    """Measure what work costs, and compute how long many workers take."""
    every = len(project.faces())
    half, _ = measured(project, replace(config, limit=every // 2))
    alone, costs = measured(project, config)
    growth = max(0.0, alone - half) / (every - every // 2)
    alone += growth * (faces - every)
    shared = sum(cost.seconds for cost in costs.values())
    show(f"\n{every} faces: {shared:.1f} s of processor time shared out")
    show(f"{'work':16} {'jobs':>7} {'ms each':>8} {'kB there':>9} {'kB back':>8} {'MB common':>9}")
    for name, one in costs.items():
        show(
            f"{name:16} {one.items:7} {1e3 * one.seconds / one.items:8.2f} "
            f"{one.there / one.items / 1e3:9.1f} {one.back / one.items / 1e3:8.1f} "
            f"{one.common / 1e6:9.2f}"
        )
    show(f"The client alone: {1e3 * growth:.2f} ms a face more.")
    for speed in (1, 10):
        show(f"\n{faces} faces, {speed} Gbit/s: seconds by part")
        head = f"{'workers':>7} {'work':>8} {'line':>7} {'jobs':>6} {'tree':>6} {'alone':>6}"
        show(f"{head} {'all':>8}")
        for workers in (1, 10, 100, 1000):
            line = speed * 1e9 / 8
            parts = [stage(name, one, faces / every, workers, line) for name, one in costs.items()]
            # Work, line and scheduler are busy at the same time; the slowest decides a stage.
            total = sum(max(part[:3]) + part[3] for part in parts) + alone
            work, sent, jobs, tree = (sum(column) for column in zip(*parts, strict=True))
            row = f"{workers:7} {work:8.0f} {sent:7.0f} {jobs:6.0f} {tree:6.1f} {alone:6.0f}"
            show(f"{row} {total:8.0f}")


def measured(project: Project, config: TrainingConfig) -> tuple[float, dict[str, Cost]]:
    """Train; return the processor time of what is not shared out, and what costs the rest."""
    workers = Measured()
    with use_scheduler(workers):
        begun = time.process_time()
        cold(project, config)
        whole = time.process_time() - begun
    return whole - sum(
        cost.seconds + cost.pickled for cost in workers.costs.values()
    ), workers.costs


def stage(
    name: str, cost: Cost, more: float, workers: int, line: float
) -> tuple[float, float, float, float]:
    """Return what one kind of work keeps busy, in seconds, with ``more`` times as many faces.

    The workers; the client's line; the scheduler; and, of sums, the tree after the last leaf.
    """
    spread = cost.common / line * math.ceil(math.log2(workers + 1))  # from each to the next
    if name == GATHERING:
        faces = cost.faces * more
        leaves = SUMS * min(math.ceil(faces / SUMS / _CHUNK), _MOST_CHUNKS)
        rounds = math.ceil(leaves / workers) * workers / leaves  # the last one is not full
        one = cost.back / cost.items / line  # a sum travels
        work = faces * cost.seconds / cost.faces + leaves * one
        sent = faces / SCALES * cost.there / cost.faces / line + SUMS * one
        tree = math.log2(max(leaves / SUMS, 1)) * one * max(1, SUMS / workers)
        return work / workers * rounds, sent + spread, 2 * leaves * SCHEDULING, tree
    items = min(cost.items * more, CAPPED.get(name, math.inf))
    batches = math.ceil(items / BATCH)
    rounds = math.ceil(batches / workers) * workers / batches
    work = items * cost.seconds / cost.items / workers * rounds
    sent = items * (cost.there + cost.back) / cost.items / line
    return work, sent + spread, batches * SCHEDULING, 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces", type=int, nargs="?", default=200)
    parser.add_argument("--project", type=Path)
    parser.add_argument("--of", type=int, default=100_000, help="faces of the computed training")
    parser.add_argument("--only", choices=("compared", "simulated"))
    asked = parser.parse_args()
    with ExitStack() as stack:
        config = TrainingConfig(holdout=0.0)
        if asked.project is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            project = stack.enter_context(Project.create(Path(folder) / "p", scheme="face70"))
            some = islice(sample_faces(), asked.faces)
            project.import_entries("sample", some, scheme="face70")
        else:
            project = stack.enter_context(Project.open(asked.project))
        if asked.only != "simulated":
            compared(project, config)
        if asked.only != "compared":
            simulated(project, config, asked.of)


if __name__ == "__main__":
    main()
