"""Starts victims, kills them, and hands back what they said."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
KILLS = int(os.environ.get("FACELOOP_KILLS", "20"))
"""How often victims are killed in all."""
SEED = int(os.environ.get("FACELOOP_SEED", "1"))
LONG = KILLS >= 200
"""Whether there is time for the scenarios that take long."""


@dataclass(frozen=True)
class Fault:
    """What happens to a victim.

    Parameters
    ----------
    mode : str
        ``count``: nothing. ``before``, ``after``, ``amid``: it is killed at its ``at``-th call
        that changes a file of the project. ``fail``: that and all further such calls fail.
    at : int
        Number of the call.
    errno : int
        With ``fail``: the error.
    seconds : float
        If not 0: it is killed so long after its start.
    """

    mode: str = "count"
    at: int = 0
    errno: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What a victim said, and how it ended."""

    said: list[dict[str, Any]]
    killed: bool
    code: int
    seconds: float

    def of(self, key: str) -> list[dict[str, Any]]:
        """Return the lines that have a key."""
        return [line for line in self.said if key in line]

    @property
    def calls(self) -> int:
        """Calls that changed a file of the project; known if it was not killed."""
        return int(self.of("calls")[-1]["calls"])


class Nursery:
    """A process that forks victims; a context manager."""

    def __init__(self, shim: Path | None) -> None:
        preload = {} if shim is None else {"LD_PRELOAD": str(shim)}
        single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [sys.executable, HERE / "worker.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **single, **preload},
        )
        self.counts_calls = bool(self._line()["shim"])

    def run(self, scenario: str, folder: Path, seed: int, fault: Fault) -> Outcome:
        """Run a scenario of `victims` to its end, natural or not."""
        job = {
            "scenario": scenario,
            "folder": str(folder),
            "seed": seed,
            "mode": fault.mode if self.counts_calls else "off",
            "at": fault.at,
            "errno": fault.errno,
            "seconds": fault.seconds,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        said = []
        while "end" not in (line := self._line()):
            said.append(line)
        return Outcome(said, line["killed"], line["code"], line["seconds"])

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process that forks the victims has died"
        return dict(json.loads(line))


def compiled_shim(folder: Path) -> Path | None:
    """Compile the shim that counts and breaks calls; None where that is not possible."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    made = folder / "shim.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", made, HERE / "shim.c", "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return made
