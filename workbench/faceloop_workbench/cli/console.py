"""What the command line shows: results on stdout, everything else on stderr."""

from __future__ import annotations

import io
import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from faceloop_datasets import Progress as Step
    from faceloop_datasets import ProgressCallback

stdout = Console()
stderr = Console(stderr=True)

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _text(text: str) -> Text:
    # as it is: no markup, and no name of a file that a terminal would take for a command
    return Text(_CONTROL.sub("\ufffd", text))


def spell_out() -> None:
    r"""Have letters that stdout has not got written as \u6f22: no name may end a command.

    In a pipe or a file, Windows gives Python the letters of one country only.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as Python does for stderr


def say(text: str) -> None:
    """Show a line of a result."""
    stdout.print(_text(text), soft_wrap=True)


def note(text: str) -> None:
    """Show a line that is no result: progress, a hint, an error."""
    stderr.print(_text(text), soft_wrap=True)


def show_json(values: object) -> None:
    """Write one JSON document and nothing else to stdout."""
    stdout.file.write(json.dumps(plain(values), indent=2, allow_nan=False) + "\n")


def plain(value: object) -> Any:
    """Values that JSON has: no NaN, no paths, no arrays."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Path | datetime):
        return str(value) if isinstance(value, Path) else value.isoformat()
    if hasattr(value, "tolist"):  # arrays and numbers of numpy
        return plain(value.tolist())
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no form in JSON.")


@dataclass(frozen=True)
class Column:
    """One column of a table: heading and how it is aligned."""

    name: str
    number: bool = False


def show_table(columns: Sequence[str | Column], rows: Sequence[Sequence[object]]) -> None:
    """Show a table; long texts are folded, never cut off."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        head = column if isinstance(column, Column) else Column(column)
        table.add_column(
            head.name, justify="right" if head.number else "left", overflow="fold", no_wrap=False
        )
    for row in rows:
        table.add_row(*(_text("" if cell is None else str(cell)) for cell in row))
    stdout.print(table)


def show_values(values: Mapping[str, object]) -> None:
    """Show named values, one a line."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        say(f"{name:<{width}}  {value}")


@contextmanager
def progress_bar() -> Iterator[ProgressCallback]:
    """Draw the steps of a long piece of work on stderr, with the time left.

    Where stderr is no terminal, each part of the work is one line.
    """
    if not stderr.is_terminal:
        yield _Lines()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, transient=True) as drawing:
        yield _Bar(drawing)


class _Bar:
    """A bar that starts anew with each piece of work: where the steps begin from the front."""

    def __init__(self, drawing: Progress) -> None:
        self._drawing = drawing
        self._task = drawing.add_task("", total=None)
        self._done = 0

    def __call__(self, step: Step) -> None:
        if step.done < self._done:
            self._drawing.reset(self._task)
        self._done = step.done
        self._drawing.update(
            self._task,
            total=step.total,
            completed=step.done,
            description=_CONTROL.sub("\ufffd", ", ".join(filter(None, [step.what, step.detail]))),
        )


class _Lines:
    def __init__(self) -> None:
        self._what = ""

    def __call__(self, step: Step) -> None:
        if step.what != self._what:
            self._what = step.what
            note(f"{step.what} ...")
