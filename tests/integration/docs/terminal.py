"""A reader's terminal: a folder, in which blocks of a page are typed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .process_server import ADDRESS, CLIENT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

_SECONDS = 240
_COLUMNS = "100"  # of a terminal: tables are as wide
_ANYTHING = re.compile(r"\.\.\.(?!\.)")  # "0...." is 0. and anything
_PROGRESS = re.compile(r"\A\S.* \.\.\.\Z")


@dataclass(frozen=True)
class Outcome:
    """How a block ended, and what it showed."""

    code: int
    shown: str


class Server:
    """What starts the commands of all terminals quickly (`process_server`); a context manager.

    Parameters
    ----------
    folder : Path
        Where its socket and its tools are made.
    """

    def __init__(self, folder: Path) -> None:
        self.address = folder / "server"
        self.tools = folder / "bin"
        self.tools.mkdir()
        for name in ("faceloop", "run-python"):
            tool = self.tools / name
            tool.write_text(CLIENT, encoding="utf-8")
            tool.chmod(0o755)

    def __enter__(self) -> Self:
        script = Path(__file__).with_name("process_server.py")
        self._process = subprocess.Popen(
            [sys.executable, script, self.address],
            env={**os.environ, "COLUMNS": _COLUMNS},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


class Terminal:
    """Runs blocks in one folder, with a home of its own.

    Parameters
    ----------
    folder : Path
        Where the reader works: `home` below it is empty.
    server : Server
        Starts the commands.
    variables : mapping of str to str, optional
        More of the environment.
    """

    def __init__(
        self, folder: Path, server: Server, variables: Mapping[str, str] | None = None
    ) -> None:
        self.home, self._server = folder / "home", server
        self.home.mkdir()
        self._script = folder / "block.py"
        self._environment = {**_environment(folder, server), **(variables or {})}

    def run(self, language: str, text: str) -> Outcome:
        """Type a block of ``sh``, which ends at the first command that fails, or ``python``."""
        if language == "sh":
            return self._run("bash", "-e", "-o", "pipefail", "-c", text)
        self._script.write_text(text, encoding="utf-8")
        return self._run(str(self._server.tools / "run-python"), str(self._script))

    def _run(self, *words: str) -> Outcome:
        done = subprocess.run(
            words,
            cwd=self.home,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return Outcome(done.returncode, _without_progress(done.stdout))


def _environment(folder: Path, server: Server) -> dict[str, str]:
    found = Path(sys.executable).parent
    return {
        **os.environ,
        ADDRESS: str(server.address),
        "PATH": os.pathsep.join([str(server.tools), str(found), os.environ["PATH"]]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "XDG_DATA_HOME": str(folder / "data"),
        "FACELOOP_CONFIG": str(folder / "config"),
        "COLUMNS": _COLUMNS,
    }


def _without_progress(shown: str) -> str:
    """Where a terminal draws a bar that goes away again, other places get lines that stay."""
    return "".join(f"{line}\n" for line in shown.splitlines() if not _PROGRESS.match(line))


def looks_like(shown: str, expected: str) -> bool:
    """Whether what was shown is what a page says: ``...`` stands for anything.

    Alone in a line it stands for any lines. Columns may be of other widths.
    """
    pattern = ""
    for line in _words(expected):
        if line == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(map(re.escape, _ANYTHING.split(line))) + r"\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _words(shown))) is not None


def _words(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.strip().splitlines()]
