"""When frames of a video are due."""

from __future__ import annotations

import math

from faceloop_workbench.live.clock import Clock


def test_the_first_frame_is_due_at_once_and_the_next_by_its_time() -> None:
    clock = Clock()
    clock.start()
    assert clock.delay(100.0, 1.0) == 0.0
    clock.tick(100.0, 1.0)
    assert 999.0 < clock.delay(1100.0, 1.0) <= 1000.0
    assert 499.0 < clock.delay(1100.0, 2.0) <= 500.0
    assert not clock.due(1100.0, 1.0)
    assert clock.due(100.0, 1.0)


def test_a_camera_and_the_highest_speed_never_wait() -> None:
    clock = Clock()
    clock.tick(0.0, 1.0)
    assert clock.due(None, 1.0)
    assert clock.due(1e6, math.inf)


def test_one_that_fell_behind_does_not_hurry_to_catch_up() -> None:
    clock = Clock()
    clock.tick(1000.0, 1.0)
    clock.tick(0.0, 1.0)  # shown 1000 s later than it was due
    assert 9.0 < clock.delay(10.0, 1.0) <= 10.0


def test_it_can_start_anew() -> None:
    clock = Clock()
    clock.tick(0.0, 1.0)
    clock.start()
    assert clock.due(1000.0, 1.0)
