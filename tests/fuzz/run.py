# ruff: noqa: T201 - a program that is run by hand
"""Fuzz readers: ``python tests/fuzz/run.py TARGET|all [--seconds N] [--inputs N] [--seed N]``.

Each target runs in a process of its own, with a limit on its memory. With atheris the inputs are
guided by which branches they reach, half of them made anew from good ones: where the interesting
branches lie in C, guidance alone would soon try nothing but a few bytes. Without, all are.
What fails is made short and kept in ``regressions``, where the core tests find it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(Path(__file__).parents[1]))

_HANGS = 120  # seconds of real time, on a machine that may be busy, after which a process is ended
_INSTRUMENTED = ["faceloop_datasets", "faceloop_runtime", "faceloop_trainer", "faceloop_workbench",
                 "tarfile", "tomllib", "PIL", "safetensors"]  # fmt: skip


def main() -> int:
    """Run the targets one after the other and print a table; returns how many had failures."""
    options = _options()
    if options.child:
        return _child(options)
    from fuzz.targets import TARGETS

    names = list(TARGETS) if options.target == "all" else [options.target]
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        sys.exit(f"There is no target {unknown[0]}. Targets: all, {', '.join(TARGETS)}.")
    print(f"{'target':16}{'engine':>9}{'inputs':>10}{'refused':>10}{'slowest s':>11}{'MB':>7}")
    results = []
    for name in names:
        r = _in_process(name, options)
        results.append(r)
        _show(r)
    print(f"{sum(r['inputs'] for r in results):,} inputs in all")
    for r in results:
        for failure in r["failures"]:
            print(f"{r['target']}: {failure}")
    return sum(bool(r["failures"]) for r in results)


def _show(r: dict[str, Any]) -> None:
    counts = f"{r['target']:16}{r['engine']:>9}{r['inputs']:>10}{r['refused']:>10}"
    most = f"{r['slowest']:>11.3f}{r['memory'] / 2**20:>7.0f}"
    print(f"{counts}{most}  {r['ended']}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("target", help="name of a target, or all")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each target")
    parser.add_argument("--inputs", type=int, default=1 << 40, help="at most, for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="without atheris")
    parser.add_argument("--work", type=Path, help="folder for inputs that reach something new")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_process(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run one target in a process of its own, and again if the process dies before its time."""
    memory = Path("/dev/shm")  # noqa: S108 - where files cost nothing, on systems that have it
    place = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=place) as folder:
        said = Path(folder) / "said.json"
        work = (options.work or Path(folder)) / name
        work.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, __file__, name, "--child", str(said), "--work", str(work),
                   "--seconds", str(options.seconds), "--inputs", str(options.inputs),
                   "--seed", str(options.seed)]  # fmt: skip
        command += ["--plain"] if options.plain else []
        log = Path(folder) / "log"
        with log.open("wb") as out:
            ended = subprocess.run(
                command, stdout=out, stderr=out, check=False, env={**os.environ, "TMPDIR": folder}
            ).returncode
        if not said.is_file():
            sys.exit(log.read_text(errors="replace"))
        result: dict[str, Any] = json.loads(said.read_text())
        result["ended"] = "" if ended == 0 else f"the process died ({ended})"
        if ended:
            _keep_last(name, said)
            result["failures"] = [*result["failures"],
                                  log.read_text(errors="replace")[-1500:]]  # fmt: skip
    return result


def _keep_last(name: str, said: Path) -> None:
    from fuzz import harness
    from fuzz.targets import TARGETS

    last = said.with_suffix(".last")
    if last.is_file():
        harness.store(TARGETS[name], last.read_bytes())


def _child(options: argparse.Namespace) -> int:
    guided = not options.plain and importlib.util.find_spec("atheris") is not None
    if guided:
        import atheris

        with atheris.instrument_imports(include=_INSTRUMENTED):
            from fuzz import harness
            from fuzz.targets import TARGETS
    else:
        from fuzz import harness
        from fuzz.targets import TARGETS
    target = TARGETS[options.target]
    watch = harness.Watch(target)
    beginning = [*target.seeds(), *(file.read_bytes() for file in harness.kept(target))]
    for data in beginning:
        watch.run(data)
    harness.limit_memory()
    end = time.monotonic() + options.seconds
    last = os.open(options.child.with_suffix(".last"), os.O_RDWR | os.O_CREAT)

    def one(data: bytes) -> None:
        os.pwrite(last, data, 0)  # a crash of the whole process leaves it there
        os.ftruncate(last, len(data))
        signal.alarm(_HANGS)
        watch.run(data)
        if watch.inputs % 500 == 0:
            _say(watch, guided, options.child)
        if watch.inputs >= options.inputs or time.monotonic() > end:
            signal.alarm(0)
            _finish(watch, guided, options.child)

    _say(watch, guided, options.child)
    if guided:
        _guided(one, beginning, options)
    chance = random.Random(options.seed)  # noqa: S311
    while True:
        one(harness.mutated(target, beginning, chance))


def _guided(
    one: Callable[[bytes], None], beginning: list[bytes], options: argparse.Namespace
) -> None:
    import atheris

    from fuzz import harness
    from fuzz.targets import TARGETS

    target = TARGETS[options.target]
    for number, data in enumerate(beginning):
        (options.work / f"begin-{number}").write_bytes(data)

    def mutator(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)  # noqa: S311
        if chance.random() < 0.5:
            return harness.mutated(target, beginning, chance)[:most]
        return bytes(atheris.Mutate(data, most))

    words = options.work.with_suffix(".dict")
    words.write_text("".join(
        '"' + "".join(f"\\x{byte:02x}" for byte in word[:60]) + '"\n' for word in target.words
    ))  # fmt: skip
    atheris.Setup(
        [sys.argv[0], f"-seed={options.seed + 1}", f"-max_len={target.most}", "-rss_limit_mb=0",
         f"-dict={words}", "-timeout=0", "-len_control=0", str(options.work)],
        one,
        custom_mutator=mutator,
    )  # fmt: skip
    atheris.Fuzz()


def _say(watch: harness.Watch, guided: bool, file: Path) -> None:  # noqa: F821
    from fuzz import harness

    said = {
        "target": watch.target.name,
        "engine": "atheris" if guided else "random",
        "inputs": watch.inputs,
        "refused": watch.refused,
        "slowest": watch.slowest,
        "memory": harness.memory(),
        "failures": list(watch.found),
    }
    part = file.with_suffix(".part")
    part.write_text(json.dumps(said))
    part.replace(file)


def _finish(watch: harness.Watch, guided: bool, file: Path) -> None:  # noqa: F821
    from fuzz import harness

    for failure in list(watch.found):
        harness.store(watch.target, watch.shorten(failure))
    _say(watch, guided, file)
    sys.stdout.flush()
    os._exit(0)  # libFuzzer has no way to stop at a moment of our choice


if __name__ == "__main__":
    sys.exit(main())
