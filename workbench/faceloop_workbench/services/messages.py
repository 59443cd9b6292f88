"""What the window and a child process say to each other: one JSON document a line.

The first line to the process is a `Request`; any other line, or the end of the pipe, asks it to
stop. It says `Step` and `Log` meanwhile and ends with the request's answer, or with an `Outcome`
that tells why there is none.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from faceloop_datasets import Progress

from .label_check import LabelCheck

if TYPE_CHECKING:
    from collections.abc import Mapping


Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Request(Generic[Answer]):
    """Something that the process is to do, and answers with an ``Answer``.

    Parameters
    ----------
    project : str
        The project's folder.
    scheduler : str or None
        Who does what takes long (`faceloop_datasets.use_scheduler`).
    """

    project: str
    scheduler: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Train(Request["Outcome"]):
    """Train a model.

    Parameters
    ----------
    settings : mapping
        Fields of `faceloop_trainer.TrainingConfig` that differ from the defaults.
    anyway : bool
        Also if nothing has changed since a model was trained.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    anyway: bool = False


@dataclass(frozen=True)
class ImportModel(Request["Outcome"]):
    """Bring a model in, and measure it.

    Parameters
    ----------
    file : str
        The model.
    """

    file: str


@dataclass(frozen=True)
class Regularise(Request["Outcome"]):
    """Make a model whose modes are regularised otherwise, and measure it.

    Parameters
    ----------
    model : int or None
        Number of the model it is made of; None for the starter.
    factors : mapping of str to float
        By number of the component, as `faceloop_workbench.services.regularising.regularised`.
    """

    model: int | None
    factors: Mapping[str, float]


@dataclass(frozen=True)
class WriteReport(Request["Outcome"]):
    """Write a report on a model.

    Parameters
    ----------
    models : tuple of str
        Names of the model to report on, and of one to compare it with, if any.
    """

    models: tuple[str, ...]


@dataclass(frozen=True)
class MeasureCurve(Request["Outcome"]):
    """Find out whether more faces would help, by training on parts of those there are.

    Parameters
    ----------
    settings : mapping
        As those of `Train`.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckLabels(Request[LabelCheck]):
    """Check the labels, and queue the doubtful ones."""


@dataclass(frozen=True)
class Step:
    """How far the work is.

    Parameters
    ----------
    progress : Progress
        The newest step.
    errors : tuple of float
        Errors of the fits to unseen faces since the last message.
    """

    progress: Progress
    errors: tuple[float, ...] = ()


@dataclass(frozen=True)
class Log:
    """A line for the log."""

    text: str


@dataclass(frozen=True)
class Outcome:
    """How work on models ended, or any work that failed or was cancelled.

    Parameters
    ----------
    kind : {"done", "failed", "cancelled"}
        Which of the ends it was.
    text : str
        What to tell the person.
    model : int or None
        Number of the model that was made.
    page : str
        The report that was written.
    warnings : tuple of str
        What the person should know before believing the result, one sentence each.
    unchanged : bool
        There was nothing to train on that ``model`` was not trained on; none was made.
    """

    kind: Literal["done", "failed", "cancelled"]
    text: str
    model: int | None = None
    page: str = ""
    warnings: tuple[str, ...] = ()
    unchanged: bool = False


Message = Request[Any] | Step | Log | Outcome | LabelCheck
_KINDS = {
    kind.__name__: kind
    for kind in (
        Train,
        ImportModel,
        Regularise,
        WriteReport,
        MeasureCurve,
        CheckLabels,
        Log,
        Outcome,
    )
}


def to_line(message: Message) -> str:
    """Write a message as one line of JSON, without its end."""
    values = message.to_dict() if isinstance(message, LabelCheck) else asdict(message)
    if isinstance(message, Step):
        values = {**values.pop("progress"), **values}
        values["error"] = None  # among the errors
    return json.dumps({"is": type(message).__name__, **values}, allow_nan=False)


def from_line(line: str) -> Message:
    """Read a line; one that is no message is a line of the log."""
    try:
        values = json.loads(line)
        kind = values.pop("is")
    except (ValueError, AttributeError, KeyError, TypeError):
        return Log(line.rstrip())
    if kind == "Step":
        errors = tuple(values.pop("errors"))
        return Step(Progress(**values), errors)
    if kind == "LabelCheck":
        return LabelCheck.from_dict(values)
    message: Message = _KINDS[kind](**with_tuples(values))
    return message


def finite(errors: list[float]) -> tuple[float, ...]:
    """Return the errors that are numbers: a face that was not found has none."""
    return tuple(round(e, 6) for e in errors if math.isfinite(e))


def with_tuples(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as they were before JSON made lists of their tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
