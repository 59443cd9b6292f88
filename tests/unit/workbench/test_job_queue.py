"""What is done with a video in the background, one after the other."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from psygnal import emit_queued

from faceloop_workbench.live.job_queue import JobQueue
from faceloop_workbench.live.track_jobs import TrackStep

if TYPE_CHECKING:
    from faceloop_datasets import Monitor


def test_closing_says_what_is_under_way_and_what_waits() -> None:
    jobs, free = JobQueue(), threading.Event()

    def work(_monitor: Monitor) -> TrackStep:
        free.wait(10)
        return TrackStep(None, None)

    assert jobs.loss() == ""
    jobs.begin("Tracking talk.mp4", work)
    jobs.begin("", work)  # takes but a moment
    assert jobs.loss().startswith("Tracking talk.mp4 is under way.")
    jobs.begin("Spreading frame 7", work)
    assert jobs.loss().startswith("Tracking talk.mp4, Spreading frame 7 are under way.")
    jobs.open_another()  # what waits is of the video before: it is not done any more
    assert jobs.loss().startswith("Tracking talk.mp4 is under way.")
    free.set()
    end = time.monotonic() + 10
    while jobs.busy and time.monotonic() < end:
        emit_queued()
        time.sleep(0.01)
    assert jobs.loss() == ""
