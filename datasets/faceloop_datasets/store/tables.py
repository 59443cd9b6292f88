"""The tables of a project. Every type is one that SQLite and PostgreSQL share."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    DDL,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# A number that was erased must not come back as something else: an open window may still show it.
_NEVER_REUSED = {"sqlite_autoincrement": True}


class Base(DeclarativeBase):
    """All tables of a project."""

    type_annotation_map = {float: Double}  # noqa: RUF012 - SQLAlchemy's way; its default since 2.1


class SchemaVersion(Base):
    """One row: the version of these tables."""

    __tablename__ = "schema_version"
    version: Mapped[int] = mapped_column(primary_key=True)


class SettingRow(Base):
    """What there is one of: the scheme as TOML, the active model."""

    __tablename__ = "settings"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class MediaRow(Base):
    """An image or a video, recognised by its content."""

    __tablename__ = "media"
    __table_args__ = _NEVER_REUSED
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(CheckConstraint("kind IN ('image', 'video')"))
    path: Mapped[str]  # relative to the project's folder where possible
    absolute: Mapped[str]  # where it was when last seen, in case the project alone has moved
    sha256: Mapped[str] = mapped_column(unique=True)
    bytes: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    frames: Mapped[int]
    # How a person wants to see it: contrast, gamma, rotation, as JSON; empty for as it is.
    display: Mapped[str] = mapped_column(server_default=text("''"))


class ItemRow(Base):
    """One face in one image or video frame."""

    __tablename__ = "items"
    __table_args__ = _NEVER_REUSED
    id: Mapped[int] = mapped_column(primary_key=True)
    media_id: Mapped[int | None] = mapped_column(ForeignKey("media.id"), index=True)
    frame: Mapped[int | None]
    name: Mapped[str]
    subject: Mapped[str]
    subject_source: Mapped[str]  # how the subject is known: `items.SubjectSource`
    # An imported face: FORMAT:PATH, its annotation's path below what was named and its place in
    # the file, and the folder or archive that was named then; none of what older versions imported.
    origin: Mapped[str | None] = mapped_column(index=True)
    origin_root: Mapped[str | None]
    # Not a foreign key: revisions point at items, and SQLite cannot add the second half later.
    head: Mapped[int | None]
    # 1: taken out gently. It waits, trains and counts nowhere, and can be brought back.
    removed: Mapped[int] = mapped_column(server_default=text("0"))


class RevisionRow(Base):
    """One saved annotation. Never changed, and deleted only with its item: `erasure`."""

    __tablename__ = "revisions"
    __table_args__ = _NEVER_REUSED
    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
    based_on: Mapped[int | None] = mapped_column(ForeignKey("revisions.id"), index=True)
    points: Mapped[bytes]  # (N, 2) little-endian float64
    states: Mapped[bytes]  # (N,) uint8
    source: Mapped[str]
    author: Mapped[str]
    created: Mapped[str]
    action: Mapped[str]  # what was done, for people: "Move chin"; empty of older versions
    start: Mapped[bytes | None]  # (N, 2) little-endian float64: what assisted drags start from


class ExpressionRow(Base):
    """What somebody, or an import, said a face expresses. Never changed; an item's newest counts.

    Empty where the label was taken away.
    """

    __tablename__ = "expressions"
    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
    label: Mapped[str]
    author: Mapped[str]
    created: Mapped[str]


class RemovalRow(Base):
    """An item was taken out, or brought back. Never changed; `ItemRow.removed` is the newest."""

    __tablename__ = "removals"
    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
    removed: Mapped[int]
    author: Mapped[str]
    created: Mapped[str]


class ApprovalRow(Base):
    """Somebody said of points that were in doubt that they are right. Never changed."""

    __tablename__ = "approvals"
    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revisions.id"), index=True)
    points: Mapped[bytes]  # (n,) little-endian uint16: numbers of the landmarks; none: withdrawn
    author: Mapped[str]
    created: Mapped[str]


class RoundRow(Base):
    """Faces that several people annotate without seeing each other's points."""

    __tablename__ = "rounds"
    __table_args__ = _NEVER_REUSED
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    settings: Mapped[str]  # JSON: who annotates, and where their points start
    author: Mapped[str]
    created: Mapped[str]


