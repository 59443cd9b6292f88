"""Work in threads: its order, its progress, and how it is stopped."""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from threading import Barrier

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from faceloop_datasets import Cancelled, InputError, Monitor, Progress
from faceloop_trainer.parallel import StepCounter, alike, parallel_map, run_both


def test_results_keep_their_order() -> None:
    def slow(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number * number

    assert parallel_map(slow, range(20)) == [n * n for n in range(20)]


def test_two_things_are_done_at_once() -> None:
    meeting = Barrier(2, timeout=20.0)  # neither would come through it alone

    def one() -> str:
        meeting.wait()
        return "one"

    def other() -> int:
        meeting.wait()
        return 2

    assert run_both(one, other) == ("one", 2)
    with pytest.raises(ZeroDivisionError):
        run_both(lambda: 1, lambda: 1 // 0)


def test_steps_of_all_threads_are_counted() -> None:
    told: list[Progress] = []
    work = StepCounter(Monitor(told.append))
    work.total, work.what = 30, "counting"
    parallel_map(lambda _: work.tick(), range(30))
    assert [p.done for p in told] == list(range(1, 31))
    assert {(p.total, p.what) for p in told} == {(30, "counting")}


def test_when_it_is_stopped_what_waits_is_not_begun() -> None:
    begun: list[int] = []
    work = StepCounter(Monitor(cancel=lambda: len(begun) >= 5))
    work.total, work.what = 1000, "working"

    def one(number: int) -> None:
        begun.append(number)
        time.sleep(0.001)  # or all are done before the thread that waits for them gets its turn
        work.tick()

    with pytest.raises(Cancelled, match="working"):
        parallel_map(one, range(1000))
    assert len(begun) < 1000


def test_solvers_in_threads_stop_early_in_silence() -> None:
    rows = np.random.default_rng(0).normal(size=(200, 20))
    labels = rows[:, 0] + 0.1 * rows[:, 1] > 0

    def solve(_: int) -> None:
        LogisticRegression(C=1e6, max_iter=2).fit(rows, labels)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_map(solve, range(40))


def test_a_worker_with_other_kernels_refuses() -> None:
    function = alike(abs)
    assert function(-1) == 1
    elsewhere = replace(function, kernels="compiled (another processor)")  # type: ignore[type-var]
    with pytest.raises(InputError, match=r"this computer with compiled \(another"):
        elsewhere(-1)
