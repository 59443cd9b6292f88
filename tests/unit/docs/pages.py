"""The pages of the documentation, as text: Markdown that people wrote, not what Sphinx makes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
MADE = ("_build", "auto_gallery", "generated")
"""Folders that a build writes."""


@dataclass(frozen=True)
class Block:
    """Some lines of code in a page."""

    page: Path
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Return all pages, those beside the code too."""
    written = [p for p in DOCS.rglob("*.md") if not {*MADE} & {*p.relative_to(DOCS).parts}]
    return sorted([*written, *(ROOT / n for n in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"))])


def blocks(page: Path) -> list[Block]:
    """Return what stands between fences, and lines that are set in as code is."""
    text = page.read_text(encoding="utf-8")
    found = [
        Block(page, text[: m.start()].count("\n") + 2, m[1], m[2])
        for m in re.finditer(r"^```([^\n`]*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    ]
    set_in = [
        Block(page, number, "sh", line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.startswith("    faceloop ")
    ]
    return found + set_in


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MyST make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", one.strip().lower()).replace(" ", "-") for one in plain}