class RoundItemRow(Base):
    """A face of a round."""

    __tablename__ = "round_items"
    __table_args__ = (UniqueConstraint("round_id", "item_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)


class BlindAnnotationRow(Base):
    """What one person annotated in a round. Never changed; a person's newest of a face counts."""

    __tablename__ = "blind_annotations"
    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"), index=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
    author: Mapped[str]
    points: Mapped[bytes]  # (N, 2) little-endian float64
    states: Mapped[bytes]  # (N,) uint8
    created: Mapped[str]


class ModelRow(Base):
    """A trained model whose file is complete."""

    __tablename__ = "models"
    __table_args__ = _NEVER_REUSED
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    file: Mapped[str]
    sha256: Mapped[str]
    metrics: Mapped[str]  # JSON
    note: Mapped[str]
    created: Mapped[str]
    pinned: Mapped[int] = mapped_column(server_default=text("0"))  # 1: to be kept


class QueueRow(Base):
    """What a person should look at."""

    __tablename__ = "queue"
    __table_args__ = (UniqueConstraint("item_id"), _NEVER_REUSED)
    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"))
    priority: Mapped[float]  # that of its worst reason
    model: Mapped[str | None]
    status: Mapped[str] = mapped_column(
        CheckConstraint("status IN ('open', 'claimed', 'done', 'skipped')")
    )
    author: Mapped[str | None]
    said: Mapped[str]  # why a person skipped it
    points: Mapped[bytes | None]
    time: Mapped[float | None]
    shot: Mapped[int | None]


class QueueReasonRow(Base):
    """One reason of an entry of the queue; an entry has at least one."""

    __tablename__ = "queue_reasons"
    __table_args__ = (UniqueConstraint("queue_id", "reason"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    # Goes with its entry, so that an erasure deletes entries of all versions in the same way.
    queue_id: Mapped[int] = mapped_column(ForeignKey("queue.id", ondelete="CASCADE"))
    reason: Mapped[str]
    priority: Mapped[float]
    predicted_error: Mapped[float | None]
    note: Mapped[str]
    points: Mapped[bytes]  # (n,) little-endian uint16: numbers of the landmarks it is about


# The order of the queue: the next entry is found without looking at all that are done.
Index("ix_queue_next", QueueRow.status, QueueRow.priority.desc(), QueueRow.id)

# Append-only is a promise to the user, so the database keeps it, whoever writes to it.
_APPEND_ONLY = {
    row.__tablename__: row.__table__
    for row in (RevisionRow, ExpressionRow, RemovalRow, ApprovalRow, BlindAnnotationRow)
}
TRIGGERS = tuple(
    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END"
    for table in _APPEND_ONLY
    for verb in ("UPDATE", "DELETE")
)
"""All triggers that a project on SQLite has."""
_REFUSE = (
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN RAISE EXCEPTION ''saved rows are append-only''; END'"
)


def _guards(table: str) -> dict[str, list[str]]:
    """Return, by database, the statements that keep a table's rows as they are."""
    return {
        "sqlite": [trigger for trigger in TRIGGERS if f" ON {table} " in trigger],
        "postgresql": [
            _REFUSE,
            (
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            ),
        ],
    }


for _name, _table in _APPEND_ONLY.items():
    for _dialect, _statements in _guards(_name).items():
        for _statement in _statements:
            _guard = DDL(_statement).execute_if(dialect=_dialect)  # type: ignore[no-untyped-call]
            event.listen(_table, "after_create", _guard)


def now() -> str:
    """Return this moment in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat()
