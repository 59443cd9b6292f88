"""TOML of a landmark scheme: read with every inconsistency named, and values written."""

from __future__ import annotations

import json
import math
import re
import reprlib
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

from faceloop_datasets.errors import SchemeError
from faceloop_datasets.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

INITIALISATION = ("left_eye", "right_eye", "nose")
"""The places that an initialiser finds."""

MIN_SIZE = 0.02
"""Least part of an inter-ocular distance by which a scheme may measure faces."""

MAX_SCHEME = 1 << 20
"""Longest text of a scheme, in characters; the longest of ours has 5000."""

_FAR = 1e5
"""Greatest coordinate of a layout: pixels of a large picture have less."""

MIN_POINTS, MAX_POINTS = 2, 1000

_DEL_AND_C1 = re.compile("[\x7f-\x9f]")

_IN_WORDS: dict[type, str] = {str: "text in quotes", list: "list in brackets", dict: "table"}


@lru_cache(maxsize=4)
def _read(text: str) -> dict[str, Any]:
    """Read TOML once: each project brings its scheme's, and most are of the same few schemes.

    Nobody changes what it returns.
    """
    return tomllib.loads(text)


@dataclass(frozen=True)
class SchemeTable:
    """The top-level table of a scheme's file; each method reads one key and checks it."""

    values: dict[str, Any]
    source: str

    @classmethod
    def parse(cls, text: str, source: str) -> SchemeTable:
        """Read TOML. Unknown keys are errors: they are spelling mistakes."""
        if len(text) > MAX_SCHEME:
            raise SchemeError(f"{source} has more than {MAX_SCHEME:,} characters; it is no scheme.")
        try:
            text.encode()  # half a character of UTF-16 could never be written again
            values = _read(text)
        # ValueError: a number of more digits than Python reads
        except (ValueError, RecursionError) as error:
            raise SchemeError(f"{source} is not a TOML file: {error}.") from error
        known = (
            "name", "title", "names", "mirror", "iod", "size", "size_in_iod", "triangles", "layout",
        )  # fmt: skip
        unknown = sorted(set(values) - {*known, "initialisation", "groups", "contours"})
        table = cls(values, source)
        if unknown:
            table.fail(unknown[0], f"is not a key of a scheme; known: {', '.join(known)}, "
                       "initialisation, groups, contours")  # fmt: skip
        return table

    def fail(self, key: str, problem: str) -> NoReturn:
        """Raise with the file and the key."""
        raise SchemeError(f"{self.source}: {key:.80} {problem}.")

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        """Value of a key, checked to be of ``kind``."""
        value = self.values.get(key, default)
        if value is None:
            self.fail(key, "is missing")
        if not isinstance(value, kind):
            self.fail(key, f"must be a {_IN_WORDS[kind]} but is {_shown(value)}")
        return value

    def string(self, key: str, default: str | None = None) -> str:
        """One line of text that is not empty."""
        value: str = self.get(key, str, default)
        if not value.strip() or "\n" in value:
            self.fail(key, "must be one line of text that is not empty")
        return value

    def names(self) -> tuple[str, ...]:
        """Point names: at least two, unique."""
        names = self.get("names", list)
        if not all(isinstance(n, str) and n.strip() for n in names):
            self.fail("names", "must be texts that are not empty")
        if len(names) > MAX_POINTS:
            self.fail("names", f"has {len(names)} entries; at most {MAX_POINTS} are possible")
        twice = sorted(n for n, count in Counter(names).items() if count > 1)
        if twice:
            self.fail("names", f"has {_shown(twice[0])} twice; every point needs a name of its own")
        if len(names) < MIN_POINTS:
            self.fail(
                "names",
                f"has {counted(len(names), 'entry', 'entries')}; a scheme needs at least "
                f"{MIN_POINTS} points",
            )
        return tuple(names)

    def points(self, key: str, value: Any, count: int, size: int | None = None) -> tuple[int, ...]:
        """Distinct point numbers below ``count``; exactly ``size`` of them if given."""
        if not isinstance(value, list) or not value:
            self.fail(key, f"must be a list of point numbers but is {_shown(value)}")
        for point in value:
            # a bool is an int in Python, but not a point number
            if not isinstance(point, int) or isinstance(point, bool) or not 0 <= point < count:
                self.fail(key, f"has {_shown(point)}, but points are numbered 0 to {count - 1}")
        if len(set(value)) != len(value):
            self.fail(key, f"names a point twice: {_shown(value)}")
        if size is not None and len(value) != size:
            self.fail(key, f"needs {size} points but has {_shown(value)}")
        return tuple(value)

    def mirror(self, count: int) -> tuple[int, ...]:
        """Mirror map from the pairs; a point outside every pair maps to itself.

        Empty if the file has none: nothing is known then.
        """
        if "mirror" not in self.values:
            return ()
        mirror = list(range(count))
        paired: set[int] = set()
        for pair in self.get("mirror", list):
            a, b = self.points("mirror", pair, count, 2)
            if paired & {a, b}:
                self.fail("mirror", f"has point {min(paired & {a, b})} in two pairs")
            paired |= {a, b}
            mirror[a], mirror[b] = b, a
        return tuple(mirror)

    def iod(self, count: int) -> tuple[int, ...]:
        """Points that measure a face: two as ``iod``, any as ``size``, else all of them."""
        if "iod" in self.values:
            if "size" in self.values:
                self.fail("size", "is there beside iod; a scheme measures faces by one of them")
            return self.points("iod", self.get("iod", list), count, 2)
        if "size" not in self.values:
            return tuple(range(count))
        found = self.points("size", self.get("size", list), count)
        if len(found) < 2:
            self.fail("size", f"has {len(found)} point; the extent of two or more measures a face")
        return found

    def size_in_iod(self) -> float | None:
        """How many inter-ocular distances the extent of those points is, if the file says so."""
        value = self.values.get("size_in_iod")
        if value is None:
            return None
        number = float(value) if type(value) in (int, float) else math.nan
        if not MIN_SIZE <= number <= 1 / MIN_SIZE:
            expected = f"a number from {MIN_SIZE} to {1 / MIN_SIZE:g}"
            self.fail("size_in_iod", f"must be {expected} but is {_shown(value)}")
        return number

    def triangles(self, count: int) -> tuple[tuple[int, int, int], ...]:
        """Triangles; together they reach every point, or there are none."""
        found = []
        for triangle in self.get("triangles", list, []):
            a, b, c = self.points("triangles", triangle, count, 3)
            found.append((a, b, c))
        left = set(range(count)) - {p for t in found for p in t}
        if found and left:
            self.fail("triangles", f"do not reach point {min(left)}")
        if len({frozenset(t) for t in found}) != len(found):
            self.fail("triangles", "has a triangle twice")
        return tuple(found)

    def initialisation(self, mirror: Sequence[int], count: int) -> dict[str, tuple[int, ...]]:
        """Points of the two eyes and the nose; the eyes mirror each other, or themselves.

        Empty if the file has none.
        """
        if "initialisation" not in self.values:
            return {}
        table = self.get("initialisation", dict)
        if set(table) != set(INITIALISATION):
            self.fail("initialisation", f"must have exactly the keys {', '.join(INITIALISATION)}")
        found = {
            key: self.points(f"initialisation.{key}", table[key], count) for key in INITIALISATION
        }
        left, right = set(found["left_eye"]), set(found["right_eye"])
        if mirror and mirror_image(left, mirror) not in (left, right):
            self.fail("initialisation", "has eyes that are not each other's mirror image")
        return found

    def layout(self, count: int) -> tuple[tuple[float, float], ...]:
        """Where each point is on a drawn face, or nothing where the file does not say."""
        rows = self.get("layout", list, [])
        if rows and len(rows) != count:
            self.fail("layout", f"has {len(rows)} places for {count} points")
        found = []
        for row in rows:
            if not (isinstance(row, list) and len(row) == 2 and all(map(_is_place, row))):
                self.fail(
                    "layout", f"needs two numbers up to {_FAR:g} a point but has {_shown(row)}"
                )
            found.append((float(row[0]), float(row[1])))
        return tuple(found)

    def groups(self, mirror: Sequence[int], count: int) -> dict[str, tuple[int, ...]]:
        """Parts of the face: every point in exactly one, mirrored as a whole.

        All points are one part if the file names none.
        """
        if "groups" not in self.values:
            return {"face": tuple(range(count))}
        found = {
            k: self.points(f"groups.{k}", v, count) for k, v in self.get("groups", dict).items()
        }
        members = [p for points in found.values() for p in points]
        twice = sorted(p for p, count in Counter(members).items() if count > 1)
        if twice:
            self.fail("groups", f"has point {twice[0]} in more than one group")
        left = sorted(set(range(count)) - set(members))
        if left:
            self.fail("groups", f"has no group for point {left[0]}")
        whole = {frozenset(points) for points in found.values()}
        for key, points in found.items() if mirror else ():
            if frozenset(mirror_image(points, mirror)) not in whole:
                self.fail(f"groups.{key}", "is no group any more when the face is mirrored")
        return found

    def contours(self, count: int) -> list[tuple[str, tuple[int, ...], bool]]:
        """Lines as they are drawn: name, points, closed."""
        found = []
        for number, line in enumerate(self.get("contours", list, [])):
            key = f"contours[{number}]"
            if not isinstance(line, dict) or set(line) != {"name", "points", "closed"}:
                self.fail(key, "must have exactly the keys name, points, closed")
            if not isinstance(line["name"], str) or not isinstance(line["closed"], bool):
                self.fail(key, "needs a text as name, and true or false as closed")
            found.append((line["name"], self.points(key, line["points"], count), line["closed"]))
        return found


def _is_place(value: Any) -> bool:
    return type(value) in (int, float) and bool(abs(value) <= _FAR)


def mirror_image(points: Iterable[int], mirror: Sequence[int]) -> set[int]:
    """Return the mirror images of points."""
    return {mirror[point] for point in points}


class _Short(reprlib.Repr):
    """Short for everything: `repr` fails for a number of 5000 digits, and a thousand lists deep."""

    def repr_int(self, x: int, level: int) -> str:
        return super().repr_int(x, level) if x.bit_length() < 64 else "a huge number"


_SHORT = _Short()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxlist = 3, 60, 12


def _shown(value: object) -> str:
    return _SHORT.repr(value)[:60]


def quoted(value: str) -> str:
    """Write a text as TOML."""
    # JSON's string escapes are TOML's, but TOML also wants DEL escaped; terminals obey U+0080 to
    # U+009F as they do what comes after ESC
    written = json.dumps(value, ensure_ascii=False)
    return _DEL_AND_C1.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


def block(items: Iterable[str]) -> str:
    """Write a list as TOML, an entry a line."""
    return "[\n" + "".join(f"    {item},\n" for item in items) + "]"
