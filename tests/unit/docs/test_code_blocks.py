"""What the documentation says to type is understood: commands and Python, without running them.

The Python of how-to/python.md runs in `tests/integration/workbench/test_demo.py`.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import typer

from faceloop_workbench.cli import app

from .pages import ROOT, Block, blocks, pages, prose

ROOT_COMMAND: Any = typer.main.get_command(app)
BLOCKS = [block for page in pages() for block in blocks(page)]
SHELL = [block for block in BLOCKS if block.language in {"sh", "bash", "console"}]
PYTHON = [block for block in BLOCKS if block.language == "python"]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
PARTS = re.compile(r"\s*(?:&&|\|\||\||;|>)\s*")


def commands(block: Block) -> list[list[str]]:
    """Return the words after `faceloop` of every command."""
    joined = block.code.replace("\\\n", " ")
    lines = [re.sub(r"(^|\s)#.*$", "", line).strip() for line in joined.splitlines()]
    parts = [part for line in lines if line for part in PARTS.split(line)]
    words = [shlex.split(part) for part in parts if "faceloop" in part]
    return [w[1:] for w in words if w and Path(w[0]).name == "faceloop"]


COMMANDS = [pytest.param(w, id=f"{b}: {' '.join(w)}") for b in SHELL for w in commands(b)]


def test_there_are_many() -> None:
    assert len(COMMANDS) > 40
    assert len(PYTHON) > 5


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_is_understood(words: list[str]) -> None:
    command, rest = ROOT_COMMAND, list(words)
    while hasattr(command, "commands"):
        assert rest, "a group of commands, and none of them"
        assert rest[0] in command.commands
        command, rest = command.commands[rest[0]], rest[1:]
    with command.make_context(command.name, rest):  # an unknown option is an error
        pass


@pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_options_that_its_text_names_exist(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        return  # says what there was
    missing = [
        f"{text}: {option}"
        for text in re.findall(r"`(faceloop [a-z][^`]*)`", prose(page))
        for option in OPTION.findall(text)
        if option not in options_of(text.split()[1:])
    ]
    assert missing == []


def options_of(words: list[str]) -> set[str]:
    """Return the options of a command, or of any of those that `list|set|merge` names."""
    found: list[Any] = [ROOT_COMMAND]
    for word in words:
        below = [c for c in found if hasattr(c, "commands")]
        if not below:
            break
        names = re.split(r"\\?\|", word)
        found = [one.commands[n] for one in below for n in names if n in one.commands]
    return {"--help", *(opt for c in found for opt in all_options(c))}


def all_options(command: click.Command) -> set[str]:
    own = {opt for p in command.params for opt in (*p.opts, *p.secondary_opts)}
    below = getattr(command, "commands", {}).values()
    return own.union(*(all_options(one) for one in below))


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_compiles_and_its_imports_exist(block: Block) -> None:
    tree = ast.parse(block.code)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("faceloop_"):
            assert [a.name for a in node.names if not can_import(str(node.module), a.name)] == []


def can_import(module: str, name: str) -> bool:
    if hasattr(importlib.import_module(module), name):
        return True
    return importlib.util.find_spec(f"{module}.{name}") is not None
