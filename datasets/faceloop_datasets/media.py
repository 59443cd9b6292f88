"""Images and videos of a project: recognised by content, found again when they move."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, cast

from sqlalchemy import bindparam, insert, select, update

from .errors import InputError, ProjectError
from .files import is_local, is_text
from .images import IMAGE_SUFFIXES, image_size
from .store.items import parts
from .store.staging import content_hash, place, staging, sync_folder
from .store.tables import ItemRow, MediaRow
from .video import Video

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

MediaKind = Literal["image", "video"]

# Built once: an import runs them thousands of times.
_ADD = insert(MediaRow).returning(MediaRow.id)
_OF_CONTENT = select(MediaRow.__table__).where(MediaRow.sha256 == bindparam("content"))
_OF_ITEMS = select(ItemRow.id, MediaRow.__table__).join(MediaRow, MediaRow.id == ItemRow.media_id)
_COLUMNS = MediaRow.__table__.columns.keys()


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
    """

    path: Path
    kind: MediaKind
    sha256: str
    bytes: int
    width: int
    height: int
    frames: int

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
            kind, (width, height), frames = "image", image_size(file), 1
        else:
            video = Video(file)
            kind, (width, height), frames = "video", video.size, len(video)
        try:
            digest = content_hash(file)
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error}).") from error
        size = file.stat().st_size
        return cls(file, cast("MediaKind", kind), digest, size, width, height, frames)


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

    @property
    def name(self) -> str:
        """File name without folders."""
        return PurePosixPath(self.path).name

    def where(self, root: Path) -> Path:
        """Return where the file should be; unlike `resolve`, a missing one is no error."""
        try:
            return self.resolve(root)
        except InputError:
            path = self.path if is_local(self.path) else f"media/{self.id}"
            return Path(os.path.normpath(root / path))

    def resolve(self, root: Path) -> Path:
        """Find the file, from the folder of the project.

        A project may come from a stranger, and what it names may be anything: only regular files
        are followed, and nothing that leads to a network.

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


def add(connection: Connection, file: MediaFile, root: Path) -> Media:
    """Make a file known; identical content is known already, and found again if it was lost."""
    known = find_content(connection, file.sha256)
    if known is not None:
        if not _holds(known, file, root):
            move(connection, known.id, file.path, root)
        return get(connection, known.id)
    values = {
        "kind": file.kind,
        **_location(file.path, root),
        "sha256": file.sha256,
        "bytes": file.bytes,
        "width": file.width,
        "height": file.height,
        "frames": file.frames,
    }
    number = connection.execute(_ADD, values).scalar_one()
    return Media(id=number, **values)  # type: ignore[arg-type]


def _holds(known: Media, file: MediaFile, root: Path) -> bool:
    """Whether the content is where it was: another file of its size may be there now."""
    try:
        there = known.resolve(root)
        return there == file.path.resolve() or content_hash(there) == known.sha256
    except (InputError, OSError):
        return False


def get(connection: Connection, number: int) -> Media:
    """Media by number.

    Raises
    ------
    ProjectError
        If there is none.
    """
    row = connection.execute(select(MediaRow.__table__).where(MediaRow.id == number)).one_or_none()
    if row is None:
        raise ProjectError(f"There is no media {number} in this project.")
    return Media(**row._mapping)


def find_content(connection: Connection, sha256: str) -> Media | None:
    """Media by content."""
    row = connection.execute(_OF_CONTENT, {"content": sha256}).one_or_none()
    return None if row is None else Media(**row._mapping)


def list_all(connection: Connection) -> list[Media]:
    """All media, in the order they came."""
    query = select(MediaRow.__table__).order_by(MediaRow.id)
    return [Media(**row._mapping) for row in connection.execute(query)]


def of_items(connection: Connection, numbers: Sequence[int]) -> dict[int, Media]:
    """Pictures of items, by the items' numbers; those without one are left out."""
    return {
        number: Media(**media)
        for part in parts(numbers)
        for number, *values in connection.execute(_OF_ITEMS.where(ItemRow.id.in_(part)))
        for media in [dict(zip(_COLUMNS, values, strict=True))]
    }


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
            target = place(copied, folder / file.path.name, file.sha256)
            sync_folder(folder)
        except OSError as error:
            raise ProjectError(f"{file.path} cannot be copied to {folder} ({error}).") from error
    return MediaFile(
        target, file.kind, file.sha256, file.bytes, file.width, file.height, file.frames
    )


def is_missing(media: Media, root: Path) -> bool:
    """Whether a file is not where it was."""
    try:
        media.resolve(root)
    except InputError:
        return True
    return False


def search(lost: list[Media], folder: Path) -> dict[int, Path]:
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


def move(connection: Connection, number: int, path: Path, root: Path) -> None:
    """Note where a file is now."""
    connection.execute(update(MediaRow).where(MediaRow.id == number).values(_location(path, root)))


def _location(path: Path, root: Path) -> dict[str, str]:
    try:
        relative = Path(os.path.relpath(path, root)).as_posix()
    except ValueError:  # another drive on Windows
        relative = path.as_posix()
    return {"path": relative, "absolute": str(path)}
