"""What all commands share: help, imports, errors nobody foresaw."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from faceloop_workbench.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Run

HEAVY = ("numpy", "cv2", "av", "pandas", "pyarrow", "sqlalchemy", "sklearn", "matplotlib", "scipy")


def commands(typer_app: typer.Typer, *before: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command."""
    for command in typer_app.registered_commands:
        assert command.name is not None
        yield (*before, command.name)
    for group in typer_app.registered_groups:
        assert group.name is not None
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, *before, group.name)


@pytest.mark.parametrize("words", list(commands(app)), ids=" ".join)
def test_every_command_has_help_with_an_example(faceloop: Run, words: tuple[str, ...]) -> None:
    done = faceloop(*words, "--help")
    assert done.code == 0
    assert f"Example: faceloop {' '.join(words)}" in done.out


def test_the_commands_are_those_that_were_promised() -> None:
    assert {" ".join(words) for words in commands(app)} == {
        "open", "init", "add", "import", "export", "formats", "train", "evaluate", "fit", "track",
        "render", "demo",
        "doctor", "expressions list", "expressions set", "expressions import",
        "check-labels", "approve", "history", "confirm", "report", "check",
        "backup", "restore", "erase",
        "server init", "server push", "server pull", "server roles", "server role",
        "queue list", "queue next", "queue skip", "queue done",
        "scheme show", "scheme replace",
        "faces list", "faces find", "faces remove", "faces restore",
        "subjects list", "subjects set", "subjects merge", "subjects undo", "subjects hold-out",
        "scheme learn-conversion", "scheme convert",
        "tracks list", "tracks export", "tracks accept", "tracks reject", "tracks interpolate",
        "tracks smooth", "tracks spread", "tracks split", "tracks join", "tracks undo",
        "tracks redo", "tracks plot", "tracks import",
        "model list", "model show", "model use", "model regularise", "model export",
        "agreement new", "agreement add", "agreement status", "agreement report",
        "agreement consensus",
        "model pin", "model unpin", "model delete",
    }  # fmt: skip


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, faceloop_workbench.cli; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_installed_command_says_its_version() -> None:
    command = Path(sys.executable).with_name("faceloop")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("faceloop ")


@pytest.mark.parametrize(
    "words",
    ["check", "faces list", "model show", "queue list -p", "track"],
)
def test_what_the_system_says_of_a_file_is_one_line(faceloop: Run, words: str) -> None:
    done = faceloop(*words.split(), "x" * 300)  # no file system has such a name
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Error: ")
    assert done.err.count("\n") == 1
    assert done.err.endswith("cannot be used: the name is too long.\n")


def test_an_unforeseen_error_leaves_its_traceback_in_a_file(tmp_path: Path) -> None:
    code = "from faceloop_workbench.cli import errors; errors.run(lambda: 1 / 0)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "ZeroDivisionError" in done.stderr
    (log,) = tmp_path.rglob("error-*.txt")
    assert str(log) in done.stderr
    assert "1 / 0" in log.read_text() or "ZeroDivisionError" in log.read_text()


def test_letters_that_the_output_lacks_end_no_command(tmp_path: Path) -> None:
    code = "from faceloop_workbench.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "init", str(tmp_path / "Zoë \u6f22 \u2192")],
        env={**os.environ, "PYTHONIOENCODING": "cp1252", "COLUMNS": "300"},
        capture_output=True, encoding="cp1252", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert r"Zoë \u6f22 \u2192" in done.stdout
