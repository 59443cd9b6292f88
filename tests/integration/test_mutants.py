"""The table of the mutation tests names modules and tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "tests" / "mutants" / "run.py").read_text("utf-8")
FOLDERS = {"RUNTIME": "runtime", "TRAINER": "trainer", "DATASETS": "datasets"}


def test_its_modules_are_there():
    modules = re.findall(r'^    "([a-z]+/faceloop_[^"]+\.py)"', TABLE, re.MULTILINE)
    assert len(modules) > 20
    assert [module for module in modules if not (ROOT / module).is_file()] == []


def test_its_tests_are_there():
    tests = re.findall(r"{([A-Z]+)}/(test_\w+\.py)", TABLE)
    assert len(tests) > 20
    wrong = [f"{room}/{name}" for room, name in tests
             if not (ROOT / "tests/unit" / FOLDERS[room] / name).is_file()]  # fmt: skip
    assert wrong == []
