"""Runs victims: a process that has imported everything and forks one child a job.

Jobs come as lines of JSON on stdin. What a child says, and how it ended, are lines on stdout; each
is one write to the pipe, so that what was said stays said when the child is killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path

import cv2
import victims

from faceloop_datasets import FaceloopError

cv2.setNumThreads(0)  # threads do not survive a fork
MODES = {"off": 0, "count": 1, "before": 2, "after": 3, "amid": 4, "fail": 5}


def say(**values: object) -> None:
    os.write(1, json.dumps(values).encode() + b"\n")


def arm(mode: str, at: int, error: int, folder: str) -> None:
    """Set the fault; without the shim only ``off`` and ``count`` mean something: nothing."""
    if hasattr(SHIM, "fault_arm"):
        SHIM.fault_arm(MODES[mode], ctypes.c_long(at), error, os.fsencode(folder))


def calls() -> int:
    return int(SHIM.fault_count()) if hasattr(SHIM, "fault_count") else 0


def child(job: dict) -> None:
    def mend() -> None:
        if job["mode"] == "fail":
            arm("off", 0, 0, "/")

    victim = victims.Victim(Path(job["folder"]), job["seed"], say, mend)
    arm(job["mode"], job["at"], job["errno"], job["folder"])
    try:
        getattr(victims, job["scenario"])(victim)
    except FaceloopError as error:
        say(error=type(error).__name__, text=str(error))
    except BaseException:  # noqa: BLE001 - whatever it is, the parent has to know
        say(crash=traceback.format_exc()[-3500:])
    say(calls=calls())


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):  # it has ended at this very moment
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    say(ready=True, shim=hasattr(SHIM, "fault_arm"))
    for line in sys.stdin:
        job = json.loads(line)
        victims.prepare(job["scenario"])
        start = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            child(job)
            os._exit(0)
        if job["seconds"]:
            signal.signal(signal.SIGALRM, lambda *_, pid=pid: kill(pid))
            signal.setitimer(signal.ITIMER_REAL, job["seconds"])
        _, status = os.waitpid(pid, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        code = os.waitstatus_to_exitcode(status)
        say(
            end=True, killed=code == -signal.SIGKILL, code=code, seconds=time.perf_counter() - start
        )


SHIM = ctypes.CDLL(None)
if __name__ == "__main__":
    main()
