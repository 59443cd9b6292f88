"""Adding pictures and videos to a project."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets import FaceloopError, Project
from faceloop_datasets.formats import all_formats, recognise
from faceloop_datasets.media.images import IMAGE_SUFFIXES
from faceloop_datasets.media.video import VIDEO_SUFFIXES
from faceloop_datasets.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from faceloop_datasets import Monitor


@dataclass
class Added:
    """What became of files that were added.

    Parameters
    ----------
    pictures, videos, known : int
        New faces to annotate, one a picture; new videos; files that the project had.
    refused : list of str
        Why files could not be used, each with its name.
    """

    pictures: int = 0
    videos: int = 0
    known: int = 0
    refused: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        parts = []
        if self.pictures:
            parts.append(f"{counted(self.pictures, 'picture')} added.")
        if self.videos:
            several = self.videos > 1
            parts.append(
                f"{counted(self.videos, 'video')} added: play {'them' if several else 'it'} in "
                "the tab Live; poor fits come into the queue."
            )
        if self.known:
            parts.append(f"{counted(self.known, 'was', 'were')} here already.")
        if self.refused:
            one = f": {self.refused[0]}" if len(self.refused) == 1 else "."
            parts.append(f"{len(self.refused)} cannot be used{one}")
        return " ".join(parts) or "There is no picture and no video among these files."


def add_files(
    project: Project,
    paths: Sequence[Path],
    monitor: Monitor,
) -> Added:
    """Add pictures and videos; folders are looked through with all below.

    Each picture becomes a face to annotate. A video is only made known: its frames become faces
    when a fit of them is poor, or somebody takes one. A file that cannot be read is left out;
    when it is stopped, what was added stays.

    Raises
    ------
    Cancelled
        If the monitor stopped it.
    """
    added = Added()
    files = media_files(paths)
    # A picture whose faces were removed is known too: its folder may be added again for others.
    used = {row.media_id for row in project.overview(with_removed=True)}
    videos = {media.id for media in project.media()}
    for number, path in enumerate(files):
        monitor.step(number, len(files), f"adding {path.name}")
        try:
            media = project.add_media(path)
        except FaceloopError as error:
            added.refused.append(str(error))
            continue
        if media.id in used or (media.kind == "video" and media.id in videos):
            added.known += 1
        elif media.kind == "video":
            added.videos += 1
        else:
            project.add_item(media)
            added.pictures += 1
        used.add(media.id)
    return added


def media_files(paths: Iterable[Path]) -> list[Path]:
    """Files to add: those named, and the pictures and videos in folders that are named."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            below = (p for p in path.rglob("*") if is_media(p) and p.is_file())
            found += sorted(below)
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def is_media(path: Path) -> bool:
    """Whether a file is named like a picture or a video."""
    return path.suffix.lower() in IMAGE_SUFFIXES + VIDEO_SUFFIXES


def are_annotations(paths: Iterable[Path]) -> bool:
    """Whether files are named like annotations, or folders hold some that are known."""
    readable = [one for one in all_formats().values() if one.reader is not None]
    patterns = {pattern.lower() for one in readable for pattern in one.patterns}

    def alike(name: str) -> bool:
        return any(fnmatch(name.lower(), pattern) for pattern in patterns)

    for path in paths:
        if path.is_file() and alike(path.name):
            return True
        # photographs may lie beside a text that is none of annotations
        if path.is_dir() and any(alike(p.name) for p in path.iterdir() if p.is_file()):
            return bool(recognise([path]).possible)
    return False
