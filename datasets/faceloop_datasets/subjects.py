"""Subjects: whom faces show, how that is known, and what they are called.

A subject is called a person only where somebody, or a format, said that it is one.
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .errors import InputError
from .files import is_text

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

SubjectSource = Literal["picture", "video", "format", "rule", "person"]
"""How a subject is known: it is only the name of a picture; frames of one video or burst; the
format of the annotations names people; a rule of the import said so; a person said so."""

SubjectKind = Literal["person", "picture", "clip", "subject"]
"""What subjects are: people; nothing but the names of pictures; clips and bursts; some of each."""

_KINDS: Mapping[str, SubjectKind] = {
    "picture": "picture",
    "video": "clip",
    "format": "person",
    "rule": "person",
    "person": "person",
}
_MANY: Mapping[SubjectKind, str] = {
    "person": "people",
    "picture": "pictures",
    "clip": "clips",
    "subject": "subjects",
}
LONGEST = 200
"""Most characters of a subject's name."""

KINDS = tuple(_MANY)
"""All kinds."""

HOW_KNOWN: Mapping[str, str] = {
    "picture": "only the name of a picture",
    "video": "frames of one clip or burst, or copies of one picture",
    "format": "the annotations' format names people",
    "rule": "the rule of an import (--subjects)",
    "person": "set by hand",
}
"""How a subject is known, by `SubjectSource`."""


def kind_of(sources: Iterable[str]) -> SubjectKind:
    """Say what subjects are, from how they are known: the one place that decides the word.

    Parameters
    ----------
    sources : iterable of SubjectSource
        How each subject, or each of its faces, is known; of none it is a person.
    """
    kinds = {_KINDS.get(source, "subject") for source in sources} or {"person"}
    return kinds.pop() if len(kinds) == 1 else "subject"


def plural(kind: str) -> str:
    """Return the word for several of a kind: ``people``; that of unknown kinds is ``subjects``."""
    return _MANY.get(kind, "subjects")  # type: ignore[call-overload, no-any-return]


def singular(kind: str) -> str:
    """Return the word for one of a kind: ``person``."""
    return kind if kind in _MANY else "subject"


def count_of(number: int, kind: str) -> str:
    """Say how many of a kind: ``1 person``, ``12 pictures``."""
    return f"{number} {singular(kind) if number == 1 else plural(kind)}"


def how_known(sources: Iterable[str]) -> str:
    """Say how a subject is known, in words."""
    return "; ".join(HOW_KNOWN.get(source, source) for source in sorted(set(sources)))


def named_by_person(name: str) -> tuple[str, SubjectSource]:
    """Return a subject that a person has named, and how it is known."""
    return name, "person"


def no_such_subject(name: str, known: Sequence[str]) -> str:
    """Say that there is no subject of a name, and which are like it."""
    alike = difflib.get_close_matches(name, known, 3)
    hint = f" Did you mean {' or '.join(map(repr, alike))}?" if alike else ""
    return f"No item of this project has the subject {name!r}.{hint}"


def check_subject(name: str) -> str:
    """Return a subject's name as it is stored: without blanks around it.

    Raises
    ------
    InputError
        If it is empty, too long, or no text.
    """
    name = name.strip()
    if not name:
        raise InputError("A subject's name is empty. Give it at least one character.")
    if not is_text(name):
        raise InputError(f"The subject's name {name!r:.80} has characters that cannot be shown.")
    if len(name) > LONGEST:
        raise InputError(
            f"The subject's name {name[:30]!r}... has {len(name)} characters; expected at most "
            f"{LONGEST}."
        )
    return name


def path_subject(path: str) -> str:
    """Return a path as a subject's name; of a very long one the end, which tells most."""
    if len(path) <= LONGEST:
        return path
    mark = hashlib.sha256(path.encode()).hexdigest()[:8]
    return f"...{path[12 - LONGEST :]}#{mark}"


def distinct_name(base: str, root: str, taken: Container[str]) -> str:
    """Return a name that nobody else has: the base itself, after folders, or with a number.

    Parameters
    ----------
    base : str
        What it would be called if there were nothing else.
    root : str
        Folder that it is below; its name tells what is below it from what is below others.
    taken : container of str
        Names of others.
    """
    return next(name for name in _names(base, root) if name not in taken)


def _names(base: str, root: str) -> Iterator[str]:
    yield base
    folders = [part for part in Path(root).parts if part != Path(root).anchor] if root else []
    if folders and folders[-1] in (base, base.split("/", maxsplit=1)[0]):
        folders.pop()  # the name has it already
    for count in range(1, min(len(folders), 3) + 1):
        yield "/".join([*folders[-count:], base])
    first = f"{folders[-1]}/{base}" if folders else base
    for number in itertools.count(2):
        yield f"{first} ({number})"
