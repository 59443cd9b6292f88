"""Many processes at once on one project: nothing is lost, and nobody waits in vain.

    python tests/faults/crowd.py --processes 8 --seconds 120 --seed 1

Annotators, people at the review queue, an importer and a trainer work on the same few faces, so
that they meet all the time; the faces stay such that a training on them succeeds. Each writes down
what the project told it; afterwards that is compared with what the project holds. Before, all
claim the same entries at the same moment.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import victims
from scenes import check_sound, fresh, make_template

from faceloop_datasets import FaceloopError, Project, RevisionConflict
from faceloop_datasets.sample import sample_faces
from faceloop_workbench.services.training import train_into

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Barrier

ROLES = ("annotate", "queue", "annotate", "bring", "queue", "train", "annotate", "queue")
LONG = 60  # seconds from which on the trainer trains; before, it only brings models in
ENTRIES = 40  # that all try to claim
FACES = 60  # of the sample, where there is training


@dataclass
class Worker:
    """One process of the crowd: a role, a clock, and a diary."""

    folder: Path
    role: str
    number: int
    seed: int
    until: float
    train: bool
    diary: list[dict[str, Any]] = field(default_factory=list)

    def run(self, barrier: Barrier) -> None:
        """Work until the time is over, and write the diary."""
        self.rng = random.Random(f"{self.seed} {self.number}")  # noqa: S311 - repeatable
        with Project.open(self.folder) as project:
            self.faces = {face.item_id: face.annotation for face in project.faces()[:4]}
            barrier.wait()
            self._race(project)
            barrier.wait()
            while time.monotonic() < self.until:
                getattr(self, f"_{self.role}")(project)
        diary = self.folder.parent / f"diary-{self.number}.json"
        diary.write_text(json.dumps(self.diary))

    def _note(self, **values: Any) -> None:
        self.diary.append({"worker": self.number, "role": self.role, **values})

    def _call(self, what: str, do: Callable[[], Any]) -> Any:
        start = time.monotonic()
        try:
            return do()
        except RevisionConflict:
            raise
        except FaceloopError as error:
            self._note(error=str(error), what=what)
            return None
        finally:
            self._note(what=what, start=start, end=time.monotonic())

    def _race(self, project: Project) -> None:
        for number in range(1, ENTRIES + 1):
            if project.queue.claim(number, f"racer {self.number}") is not None:
                self._note(raced=number)

    def _annotate(self, project: Project) -> None:
        item = project.item(self.rng.choice(list(self.faces)))
        if self.rng.random() < 0.5:
            time.sleep(self.rng.uniform(0, 0.02))  # a person looks; others save meanwhile
        mine = victims.nudge(self.rng, self.faces[item.id])
        said = {"item": item.id, "based_on": item.head, "digest": victims.digest(mine)}
        try:
            saved = self._call(
                "save", lambda: project.save(item.id, mine, item.head, f"worker {self.number}")
            )
        except RevisionConflict as conflict:
            self._note(conflict=str(conflict), **said)
            return
        if saved is not None:
            self._note(saved=saved.id, **said)

    def _queue(self, project: Project) -> None:
        me = f"worker {self.number}"
        entry = self._call("claim", lambda: project.queue.next(me))
        if entry is None:
            item = self.rng.choice(project.items())
            self._call("queue", lambda: project.queue.add(item.id, "manual", note=me))
            return
        claimed = time.monotonic()
        time.sleep(self.rng.uniform(0, 0.02))
        self._note(held=entry.id, since=claimed, till=time.monotonic())
        act = self.rng.choice(("done", "skip", "release", "release"))
        do = {
            "done": lambda: project.queue.done(entry.id),
            "skip": lambda: project.queue.skip(entry.id, "why"),
            "release": lambda: project.queue.release(entry.id, me),
        }[act]
        after = self._call(act, do)
        expected = {"done": "done", "skip": "skipped", "release": "open"}[act]
        if after is not None and after.status != expected:
            self._note(error=f"{act} left {after.status}", what=act)

    def _bring(self, project: Project) -> None:
        outside = self.folder.parent / "outside"
        sources = sorted(outside.glob("muct-a*.tar.gz"))
        table = self.rng.choice(("before", "after"))
        sources.append(outside / table / "muct-landmarks-v1.tar.gz")
        report = self._call("import", lambda: project.import_from("muct", sources))
        if report is not None:
            self._note(imported=table, faces=report.faces)
        time.sleep(0.2)

    def _train(self, project: Project) -> None:
        if self.train:
            config = replace(victims.QUICK, seed=self.rng.randrange(100))
            trained = self._call("train", lambda: train_into(project, config))
            if trained is not None:
                self._note(model=trained.record.id, sha256=trained.record.sha256)
            return
        files = sorted((self.folder.parent / "outside").glob("models-*/*.safetensors"))
        record = self._call("model", lambda: project.add_model(self.rng.choice(files), {}))
        if record is not None:
            self._note(model=record.id, sha256=record.sha256)
            self._call("use", lambda: project.use_model(record.id))
        time.sleep(0.2)


def gather(folder: Path, processes: int, seconds: float, seed: int) -> list[dict[str, Any]]:
    """Let the crowd work on a project; returns all that was written down."""
    with Project.open(folder) as project:
        if seconds >= LONG:  # so many that the imported ones, which are noise, spoil no training
            faces = islice(sample_faces(), FACES)
            project.import_entries("sample", faces, scheme="face70", copy=True)
        for item in (project.add_item(None) for _ in range(ENTRIES)):
            project.queue.add(item.id, "manual")
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(processes)
    until = time.monotonic() + seconds
    workers = [
        Worker(folder, ROLES[n % len(ROLES)], n, seed, until, seconds >= LONG)
        for n in range(processes)
    ]
    running = [context.Process(target=worker.run, args=(barrier,)) for worker in workers]
    for process in running:
        process.start()
    for process in running:
        process.join(seconds + 240)
    assert [process.exitcode for process in running] == [0] * processes
    diaries = [folder.parent / f"diary-{n}.json" for n in range(processes)]
    return [line for diary in diaries for line in json.loads(diary.read_text())]


def check(folder: Path, diary: list[dict[str, Any]]) -> dict[str, Any]:
    """Compare what was written down with what the project holds; returns figures."""
    errors = [line for line in diary if "error" in line]
    assert errors == [], errors[:3]
    check_sound(folder)
    raced = Counter(line["raced"] for line in diary if "raced" in line)
    assert raced == Counter(range(1, ENTRIES + 1)), "each entry is claimed by exactly one"
    saved = [line for line in diary if "saved" in line]
    conflicts = [line for line in diary if "conflict" in line]
    _check_saves(folder, saved, conflicts)
    _check_claims([line for line in diary if "held" in line])
    with Project.open(folder) as project:
        models = {record.id: record.sha256 for record in project.models()}
    assert all(models[line["model"]] == line["sha256"] for line in diary if "model" in line)
    return _figures(diary, saved, conflicts)


def _check_saves(folder: Path, saved: list[Any], conflicts: list[Any]) -> None:
    bases = Counter((line["item"], line["based_on"]) for line in saved)
    assert max(bases.values(), default=1) == 1, "two saves on one base, and none told: one is lost"
    with Project.open(folder) as project:
        for item_id in {line["item"] for line in saved + conflicts}:
            history = project.history(item_id)
            found = {r.id: victims.digest(r.annotation) for r in history}
            for line in saved:
                if line["item"] == item_id:
                    assert found[line["saved"]] == line["digest"]
            kept = Counter(found.values())
            for line in conflicts:
                if line["item"] == item_id:
                    assert kept[line["digest"]] == 1, "both versions are kept"
            head = next(r.id for r in history if r.is_head)
            assert head == max(line["saved"] for line in saved if line["item"] == item_id)


def _check_claims(held: list[Any]) -> None:
    for number in {line["held"] for line in held}:
        spans = sorted((line["since"], line["till"]) for line in held if line["held"] == number)
        for (_, end), (start, _) in itertools.pairwise(spans):
            assert end <= start, f"entry {number} was held by two at once"


def _figures(diary: list[Any], saved: list[Any], conflicts: list[Any]) -> dict[str, Any]:
    took: dict[str, list[float]] = {}
    for line in diary:
        if "start" in line:
            took.setdefault(line["what"], []).append(line["end"] - line["start"])
    return {
        "saved": len(saved),
        "conflicts": len(conflicts),
        "raced": ENTRIES,
        "calls": {
            what: f"{len(times)}, median {1000 * statistics.median(times):.0f} ms, "
            f"longest {1000 * max(times):.0f} ms"
            for what, times in sorted(took.items())
        },
    }


def main() -> None:
    """Let a crowd work, check, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        template = make_template(Path(scratch) / "template")
        folder = fresh(template, Path(scratch) / "crowd")
        diary = gather(folder, args.processes, args.seconds, args.seed)
        figures = check(folder, diary)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
