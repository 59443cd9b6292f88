"""What a subject is called: a person only where somebody, or a format, said that it is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
KINDS = tuple(_MANY)
"""All kinds."""

HOW_KNOWN: Mapping[str, str] = {
    "picture": "only the name of a picture",
    "video": "frames of one clip or burst, or copies of one picture",
    "format": "the annotations' format names people",
    "rule": "the rule of an import (--subjects)",
    "person": "set by hand",
}
"""How a subject is known, by `faceloop_datasets.store.items.SubjectSource`."""


def kind_of(sources: Iterable[str]) -> SubjectKind:
    """Say what subjects are, from how they are known: the one place that decides the word.

    Parameters
    ----------
    sources : iterable of SubjectSource
        How each subject, or each of its faces, is known; of none it is a person.
    """
    kinds = {_KINDS.get(source, "subject") for source in sources} or {"person"}
    return kinds.pop() if len(kinds) == 1 else "subject"


def many(kind: str) -> str:
    """Return the word for several of a kind: ``people``; that of unknown kinds is ``subjects``."""
    return _MANY.get(kind, "subjects")  # type: ignore[call-overload, no-any-return]


def one(kind: str) -> str:
    """Return the word for one of a kind: ``person``."""
    return kind if kind in _MANY else "subject"


def count_of(number: int, kind: str) -> str:
    """Say how many of a kind: ``1 person``, ``12 pictures``."""
    return f"{number} {one(kind) if number == 1 else many(kind)}"


def how_known(sources: Iterable[str]) -> str:
    """Say how a subject is known, in words."""
    return "; ".join(HOW_KNOWN.get(source, source) for source in sorted(set(sources)))
