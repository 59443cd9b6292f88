"""Images and videos of a project: recognised by content, found again when they move."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal, cast

from faceloop_datasets.errors import InputError, ProjectError
from faceloop_datasets.faults import in_words
from faceloop_datasets.files import is_local, is_text
from faceloop_datasets.staging import content_hash, move_into_place, staging, sync_folder

from .images import IMAGE_SUFFIXES, image_size
from .shown import ShownVideo
from .video import Video

MediaKind = Literal["image", "video"]


@dataclass(frozen=True)
class MediaFile:
    """What a file on disk says about itself.

    Parameters
    ----------
    path : Path
        Absolute.
    kind : {"image", "video"}
        By its name: what is no image is a video.
    sha256 : str
        Hash of its content.
    bytes, width, height, frames : int
        Sizes; an image has one frame.
    mirrored : bool
        Whether a player mirrors it.
    """

    path: Path
    kind: MediaKind
    sha256: str
    bytes: int
    width: int
    height: int
    frames: int
    mirrored: bool = False

    @classmethod
    def of(cls, path: str | Path) -> MediaFile:
        """Examine a file.

        Raises
        ------
        InputError
            If it is missing, or neither an image nor a video.
        """
        file = Path(path).absolute()
        if not file.is_file():
            raise InputError(f"There is no file {file}.")
        if not is_text(str(file)):
            raise InputError(f"The name of {str(file)!r} is no text. Give the file another name.")
        if file.suffix.lower() in IMAGE_SUFFIXES:
            kind, (width, height), frames, mirrored = "image", image_size(file), 1, False
        else:
            video = Video(file)
            kind, (width, height), frames = "video", video.size, len(video)
            mirrored = video.mirrored
        try:
            digest = content_hash(file)
        except OSError as error:
            raise InputError(f"{file} cannot be read ({in_words(error)}).") from error
        size = file.stat().st_size
        return cls(file, cast("MediaKind", kind), digest, size, width, height, frames, mirrored)


@dataclass(frozen=True)
class Media:
    """An image or video that a project knows.

    Parameters
    ----------
    id : int
        Its number in the project.
    kind : {"image", "video"}
        What it is.
    path : str
        Relative to the project's folder where possible, with ``/``.
    absolute : str
        Where it was when last seen.
    sha256 : str
        Hash of its content.
    bytes, width, height, frames : int
        Sizes; an image has one frame.
    older : bool
        Whether it was added by a version that did not show videos as players do.
    display : str
        How a person wants to see it, as JSON; empty for as it is.
    """

    id: int
    kind: MediaKind
    path: str
    absolute: str
    sha256: str
    bytes: int
    width: int
    height: int
    frames: int
    older: bool = False
    display: str = ""

    @property
    def name(self) -> str:
        """File name without folders."""
        return PurePosixPath(self.path).name

    @property
    def shown(self) -> ShownVideo | None:
        """How it was shown when it was added; None for an image, which is as it always was."""
        if self.kind == "image":
            return None
        return ShownVideo(self.width, self.height, self.frames, self.older)

    def where(self, root: Path) -> Path:
        """Return where the file should be; unlike `resolve`, a missing one is no error.

        Parameters
        ----------
        root : Path
            Folder of the project.
        """
        try:
            return self.resolve(root)
        except InputError:
            path = self.path if is_local(self.path) else f"media/{self.id}"
            return Path(os.path.normpath(root / path))

    def resolve(self, root: Path) -> Path:
        """Find the file, from the folder of the project.

        A project may come from a stranger, and what it names may be anything: only regular files
        are followed, and nothing that leads to a network.

        Parameters
        ----------
        root : Path
            Folder of the project.

        Raises
        ------
        InputError
            If it is not where it was, or another file is there now.
        """
        named = {root / self.path: self.path, Path(self.absolute): self.absolute}
        sizes: dict[Path, int | None] = {}
        for candidate, text in named.items():
            if is_local(text):
                sizes[candidate] = _size(candidate)
                if sizes[candidate] == self.bytes:
                    return candidate.resolve()
        for candidate, size in sizes.items():
            if size is not None:
                raise InputError(
                    f"{candidate} is not the file that was annotated: it has "
                    f"{size} bytes, expected {self.bytes}. Put the original back "
                    "or relink the folder that has it."
                )
        if not sizes:
            raise InputError(
                f"{self.path!r} leads to a network, where a project is never followed to. Copy the "
                "file to this computer, and relink the folder that it is in then."
            )
        raise InputError(
            f"{root / self.path} is missing. If it has moved, relink the folder that it is in now."
        )


def _size(path: Path) -> int | None:
    """Bytes of a regular file; None for everything else, and what cannot be looked at."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # ValueError: a zero byte in the name
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def check_shown(known: Media, file: MediaFile) -> None:
    """Refuse what is shown otherwise than when it was added, or points of both would be mixed.

    Raises
    ------
    InputError
        If it is.
    """
    if known.shown is not None:
        size = file.width, file.height
        known.shown.check(file.path, size, file.frames, file.mirrored)


def has_content(known: Media, file: MediaFile, root: Path) -> bool:
    """Whether the content is where it was: another file of its size may be there now."""
    try:
        there = known.resolve(root)
        return there == file.path.resolve() or content_hash(there) == known.sha256
    except (InputError, OSError):
        return False


def copy_in(file: MediaFile, folder: Path) -> MediaFile:
    """Copy a file into the project's media folder; a kill leaves the whole copy or none.

    Raises
    ------
    ProjectError
        If the folder cannot be written.
    """
    with staging(folder) as scratch:
        try:
            copied = Path(shutil.copyfile(file.path, scratch / file.path.name))
            target = move_into_place(copied, folder / file.path.name, file.sha256)
            sync_folder(folder)
        except OSError as error:
            raise ProjectError(
                f"{file.path} cannot be copied to {folder} ({in_words(error)})."
            ) from error
    return replace(file, path=target)


def is_missing(media: Media, root: Path) -> bool:
    """Whether a file is not where it was."""
    try:
        media.resolve(root)
    except InputError:
        return True
    return False


def find_lost(lost: list[Media], folder: Path) -> dict[int, Path]:
    """Find lost media by content among the files under a folder; returns id to file."""
    wanted: dict[int, dict[str, int]] = {}
    for media in lost:
        wanted.setdefault(media.bytes, {})[media.sha256] = media.id
    found: dict[int, Path] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        by_hash = wanted.get(path.stat().st_size, {})
        number = by_hash.get(content_hash(path)) if by_hash else None
        if number is not None:
            found.setdefault(number, path.absolute())
    return found


def location(path: Path, root: Path) -> dict[str, str]:
    """Return where a file is, as `Media` has it: ``path`` and ``absolute``."""
    try:
        relative = Path(os.path.relpath(path, root)).as_posix()
    except ValueError:  # another drive on Windows
        relative = path.as_posix()
    return {"path": relative, "absolute": str(path)}
