"""The tutorials do what they say: every block is run as it is published."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faceloop_workbench.commands import TABLE

from .following import follow

if TYPE_CHECKING:
    from .terminal import Server

FOLDER = Path(__file__).parents[3] / "docs" / "tutorials"
PAGES = [page for page in sorted(FOLDER.glob("*.md")) if page.stem != "index"]
DATABASE = "TEAM_DATABASE"
"""What a page calls the address of the reader's own database server."""
KEY = re.compile(r"`((?:(?:Ctrl|Shift)\+)*(?:[A-Z0-9.,]|Return|Space))`")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the pages' commands are for bash")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_is_true(
    page: Path, tmp_path: Path, server: Server, request: pytest.FixtureRequest
) -> None:
    variables = {}
    if DATABASE in page.read_text(encoding="utf-8"):
        database = request.getfixturevalue("postgresql_server")
        variables[DATABASE] = database.socket("faceloop", database.new_database("team"))
    follow(page, tmp_path, server, variables)


def test_their_pictures_are_few_small_and_shown() -> None:
    pictures = list((FOLDER / "images").iterdir())
    assert len(pictures) <= 8
    assert all(picture.stat().st_size <= 120_000 for picture in pictures)
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [picture.name for picture in pictures if f"(images/{picture.name})" not in text] == []


def test_the_keys_that_they_name_are_keys() -> None:
    known = {command.key for command in TABLE}
    named = {key for page in PAGES for key in KEY.findall(page.read_text("utf-8"))}
    assert len(named) > 15
    assert named <= known
