"""A day of a team: 20 annotators of 8 hours on one project, on a server and in a folder.

    python tests/benchmarks/team.py                  # a whole day in 480 seconds, each way
    python tests/benchmarks/team.py --only server --faces 240 --seconds 240   # half a day

Each annotator is a thread with a project of its own, in five processes, and does what a window
does in a day: 480 faces, one a minute, each taken from the queue, read, saved 4 times as points are
dragged, looked at once for somebody else's save, and done. Three faces in a hundred are none of the
queue but one of a few that all come back to, so that some save what another has saved meanwhile:
those look at theirs, and save again. Time is compressed: what a person thinks is shortened, what
the database does is not.

The server is a real PostgreSQL of its own, with TLS, passwords, fsync, and the role of annotators;
in the middle of the day it is stopped at once and started again, and what fails is done again, the
same. Afterwards the database is read by itself, without what wrote it: every save that was
acknowledged has to be there with its points, no save twice, and every face of the queue done.

Figures: milliseconds from asking to having; what was asked while the server was away is apart.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import sys
import threading
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from common import Report, add_common

sys.path.insert(0, str(Path(__file__).parents[1]))
from postgresql import PostgresqlServer
from sqlalchemy import text

from faceloop_datasets import Annotation, Project, ProjectError, RevisionConflict
from faceloop_datasets.review.entries import QueueReason
from faceloop_datasets.server import give_role, push_project
from faceloop_datasets.store import items, queue
from faceloop_datasets.store.address import ProjectAddress
from faceloop_datasets.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POINTS = 70
SAVES = 4
DAY = 8 * 3600
SHARED, SHARE = 10, 0.03  # faces that all come back to, and how often
PROCESSES = 5
PASSWORD = "made-up"  # noqa: S105
PATIENCE = 60.0  # seconds that an operation is repeated for


@dataclass(frozen=True)
class Day:
    """What everybody does."""

    place: str
    people: int
    faces: int
    seconds: float
    out: str


class Person:
    """An annotator: asks, thinks, and keeps a list of what was acknowledged."""

    def __init__(self, name: str, day: Day, project: Project) -> None:
        self.name, self.day, self.project = name, day, project
        self.random = random.Random(name)  # noqa: S311
        self.rng = np.random.default_rng(int(name[3:]))
        self.times: dict[str, list[float]] = defaultdict(list)
        self.log: list[tuple[int, int, str]] = []
        self.counts: Counter[str] = Counter()
        self.pause = day.seconds / (day.faces * (SAVES + 1))

    def work(self) -> None:
        """Do a day's work."""
        time.sleep(self.random.uniform(0, self.pause * SAVES))
        while True:
            if self.random.random() < SHARE:
                self.annotate(self.random.randrange(1, SHARED + 1))
                continue
            entry = self.ask("next", partial(self.project.queue.next, self.name))
            if entry is None:
                return
            self.annotate(entry.item_id)
            self.ask("done", partial(self.project.queue.done, entry.id))

    def annotate(self, item: int) -> None:
        """Save a face as its points are dragged."""
        head = self.ask("read", partial(self.project.annotation, item))
        based_on = None if head is None else head.id
        for number in range(SAVES):
            time.sleep(self.random.expovariate(1 / self.pause))
            points = self.rng.uniform(0, 400, (POINTS, 2))
            made = Annotation("face70", points, np.zeros(POINTS, np.uint8), "manual")
            based_on = self.save(item, made, based_on, f"Move {number}")
        self.ask("look", partial(self.project.item, item))

    def save(self, item: int, made: Annotation, based_on: int | None, action: str) -> int:
        """Save, and where somebody else has saved meanwhile look at theirs and save again."""
        while True:
            work = partial(self.project.save, item, made, based_on, self.name, action=action)
            try:
                saved = self.ask("save", work)
            except RevisionConflict:
                self.counts["conflicts"] += 1
                theirs = self.ask("read", partial(self.project.annotation, item))
                based_on = theirs.id
            else:
                self.log.append((item, saved.id, fingerprint(made.points)))
                return int(saved.id)

    def ask(self, what: str, work: Callable[[], Any]) -> Any:
        """Do something, again while the server is away."""
        begun, again = time.perf_counter(), 0
        while True:
            try:
                result = work()
            except RevisionConflict:
                self.times[what].append(time.perf_counter() - begun)
                raise
            except ProjectError as error:
                if time.perf_counter() - begun > PATIENCE:
                    raise
                again += 1
                self.counts[f"refused: {str(error).split(' failed: ')[-1][:40]}"] += 1
                time.sleep(0.2)
            else:
                self.times[f"{what}, server away" if again else what].append(
                    time.perf_counter() - begun
                )
                return result


def fingerprint(points: Any) -> str:
    return hashlib.sha256(np.asarray(points, "<f8").tobytes()).hexdigest()[:24]


