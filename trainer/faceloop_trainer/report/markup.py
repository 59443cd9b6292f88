"""HTML elements from values; everything that is not markup already is escaped."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Characters that no HTML document may hold, and halves of surrogate pairs, which no file can.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Return a value as escaped text; markup stays as it is."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(displayable(str(value))))


def displayable(value: str) -> str:
    """Replace characters that a page cannot hold."""
    return _FORBIDDEN.sub("\ufffd", value)


def element(name: str, /, *children: object, **attributes: object) -> Markup:
    """Make an element.

    Parameters
    ----------
    name : str
        Its tag.
    *children : object
        Its content, `Markup` or text. None is left out.
    **attributes : object
        By name; ``class_`` stands for ``class``.
    """
    written = "".join(f' {key.rstrip("_")}="{text(value)}"' for key, value in attributes.items())
    inside = "".join(text(child) for child in children if child is not None)
    close = "" if name in ("img", "meta") else f"</{name}>"
    return Markup(f"<{name}{written}>{inside}{close}\n")


def joined(parts: Iterable[Markup | None]) -> Markup:
    """Concatenate elements; None is left out."""
    return Markup("".join(part for part in parts if part is not None))


def name_of(value: object) -> Markup:
    """Return a user-chosen name, whose writing direction cannot affect the text round it."""
    return Markup(f"<bdi>{text(value)}</bdi>")


def table(head: Sequence[object], rows: Iterable[Sequence[object]], numbers: int) -> Markup:
    """Make a table.

    Parameters
    ----------
    head : sequence
        Names of the columns.
    rows : iterable of sequence
        Cells; the first names the row.
    numbers : int
        Number of columns, at the end, that hold numbers and are aligned to the right.
    """
    first = len(head) - numbers

    def line(cells: Sequence[object], name: str) -> Markup:
        made = []
        for place, cell in enumerate(cells):
            of_row = place == 0 and name == "td"
            scope = {"scope": "row" if of_row else "col"} if of_row or name == "th" else {}
            kind = {"class_": "number"} if place >= first else {}
            made.append(element("th" if of_row else name, cell, **scope, **kind))
        return element("tr", *made)

    body = element("tbody", *(line(row, "td") for row in rows))
    whole = element("table", element("thead", line(head, "th")), body)
    return element("div", whole, class_="table")
