"""A child process that does a request, and the thread that talks with it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import IO, TYPE_CHECKING, cast

from psygnal import Signal

from faceloop_datasets import Cancelled, FaceloopError
from faceloop_datasets.faults import in_words
from faceloop_datasets.store.address import child_environment

from .background import Job
from .label_check import LabelCheck
from .messages import Answer, Log, Outcome, Request, Step, from_line, to_line

if TYPE_CHECKING:
    from faceloop_datasets import Monitor

PATIENCE = 3.0
"""Seconds that a process has to stop by itself: the longest solve asks nobody for longer."""
_TAIL = 12
_WORKER = "faceloop_workbench.services.worker"

_Ending = Outcome | LabelCheck
_Lines = SimpleQueue["tuple[str, str] | None"]


class ChildJob(Job[Answer]):
    """A request done in a process of its own.

    It ends as any `Job`: done with the request's answer, failed with an error that holds the last
    lines of the log, or cancelled. Whichever way, the process is gone then.

    Parameters
    ----------
    request : Request
        What to do.
    name : str
        What it is, for people.
    command : list of str, optional
        The process to start instead of faceloop's own.

    Attributes
    ----------
    received : Signal(Step or Log)
        What the process says.
    """

    received = Signal(object)

    def __init__(
        self, request: Request[Answer], name: str, command: list[str] | None = None
    ) -> None:
        super().__init__(self._talk, name)
        self._request = request
        # -P: what lies in the working directory is nobody's module.
        self._command = command or [sys.executable, "-P", "-m", _WORKER]
        self._process: subprocess.Popen[str] | None = None

    def kill(self) -> None:
        """End the process at once; the project is as it was, as after `cancel`."""
        self.cancel()
        if self._process is not None:
            self._process.kill()

    def _talk(self, monitor: Monitor) -> Answer:
        environment = child_environment(self._request.project)
        process = self._process = _start(self._command, environment)
        try:
            _send(process, to_line(self._request))
            ending, tail = self._listen(process, monitor)
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with suppress(OSError):  # what it had not read yet cannot be flushed
                        pipe.close()
        if isinstance(ending, LabelCheck) or (ending is not None and ending.kind == "done"):
            return cast("Answer", ending)  # also when it was asked to stop too late
        if monitor.stopping:
            raise Cancelled(f"{self.name} was stopped; the project is as it was.")
        if ending is not None:
            raise FaceloopError(ending.text)
        raise FaceloopError(_died(self.name, process.returncode, tail))

    def _listen(
        self, process: subprocess.Popen[str], monitor: Monitor
    ) -> tuple[_Ending | None, list[str]]:
        """Pass on what the process says until it has ended."""
        lines: _Lines = SimpleQueue()
        for name in ("stdout", "stderr"):
            pipe = getattr(process, name)
            threading.Thread(target=_read, args=(name, pipe, lines), daemon=True).start()
        # Errors last: the two pipes are read by two threads, and a traceback is what matters.
        tails = {name: deque[str](maxlen=_TAIL) for name in ("stdout", "stderr")}
        ending: _Ending | None = None
        open_pipes, asked = 2, None
        while open_pipes:
            if asked is None and monitor.stopping:
                asked = time.monotonic()
                _send(process, "stop")
            if asked is not None and time.monotonic() - asked > PATIENCE:
                process.kill()
            with suppress(Empty):
                line = lines.get(timeout=0.1)
                if line is None:
                    open_pipes -= 1
                    continue
                said = from_line(line[1]) if line[0] == "stdout" else Log(line[1].rstrip())
                if isinstance(said, _Ending):
                    ending = said
                    continue
                if isinstance(said, Step):
                    step = said.progress
                    monitor.tell(step.done, step.total, step.what, error=step.error)
                if isinstance(said, Log):
                    tails[line[0]].append(said.text)
                self.received.emit(said)
        process.wait()
        return ending, [*tails["stdout"], *tails["stderr"]][-_TAIL:]


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.BELOW_NORMAL_PRIORITY_CLASS | subprocess.CREATE_NO_WINDOW
    try:
        return subprocess.Popen(  # noqa: S603 - our own program
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            creationflags=flags,
            start_new_session=True,  # Ctrl-C in the terminal is for the window
        )
    except OSError as error:
        raise FaceloopError(f"{command[0]} cannot be started: {in_words(error)}.") from error


def _send(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None  # noqa: S101 - it was started with a pipe
    with suppress(OSError):  # it has died; what it left behind tells why
        process.stdin.write(line + "\n")
        process.stdin.flush()


def _read(name: str, pipe: IO[str], lines: _Lines) -> None:
    with suppress(ValueError):  # closed while it was read
        for line in pipe:
            lines.put((name, line))
    lines.put(None)


def _died(name: str, code: int, tail: list[str]) -> str:
    how = f"with exit code {code}" if code >= 0 else f"by signal {-code}"
    hint = " The system may have run out of memory." if code == -9 else ""
    said = "\n".join(tail) or "(nothing)"
    return (
        f"{name} ended unexpectedly, {how}.{hint} The project is as it was. "
        f"The last lines of its log:\n{said}"
    )
