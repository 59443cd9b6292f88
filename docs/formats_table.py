"""Write the table of docs/reference/formats.md from the formats that there are.

    python docs/formats_table.py

What each is tested against stands beside the tests, in
tests/unit/datasets/formats/tested_against.toml.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets.formats import all_formats

if TYPE_CHECKING:
    from faceloop_datasets.formats import Format

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "formats.md"
TESTED = ROOT / "tests" / "unit" / "datasets" / "formats" / "tested_against.toml"
BEGIN, END = "<!-- formats: python docs/formats_table.py -->\n", "<!-- /formats -->\n"

_HEAD = ("format", "what", "in", "out", "points", "tested against", "lost when written")


def with_table(page: str) -> str:
    """Return the page with the table of today."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


def table() -> str:
    """Return the table in Markdown."""
    tested = tomllib.loads(TESTED.read_text(encoding="utf-8"))
    rows = [_HEAD, ("---",) * len(_HEAD)]
    rows += [_row(one, tested[name]) for name, one in all_formats().items()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(one: Format, tested: str) -> tuple[str, ...]:
    holds = one.writer.holds if one.writer else None
    files = ", ".join(f"`{pattern}`" for pattern in one.patterns)
    return (
        f"`{one.name}`",
        f"{one.title}: {files}",
        "✓" if one.reader else "",
        "✓" if one.writer else "",
        f"`{one.points}`" if one.points else "by name",
        tested,
        "" if holds is None else "; ".join(holds.lost) or "nothing",
    )


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
