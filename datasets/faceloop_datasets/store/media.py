"""Images and videos that a project knows, recognised by their content."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, select, update

from faceloop_datasets.errors import ProjectError
from faceloop_datasets.media.files import Media, check_shown, has_content, location

from .items import parts
from .tables import ItemRow, MediaRow, SettingRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Row

    from faceloop_datasets.media.files import MediaFile

# Built once: an import runs them thousands of times.
_ADD = insert(MediaRow).returning(MediaRow.id)
_OF_CONTENT = select(MediaRow.__table__).where(MediaRow.sha256 == bindparam("content"))
_OF_ITEMS = select(ItemRow.id, MediaRow.__table__).join(MediaRow, MediaRow.id == ItemRow.media_id)
_COLUMNS = MediaRow.__table__.columns.keys()

OLDER_MEDIA = "older_media"
"""Setting of projects that an older version made: the greatest number of its media then. It did
not mirror videos, which nothing else of what it noted tells."""
_OLDER = select(SettingRow.value).where(SettingRow.key == OLDER_MEDIA)


def add(connection: Connection, file: MediaFile, root: Path) -> Media:
    """Make a file known; identical content is known already, and found again if it was lost."""
    known = find_content(connection, file.sha256)
    if known is not None:
        check_shown(known, file)
        if not has_content(known, file, root):
            move(connection, known.id, file.path, root)
        return get(connection, known.id)
    values = {
        "kind": file.kind,
        **location(file.path, root),
        "sha256": file.sha256,
        "bytes": file.bytes,
        "width": file.width,
        "height": file.height,
        "frames": file.frames,
    }
    number = connection.execute(_ADD, values).scalar_one()
    return Media(id=number, **values)  # type: ignore[arg-type]


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
    return _media(connection, row)


def find_content(connection: Connection, sha256: str) -> Media | None:
    """Media by content."""
    row = connection.execute(_OF_CONTENT, {"content": sha256}).one_or_none()
    return None if row is None else _media(connection, row)


def list_all(connection: Connection) -> list[Media]:
    """All media, in the order they came."""
    query = select(MediaRow.__table__).order_by(MediaRow.id)
    return [_media(connection, row) for row in connection.execute(query)]


def _media(connection: Connection, row: Row[Any]) -> Media:
    media = Media(**row._mapping)
    if media.kind == "image":
        return media
    older = connection.execute(_OLDER).one_or_none()
    return replace(media, older=media.id <= media_older_than(older))


def media_older_than(setting: Sequence[Any] | None) -> int:
    """Return the greatest number of a media that an older version added, from `OLDER_MEDIA`."""
    text = "" if setting is None else str(setting[0])
    return int(text) if text.isascii() and text.isdigit() else 0


def of_items(connection: Connection, numbers: Sequence[int]) -> dict[int, Media]:
    """Pictures of items, by the items' numbers; those without one are left out."""
    return {
        number: Media(**media)
        for part in parts(numbers)
        for number, *values in connection.execute(_OF_ITEMS.where(ItemRow.id.in_(part)))
        for media in [dict(zip(_COLUMNS, values, strict=True))]
    }


def move(connection: Connection, number: int, path: Path, root: Path) -> None:
    """Note where a file is now."""
    connection.execute(update(MediaRow).where(MediaRow.id == number).values(location(path, root)))


def display(connection: Connection, number: int) -> str:
    """How a person wants to see a media, as text."""
    found = connection.scalar(select(MediaRow.display).where(MediaRow.id == number))
    return "" if found is None else str(found)


def set_display(connection: Connection, number: int, text: str) -> None:
    """Note how a person wants to see a media."""
    connection.execute(update(MediaRow).where(MediaRow.id == number).values(display=text))
