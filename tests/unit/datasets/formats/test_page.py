"""The table of formats in the documentation is that of the formats there are."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

from faceloop_datasets.formats import all_formats

_SCRIPT = Path(__file__).parents[4] / "docs" / "formats_table.py"


def test_the_page_is_up_to_date() -> None:
    found = importlib.util.spec_from_file_location("formats_table", _SCRIPT)
    assert found is not None
    assert found.loader is not None
    script = importlib.util.module_from_spec(found)
    found.loader.exec_module(script)
    tested = tomllib.loads(script.TESTED.read_text(encoding="utf-8"))
    assert set(tested) == set(all_formats()), "tested_against.toml has a line for each format"
    page = script.PAGE.read_text(encoding="utf-8")
    assert script.with_table(page) == page, "run python docs/formats_table.py"
