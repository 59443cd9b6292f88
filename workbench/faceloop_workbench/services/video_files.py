"""The videos that files, folders and patterns name, and what is none among them."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets import InputError
from faceloop_datasets.faults import in_words
from faceloop_datasets.media.video import VIDEO_SUFFIXES
from faceloop_datasets.outputs import below_common, files_told_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True)
class FoundVideos:
    """What is to be tracked, and what is not.

    Parameters
    ----------
    videos : dict of Path to str
        Absolute path of each, and its path below the folder that all that was named has in common,
        with ``/``: no system takes two of these for the same.
    others : tuple of Path
        Files that were found and whose names do not end as videos' do.
    faults : dict of Path to str
        What was named, or lies below it, and cannot be looked at, and why.
    """

    videos: dict[Path, str]
    others: tuple[Path, ...]
    faults: dict[Path, str]


def names_one_file(places: Iterable[Path]) -> bool:
    """Whether a single file is named, there or not: no folder, and no pattern that matches some."""
    first, *more = places
    return not (more or first.is_dir() or (not first.exists() and glob.has_magic(str(first))))


def find_videos(places: Iterable[Path], *, leave_out: Path | None = None) -> FoundVideos:
    """Find videos.

    Parameters
    ----------
    places : iterable of Path
        Files, which are taken for videos whatever they are called; folders, with all below them
        but hidden files and links to folders; and patterns such as ``videos/*.mp4`` or
        ``videos/**/*.mp4``, for shells that do not resolve them. A file of that name is no pattern.
    leave_out : Path, optional
        Folder that is not looked into: that of the results.

    Raises
    ------
    InputError
        If a pattern matches nothing.
    """
    search = _Search(None if leave_out is None else _absolute(leave_out))
    for place in map(_absolute, places):
        if place.is_dir():
            search.look_below(place)
        elif place.exists() or not glob.has_magic(str(place)):
            search.take(place, place.parent, named=True)
        else:
            search.look_for(place)
    # A file that is in no folder stands for each base: names do not change when videos come.
    relative = below_common([*search.videos, *(base / "_" for base in search.bases)])
    named = files_told_apart({path: [str(relative[path])] for path in sorted(search.videos)})
    others = tuple(sorted(search.others - search.videos))
    return FoundVideos(named, others, search.faults)


class _Search:
    """What was found so far."""

    def __init__(self, leave_out: Path | None) -> None:
        self.videos: set[Path] = set()
        self.others: set[Path] = set()
        self.faults: dict[Path, str] = {}
        self.bases: set[Path] = set()
        self._leave_out = leave_out

    def take(self, path: Path, base: Path, *, named: bool = False) -> None:
        """Take a file that was found, or named itself."""
        self.bases.add(base)
        hidden = path.name.startswith(".")
        video = named or (path.suffix.lower() in VIDEO_SUFFIXES and not hidden)
        (self.videos if video else self.others).add(path)

    def look_below(self, folder: Path) -> None:
        """Take the files below a folder."""
        self.bases.add(folder)
        for path in self._walk(folder):
            self.take(path, folder)

    def look_for(self, pattern: Path) -> None:
        """Take the files that a pattern matches, and those below the folders that it does."""
        matches = sorted(map(Path, glob.glob(str(pattern), recursive=True)))  # noqa: PTH207 - as typed
        base = next(p for p in pattern.parents if not glob.has_magic(str(p)))
        self.bases.add(base)
        if not matches:
            raise InputError(f"Nothing matches the pattern {pattern}.")
        for path in matches:
            if self._leave_out in {path, *path.parents}:
                continue
            for file in self._walk(path) if path.is_dir() else [path]:
                self.take(file, base)

    def _walk(self, folder: Path) -> Iterator[Path]:
        for place, folders, files in os.walk(folder, onerror=self._note):
            here = Path(place)
            folders[:] = [
                name
                for name in sorted(folders)
                if not name.startswith(".") and here / name != self._leave_out
            ]
            yield from (here / name for name in files)

    def _note(self, error: OSError) -> None:
        self.faults[Path(error.filename)] = in_words(error)


def _absolute(path: Path) -> Path:
    """Without ``..``, and without looking through links: the name is what a person knows."""
    return Path(os.path.normpath(path.absolute()))
