"""What a project costs as it grows: to 100,000 faces and 1,000,000 revisions.

    python tests/benchmarks/scale.py [--faces 1000 10000 100000] [--folder DIR]

Makes a project of each size (the largest takes minutes and 1.5 GB; with ``--folder`` it is kept for
the next time), does what people do to it through the public interface and through what is behind
the tab Queue, and prints a table of milliseconds: the median of several times. The pictures are
all one file, since the database is what is measured.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from sqlalchemy import insert, update

from faceloop_datasets import Annotation, Batch, FrameCandidate, Media, PointState, Project
from faceloop_datasets.formats import FaceRecord
from faceloop_datasets.store.tables import (
    ItemRow,
    MediaRow,
    QueueReasonRow,
    QueueRow,
    RevisionRow,
)
from faceloop_workbench.annotate.editor import FaceEditor
from faceloop_workbench.queue.review import Review
from faceloop_workbench.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

REVISIONS = 10  # of each face
_BATCH = 5000  # faces
_REASONS = ("poor-fit", "disagreement", "lost-track", "label-check")
_STATUS = ("done", "done", "open", "skipped", "open")


def make(folder: Path, faces: int) -> Path:
    """Make a project of so many faces; every face has ten revisions and most have an entry."""
    root = folder / f"scale-{faces}"
    if (root / "complete").exists():
        return root
    with Project.create(root) as project:
        picture = root / "media" / "picture.png"
        cv2.imwrite(str(picture), np.zeros((64, 64), np.uint8))
        for first in range(1, faces + 1, _BATCH):
            numbers = range(first, min(first + _BATCH, faces + 1))
            with project._database.write() as connection:
                _fill(connection, numbers, picture)
    (root / "complete").touch()
    return root


def _fill(connection: Connection, numbers: range, picture: Path) -> None:
    rng = np.random.default_rng(numbers.start)
    size = picture.stat().st_size
    connection.execute(
        insert(MediaRow),
        [
            {"id": n, "kind": "image", "path": "media/picture.png", "absolute": str(picture),
             "sha256": hashlib.sha256(str(n).encode()).hexdigest(), "bytes": size,
             "width": 64, "height": 64, "frames": 1}
            for n in numbers
        ],
    )  # fmt: skip
    connection.execute(
        insert(ItemRow),
        [
            {"id": n, "media_id": n, "frame": None, "name": f"face {n:06d}",
             "subject": f"person {n // 5}", "subject_source": "format",
             "origin": f"muct:{n:06d}", "origin_root": None, "head": None}
            for n in numbers
        ],
    )  # fmt: skip
    states = np.zeros(70, np.uint8)
    states[-3:] = PointState.ESTIMATED
    for k in range(REVISIONS):
        source = "manual" if k else "import:muct"
        before = {n: (n - 1) * REVISIONS + k for n in numbers}
        connection.execute(
            insert(RevisionRow),
            [
                {"id": before[n] + 1, "item_id": n, "based_on": before[n] if k else None,
                 "points": rng.uniform(0, 64, (70, 2)).tobytes(), "states": states.tobytes(),
                 "source": source, "author": "ann", "created": "2026-01-01T00:00:00+00:00",
                 "action": "Move chin", "start": None}
                for n in numbers
            ],
        )  # fmt: skip
    connection.execute(
        update(ItemRow)
        .where(ItemRow.id >= numbers.start, ItemRow.id < numbers.stop)
        .values(head=ItemRow.id * REVISIONS)
    )
    error = rng.uniform(0.01, 0.3, len(numbers))
    connection.execute(
        insert(QueueRow),
        [
            {"id": n, "item_id": n, "priority": float(e), "status": status,
             "model": "face70-ridge", "said": "",
             "author": None if status == "open" else "ann", "time": None, "shot": None,
             "points": rng.uniform(0, 64, (70, 2)).tobytes()}
            for n, e in zip(numbers, error, strict=True)
            for status in [_STATUS[n % 5] if e < 0.25 else "done"]
        ],
    )  # fmt: skip
    connection.execute(
        insert(QueueReasonRow),
        [
            {"queue_id": n, "reason": reason, "priority": float(e), "predicted_error": float(e),
             "note": "Point 61, nose tip, lies to the right.", "points": b"\x3d\x00"}
            for n, e in zip(numbers, error, strict=True)
            for reason in (_REASONS[n % 4], _REASONS[(n + 1) % 4])[: 1 + n % 2]
        ],
    )  # fmt: skip


def milliseconds(do: Callable[[], object], times: int = 5) -> float:
    """Median time of a call."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        do()
        found.append(time.perf_counter() - start)
    return statistics.median(found) * 1000


