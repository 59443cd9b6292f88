"""The monitor of long work: who is asked first, who is told, and what stops it."""

from __future__ import annotations

import pytest

from faceloop_datasets import Cancelled, Monitor, Progress


def test_a_step_asks_first_and_tells_then() -> None:
    happened: list[object] = []

    def asked() -> bool:
        happened.append("asked")
        return False

    Monitor(happened.append, asked).step(3, 10, "reading", error=0.5)
    assert happened == ["asked", Progress(3, 10, "reading", 0.5)]


def test_a_step_that_is_stopped_is_not_told() -> None:
    told: list[Progress] = []
    stopped = Monitor(told.append, lambda: True)
    with pytest.raises(Cancelled, match=r"^Stopped while reading; nothing half-written is left"):
        stopped.step(3, 10, "reading")
    assert told == []


def test_a_check_only_asks_and_tell_only_tells() -> None:
    told: list[Progress] = []
    Monitor(told.append, lambda: False).check("reading")
    assert told == []
    stopped = Monitor(told.append, lambda: True)
    with pytest.raises(Cancelled, match="while reading"):
        stopped.check("reading")
    stopped.tell(1, None, "too late to stop")
    assert told == [Progress(1, None, "too late to stop")]


def test_who_gives_nothing_is_told_nothing_and_never_stops_it() -> None:
    Monitor().step(1, 2, "working")
    assert not Monitor().stopping


def test_stopping_is_asked_anew_each_time() -> None:
    answers = iter([False, True])
    monitor = Monitor(cancel=lambda: next(answers))
    assert [monitor.stopping, monitor.stopping] == [False, True]


def test_a_quiet_part_tells_nothing_and_can_be_stopped() -> None:
    told: list[Progress] = []
    stop = False
    quiet = Monitor(told.append, lambda: stop).quiet()
    quiet.step(1, 2, "reading")
    stop = True
    with pytest.raises(Cancelled):
        quiet.step(2, 2, "reading")
    assert told == []


def test_a_part_says_what_it_is_a_part_of() -> None:
    told: list[Progress] = []
    part = Monitor(told.append).within("part 1 of 5").within("again")
    part.step(1, 2, "measuring", error=0.1)
    assert told == [Progress(1, 2, "part 1 of 5: again: measuring", 0.1)]
    Monitor().within("nobody hears it").step(1, 2, "measuring")


def test_a_part_is_stopped_like_the_whole() -> None:
    part = Monitor(cancel=lambda: True).within("part 1 of 5")
    with pytest.raises(Cancelled, match="Stopped while measuring"):
        part.step(1, 2, "measuring")


def test_another_listener_is_told_first_and_cannot_be_missed_by_the_stop() -> None:
    happened: list[tuple[str, int]] = []
    both = Monitor(lambda p: happened.append(("screen", p.done)), lambda: len(happened) >= 2)
    both = both.also(lambda p: happened.append(("clock", p.done)))
    both.step(1, 2, "working")
    assert happened == [("clock", 1), ("screen", 1)]
    with pytest.raises(Cancelled):
        both.step(2, 2, "working")
    assert len(happened) == 2
    Monitor().also(lambda p: happened.append(("alone", p.done))).step(5, 5, "working")
    assert happened[-1] == ("alone", 5)


def test_callers_give_a_monitor_a_callable_or_nothing() -> None:
    told: list[Progress] = []
    whole = Monitor(told.append, lambda: True)
    assert Monitor.of(whole) is whole
    Monitor.of(told.append).step(1, 1, "working")
    assert told == [Progress(1, 1, "working")]
    Monitor.of(None).step(1, 1, "working")
