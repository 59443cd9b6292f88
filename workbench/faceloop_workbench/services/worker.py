"""The child process, spoken to in lines: ``python -m faceloop_workbench.services.worker``.

Training uses all cores, so it is not the window's process; and a crash of one leaves the other
alone. See `faceloop_workbench.services.messages` for what is said.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from faceloop_datasets import Cancelled, FaceloopError, Monitor, Project, use_scheduler

from .ending import end_quickly
from .label_check import LabelCheck, check_and_queue
from .messages import (
    CheckLabels,
    ImportModel,
    Log,
    MeasureCurve,
    Message,
    Outcome,
    Regularise,
    Request,
    Step,
    Train,
    WriteReport,
    finite,
    from_line,
    to_line,
    with_tuples,
)
from .stage_times import begins_stage

if TYPE_CHECKING:
    from faceloop_datasets import Progress

_NICENESS = 10  # the window comes first
_PERIOD = 0.1  # seconds between two messages about the same stage


class MessageWriter:
    """Writes messages, steps of a training not more often than a person can see.

    Parameters
    ----------
    out : file
        Where the lines go.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._errors: list[float] = []
        self._what, self._done = "", 0
        self._said = self._begun = time.perf_counter()

    def say(self, message: Message) -> None:
        """Write a message."""
        self._out.write(to_line(message) + "\n")
        self._out.flush()

    def step(self, progress: Progress) -> None:
        """Take a step; a new stage is told at once, and its last step too."""
        now = time.perf_counter()
        new = begins_stage(progress, self._what, self._done)
        if new:
            self._end_stage(now)
        self._what, self._done = progress.what, progress.done
        if progress.error is not None:
            self._errors.append(progress.error)
        if new or now - self._said > _PERIOD or progress.done == progress.total:
            self.say(Step(progress, finite(self._errors)))
            self._errors.clear()
            self._said = now

    def _end_stage(self, now: float) -> None:
        if self._what:
            self.say(Log(f"{self._what}: {now - self._begun:.1f} s"))
        self._begun = now


def main() -> int:
    """Do one request; returns the exit code."""
    # Whatever a library prints must not come between the messages.
    writer, sys.stdout = MessageWriter(sys.stdout), sys.stderr
    end_quickly()
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    request = from_line(_read_line())
    if not isinstance(request, Request):
        writer.say(Outcome("failed", "Expected a request as the first line."))
        return 2
    stop = threading.Event()
    threading.Thread(target=_listen, args=(stop,), daemon=True).start()
    try:
        writer.say(_do(request, writer, Monitor(writer.step, stop.is_set)))
    except Cancelled as stopped:
        writer.say(Outcome("cancelled", str(stopped)))
    except FaceloopError as error:
        writer.say(Outcome("failed", str(error)))
        return 1
    return 0


def _do(request: Request[Any], writer: MessageWriter, monitor: Monitor) -> Outcome | LabelCheck:
    # What does the work is imported where it is done, so that the first message does not wait.
    writer.say(Log("starting"))
    with Project.open(request.project) as project:
        match request:
            case Train():
                return _train(project, request, writer, monitor)
            case ImportModel():
                return _import(project, request, monitor)
            case Regularise():
                return _regularise(project, request, monitor)
            case WriteReport():
                return _report(project, request, monitor)
            case MeasureCurve():
                return _measure_curve(project, request, monitor)
            case CheckLabels():
                return check_and_queue(project, progress=monitor)
    raise AssertionError(request)


def _train(project: Project, request: Train, writer: MessageWriter, monitor: Monitor) -> Outcome:
    from faceloop_trainer import TrainingConfig  # noqa: PLC0415 - see `_do`

    from .unchanged import unchanged_since, unchanged_text  # noqa: PLC0415

    config = TrainingConfig(**with_tuples(request.settings))
    monitor.tell(0, None, "looking for what changed")
    faces = project.faces()
    same = None if request.anyway else unchanged_since(project, config, faces)
    if same is not None:
        text = unchanged_text(same, project.active_model)
        return Outcome("done", text, same.id, unchanged=True)
    from .training import train_into  # noqa: PLC0415

    with use_scheduler(request.scheduler):
        trained = train_into(project, config, faces=faces, progress=monitor)
    for face in trained.unusable:
        writer.say(Log(f"not usable: {face.name}: {face.reason}"))
    used = "in use" if trained.in_use else "not in use"
    text = f"{trained.record.name} is {used}: {trained.because}."
    return Outcome("done", text, trained.record.id, warnings=trained.warnings)


def _import(project: Project, request: ImportModel, monitor: Monitor) -> Outcome:
    from .training import import_model  # noqa: PLC0415 - see `_do`

    record = import_model(project, Path(request.file), progress=monitor)
    return Outcome("done", f"Imported {record.name}.", record.id)


def _regularise(project: Project, request: Regularise, monitor: Monitor) -> Outcome:
    from .model_choice import STARTER, choose_model  # noqa: PLC0415 - see `_do`
    from .training import regularise_into  # noqa: PLC0415

    which = STARTER if request.model is None else str(request.model)
    factors = {int(number): factor for number, factor in request.factors.items()}
    record = regularise_into(project, choose_model(which, project), factors, progress=monitor)
    return Outcome("done", f"Saved {record.name}: {record.note}.", record.id)


def _report(project: Project, request: WriteReport, monitor: Monitor) -> Outcome:
    from faceloop_trainer.report import ReportOptions  # noqa: PLC0415 - see `_do`

    from .reporting import report_on  # noqa: PLC0415

    model, against = (*request.models, None)[:2]
    with use_scheduler(request.scheduler):
        report, files = report_on(project, model, against, ReportOptions(), progress=monitor)
    text = f"The report on {model} is in {files[0].parent}."
    if report.test is not None and against is not None:
        text = f"{report.test.sentence(str(model), against)} {text}"
    return Outcome("done", text, page=str(files[0]), warnings=report.warnings)


def _measure_curve(project: Project, request: MeasureCurve, monitor: Monitor) -> Outcome:
    from faceloop_trainer import TrainingConfig  # noqa: PLC0415 - see `_do`

    from .more_faces import measure_curve  # noqa: PLC0415

    config = TrainingConfig(**with_tuples(request.settings))
    with use_scheduler(request.scheduler):
        return Outcome("done", measure_curve(project, config, progress=monitor).text)


def _read_line() -> str:
    """Read one line without a buffer: the listener reads the rest of the pipe by itself."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line.decode()


def _listen(stop: threading.Event) -> None:
    # Not sys.stdin: Python cannot end while a thread holds its lock. The end of the pipe means
    # that the window is gone.
    os.read(0, 1)
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
