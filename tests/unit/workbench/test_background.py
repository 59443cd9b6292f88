"""Jobs: one of four ends, and no more progress than a person can see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from faceloop_datasets import Cancelled, InputError, Monitor, Progress
from faceloop_workbench.services.background import Job

if TYPE_CHECKING:
    from collections.abc import Callable


def heard(work: Callable[[Monitor], Any], *, cancel: bool = False) -> list[Any]:
    """Run a job and return what it said, in order."""
    job, said = Job(work, "testing"), list[Any]()
    job.progressed.connect(said.append)
    job.done.connect(lambda result: said.append(("done", result)))
    job.failed.connect(lambda error: said.append(("failed", str(error))))
    job.cancelled.connect(lambda: said.append("cancelled"))
    job.ended.connect(lambda: said.append("ended"))
    if cancel:
        job.cancel()
    job.start()
    assert job.wait(10)
    assert not job.running
    return said


def test_it_returns_a_result() -> None:
    assert heard(lambda _monitor: 7) == [("done", 7), "ended"]


def test_it_fails_with_a_reason() -> None:
    def work(_monitor: Monitor) -> None:
        raise InputError("no such file")

    assert heard(work) == [("failed", "no such file"), "ended"]


def test_it_hears_that_it_should_stop() -> None:
    def work(monitor: Monitor) -> None:
        if monitor.stopping:
            raise Cancelled("stopped")

    assert heard(work, cancel=True) == ["cancelled", "ended"]


@pytest.mark.parametrize("steps", [1000, 3])
def test_steps_that_nobody_could_see_are_left_out(steps: int) -> None:
    def work(monitor: Monitor) -> None:
        for step in range(steps + 1):
            monitor.tell(step, steps, "testing")

    said = [step for step in heard(work) if isinstance(step, Progress)]
    assert said[0].done == 0
    assert said[-1].done == steps
    assert len(said) < min(steps + 1, 100)
