"""What the benchmarks share: real faces, splits, clocks, and how figures are shown."""

from __future__ import annotations

import json
import os
import resource
import shlex
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from faceloop_datasets import Project
from faceloop_trainer.data.faces import whole_pictures

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from faceloop_datasets import Face, Scheme
    from faceloop_trainer.data.faces import TrainingFace
    from faceloop_trainer.evaluation.result import Evaluation

CONSOLE = Console(width=None if sys.stdout.isatty() else 240, highlight=False)
_ROOT = Path(__file__).parents[2]


def data_dir() -> Path:
    """Real faces for development; never part of the repository."""
    folder = Path(os.environ.get("FACELOOP_DATA", _ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        raise SystemExit(f"There is no development data at {folder} (set FACELOOP_DATA).")
    return folder


@contextmanager
def imported(
    kind: str, sources: Sequence[Path], scheme: str, folder: Path | None
) -> Iterator[Project]:
    """Import into a project that is thrown away, or into ``folder`` to keep it for next time."""
    with TemporaryDirectory() as scratch:
        where = folder or Path(scratch) / kind
        known = (where / "project.db").is_file()
        with Project.open(where) if known else Project.create(where, scheme=scheme) as project:
            if not known:
                project.import_from(kind, sources)
            yield project


@contextmanager
def muct(folder: Path | None) -> Iterator[Project]:
    """Open the MUCT faces, read straight from the archives."""
    archives = sorted((data_dir() / "muct").glob("*.tar.gz"))
    with imported("muct", archives, "face70", folder) as project:
        yield project


def by_name(face: Face) -> tuple[str, str]:
    """MUCT's sessions in order, and the cameras of one session together."""
    return face.name[:5], face.name[5:]


@dataclass(frozen=True)
class Split:
    """Faces to train on, and all faces of other people."""

    training: list[Face]
    test: list[Face]


def split_subjects(
    faces: Sequence[Face], count: int, seed: int, per_subject: int | None = None
) -> Split:
    """Take whole people in a seeded order until there are ``count`` faces.

    Parameters
    ----------
    faces : sequence of Face
        All of them.
    count : int
        Faces to train on.
    seed : int
        Order of the people.
    per_subject : int, optional
        Most faces of one person, first by name; all by default.
    """
    order = sorted({f.subject for f in faces})
    np.random.default_rng(seed).shuffle(order)
    training: list[Face] = []
    used: set[str] = set()
    for subject in order:
        if len(training) >= count:
            break
        own = sorted((f for f in faces if f.subject == subject), key=by_name)
        training += own[:per_subject][: count - len(training)]
        used.add(subject)
    return Split(training, [f for f in faces if f.subject not in used])


def pictures(scheme: Scheme, faces: Sequence[Face]) -> list[TrainingFace]:
    """Read whole pictures; nothing is reduced."""
    return list(whole_pictures(scheme, faces))


@dataclass
class Clock:
    """Wall time and processor time of a block, in seconds, and the peak memory after it."""

    wall: float = 0.0
    cpu: float = 0.0
    peak_mb: float = 0.0
    _start: tuple[float, float] = field(default=(0.0, 0.0), repr=False)

    def __enter__(self) -> Clock:
        self._start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._start[0]
        self.cpu = time.process_time() - self._start[1]
        self.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def row(self, what: str) -> dict[str, float]:
        """Figures for a table. Divide the processor time by 2 for an idle machine of 2 cores."""
        return {
            f"{what} s": round(self.wall, 1),
            f"{what} cpu s": round(self.cpu, 1),
            "peak MB": round(self.peak_mb),
        }


def clock_of(backend: str) -> Callable[[], float]:
    """Clock for single fits: of the processor with the CPU backend, since machines are busy.

    On an idle core it shows the same as wall time. Responses by OpenGL need wall time.
    """
    return time.process_time if backend == "cpu" else time.perf_counter


def one_core() -> None:
    """Keep this process on one core, as the figures of the peers were measured."""
    import cv2

    threadpool_limits(1)
    cv2.setNumThreads(1)
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})


def error_row(errors: np.ndarray) -> dict[str, Any]:
    """Mean, median, p95, AUC@0.08 and failures of the errors of some faces."""
    from faceloop_runtime.quality.thresholds import FAILURE
    from faceloop_trainer.evaluation.metrics import AUC_LIMIT, area_under_ced

    found = errors[np.isfinite(errors)]
    return {
        "faces": len(errors),
        "mean": round(float(found.mean()), 5),
        "median": round(float(np.median(found)), 5),
        "p95": round(float(np.percentile(found, 95)), 5),
        "AUC@.08": round(area_under_ced(errors, AUC_LIMIT), 4),
        "failures": int((errors > FAILURE).sum()),
        "not found": int((~np.isfinite(errors)).sum()),
    }


def against(
    ours: np.ndarray, theirs: np.ndarray, faces: Sequence[TrainingFace], seed: int
) -> dict[str, Any]:
    """Ratio of the mean errors of two on the same faces, with its interval over people."""
    from faceloop_trainer.evaluation.bootstrap import bootstrap

    (ratio,) = bootstrap(
        [face.subject for face in faces],
        lambda weights: ((weights @ ours) / (weights @ theirs))[None],
        seed,
    )
    return {
        "ours / dlib": round(ratio.value, 3),
        "95 % CI": f"{ratio.low:.3f} to {ratio.high:.3f}",
        "ours better in": f"{(ours < theirs).mean():.0%}",
    }


def groups_of(result: Evaluation) -> dict[str, float]:
    """Mean error of each part of the face."""
    return {str(k): round(float(v), 4) for k, v in result.per_group.dropna().items()}


def roc_auc(bad: np.ndarray, guess: np.ndarray) -> float:
    """Probability that a bad fit is ranked above a good one (ties count half)."""
    from scipy.stats import rankdata

    positives = int(bad.sum())
    if positives in (0, len(bad)):
        return float("nan")
    ranks = rankdata(guess)[bad].sum() - positives * (positives + 1) / 2
    return float(ranks / (positives * (len(bad) - positives)))


class Report:
    """Collects tables, prints each when it is there, and writes all as JSON at the end."""

    def __init__(self, file: Path | None) -> None:
        # Matrices here are small; on a busy machine OpenBLAS's threads wait for each other
        # longer than they work.
        threadpool_limits(1, "blas")
        self._file = file
        command = shlex.join(["python", *sys.argv])
        self._all: dict[str, Any] = {"command": command, "load": os.getloadavg()[0]}
        CONSOLE.print(f"$ {command}   (load of the machine {os.getloadavg()[0]:.1f})")

    def table(self, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Show rows of the same table; the first row names the columns, later ones may add."""
        columns = list(dict.fromkeys(key for row in rows for key in row))
        table = Table(title=title, title_justify="left")
        for column in columns:
            table.add_column(column, justify="left" if column == columns[0] else "right")
        for row in rows:
            table.add_row(*(str(row.get(c, "")) for c in columns))
        CONSOLE.print(table)
        self._all[title] = [dict(r) for r in rows]
        if self._file is not None:
            self._file.write_text(json.dumps(self._all, indent=1), encoding="utf-8")


def add_common(parser: argparse.ArgumentParser, *, seed: bool = True) -> None:
    """Options that every benchmark has; those that take several seeds add them themselves."""
    if seed:
        said = "seed of splits, starts and training"
        parser.add_argument("--seed", type=int, default=0, help=said)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")


def count_subjects(faces: Sequence[Face]) -> int:
    """Return how many people these faces show."""
    return len(Counter(f.subject for f in faces))
