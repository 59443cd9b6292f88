"""XML of any size, element by element, from people who may mean harm.

Nothing is ever expanded: a file that declares an entity is refused when the declaration is met, so
that none can grow (the "billion laughs") or read another file. Depth and size of what is held are
bounded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element
from xml.parsers import expat

from faceloop_datasets.errors import InputError
from faceloop_datasets.faults import in_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is no ``Char`` of XML 1.0 (w3.org/TR/xml, 2.2)."""

_PIECE = 1 << 16
_DEEPEST = 50
_MOST = 200_000
"""Elements inside one that is yielded: a picture of two thousand faces has as many."""

_LINE, _AROUND = "line of the file", "around: "  # no attribute of a file can be called so
_SAID = ("label", "task_id", "subset")
"""Attributes of the element around that are kept."""


def elements(path: Path, tags: Collection[str]) -> Iterator[Element]:
    """Yield the outermost elements of some names, each with what is in it.

    Raises
    ------
    InputError
        If the file cannot be read, is no complete XML, or declares entities.
    """
    maker = _Maker(path, tags)
    try:
        with path.open("rb") as file:
            for piece in iter(lambda: file.read(_PIECE), b""):
                maker.feed(piece)
                yield from maker.taken()
        maker.feed(b"", end=True)
        yield from maker.taken()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {in_words(error)}.") from error


def need_writable(texts: Iterable[str]) -> None:
    """Refuse texts with characters that XML 1.0 has no way to write, such as control characters.

    Raises
    ------
    InputError
        If there is one.
    """
    for text in dict.fromkeys(texts):
        if (found := _UNWRITABLE.search(text)) is not None:
            raise InputError(
                f"The name {text!r:.100} has the character {found[0]!r}, which XML cannot hold. "
                "Rename it, or choose another format."
            )


def line_of(element: Element) -> int:
    """Line of the file on which an element begins."""
    return int(element.get(_LINE, "0"))


def around(element: Element, attribute: str) -> str:
    """Label, task or subset of the element that an outermost one is in; empty if it has none."""
    return element.get(_AROUND + attribute, "")


class _Maker:
    def __init__(self, path: Path, tags: Collection[str]) -> None:
        self._path, self._tags = path, tags
        self._open: list[Element] = []
        self._done: list[Element] = []
        self._depth, self._held = 0, 0
        self._around: dict[str, str] = {}
        self._parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.EntityDeclHandler = self._entity

    def feed(self, data: bytes, *, end: bool = False) -> None:
        try:
            self._parser.Parse(data, end)
        except (expat.ExpatError, ValueError, LookupError) as error:  # the others: its encoding
            said = str(error).split(":")[0]
            raise InputError(
                f"{self._path}:{self._parser.CurrentLineNumber}: this is no complete XML file "
                f"({said}). Export it once more."
            ) from error

    def taken(self) -> list[Element]:
        done, self._done = self._done, []
        return done

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._refused(f"elements are more than {_DEEPEST} deep")
        if not self._open and tag not in self._tags:
            said = ((name, attributes.get(name, "")) for name in _SAID)
            self._around = {_AROUND + name: value for name, value in said if value}
            return
        element = Element(tag, attributes)
        element.set(_LINE, str(self._parser.CurrentLineNumber))
        if self._open:
            self._open[-1].append(element)
        else:
            element.attrib.update(self._around)
        self._held = self._held + 1 if self._open else 0
        if self._held > _MOST:
            raise self._refused(f"more than {_MOST:,} elements are inside one")
        self._open.append(element)

    def _end(self, _tag: str) -> None:
        self._depth -= 1
        if self._open:
            element = self._open.pop()
            if not self._open:
                self._done.append(element)

    def _text(self, text: str) -> None:
        if self._open and not len(self._open[-1]):
            self._open[-1].text = (self._open[-1].text or "") + text

    def _entity(self, name: str, *_others: object) -> None:
        raise self._refused(f"it declares the entity {name:.40}, which no annotation tool writes")

    def _refused(self, reason: str) -> InputError:
        return InputError(f"{self._path}:{self._parser.CurrentLineNumber}: {reason}.")
