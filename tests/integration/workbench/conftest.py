"""The command line, run in this process, on small real projects."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from jsonschema import Draft202012Validator

from faceloop_datasets import Project
from faceloop_datasets.sample import sample_faces
from faceloop_workbench.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., "Outcome"]


SCHEMAS = Path(__file__).parents[3] / "docs/reference/json"
_COMMAND = cache(typer.main.get_command)
"""Reads the signatures of all commands, which takes longer than most commands: once is enough."""


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str
    words: tuple[str, ...] = ()

    def json(self) -> Any:
        """Return stdout: one JSON document, as its schema says where the command has one."""
        document = json.loads(self.out)
        for name in ("-".join(self.words[:2]), self.words[0]):
            if (SCHEMAS / f"{name}.json").is_file():
                schema(name).validate(document)
                break
        return document


@cache
def schema(name: str) -> Draft202012Validator:
    """Return what the documentation says of a command's JSON."""
    return Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text("utf-8")))


@pytest.fixture
def faceloop(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line to its exit code."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # put back what the command sets
    monkeypatch.setattr(typer.main, "get_command", _COMMAND)

    def run(*args: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["faceloop", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        assert isinstance(exit_.value.code, int)
        return Outcome(exit_.value.code, captured.out, captured.err, tuple(map(str, args)))

    return run


@pytest.fixture
def empty_project(tmp_path: Path) -> Path:
    """Make a project without anything."""
    folder = tmp_path / "faces"
    Project.create(folder).close()
    return folder


def add_sample_faces(folder: Path, count: int, after: int = 0) -> Path:
    """Make a project of faces of the bundled sample, four a person; ``after`` so many."""
    with Project.create(folder) as project:
        faces = islice(sample_faces(), after, after + count)
        project.import_entries("sample", faces, scheme="face70", copy=True)
    return folder


@pytest.fixture
def small_project(tmp_path: Path) -> Path:
    """Make a project of 8 annotated faces."""
    return add_sample_faces(tmp_path / "small", 8)
