"""llms.txt at the site's root: every page in a line, for programs that read (llmstxt.org)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_LONGEST = 200


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write(app: Sphinx, failure: Exception | None) -> None:
    if failure is not None or app.builder.name != "html":
        return
    pages = sorted(name for name in app.env.found_docs if "/generated/" not in name)
    lines = [_line(app, name) for name in pages if name != "index"]
    head = f"# {app.config.project}\n\n> {_first_sentence(app.env.get_doctree('index'))}\n\n"
    text = head + "## Pages\n\n" + "\n".join(lines) + "\n"
    Path(app.outdir, "llms.txt").write_text(text, encoding="utf-8")


def _line(app: Sphinx, name: str) -> str:
    title = app.env.titles[name].astext()
    address = f"{app.config.html_baseurl}{name}.html"
    said = _first_sentence(app.env.get_doctree(name))
    return f"- [{title}]({address})" + (f": {said}" if said else "")


def _first_sentence(page: nodes.document) -> str:
    for paragraph in page.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            text = " ".join(paragraph.astext().split())
            end = text.find(". ")
            return (text if end < 0 else text[: end + 1])[:_LONGEST]
    return ""
