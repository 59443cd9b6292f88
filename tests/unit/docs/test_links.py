"""No link of the documentation is dead, and every picture in it may be shown.

Addresses outside are checked by `make linkcheck`, which needs the network.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .pages import DOCS, ROOT, anchors, pages, prose

LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"|^:link: (\S+)$", re.MULTILINE)
PICTURES = (".png", ".jpg", ".svg", ".gif", ".webp", ".mp4")
TABS, THEMES = ("annotate", "live", "queue", "train"), ("dark", "light")
MADE_BY = {
    "pictures.py": {"fit.jpg", "ced.png", "points.png"},
    "render_pictures.py": {"render.jpg", "anonymised.jpg"},
    "window_pictures.py": {f"window-{t}-{h}.jpg" for t in TABS for h in THEMES},
}
"""Scripts in docs/, which use the sample only, and the pictures in docs/images that they make."""


def inside(page: Path) -> list[str]:
    """Return the links of a page that lead to a place in this repository."""
    found = ["".join(groups) for groups in LINK.findall(prose(page))]
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def leads_nowhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page if not name else page.parent / name
    if "auto_gallery/" in name:  # made by the build, of a script
        script = re.search(r"sphx_glr_(plot_\w+)_\d{3}\.png$", name)
        return bool(script) and not (DOCS / "gallery" / f"{script[1]}.py").is_file()
    if not target.exists() and not target.suffix:
        target = target.with_suffix(".md")  # what `:link-type: doc` names
    if not target.exists():
        return True
    return bool(anchor) and anchor not in anchors(target)


@pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_its_links_lead_somewhere(page: Path) -> None:
    assert [link for link in inside(page) if leads_nowhere(page, link)] == []


def test_every_page_can_be_found_from_another() -> None:
    listed: set[Path] = {DOCS / "index.md"}
    for page in DOCS.rglob("*.md"):
        for tree in re.findall(r"^```\{toctree\}\n(.*?)^```", page.read_text("utf-8"), re.S | re.M):
            for entry in tree.splitlines():
                listed |= {*page.parent.glob(f"{entry}.md")} if entry.strip() else set()
    written = {page for page in pages() if page.is_relative_to(DOCS)}
    assert written - listed == set()


def test_every_picture_is_made_of_the_sample_by_a_script() -> None:
    made = set().union(*MADE_BY.values())
    there = {p.name for p in (DOCS / "images").iterdir()}
    assert there == made
    assert [name for name in MADE_BY if "sample" not in (DOCS / name).read_text("utf-8")] == []


def test_pages_show_no_other_pictures() -> None:
    shown = {
        (page.parent / link).resolve()
        for page in pages()
        for link in inside(page)
        if link.endswith(PICTURES)
    }
    assert shown
    places = ("images", "tutorials/images", "auto_gallery/images")
    assert {picture.parent for picture in shown} <= {DOCS / place for place in places}
