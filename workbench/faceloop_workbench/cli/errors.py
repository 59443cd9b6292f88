"""The one place where errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from .console import note
from .interrupts import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

FAILED = 1
"""Exit code after an error. A wrong command line exits with 2, which typer takes care of."""


def run(command: Callable[[], object]) -> NoReturn:
    """Run a command to its exit code: 0 done, 1 an error, 2 wrong usage, 130 asked to stop.

    An error that a user can cause is one message on stderr, and so is what the system says of a
    file: a name that is too long, a folder that nobody may look into. Any other leaves its
    traceback in a file, and the message says where.
    """
    sys.excepthook = _unexpected
    warnings.showwarning = partial(_warned, warnings.showwarning)
    try:
        command()
    except SystemExit:
        raise
    # Before the next, which imports: it may be faceloop_datasets that lacks a library.
    except (ImportError, AttributeError) as error:
        if not _of_library(error):
            raise
        note(f"Error: A library is missing or broken: {error}. What to do: faceloop doctor")
        sys.exit(FAILED)
    # Evaluated only when there is an error: faceloop_datasets takes too long to import for --help
    except _user_errors() as error:
        note(f"Error: {error}")
        sys.exit(INTERRUPTED if isinstance(error, _cancelled()) else FAILED)
    except OSError as error:
        if error.filename is None:
            raise
        note(f"Error: {_of_file(error)}")
        sys.exit(FAILED)
    except KeyboardInterrupt:
        note("Stopped.")
        sys.exit(INTERRUPTED)
    sys.exit(0)


def _warned(
    otherwise: Callable[..., object], message: Warning | str, category: type[Warning], *where: Any
) -> None:
    """Show what is for people in one line, and other warnings as Python does."""
    from faceloop_datasets.formats import FormatWarning

    if issubclass(category, FormatWarning):
        note(f"Warning: {message}")
    else:
        otherwise(message, category, *where)


def _of_library(error: ImportError | AttributeError) -> bool:
    """Whether what was installed is at fault: of OpenCV, an empty folder may be left."""
    if isinstance(error, ImportError):
        return not (error.name or "").startswith("faceloop")
    return getattr(error.obj, "__name__", None) == "cv2"


def _of_file(error: OSError) -> str:
    from faceloop_datasets.faults import in_words

    name = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename
    return f"{name!s:.300} cannot be used: {in_words(error)}."


def _user_errors() -> type[Exception]:
    from faceloop_datasets import FaceloopError

    return FaceloopError


def _cancelled() -> type[Exception]:
    from faceloop_datasets import Cancelled

    return Cancelled


def _unexpected(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    lines = traceback.format_exception(kind, error, trace)
    note(f"Unexpected error: {kind.__name__}: {_masked(str(error))}")
    try:
        note(f"This is a fault of faceloop. Please report it with {_log(lines)}")
    except OSError:  # nowhere to write: then the details can only be shown
        note(_masked("".join(lines)))


def _masked(text: str) -> str:
    from faceloop_datasets.store.address import without_passwords

    return without_passwords(text)


def _log(lines: list[str]) -> Path:
    from platformdirs import user_log_dir

    folder = Path(user_log_dir("faceloop", appauthor=False))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"error-{datetime.now(UTC):%Y%m%dT%H%M%S}.txt"
    arguments = " ".join(map(_masked, sys.argv[1:]))
    text = f"faceloop {arguments}\n\n{_masked(''.join(lines))}"
    file.write_text(text, encoding="utf-8")
    return file
