"""A full disk and I/O errors: told as what they are, nothing is lost, and work goes on after."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from nursery import KILLS, LONG, SEED, Fault, Nursery, Outcome
from scenes import begun, check_left

HERE = Path(__file__).parent
ROUNDS = 1 + KILLS // 25
SCENARIOS = [
    "annotate",
    "save",
    "queue",
    "confirm",
    "bring",
    "create",
    "models",
    "export",
    "migrate",
]
SCENARIOS += ["track", "many", "retrain"] if LONG else []
SIZES = [1600, 2300, 3400] if LONG else [1600]  # KB
ERRORS = {"full disk": errno.ENOSPC, "input/output error": errno.EIO}
BY_TURNS = [[error] for error in ERRORS]
"""Without much time, each scenario meets one of the errors."""
# What messages must say: what failed, and that what was saved is safe or what to do.
SAID = ("cannot be", "failed", "full", "safe", "not writ", "No space", "Input/output", "room")


@pytest.fixture
def breaking(nursery: Nursery) -> Nursery:
    if not nursery.counts_calls:
        pytest.skip("calls are made to fail by a shim, which needs Linux and a C compiler")
    return nursery


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_writes_fail(breaking: Nursery, template: Path, tmp_path: Path, scenario: str) -> None:
    whole = breaking.run(scenario, begun(scenario, template, tmp_path / "whole"), SEED, Fault())
    for what in ERRORS if LONG else BY_TURNS[SCENARIOS.index(scenario) % 2]:
        number = ERRORS[what]
        rng = random.Random(f"{SEED} {scenario} {what}")  # noqa: S311 - repeatable
        for turn in range(ROUNDS):
            project = begun(scenario, template, tmp_path / f"{what} {turn}")
            fault = Fault("fail", rng.randint(1, whole.calls), number)
            outcome = breaking.run(scenario, project, SEED, fault)
            try:
                _check(scenario, project, outcome)
            except AssertionError as error:
                error.add_note(f"{scenario}, {what}, round {turn} of FACELOOP_SEED={SEED}: {fault}")
                raise


def _check(scenario: str, project: Path, outcome: Outcome) -> None:
    assert not outcome.of("crash"), outcome.of("crash")[0]["crash"]
    assert not outcome.killed
    told = [line["text"] for line in outcome.of("error")]
    told += [line["refused"] for line in outcome.of("refused")]
    told += [line["why"] for line in outcome.of("kept") if line["kept"] == "unsaved"]
    for text in told:
        assert any(word in text for word in SAID), text
        assert len(text) < 600, text
    if scenario in ("annotate", "save") and not outcome.of("opened"):
        assert outcome.of("error"), "what kept it from being opened is told"
    elif scenario == "annotate":
        assert outcome.of("finally_")[0]["finally_"] in ("saved", "untouched")
    elif scenario == "save":
        assert outcome.of("went_on"), outcome.said[-3:]
    check_left(scenario, project, outcome.said)
    assert [p for p in project.rglob(".*") if ".part" in p.name] == []


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small file system")
@pytest.mark.parametrize("kilobytes", SIZES)
def test_a_disk_that_is_really_full(template: Path, tmp_path: Path, kilobytes: int) -> None:
    done = _in_namespace("full", template, tmp_path / "disk", str(kilobytes))
    assert "went on" in done, done


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a file system")
def test_a_project_that_cannot_be_written_can_be_looked_at(template: Path, tmp_path: Path) -> None:
    done = _in_namespace("read_only", template, tmp_path / "disk")
    assert "looked at" in done, done


def _in_namespace(what: str, template: Path, disk: Path, *more: str) -> str:
    """Run a part of `mounts.py` where this process may mount, and nobody else notices."""
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this system lets nobody mount in a namespace of their own")
    disk.mkdir()
    path = (str(HERE.parents[1]), os.environ.get("PYTHONPATH"))
    done = subprocess.run(
        [*unshare, sys.executable, HERE / "mounts.py", what, template, disk, *more],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
