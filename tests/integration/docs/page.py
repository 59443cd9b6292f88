"""What a tutorial tells its reader to do, in order, as it is published.

Blocks of ``sh`` and ``python`` are run, and a block of ``text`` after one is what is to be seen. A
comment before a block, which readers do not see, says what a test cannot know or do:

``<!-- test: given NAME -->``
    What the reader has already, made by the function of that name in `material`.
``<!-- test: window NAME -->``
    What the reader does by mouse here, done by the function of that name in `by_hand`.
``<!-- test: file NAME -->``
    The next block is saved under that name, as the text tells the reader to.
``<!-- test: skip WHY -->``
    The next block is not run.

Nothing else is hidden: what the reader types is what is run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

RUN = ("sh", "python")
SEEN = "text"
_COMMENT = re.compile(r"<!--\s*test:\s*(\S+)\s*(.*?)\s*-->")
_BESIDE_BLOCKS = ("given", "window")
_VERBS = (*_BESIDE_BLOCKS, "file", "skip")


class PageError(AssertionError):
    """A page cannot be tested as it is written, or is not true."""


@dataclass(frozen=True)
class Step:
    """One thing that is done.

    Parameters
    ----------
    verb : str
        ``run``, ``file``, ``given`` or ``window``.
    what : str
        The language of what is run, or the name of the file or function.
    line : int
        Where it stands in the page, from 1.
    text : str
        The block.
    seen : str or None
        What the reader is told to see.
    """

    verb: str
    what: str
    line: int
    text: str = ""
    seen: str | None = None


def steps_of(page: Path) -> list[Step]:
    """Return what a page says to do.

    Raises
    ------
    PageError
        If a block would go untested without a word why.
    """
    steps = _Reader(page.name).read(page.read_text(encoding="utf-8"))
    if not any(step.verb == "run" for step in steps):
        raise PageError(f"{page.name}: there is no block of sh or python to run.")
    return steps


class _Reader:
    def __init__(self, name: str) -> None:
        self._name = name
        self._steps: list[Step] = []
        self._before: tuple[str, str] | None = None  # file or skip, for the next block
        self._open: str | None = None  # whose output a block of text is: run, skip

    def read(self, text: str) -> list[Step]:
        lines = enumerate(text.splitlines(), start=1)
        last = 0
        for last, line in lines:
            comment = _COMMENT.search(line)
            if comment:
                self._comment(last, *comment.groups())
            elif line.startswith("```"):
                self._block(last, line[3:].strip(), _until_fence(lines))
        if self._before is not None:
            self._refuse(last, f"after test: {self._before[0]} there is no block.")
        return self._steps

    def _comment(self, line: int, verb: str, what: str) -> None:
        if verb not in _VERBS or not what:
            self._refuse(line, f"found test: {verb} {what}; expected one of {', '.join(_VERBS)}.")
        if self._before is not None:
            self._refuse(line, f"after test: {self._before[0]} there is no block.")
        if verb in _BESIDE_BLOCKS:
            self._steps.append(Step(verb, what, line))
        else:
            self._before = (verb, what)

    def _block(self, line: int, language: str, text: str | None) -> None:
        if text is None:
            self._refuse(line, "the block has no end.")
        before, self._before = self._before, None
        if language.startswith("{") and "code" not in language:
            return  # a note or a picture
        if before is not None:
            self._open = "skip"
            if before[0] == "file":
                self._steps.append(Step("file", before[1], line, text))
        elif language in RUN:
            self._open = "run"
            self._steps.append(Step("run", language, line, text))
        elif language == SEEN:
            self._seen(line, text)
        else:
            self._refuse(line, f"nothing says what to do with a block of {language or 'nothing'}.")

    def _seen(self, line: int, text: str) -> None:
        if self._open is None:
            self._refuse(line, "this text follows no block that could show it.")
        if self._open == "run":
            step = self._steps.pop()
            self._steps.append(Step(step.verb, step.what, step.line, step.text, text))
        self._open = None

    def _refuse(self, line: int, why: str) -> None:
        raise PageError(f"{self._name}:{line}: {why}")


def _until_fence(lines: enumerate[str]) -> str | None:
    block = []
    for _, line in lines:
        if line.startswith("```"):
            return "".join(f"{one}\n" for one in block)
        block.append(line)
    return None
