"""Jobs and sums: the same results from threads, processes and Dask; what is lost is said."""

from __future__ import annotations

import errno
import os
import signal
import time
from dataclasses import dataclass
from functools import partial
from operator import mul

import pytest

from faceloop_datasets import Cancelled, InputError, Monitor
from faceloop_datasets.workers import Processes, Threads, Workers, WorkersLost, open_workers

pytest.importorskip("distributed")

TENTHS = [0.1 * n for n in range(23)]


@pytest.fixture(scope="module")
def scheduler():
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def processes():
    with Processes(2) as workers:
        yield workers


@pytest.fixture(params=["threads", "processes", "dask"])
def workers(request, processes, scheduler):
    if request.param == "processes":
        yield processes
        return
    with open_workers({"threads": None, "dask": scheduler}[request.param]) as opened:
        yield opened


def test_results_come_in_the_order_of_the_items(workers: Workers):
    heard: list[float] = []
    made = workers.map(partial(mul, 3), TENTHS, batch=4, done=heard.append)
    assert made == [3 * one for one in TENTHS]
    assert sorted(heard) == made


def test_a_sum_has_the_bits_of_its_pairs(workers: Workers):
    rows = TENTHS
    while len(rows) > 1:
        pairs = [sum(rows[i : i + 2]) for i in range(0, len(rows) - 1, 2)]
        rows = pairs + rows[2 * len(pairs) :]
    assert rows[0] != sum(TENTHS)  # else any order would do
    through: list[int] = []
    assert workers.map_sum(partial(mul, 1.0), TENTHS, done=through.append) == rows[0]
    assert sorted(through) == list(range(len(TENTHS)))


def refuse(item: int) -> int:
    if item == 3:
        raise InputError("Face 3 has no picture.")
    return item


def test_a_fault_of_a_job_comes_out_as_it_is(workers: Workers):
    with pytest.raises(InputError, match=r"^Face 3 has no picture\.$"):
        workers.map(refuse, range(5))
    with pytest.raises(InputError, match=r"^Face 3 has no picture\.$"):
        workers.map_sum(refuse, range(5))
    assert workers.map(refuse, range(3)) == [0, 1, 2]


def test_it_stops_when_asked_to(workers: Workers):
    begun = time.monotonic()
    monitor = Monitor(cancel=lambda: time.monotonic() > begun + 0.5)
    with pytest.raises(Cancelled, match="while sleeping"):
        workers.map(time.sleep, [0.1] * 1000, check=lambda: monitor.check("sleeping"))
    assert workers.map(abs, [-1]) == [1]


@dataclass(frozen=True)
class DieOnce:
    """Kills its process the first time it sees an item: a file says that it has."""

    folder: str
    always: bool = False

    def __call__(self, item: int) -> int:
        mark = f"{self.folder}/{item}"
        if item in {5, 9} and (self.always or not os.path.exists(mark)):  # noqa: PTH110
            open(mark, "w").close()  # noqa: PTH123, PLW1514
            os.kill(os.getpid(), signal.SIGKILL)
        return item * item


@dataclass(frozen=True)
class FullDisk:
    """Is a disk that is full: once, or always."""

    mark: str

    def __call__(self, item: int) -> int:
        if item == 2 and not os.path.exists(self.mark):  # noqa: PTH110
            if self.mark != "/nowhere":
                open(self.mark, "w").close()  # noqa: PTH123, PLW1514
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return -item


@pytest.mark.parametrize("workers", ["dask"], indirect=True)
def test_where_a_disk_is_full_it_is_tried_elsewhere(workers: Workers, tmp_path):
    assert workers.map(FullDisk(str(tmp_path / "mark")), range(4)) == [0, -1, -2, -3]
    with pytest.raises(WorkersLost, match=r"^A worker of tcp://.* cannot go on: the disk is full"):
        workers.map_sum(FullDisk("/nowhere"), range(4))


@pytest.mark.parametrize("workers", ["processes", "dask"], indirect=True)
def test_a_killed_worker_loses_nothing(workers: Workers, tmp_path):
    function, items = DieOnce(str(tmp_path)), list(range(12))
    assert workers.map(function, items, batch=2) == [n * n for n in items]
    assert len(list(tmp_path.iterdir())) == 2
    for mark in tmp_path.iterdir():
        mark.unlink()
    assert workers.map_sum(function, items) == sum(n * n for n in items)


def test_a_job_that_kills_every_worker_is_given_up(tmp_path):
    with Processes(1) as workers:
        with pytest.raises(WorkersLost, match="3 times at the same job") as lost:
            workers.map(DieOnce(str(tmp_path), always=True), [1, 5, 2])
        assert 1 in lost.value.items
        assert 0 not in lost.value.items


def test_what_is_no_scheduler_is_refused():
    for wrong in ("", "local:0", "tcp://", "http://a:1", "slurm:x"):
        with pytest.raises(InputError, match="is no scheduler: expected local:N"):
            open_workers(wrong)
    with open_workers("local:3") as local, open_workers(local) as same:
        assert same is local
        assert local.count == 3
    assert Threads(1).map(abs, [-2, 1]) == [2, 1]


def test_a_scheduler_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from faceloop_datasets.workers import cluster

    monkeypatch.setattr(cluster, "_CONNECT", 1)
    with pytest.raises(InputError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:1 "):
        open_workers("tcp://127.0.0.1:1")
    with pytest.raises(InputError, match=r"needs certificates, .* names none"):
        open_workers("tls://127.0.0.1:1")


def test_a_worker_of_other_versions_is_refused() -> None:
    from faceloop_datasets.workers.cluster import _do
    from faceloop_datasets.workers.jobs import Packed, versions

    packed, here = Packed.of(abs), versions()
    assert _do(packed.name, packed.content, [-1], here) == [1]
    others = tuple((name, "0.1" if name == "numpy" else one) for name, one in here)
    with pytest.raises(
        InputError, match=r"has numpy [\d.]+, and this computer 0\.1: .* same versions"
    ):
        _do(packed.name, packed.content, [-1], others)