def work_in_process(day: Day, names: list[str], morning: Any) -> None:
    """Let some people work, each in a thread of its own."""
    people: list[Person] = []

    def one(name: str) -> None:
        with Project.open(day.place) as project:
            person = Person(name, day, project)
            people.append(person)
            morning.wait()
            person.work()

    threads = [threading.Thread(target=one, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [
        {"name": p.name, "times": p.times, "log": p.log, "counts": dict(p.counts)} for p in people
    ]
    Path(day.out, f"{names[0]}.json").write_text(json.dumps(found), encoding="utf-8")


def make(folder: Path, faces: int) -> None:
    """Make a project of faces that wait."""
    with Project.create(folder) as project, project._database.write() as connection:
        for number in range(SHARED + faces):
            item = items.add_item(
                connection,
                media_id=None,
                frame=None,
                name=f"face {number}",
                subject=f"s{number}",
                subject_source="picture",
            )
            if number >= SHARED:
                queue.put(connection, item.id, QueueReason("poor-fit", 0.1))


@contextmanager
def on_server(folder: Path, out: Path) -> Iterator[tuple[str, PostgresqlServer]]:
    """Bring a project to a server; yields the address for annotators."""
    server = PostgresqlServer.started("fsync = on", "max_connections = 150")
    try:
        owner = server.socket("faceloop", server.new_database("faces"))
        push_project(folder, owner, folder=out)
        give_role(owner, "ann", "annotator")
        server.run("psql", "-d", "faces", "-c", f"ALTER ROLE ann PASSWORD '{PASSWORD}'")
        os.environ["PGPASSWORD"] = PASSWORD
        yield server.tls("ann", "faces"), server
    finally:
        server.remove()


def run(day: Day, server: PostgresqlServer | None) -> list[dict[str, Any]]:
    """Let everybody work; in the middle of the day the server is started anew."""
    names = [f"ann{number:02d}" for number in range(day.people)]
    context = multiprocessing.get_context("spawn")
    share = -(-day.people // PROCESSES)
    groups = [names[k : k + share] for k in range(0, day.people, share)]
    morning = context.Barrier(day.people + 1)  # until everybody has opened the project
    processes = [
        context.Process(target=work_in_process, args=(day, group, morning)) for group in groups
    ]
    for process in processes:
        process.start()
    morning.wait(300)
    if server is not None:
        time.sleep(day.seconds / 2)
        server.stop()
        time.sleep(2)
        server.start()
    for process in processes:
        process.join()
    return [
        one
        for file in sorted(Path(day.out).glob("ann*.json"))
        for one in json.loads(file.read_text())
    ]


def verify(place: str, people: list[dict[str, Any]]) -> dict[str, int]:
    """Count by reading the rows: what is lost, doubled, or left undone."""
    address = ProjectAddress.of(place)
    database = Database(address.url, address.where)
    with database.read() as connection:
        rows = connection.execute(
            text("SELECT id, item_id, based_on, points, author FROM revisions")
        ).all()
        waiting = dict(
            connection.execute(text("SELECT status, count(*) FROM queue GROUP BY status")).all()
        )
        heads = set(connection.execute(text("SELECT head FROM items")).scalars())
    database.close()
    there = {row.id: (row.item_id, fingerprint(np.frombuffer(row.points, "<f8"))) for row in rows}
    log = [entry for person in people for entry in person["log"]]
    lost = sum(there.get(number) != (item, print_) for item, number, print_ in log)
    conflicts = sum(person["counts"].get("conflicts", 0) for person in people)
    doubles = Counter((row.item_id, row.based_on, bytes(row.points), row.author) for row in rows)
    last = {item: number for item, number, _ in sorted(log, key=lambda entry: entry[1])}
    return {
        "acknowledged": len(log),
        "revisions": len(rows),
        "conflicts": conflicts,
        "lost": lost,
        "heads that are not the last save": sum(n not in heads for n in last.values()),
        "saved twice": sum(n - 1 for n in doubles.values()),
        "not accounted for": len(rows) - len(log) - conflicts,
        "open": waiting.get("open", 0),
        "claimed, and the answer lost": waiting.get("claimed", 0),
    }


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--faces", type=int, default=480, help="a person and day")
    parser.add_argument("--seconds", type=float, default=480.0, help="that a day lasts")
    parser.add_argument("--only", choices=("server", "folder"))
    add_common(parser, seed=False)
    options = parser.parse_args()
    report = Report(options.json)
    for kind in ("folder", "server"):
        if options.only in (None, kind):
            with TemporaryDirectory() as scratch:
                root = Path(scratch)
                make(root / "faces", options.people * options.faces)
                (root / "log").mkdir()
                _measure(kind, root, options, report)


def _measure(kind: str, root: Path, options: argparse.Namespace, report: Report) -> None:
    def day(place: str) -> Day:
        return Day(place, options.people, options.faces, options.seconds, str(root / "log"))

    begun = time.perf_counter()
    if kind == "folder":
        place = str(root / "faces")
        people = run(day(place), None)
        found = verify(place, people)
    else:
        with on_server(root / "faces", root / "share") as (place, server):
            people = run(day(place), server)
            found = verify(place, people)
    wall = time.perf_counter() - begun
    times: dict[str, list[float]] = defaultdict(list)
    refused: Counter[str] = Counter()
    for person in people:
        for what, list_ in person["times"].items():
            times[what] += list_
        refused.update({k: n for k, n in person["counts"].items() if k.startswith("refused")})
    rows = []
    for what, values in sorted(times.items()):
        ms = np.array(values) * 1000
        figures = {"median": np.median(ms), "p95": np.percentile(ms, 95), "max": ms.max()}
        rows.append({"what": what, "times": len(ms)} | {k: f"{v:.1f}" for k, v in figures.items()})
    report.table(f"{kind}: milliseconds, of a day of {wall:.0f} s", rows)
    report.table(f"{kind}: counted afterwards", [found])
    if refused:
        report.table(f"{kind}: while the server was away", [dict(refused)])


if __name__ == "__main__":
    main()
