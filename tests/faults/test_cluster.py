"""kill -9 of a Dask worker, of the scheduler, and of the client, at random moments of a training.

A worker's death changes nothing. Without its scheduler a training ends in one line; without a
client, not even in that. The project is sound then, and the next training makes the file that an
undisturbed one makes.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from nursery import SEED

from faceloop_datasets import Project
from faceloop_datasets.care.check import check_project
from faceloop_datasets.sample import sample_faces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest.importorskip("distributed")
pytestmark = pytest.mark.long

MOMENTS = int(os.environ.get("FACELOOP_MOMENTS", "10"))
CLIENT = Path(__file__).with_name("cluster_client.py")


def program(stack: ExitStack, *command: str | Path) -> subprocess.Popen[str]:
    """Start a program of Python's that ends with the stack, with all that it has started."""
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip

    def end() -> None:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
        process.communicate()

    stack.callback(end)
    return process


class Cluster:
    """A scheduler and two workers, of which each is started again when it dies."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        about = folder / f"scheduler-{time.monotonic_ns()}.json"
        self.scheduler = program(
            stack, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
            "--no-dashboard", "--no-show", "--scheduler-file", about,
        )  # fmt: skip
        while not about.exists() or "address" not in about.read_text(encoding="utf-8"):
            time.sleep(0.1)
        found = re.search(r'"address": "(tcp://[^"]+)"', about.read_text(encoding="utf-8"))
        assert found is not None
        self.address = found[1]
        self._nanny = program(
            stack, "-m", "distributed.cli.dask_worker", self.address, "--nworkers", "2",
            "--nthreads", "1", "--no-dashboard", "--local-directory", folder,
        )  # fmt: skip

    def kill_worker(self, chance: random.Random) -> None:
        """Kill a worker process, not who looks after it."""
        # Python starts one more process with them, which tracks their shared memory.
        workers = [
            one
            for one in psutil.Process(self._nanny.pid).children()
            if "spawn_main" in " ".join(one.cmdline())
        ]
        if workers:
            chance.choice(workers).kill()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "project"
    with Project.create(folder, scheme="face70") as project:
        project.import_entries("sample", islice(sample_faces(), 20), scheme="face70")
    return folder


@pytest.fixture
def train(template: Path, tmp_path: Path) -> Iterator[Train]:
    with ExitStack() as stack:
        yield Train(stack, template, tmp_path)


class Train:
    """Trains copies of the project."""

    def __init__(self, stack: ExitStack, template: Path, folder: Path) -> None:
        self.stack, self._template, self._folder = stack, template, folder
        self.expected = self.through(self.project("undisturbed"), "")

    def project(self, name: str) -> Path:
        return Path(shutil.copytree(self._template, self._folder / name))

    def begun(self, project: Path, scheduler: str) -> subprocess.Popen[str]:
        client = program(self.stack, CLIENT, project, scheduler)
        assert client.stdout is not None
        assert client.stdout.readline() == "begun\n"
        return client

    def through(self, project: Path, scheduler: str) -> bytes:
        """Train to the end; return the model's file."""
        _, said = (client := self.begun(project, scheduler)).communicate(timeout=300)
        assert client.returncode == 0, said
        return self.model(project)

    def model(self, project: Path) -> bytes:
        assert check_project(project).sound
        with Project.open(project) as opened:
            (record,) = opened.models()
            return record.file.read_bytes()


def rounds(train: Train, folder: Path, what: str) -> Iterator[tuple[Path, float, random.Random]]:
    """Yield a project, and when to kill: a moment of what an undisturbed training takes."""
    chance = random.Random(f"{SEED} {what}")  # noqa: S311 - no secret
    with ExitStack() as stack:
        cluster = Cluster(stack, folder)
        train.through(train.project("once"), cluster.address)  # imports, which take long
        begun = time.monotonic()
        assert train.through(train.project("twice"), cluster.address) == train.expected
        took = time.monotonic() - begun
    for number in range(MOMENTS):
        yield train.project(f"{what}-{number}"), chance.uniform(0, took), chance


def test_a_killed_worker_changes_nothing(
    train: Train, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    cluster, unharmed = Cluster(train.stack, tmp_path), 0
    for project, moment, chance in rounds(train, tmp_path, "worker"):
        client = train.begun(project, cluster.address)
        time.sleep(moment)
        cluster.kill_worker(chance)
        _, said = client.communicate(timeout=300)
        assert client.returncode == 0, said
        assert train.model(project) == train.expected
        unharmed += 1
    tell(f"cluster: {unharmed} kills of a worker, as many models of the same bits")


def test_a_killed_scheduler_ends_a_training_in_one_line(
    train: Train, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    lost, longest = 0, 0.0
    for project, moment, _ in rounds(train, tmp_path, "scheduler"):
        with ExitStack() as stack:
            cluster = Cluster(stack, tmp_path)
            client = train.begun(project, cluster.address)
            time.sleep(moment)
            cluster.scheduler.kill()
            killed = time.monotonic()
            _, said = client.communicate(timeout=300)
            longest = max(longest, time.monotonic() - killed)
        if client.returncode:
            lost += 1
            assert re.fullmatch(
                r"(The scheduler tcp://\S+ is no longer there|No Dask scheduler answers).*\n", said
            ), said
            assert check_project(project).sound
            with Project.open(project) as opened:
                assert not opened.models()
            assert train.through(project, "local:1") == train.expected
        else:
            assert train.model(project) == train.expected
    tell(f"cluster: {lost} trainings lost their scheduler and said so within {longest:.0f} s")


def test_a_killed_client_loses_nothing(
    train: Train, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    cluster, killed = Cluster(train.stack, tmp_path), 0
    for project, moment, _ in rounds(train, tmp_path, "client"):
        client = train.begun(project, cluster.address)
        time.sleep(moment)
        client.kill()
        client.communicate()
        assert check_project(project).sound
        with Project.open(project) as opened:
            done = bool(opened.models())
        if not done:
            killed += 1
            assert train.through(project, cluster.address) == train.expected
    tell(f"cluster: {killed} clients were killed, and the next had the same bits")
