"""One target under watch: what it raises, how long it takes, how much memory it holds."""

from __future__ import annotations

import hashlib
import random
import time
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets import FaceloopError

if TYPE_CHECKING:
    from .target import Target

HERE = Path(__file__).parent
SECONDS = 2.0
"""Most processor time that one input may take."""
MEMORY = 1 << 30
"""Most memory in bytes that reading may take, above what the program holds before."""
_OURS = "faceloop_"
_TRIES = 400  # shorter inputs tried, to make one that fails small


@dataclass
class Watch:
    """Runs a target and keeps count.

    Parameters
    ----------
    target : Target
        What is run.
    found : dict of str to bytes
        A short input for each way to fail.
    """

    target: Target
    inputs: int = 0
    refused: int = 0
    slowest: float = 0.0
    found: dict[str, bytes] = field(default_factory=dict)

    def run(self, data: bytes) -> str | None:
        """Run one input; returns how it failed, None if it did not."""
        self.inputs += 1
        begun = time.process_time()
        failure = self._failure(data)
        taken = time.process_time() - begun
        self.slowest = max(self.slowest, taken)
        if failure is None and taken > SECONDS:
            failure = f"slow: {taken:.1f} s"
        if failure is not None and _kind(failure) not in {_kind(known) for known in self.found}:
            self.found[failure] = data
        return failure

    def _failure(self, data: bytes) -> str | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # what Pillow says of damaged EXIF
                warnings.simplefilter("error", RuntimeWarning)  # arithmetic that went wrong
                self.target.run(data)
        except FaceloopError:
            self.refused += 1
        except BaseException as error:  # any other is what is looked for
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            return _signature(error)
        return None

    def shorten(self, failure: str) -> bytes:
        """Make the input of a failure small, so long as it fails in the same way."""
        data, step, tries = self.found[failure], max(1, len(self.found[failure]) // 2), 0
        while step and tries < _TRIES:
            at = 0
            while at < len(data) and tries < _TRIES:
                tries += 1
                shorter = data[:at] + data[at + step :]
                found = self._failure(shorter)
                if found is not None and _kind(found) == _kind(failure):
                    data = shorter
                else:
                    at += step
            step //= 2
        return data


def memory() -> int:
    """Most memory in bytes that this process has held."""
    import resource  # the runner needs Linux; the replay of inputs does not

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def limit_memory() -> None:
    """Let this process take `MEMORY` more than it has mapped; more is a `MemoryError`."""
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def kept(target: Target) -> list[Path]:
    """Inputs in the repository: those that failed once, and those worth beginning with."""
    folders = [HERE / kind / target.name for kind in ("regressions", "corpus")]
    return sorted(file for place in folders if place.is_dir() for file in place.iterdir())


def store(target: Target, data: bytes) -> Path:
    """Keep an input that failed."""
    place = HERE / "regressions" / target.name
    place.mkdir(parents=True, exist_ok=True)
    file = place / hashlib.sha256(data).hexdigest()[:12]
    file.write_bytes(data)
    return file


def mutated(target: Target, parents: list[bytes], chance: random.Random) -> bytes:
    """One input made from others by a few changes."""
    data = bytearray(chance.choice(parents))
    for _ in range(chance.randint(1, 6)):
        at = chance.randint(0, len(data))
        end = min(len(data), at + chance.choice((1, 2, 4, 8, 64)))
        match chance.randrange(7):
            case 0:
                data[at:end] = chance.randbytes(end - at)
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = data[at:end] * chance.choice((1, 2, 50))
            case 3 if target.words:
                data[at : chance.choice((at, end))] = chance.choice(target.words)
            case 4 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case 5:
                other = chance.choice(parents)
                data[at:] = other[chance.randint(0, len(other)) :]
            case _:
                data[at:end] = bytes([chance.choice((0, 1, 0x7F, 0x80, 0xFF))]) * (end - at)
    return bytes(data[: target.most])


def _signature(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if _OURS in f.filename] or frames
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
    return f"{type(error).__name__} at {where}: {error!s:.150}"


def _kind(failure: str) -> str:
    return failure.split(": ", 1)[0]
