"""How long a training will still take, from how an earlier one went."""

from __future__ import annotations

import json

import pytest

from faceloop_datasets import Progress
from faceloop_workbench.services.stage_times import (
    Stage,
    Stopwatch,
    TimeLeft,
    expected_stages,
    rough_time,
)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


# Two stages: one with even steps, one with a long solve after half of its steps.
STAGES = [
    Stage("reading", 10.0, ((0.0, 0.0), (10.0, 1.0))),
    Stage("solving", 30.0, ((0.0, 0.0), (5.0, 0.5), (25.0, 0.55), (29.0, 1.0))),
]


def left_at(step: Progress, elapsed: float, waited: float = 0.0) -> TimeLeft:
    """Return what is known at a step that came after so many seconds, and some more."""
    clock = Clock()
    time_left = TimeLeft([STAGES], clock)
    time_left.step(Progress(0, 10, "reading"))
    clock.now += elapsed
    time_left.step(step)
    clock.now += waited
    return time_left


def test_the_share_is_of_time_and_not_of_steps() -> None:
    assert left_at(Progress(5, 10, "reading"), 5.0).share_passed() == pytest.approx(5 / 40)
    assert left_at(Progress(5, 10, "solving"), 15.0).share_passed() == pytest.approx(15 / 40)
    assert left_at(Progress(10, 10, "solving"), 39.0).share_passed() == pytest.approx(39 / 40)


def test_as_expected_the_rest_is_left() -> None:
    assert left_at(Progress(5, 10, "reading"), 5.0).seconds_left() == pytest.approx(35.0)


def test_a_slow_machine_is_noticed() -> None:
    left = left_at(Progress(10, 10, "reading"), 20.0).seconds_left()  # twice as slow as expected
    assert 45.0 < left < 60.0


def test_while_something_is_solved_the_clock_goes_on_up_to_the_next_step() -> None:
    solving = Progress(5, 10, "solving")
    assert left_at(solving, 15.0, waited=10.0).share_passed() == pytest.approx(25 / 40)
    stuck = left_at(solving, 15.0, waited=1000.0)
    assert stuck.share_passed() == pytest.approx(35 / 40)  # where the next step was


def test_nothing_is_known_before_the_first_step_and_without_stages() -> None:
    assert TimeLeft([STAGES]).share_passed() == 0.0
    unknown = TimeLeft([])
    unknown.step(Progress(3, 10, "reading"))
    assert (unknown.share_passed(), unknown.seconds_left()) == (0.0, 0.0)


def test_a_stage_that_comes_twice_is_counted_twice() -> None:
    again = [STAGES[0], Stage("measuring", 4.0, ((0.0, 0.0), (4.0, 1.0)))]
    again.append(again[1])
    time_left = TimeLeft([again], Clock())
    for step in (Progress(4, 4, "measuring"), Progress(0, 4, "measuring")):
        time_left.step(step)
    assert time_left.share_passed() == pytest.approx(14 / 18)


def test_a_stopwatch_keeps_what_time_left_needs() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    for what, seconds in (("reading", 1.0), ("solving", 3.0)):
        for done in range(201):
            watch(Progress(done, 200, what))
            clock.now += seconds
    stages = [Stage.from_dict(json.loads(json.dumps(s.to_dict()))) for s in watch.stages()]
    assert [(s.what, s.seconds) for s in stages] == [("reading", 201.0), ("solving", 603.0)]
    assert all(len(s.marks) < 30 for s in stages)
    assert stages[1].window(0.5)[0] == pytest.approx(300.0, rel=0.06)


def test_a_silent_middle_survives_the_thinning() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    for done in range(101):
        watch(Progress(done, 100, "experts"))
        clock.now += 50.0 if done == 20 else 0.1
    (stage,) = watch.stages()
    reached, following = stage.window(0.20)
    assert reached == pytest.approx(2.0, abs=0.2)
    assert following == pytest.approx(52.0, abs=0.3)


def test_more_faces_take_longer() -> None:
    metrics = {"trained_faces": 50, "stages": [s.to_dict() for s in STAGES]}
    plans = expected_stages([metrics], 100)
    assert sum(s.seconds for s in plans[0]) == pytest.approx(80.0)
    whole, again = expected_stages([], 320)
    assert plans[1:] == [
        [Stage.from_dict(s.to_dict(), 100 / 320) for s in p] for p in (whole, again)
    ]
    assert 30 < sum(s.seconds for s in whole) < 120
    assert sum(s.seconds for s in again) < 15
    assert "learning corrections" in [s.what for s in whole]


def test_which_kind_of_training_it_is_shows_when_it_begins() -> None:
    clock = Clock()
    quick = [STAGES[0], Stage("taking in", 2.0, ((0.0, 0.0), (2.0, 1.0)))]
    time_left = TimeLeft([STAGES, quick], clock)
    time_left.step(Progress(0, 10, "reading"))
    clock.now += 10.0
    time_left.step(Progress(10, 10, "reading"))
    assert time_left.seconds_left() == pytest.approx(30.0)
    time_left.step(Progress(0, 10, "taking in"))
    assert time_left.seconds_left() == pytest.approx(2.0)


def test_a_bar_never_goes_back() -> None:
    clock = Clock()
    time_left = TimeLeft([[Stage("fitting", 10.0, ((0.0, 0.0), (10.0, 1.0)))]], clock)
    time_left.step(Progress(0, 100, "fitting"))
    clock.now += 5.0  # while nothing is heard it is taken to go on
    waited = time_left.share_passed()
    assert waited > 0.2
    time_left.step(Progress(10, 100, "fitting"))
    assert time_left.share_passed() == waited


def test_the_last_training_of_each_kind_is_remembered() -> None:
    def metrics(seconds: float, *names: str) -> dict[str, object]:
        return {"trained_faces": 10, "stages": [Stage(n, seconds, ()).to_dict() for n in names]}

    history = [metrics(1, "a", "b"), metrics(2, "a", "c"), metrics(3, "a", "b")]
    plans = expected_stages(history, 10)  # type: ignore[arg-type]
    assert [[s.seconds for s in plan] for plan in plans[:2]] == [[1, 1], [2, 2]]
    assert len(plans) == 4


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1.0, "a few seconds"), (13.0, "15 s"), (62.0, "1 min"), (610.0, "10 min"), (7200.0, "2.0 h")],
)
def test_times_are_said_roughly(seconds: float, said: str) -> None:
    assert rough_time(seconds) == said
