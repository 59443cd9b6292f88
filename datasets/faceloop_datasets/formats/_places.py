"""Where annotation files are: each one once, by its path below what the user named."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError
from faceloop_datasets.faults import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RESOURCE_FORK = "._"
"""macOS writes such a file beside every file that it copies to a foreign disk."""


@dataclass(frozen=True)
class Source:
    """An annotation file, or a member of an archive.

    Parameters
    ----------
    root : Path
        Absolute path of the folder or archive that the user named; of a file that was named
        itself, its folder.
    path : str
        Of the file or member below ``root``, with ``/``.
    file : Path
        The file, or the archive with the member's name behind it: for messages.
    """

    root: Path
    path: str
    file: Path

    @classmethod
    def of(cls, file: Path, root: Path | None = None) -> Source:
        """Source of a file, named itself or found below ``root``."""
        folder = file.parent if root is None else root
        return cls(real(folder), file.relative_to(folder).as_posix(), file)

    @property
    def name(self) -> str:
        """For people: the path with the name of its root before it, without a suffix."""
        stem = PurePosixPath(self.path).with_suffix("").as_posix()
        return f"{self.root.name}/{stem}" if self.root.name else stem

    @property
    def folders(self) -> tuple[str, ...]:
        """All folders that lead to it."""
        return (*self.root.parts[1:], *PurePosixPath(self.path).parts[:-1])


def annotation_files(sources: Sequence[Path], suffix: str) -> list[Source]:
    """Annotation files of a suffix: those named, and those inside the folders named.

    A file that can be reached in two ways is one file, and belongs to the outermost folder named.

    Raises
    ------
    InputError
        If there is none.
    """
    found: dict[Path, Source] = {}
    for named in sorted(sources, key=lambda path: len(real(path).parts)):
        files = walk(named) if named.is_dir() else iter([named])
        for file in files:
            if not named.is_dir() or has_suffix(file.name, suffix):
                source = Source.of(file, named if named.is_dir() else None)
                known = found.get(real(file))
                if known is None or (known.file.is_symlink() and not file.is_symlink()):
                    found[real(file)] = source
    if not found:
        raise InputError(f"There is no {suffix} file in {', '.join(map(str, sources))}.")
    return list(found.values())


def has_suffix(name: str, suffix: str) -> bool:
    """Whether a file has a suffix, in upper or lower case, and is no macOS resource fork."""
    return name.lower().endswith(suffix) and not name.startswith(_RESOURCE_FORK)


def walk(folder: Path) -> Iterator[Path]:
    """Files in a folder and all below, in order, through links to folders; each folder once."""
    seen: set[Path] = set()
    # Links last: what can be reached without one is found without one.
    waiting = [folder]
    links: list[Path] = []
    while waiting or links:
        place = waiting.pop() if waiting else links.pop()
        if real(place) in seen:
            continue
        seen.add(real(place))
        inside = sorted(_entries(place), key=lambda entry: entry.name, reverse=True)
        for entry in inside:
            if _is_folder(entry):
                (links if entry.is_symlink() else waiting).append(Path(entry.path))
        yield from (Path(entry.path) for entry in reversed(inside) if not _is_folder(entry))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be read: {in_words(error)}.") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in a circle
        return False


def real(path: Path) -> Path:
    """Absolute path without links, the same for all ways to a file."""
    return Path(os.path.realpath(path))


def folded(name: str) -> str:
    """Name without what file systems may change: case, and how accents are composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
