"""Which faces of a project a command is about: by number, or by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Item, Project

ItemsOption = Annotated[
    list[int] | None,
    typer.Option("--item", help="Number of a face; again for more.", show_default=False),
]
MatchingOption = Annotated[
    str | None,
    typer.Option(
        "--matching",
        metavar="GLOB",
        help="Faces whose name is like this: 'anna/*'.",
        show_default=False,
    ),
]
RegexOption = Annotated[
    str | None,
    typer.Option("--regex", metavar="REGEX", help="Faces whose name has this.", show_default=False),
]


def chosen_faces(
    project: Project,
    numbers: Sequence[int],
    matching: str | None,
    regex: str | None,
    *,
    removed: bool = False,
) -> list[Item]:
    """Return faces by number, and by name: of those that are there, or that were removed.

    Raises
    ------
    BadParameter
        If they are named in no way.
    InputError
        If ``regex`` is none or takes too long, or no name is like it.
    ProjectError
        If there is no face of a number.
    """
    import re

    from faceloop_datasets import InputError
    from faceloop_datasets.searching import search_all

    if not numbers and matching is None and regex is None:
        raise typer.BadParameter("Name faces by --item, --matching or --regex.")
    try:
        re.compile(regex or "")
    except (re.error, OverflowError, RecursionError) as error:
        raise InputError(f"--regex {regex!r} is no regular expression ({error}).") from error
    found = {number: project.item(number) for number in numbers}
    there = [one for one in project.items(with_removed=True) if one.removed == removed]
    has = [None for _ in there] if regex is None else search_all(regex, [o.name for o in there])
    named = [
        one
        for one, hit in zip(there, has, strict=True)
        if (matching is not None and is_like(one.name, matching)) or hit is not None
    ]
    if (matching or regex) and not named:
        known = next((f", {one.name!r} for one" for one in there), "")
        which = "face that was removed from" if removed else "face of"
        raise InputError(
            f"No {which} this project has a name like {matching or regex!r}; their names are whole "
            f"paths{known}."
        )
    return list((found | {one.id: one for one in named}).values())


def is_like(name: str, pattern: str) -> bool:
    """Whether a path, or the end of it, is like a pattern."""
    from fnmatch import fnmatchcase

    return fnmatchcase(name, pattern) or fnmatchcase(name, f"*/{pattern}")
