"""Files that are written: never over one that is read, and each under a name of its own."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, TypeVar

from .errors import InputError
from .faults import in_words
from .files import PART, PROJECT, REPORTS, refuse_device

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

Key = TypeVar("Key")


def refuse_to_replace(outputs: Iterable[Path | None], inputs: Iterable[Path]) -> None:
    """Refuse outputs that are inputs, before any work is done.

    What counts is the file, not its name: a symbolic or hard link, another spelling of the path,
    or of upper and lower case where the system does not tell them apart, is the same file.

    Parameters
    ----------
    outputs : iterable of Path or None
        What is to be written; None is not.
    inputs : iterable of Path
        What is read, or must stay for other reasons: see `Project.files`.

    Raises
    ------
    InputError
        If one of the outputs is one of the inputs, or two outputs are one file, or one is a
        device or a link: those are not files of their own, and a new file would take their place.
    """
    wanted: dict[Hashable, Path] = {}
    for output in outputs:
        if output is None:
            continue
        place = _place(output)
        if place in wanted:
            raise InputError(
                f"{output} and {wanted[place]} are one file. Choose a name for each of them."
            )
        wanted[place] = output
    for kept in inputs if wanted else ():
        hit = wanted.get(_place(kept))
        if hit is not None:
            which = "" if hit == kept else f" the same file as {kept}, which is"
            raise InputError(
                f"{hit} is{which} read here or belongs to the project, and is never replaced. "
                "Choose another name for what is written."
            )
    for output in wanted.values():
        refuse_device(output)
        if output.is_symlink() and not output.is_dir():
            raise InputError(
                f"{output} is a link to {os.path.realpath(output)}, and is not replaced. Choose "
                "that file itself, or another name for what is written."
            )


def refuse_in_project(outputs: Iterable[Path | None]) -> None:
    """Refuse outputs in the folder of any project, before any work is done.

    A project's erasure cleans what the project owns; what else lies there would stay, and show
    whom it was to forget. Its reports are its own: an erasure deletes them all.

    Parameters
    ----------
    outputs : iterable of Path or None
        What is to be written; None is not.

    Raises
    ------
    InputError
        If one lies in a project, also through a link, and not in its reports.
    """
    for output in filter(None, outputs):
        whole = Path(os.path.realpath(output))
        for folder in whole.parents:
            if not (folder / PROJECT).is_file():
                continue
            if whole.relative_to(folder).parts[0] != REPORTS or whole.parent == folder:
                raise InputError(
                    f"{output} lies in the project {folder}, where an erasure would not reach it. "
                    f"Choose a file outside the project, or in {folder / REPORTS}."
                )


def require_ending(path: Path, endings: Sequence[str], what: str) -> None:
    """Refuse a file to write whose ending names none of its formats, before any work is done.

    Raises
    ------
    InputError
        If the name ends in none of ``endings``.
    """
    if path.suffix.lower() not in endings:
        expected = " or ".join(filter(None, [", ".join(endings[:-1]), endings[-1]]))
        raise InputError(
            f"{path} has no format for {what}. Expected a name that ends in {expected}."
        )


def refuse_unwritable(path: Path) -> None:
    """Refuse a file to write where none can be, before any work is done; nothing is left there.

    Raises
    ------
    InputError
        If it is a folder or a device, or no file can be made beside it, or in the folder that its
        own is to be made in.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder. Choose the name of a file to write.")
    refuse_device(path)
    folder = next(parent for parent in _absolute(path).parents if parent.exists())
    try:
        with NamedTemporaryFile(dir=folder, prefix=PART) as trial:
            trial.write(bytes(1))
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {in_words(error)}. Choose a file in a folder that "
            "can be written and has room."
        ) from error


def database_files(database: Path) -> Iterator[Path]:
    """Yield a SQLite file and what it puts beside itself, now or later."""
    for ending in ("", "-wal", "-shm", "-journal"):
        yield Path(f"{database}{ending}")


def told_apart(forms: Mapping[Key, Sequence[str]]) -> dict[Key, str]:
    """Choose a name for each that no other has: the shortest, if there is one.

    Parameters
    ----------
    forms : mapping of key to sequence of str
        Names that each may have, from the short one to the one that tells most.

    Returns
    -------
    dict of key to str
    """
    return _chosen(forms, str)


def files_told_apart(forms: Mapping[Key, Sequence[str]]) -> dict[Key, str]:
    """Like `told_apart`, for files: no system takes two of the names for the same.

    Where even the last forms differ in nothing but upper and lower case, a number follows.
    """
    free: dict[Key, str] = {}
    taken: set[str] = set()
    for key, name in _chosen(forms, _folded).items():
        free[key], number = name, 1
        while _folded(free[key]) in taken:
            number += 1
            free[key] = f"{name}_{number}"
        taken.add(_folded(free[key]))
    return free


def _chosen(forms: Mapping[Key, Sequence[str]], same: Callable[[str], str]) -> dict[Key, str]:
    level = dict.fromkeys(forms, 0)
    while True:
        names = {key: forms[key][level[key]] for key in forms}
        count = Counter(same(name) for name in names.values())
        longer = [k for k in forms if count[same(names[k])] > 1 and level[k] + 1 < len(forms[k])]
        if not longer:
            return names
        for key in longer:
            level[key] += 1


def below_common(paths: Iterable[Path]) -> dict[Path, PurePosixPath]:
    """Return paths relative to the folder that all of them have in common."""
    whole = {path: _absolute(path) for path in paths}
    try:
        common = os.path.commonpath([path.parent for path in whole.values()])
    except ValueError:  # there are none, or they are on several drives
        return {
            path: PurePosixPath(one.as_posix().replace(":", "").lstrip("/"))
            for path, one in whole.items()
        }
    return {p: PurePosixPath(w.relative_to(common).as_posix()) for p, w in whole.items()}


def _absolute(path: Path) -> Path:
    """Without ``..``, and without looking through links: the name is what a person knows."""
    return Path(os.path.normpath(path.absolute()))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _place(path: Path) -> Hashable:
    """Return what all spellings of a path share; for a file that is not there, its name."""
    # A folder on the way may not be there yet: it is made before the file is written.
    found = _identity(path) or _identity(_absolute(path))
    if found is not None:
        return found
    folder = _absolute(path).parent
    return _identity(path.parent) or _identity(folder) or folder, _folded(path.name)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):  # ValueError: a zero byte in the name
        return None
    return (found.st_dev, found.st_ino) if found.st_ino else None
