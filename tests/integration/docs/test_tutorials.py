"""The tutorials do what they say: every block is run as it is published."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .following import follow

FOLDER = Path(__file__).parents[3] / "docs" / "tutorials"
PAGES = [page for page in sorted(FOLDER.glob("*.md")) if page.stem != "index"]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the pages' commands are for bash")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_is_true(page: Path, tmp_path: Path) -> None:
    follow(page, tmp_path)
