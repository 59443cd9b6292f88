"""Models of a project: a file is copied whole before it is known, known before it is active."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from faceloop_datasets.errors import ProjectError
from faceloop_datasets.faults import in_words
from faceloop_datasets.files import as_file_name, is_file_name
from faceloop_datasets.plain import is_deep
from faceloop_datasets.staging import content_hash, move_into_place, staging, sync_folder

from . import settings
from .guard import damaged
from .tables import ModelRow, now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

_ACTIVE = "active_model"
_DELETED = "deleted_models"
_MOST_DIGITS = 9
"""Of a model's number: PostgreSQL's end there."""


@dataclass(frozen=True)
class ModelRecord:
    """A trained model of a project.

    Parameters
    ----------
    id : int
        Its number in the project.
    name : str
        Its unique name.
    file : Path
        The model file, in the project's ``models`` folder.
    sha256 : str
        Hash of the file.
    metrics : mapping
        What was measured when it was trained.
    note : str
        For people.
    created : datetime
        When, in UTC.
    pinned : bool
        Whether it is to be kept.
    """

    id: int
    name: str
    file: Path
    sha256: str
    metrics: Mapping[str, Any]
    note: str
    created: datetime
    pinned: bool = False


def bring_in(file: Path, folder: Path) -> tuple[Path, str]:
    """Copy a model file into the folder whole; returns its place and hash.

    Raises
    ------
    ProjectError
        If it cannot be read or copied.
    """
    with staging(folder) as scratch:
        try:
            name = as_file_name(file.name)  # or nobody could read the list of models again
            copied = Path(shutil.copyfile(file, scratch / name))
            digest = content_hash(copied)
            target = move_into_place(copied, folder / name, digest)
            sync_folder(folder)
        except OSError as error:
            raise ProjectError(
                f"The model {file} cannot be copied to {folder} ({in_words(error)})."
            ) from error
    return target, digest


def register(
    connection: Connection,
    file: Path,
    *,
    stem: str,
    sha256: str,
    metrics: Mapping[str, Any],
    note: str,
) -> int:
    """Make a complete file known by a free name like ``stem``; returns its number.

    Raises
    ------
    ProjectError
        If a model of the same content, and the file with it, was deleted meanwhile.
    """
    if not file.is_file():
        raise ProjectError(f"The file {file} was deleted meanwhile. Do it once more.")
    taken = {*connection.scalars(select(ModelRow.name)), *_deleted(connection)}
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    values = {
        "name": name,
        "file": file.name,
        "sha256": sha256,
        "metrics": json.dumps(dict(metrics)),
        "note": note,
        "created": now(),
    }
    return connection.execute(insert(ModelRow).values(values).returning(ModelRow.id)).scalar_one()


def list_models(connection: Connection, folder: Path) -> list[ModelRecord]:
    """All models, oldest first."""
    query = select(ModelRow.__table__).order_by(ModelRow.id)
    return [_record(row, folder) for row in connection.execute(query)]


def get(connection: Connection, which: int | str, folder: Path) -> ModelRecord:
    """Model by number or name; a text is a name first, and else a number if it is one.

    Raises
    ------
    ProjectError
        If there is none.
    """
    query, text = select(ModelRow.__table__), str(which)
    keys = [ModelRow.name == text] if isinstance(which, str) else []
    # int() takes more than ASCII digits, and isdigit() more than int() does.
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        keys.append(ModelRow.id == int(text))
    found = (connection.execute(query.where(key)).one_or_none() for key in keys)
    row = next((row for row in found if row is not None), None)
    if row is None:
        known = ", ".join(connection.scalars(select(ModelRow.name).order_by(ModelRow.id)))
        deleted = " It was deleted." if which in _deleted(connection) else ""
        raise ProjectError(
            f"There is no model {which!r:.80} in this project.{deleted} "
            f"Models: {known or 'none yet'}."
        )
    return _record(row, folder)


def active(connection: Connection, folder: Path) -> ModelRecord | None:
    """Return the model in use; None if none was chosen."""
    number = settings.get(connection, _ACTIVE)
    if number is None:
        return None
    if not number.isdecimal() or len(number) > _MOST_DIGITS:
        raise damaged("The number of the model in use", repr(number))
    return get(connection, int(number), folder)


def use(connection: Connection, record: ModelRecord) -> None:
    """Make a model the one in use.

    Raises
    ------
    ProjectError
        If its file is missing or has changed.
    """
    if not record.file.is_file() or content_hash(record.file) != record.sha256:
        raise ProjectError(
            f"The file {record.file} of the model {record.name!r} is missing or has changed. "
            "Train again or put the file back."
        )
    settings.put(connection, _ACTIVE, str(record.id))


def use_none(connection: Connection) -> None:
    """Have no model in use."""
    settings.drop(connection, _ACTIVE)


def note(connection: Connection, record: ModelRecord, text: str) -> None:
    """Put another note on a model."""
    connection.execute(update(ModelRow).where(ModelRow.id == record.id).values(note=text))


def pin(connection: Connection, record: ModelRecord, *, pinned: bool) -> None:
    """Say that a model is to be kept, or no longer."""
    where = ModelRow.id == record.id
    connection.execute(update(ModelRow).where(where).values(pinned=int(pinned)))


def forget(connection: Connection, record: ModelRecord) -> None:
    """Take a model out; its file is the caller's.

    Its name is never given to another one: annotations that began with its fits, entries of the
    queue and reports name it.

    Raises
    ------
    ProjectError
        If it is in use or pinned.
    """
    if settings.get(connection, _ACTIVE) == str(record.id):
        raise ProjectError(
            f"The model {record.name!r} is in use and was not deleted. Take another into use first."
        )
    if record.pinned:
        raise ProjectError(
            f"The model {record.name!r} is pinned and was not deleted. Unpin it first."
        )
    settings.put(connection, _DELETED, json.dumps([*_deleted(connection), record.name]))
    connection.execute(delete(ModelRow).where(ModelRow.id == record.id))


def remove_file(connection: Connection, record: ModelRecord) -> int:
    """Delete the file of a model that was taken out; returns the bytes that are free now.

    Models of equal content have one file, which goes with the last of them. Called in a transaction
    that writes, so that nobody registers the file meanwhile.

    Raises
    ------
    ProjectError
        If it cannot be deleted.
    """
    if connection.scalar(select(ModelRow.id).where(ModelRow.file == record.file.name).limit(1)):
        return 0
    try:
        size = record.file.stat().st_size
        record.file.unlink()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise ProjectError(
            f"The model {record.name!r} is no longer in the project, but its file {record.file} "
            f"cannot be deleted ({in_words(error)}). Delete it by hand."
        ) from error
    return size


def _deleted(connection: Connection) -> list[str]:
    """Return the names of the models that were deleted."""
    text = settings.get(connection, _DELETED) or "[]"
    try:
        names = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged("The list of deleted models", error) from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise damaged("The list of deleted models", f"it is {text!r:.80}")
    return names


def _record(row: Row[Any], folder: Path) -> ModelRecord:
    # A project may come from a stranger: its models are in its own folder, and nowhere else.
    if not is_file_name(row.file):
        raise damaged(f"The model {row.name!r:.80}", f"its file is {row.file!r}")
    try:
        metrics, created = json.loads(row.metrics), datetime.fromisoformat(row.created)
    except (ValueError, RecursionError) as error:
        raise damaged(f"The model {row.name!r:.80}", error) from error
    if not isinstance(metrics, dict) or is_deep(metrics):
        raise damaged(f"The model {row.name!r:.80}", "its metrics are no table of figures")
    return ModelRecord(
        id=row.id,
        name=row.name,
        file=folder / row.file,
        sha256=row.sha256,
        metrics=metrics,
        note=row.note,
        created=created,
        pinned=bool(row.pinned),
    )
