"""JSON of any size, part by part; what is no JSON, or is nested too deep, is refused by name."""

from __future__ import annotations

import codecs
import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from faceloop_datasets.errors import InputError
from faceloop_datasets.faults import in_words

from ._rows import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

_PIECE = 1 << 20  # bytes read at a time
_LONGEST = 1 << 25  # characters of one value
_LONG_NUMBER = re.compile(r"\d{4000}")
_SPACE = " \t\r\n"
_AFTER = f"{_SPACE},:]}}"
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def load(path: Path) -> Any:
    """Read a small JSON file as a whole.

    Raises
    ------
    InputError
        If it cannot be read or is no JSON.
    """
    text = read_text(path)
    with _in_words(path):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise
        except ValueError as error:  # a number of thousands of digits, which has no place
            found = _LONG_NUMBER.search(text)
            raise json.JSONDecodeError(str(error), text, found.start() if found else 0) from error


def elements(path: Path, keys: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield what stands in a JSON file, one element at a time, however large the file is.

    Parameters
    ----------
    path : Path
        The file: an object at its top, or a list.
    keys : sequence of str
        Members of the object that are lists whose elements are yielded; the others are left out.

    Yields
    ------
    (str, object)
        Key, empty where the file is one list, and element.

    Raises
    ------
    InputError
        If it cannot be read or is no JSON.
    """
    try:
        with path.open("rb") as file, _in_words(path):
            yield from _elements(_Text(file), keys)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {in_words(error)}.") from error


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except RecursionError as error:
        raise InputError(f"{path} is nested too deep for a file of annotations.") from error
    except ValueError as error:  # also a number of thousands of digits, and text in no encoding
        said = str(error).split(":")[0].split(";")[0]
        where = (
            f" at line {error.lineno}, character {error.pos} of the file"
            if isinstance(error, json.JSONDecodeError)
            else ""
        )
        raise InputError(
            f"{path} is no complete JSON file ({said}{where}). Export it once more."
        ) from error


def _elements(text: _Text, keys: Sequence[str]) -> Iterator[tuple[str, Any]]:
    if text.next("[{") == "[":
        yield from (("", one) for one in _list(text))
    elif text.peek() == "}":
        text.next("}")
    else:
        yield from _members(text, keys)
    text.end()


def _members(text: _Text, keys: Sequence[str]) -> Iterator[tuple[str, Any]]:
    while True:
        key = text.value()
        if not isinstance(key, str):
            raise text.error("expected the name of a member")
        text.next(":")
        if key in keys and text.peek() == "[":
            text.next("[")
            yield from ((key, one) for one in _list(text))
        else:
            text.value()
        if text.next(",}") == "}":
            return


def _list(text: _Text) -> Iterator[Any]:
    if text.peek() == "]":
        text.next("]")
        return
    while True:
        yield text.value()
        if text.next(",]") == "]":
            return


class _Text:
    """Text of a file, of which only a piece is in memory."""

    def __init__(self, file: BinaryIO) -> None:
        start = file.peek(3)[:3]  # type: ignore[attr-defined]
        self._file = file
        self._decoder = codecs.getincrementaldecoder(_MARKS.get(start[:2], "utf-8-sig"))()
        self._json = json.JSONDecoder()
        self._held, self._at, self._ended, self._lines, self._gone = "", 0, False, 1, 0

    def value(self) -> Any:
        """Read the value that comes next."""
        self.peek()
        while True:
            try:
                found, end = self._json.raw_decode(self._held, self._at)
            except ValueError as error:
                if not self._more():
                    raise self._placed(error) from error
                continue
            # a number may go on in the next piece: 1 with .5, 1. with 5
            ended = end < len(self._held) and self._held[end] in _AFTER
            if ended or not self._more():
                self._at = end
                return found

    def peek(self) -> str:
        """Return the character that comes next, without the white space before it."""
        while True:
            while self._at < len(self._held) and self._held[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._more():
                raise self.error("it ends too early")

    def next(self, expected: str) -> str:
        """Take the next character, which is one of some."""
        found = self.peek()
        if found not in expected:
            raise self.error(f"expected {' or '.join(expected)} but found {found!r}")
        self._at += 1
        return found

    def end(self) -> None:
        """Check that nothing comes any more."""
        while self._more():
            pass
        if self._held[self._at :].strip(_SPACE):
            raise self.error("something follows the end")

    def error(self, said: str) -> ValueError:
        """Return an error at this place."""
        return self._placed(json.JSONDecodeError(said, self._held, min(self._at, len(self._held))))

    def _placed(self, error: ValueError) -> ValueError:
        """Return an error with its place in the file; where it has none, that of its value."""
        if not isinstance(error, json.JSONDecodeError):
            return self.error(str(error))
        error.lineno += self._lines - 1
        error.pos += self._gone
        return error

    def _more(self) -> bool:
        """Take in another piece of the file; False at its end."""
        while not self._ended:
            data = self._file.read(_PIECE)
            self._ended = not data
            piece = self._decoder.decode(data, final=self._ended)
            if piece:
                self._lines += self._held.count("\n", 0, self._at)
                self._gone += self._at
                self._held, self._at = self._held[self._at :] + piece, 0
                if len(self._held) > _LONGEST:
                    raise self.error("one value of it is too long")
                return True
        return False
