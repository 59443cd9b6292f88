"""What the README says can be done. Pages of the documentation: `tests/unit/test_docs.py`."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from faceloop_workbench.cli import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
ON_GITHUB = re.compile(
    r"https://(?:raw\.githubusercontent\.com/faceloop/faceloop"
    r"|github\.com/faceloop/faceloop/(?:blob|tree))/main/([^)\"\s]+)"
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def shell_lines() -> list[str]:
    lines = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line]


def commands() -> list[list[str]]:
    """Return the words after `faceloop` of every command in a shell block."""
    words = [shlex.split(part) for line in shell_lines() for part in line.split("&&")]
    return [line[1:] for line in words if line and Path(line[0]).name == "faceloop"]


def test_it_shows_the_five_commands_of_the_loop() -> None:
    assert [c[0] for c in commands()] == [
        "open", "demo", "init", "import", "train", "evaluate", "track",
    ]  # fmt: skip


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_its_commands_are_understood(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words[0]]
        words = words[1:]
    with command.make_context(command.name, list(words)):  # an unknown option is an error
        pass


def test_the_table_of_commands_names_every_one() -> None:
    table = re.findall(r"^\| `faceloop ([\w-]+)", COMMANDS, re.MULTILINE)
    groups = [group.name for group in app.registered_groups]
    single = [command.name for command in app.registered_commands]
    assert set(table) == {*groups, *single}


def test_its_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {line.split()[1] for line in shell_lines() if line.startswith("make ")}
    assert targets == {"demo", "test"}
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_it_fits_on_a_screen() -> None:
    assert len(README.splitlines()) <= 70


def test_its_links_lead_to_files_and_are_absolute() -> None:
    """It is shown on PyPI too, which has none of our files."""
    links = re.findall(r'\]\(([^)]+)\)|src="([^"]+)"', README)
    assert [a or b for a, b in links if not (a or b).startswith("https://")] == []
    files = [ROOT / path for path in ON_GITHUB.findall(README)]
    assert len(files) >= 3
    assert [file for file in files if not file.exists()] == []


def test_the_python_it_asks_for_is_the_one_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"
    assert "Python 3.11 or newer" in README