def measure(root: Path) -> dict[str, float]:
    """Do what people do; returns milliseconds by name."""
    found = {"open": milliseconds(lambda: Project.open(root).close())}
    with Project.open(root) as project:
        found |= _project(project)
    found |= _window(root)
    return found


def _project(project: Project) -> dict[str, float]:
    queue, video = project.queue, project.media()[0]
    rng = np.random.default_rng(0)
    some = [int(n) for n in rng.integers(1, len(project.items()) + 1, 30)]

    def save(number: int) -> None:
        head = project.item(number).head
        seen = Annotation("face70", rng.uniform(0, 64, (70, 2)), np.zeros(70), "manual")
        project.save(number, seen, head)

    def following() -> None:
        entry = queue.next("bob")
        assert entry is not None
        claimed.append(entry.id)

    claimed: list[int] = []
    saves = iter(some)
    found = {
        "next of the queue (claimed)": milliseconds(following, 20),
        "page of the queue, 100 entries": milliseconds(lambda: queue.list(limit=100)),
        "page of one reason": milliseconds(lambda: queue.list(reason="label-check", limit=100)),
        "page far down the queue": milliseconds(lambda: queue.list(limit=100, offset=5000)),
        "save": milliseconds(lambda: save(next(saves)), 30),
        "history of a face": milliseconds(lambda: project.history(some[0])),
        "overview of all faces": milliseconds(project.overview, 3),
        "all faces, with points": milliseconds(project.faces, 3),
        "import of 20 faces": milliseconds(lambda: _import(project, rng), 3),
        "add a poor frame": milliseconds(lambda: _add_frame(project, video, rng), 5),
        "points that are estimated": milliseconds(project.estimates, 3),
        "confirm one in all faces": milliseconds(lambda: project.confirm_points([69]), 1),
        "take that back": milliseconds(lambda: project.undo_batch(_last(project)), 1),
    }
    for number in claimed:
        queue.release(number)
    return found


def _last(project: Project) -> Batch:
    batch = project.last_batch()
    assert batch is not None
    return batch


def _import(project: Project, rng: np.random.Generator) -> None:
    first = int(rng.integers(1, 900))
    records = [
        FaceRecord(
            name=f"{n:06d}", subject="s", image=None, image_name="x", origin="x:1", frame=None,
            annotation=Annotation("face70", rng.uniform(0, 64, (70, 2)), np.zeros(70), "x"),
        )
        for n in range(first, first + 20)
    ]  # fmt: skip
    project.import_entries("muct", records, scheme="face70")


def _add_frame(project: Project, video: Media, rng: np.random.Generator) -> None:
    fit = rng.uniform(0, 64, (70, 2))
    candidate = FrameCandidate(int(rng.integers(1 << 30)), 0.0, fit, 0.2)
    project.queue.add_frames(video, [candidate], per_shot=10**6)


def _window(root: Path) -> dict[str, float]:
    session = Session()
    review = Review(session, FaceEditor(session))
    project = Project.open(root)
    found = {"window: open": milliseconds(lambda: session.open(project), 1)}

    def counts() -> None:
        assert review.counts.left
        assert review.skip_reasons

    def accept() -> None:
        assert review.accept()

    found["window: first face"] = milliseconds(review.next, 1)
    found["window: next face"] = milliseconds(review.next, 10)
    found["window: accept, and the next face"] = milliseconds(accept, 10)
    found["window: counts above the list"] = milliseconds(counts, 5)
    found["window: filter by a reason"] = milliseconds(lambda: review.select(reason="poor-fit"), 1)
    found["window: search a name"] = milliseconds(lambda: review.select(text="0421"), 1)
    found["window: all faces"] = milliseconds(
        lambda: review.select(show="all", reason=None, text=""), 1
    )
    session.close()
    return found


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--folder", type=Path, help="where to make, and keep, the projects")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        columns = {faces: measure(make(folder, faces)) for faces in args.faces}
    heads = [f"{faces:,} faces, {faces * REVISIONS:,} revisions" for faces in columns]
    rows = [["ms", *heads], ["---", *("--:" for _ in columns)]]
    for name in next(iter(columns.values())):
        rows.append([name, *(f"{found[name]:.3g}" for found in columns.values())])
    sys.stdout.writelines(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    main()
