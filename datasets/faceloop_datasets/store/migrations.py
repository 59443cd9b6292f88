"""Steps from one version of the tables to the next.

A new project gets the tables as `tables` has them; an older one takes the steps it lacks. To
change a table: change it in `tables`, append one function here that makes the same change to an
existing database, and keep a project of the old version (``tests/projects/make.py``). A step
says what it does in words of its own, not in those of `tables`, which will change again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection


def never_reuse_numbers(connection: Connection) -> None:
    """1 to 2: the number of what was erased is never given to something else.

    A window that still shows an erased face would otherwise save it over another person's.
    PostgreSQL's sequences never go back; SQLite needs AUTOINCREMENT, and a table made anew for it.
    The first index is for erasing: every deleted revision asks who is based on it. The second
    finds the next entry of a queue in which most are done, without looking at those.
    """
    connection.exec_driver_sql("DROP INDEX ix_queue_priority")
    if connection.dialect.name == "sqlite":
        for statement in _REBUILD:
            connection.exec_driver_sql(statement)
    connection.exec_driver_sql("CREATE INDEX ix_revisions_based_on ON revisions (based_on)")
    connection.exec_driver_sql("CREATE INDEX ix_queue_next ON queue (status, priority DESC, id)")


_ID = "id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT"
_TABLES_2 = {
    "media": f"""{_ID}, kind VARCHAR NOT NULL CHECK (kind IN ('image', 'video')),
        path VARCHAR NOT NULL, absolute VARCHAR NOT NULL, sha256 VARCHAR NOT NULL,
        bytes INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
        frames INTEGER NOT NULL, UNIQUE (sha256)""",
    "items": f"""{_ID}, media_id INTEGER, frame INTEGER, name VARCHAR NOT NULL,
        subject VARCHAR NOT NULL, origin VARCHAR, head INTEGER,
        FOREIGN KEY(media_id) REFERENCES media (id), UNIQUE (origin)""",
    "revisions": f"""{_ID}, item_id INTEGER NOT NULL, based_on INTEGER, points BLOB NOT NULL,
        states BLOB NOT NULL, source VARCHAR NOT NULL, author VARCHAR NOT NULL,
        created VARCHAR NOT NULL, FOREIGN KEY(item_id) REFERENCES items (id),
        FOREIGN KEY(based_on) REFERENCES revisions (id)""",
    "queue": f"""{_ID}, item_id INTEGER NOT NULL, reason VARCHAR NOT NULL, priority DOUBLE NOT NULL,
        predicted_error DOUBLE, model VARCHAR,
        status VARCHAR NOT NULL CHECK (status IN ('open', 'claimed', 'done', 'skipped')),
        author VARCHAR, note VARCHAR NOT NULL, points BLOB, time DOUBLE, shot INTEGER,
        UNIQUE (item_id), FOREIGN KEY(item_id) REFERENCES items (id)""",
}
_GUARDS_2 = tuple(
    f"CREATE TRIGGER revisions_no_{verb.lower()} BEFORE {verb} ON revisions "
    "BEGIN SELECT RAISE(ABORT, 'revisions are append-only'); END"
    for verb in ("UPDATE", "DELETE")
)
# Renaming takes the foreign keys along, so that old and new tables are whole at every moment and
# the keys stay enforced: parents are filled first, children dropped first.
_REBUILD = (
    "DROP TRIGGER revisions_no_update",
    "DROP TRIGGER revisions_no_delete",
    "DROP INDEX ix_items_media_id",
    "DROP INDEX ix_revisions_item_id",
    *(f"ALTER TABLE {name} RENAME TO {name}_1" for name in _TABLES_2),
    *(f"CREATE TABLE {name} ({columns})" for name, columns in _TABLES_2.items()),
    "INSERT INTO media SELECT * FROM media_1",
    "INSERT INTO items SELECT * FROM items_1",
    "INSERT INTO revisions SELECT * FROM revisions_1",
    "INSERT INTO queue SELECT * FROM queue_1",
    *(f"DROP TABLE {name}_1" for name in reversed(_TABLES_2)),
    "CREATE INDEX ix_items_media_id ON items (media_id)",
    "CREATE INDEX ix_revisions_item_id ON revisions (item_id)",
    *_GUARDS_2,
)


def say_where_from(connection: Connection) -> None:
    """2 to 3: how a subject is known, what an import named, what a revision is and starts from.

    Two folders may hold files of equal names, so that an origin is no longer unique. Subjects of
    formats that name people are theirs, those of a clip's frames are the clip's, and all others
    are taken for what they were: names of pictures.

    An entry of the queue may have several reasons, in a table of their own. Entries that wait only
    because an import estimated points are dropped: those faces are finished, they would bury
    everything else, and nothing is lost, since the states of the points say the same.

    Videos were not mirrored as players show them; which ones are of that time is noted.
    """
    if connection.dialect.name == "sqlite":
        for statement in _REBUILD_3:
            connection.exec_driver_sql(statement)
    else:
        for statement in _ALTER_3:
            connection.exec_driver_sql(statement)
    connection.exec_driver_sql("CREATE INDEX ix_items_origin ON items (origin)")
    _part_subjects(connection)
    connection.exec_driver_sql(
        "INSERT INTO settings SELECT 'older_media', CAST(coalesce(max(id), 0) AS VARCHAR) "
        "FROM media"
    )


def _part_subjects(connection: Connection) -> None:
    """Tell pictures of equal names in two folders apart, which were one subject.

    A subject was the last part of a path, and an origin of that time has the folder too.
    """
    rows = connection.execute(
        text(
            "SELECT id, subject, origin FROM items "
            "WHERE subject_source = 'picture' AND origin IS NOT NULL"
        )
    ).all()
    folders: dict[str, set[str]] = {}
    for _, subject, origin in rows:
        folders.setdefault(subject, set()).add(origin.rpartition("/")[0])
    for number, subject, origin in rows:
        if len(folders[subject]) > 1:
            name = origin.partition(":")[2]
            connection.execute(
                text("UPDATE items SET subject = :name WHERE id = :number"),
                {"name": name, "number": number},
            )


_SUBJECT_SOURCE_3 = """CASE
    WHEN origin LIKE 'muct:%' AND subject LIKE 'muct-%' THEN 'format'
    WHEN origin LIKE 'clmtools:%' AND subject LIKE 'muct-%' THEN 'format'
    WHEN origin LIKE 'imm:%' OR origin LIKE 'sample:%' THEN 'format'
    WHEN frame IS NOT NULL THEN 'video'
    ELSE 'picture' END"""
_ITEMS_3 = (
    f"id, media_id, frame, name, subject, {_SUBJECT_SOURCE_3}, origin, NULL AS origin_root, head"
)
_TABLES_3 = {
    "items": f"""{_ID}, media_id INTEGER, frame INTEGER, name VARCHAR NOT NULL,
        subject VARCHAR NOT NULL, subject_source VARCHAR NOT NULL, origin VARCHAR,
        origin_root VARCHAR, head INTEGER, FOREIGN KEY(media_id) REFERENCES media (id)""",
    "revisions": f"""{_ID}, item_id INTEGER NOT NULL, based_on INTEGER, points BLOB NOT NULL,
        states BLOB NOT NULL, source VARCHAR NOT NULL, author VARCHAR NOT NULL,
        created VARCHAR NOT NULL, action VARCHAR NOT NULL, start BLOB,
        FOREIGN KEY(item_id) REFERENCES items (id),
        FOREIGN KEY(based_on) REFERENCES revisions (id)""",
    "queue": f"""{_ID}, item_id INTEGER NOT NULL, priority DOUBLE NOT NULL, model VARCHAR,
        status VARCHAR NOT NULL CHECK (status IN ('open', 'claimed', 'done', 'skipped')),
        author VARCHAR, said VARCHAR NOT NULL, points BLOB, time DOUBLE, shot INTEGER,
        UNIQUE (item_id), FOREIGN KEY(item_id) REFERENCES items (id)""",
}
_REASONS_3 = """CREATE TABLE queue_reasons ({id}, queue_id INTEGER NOT NULL,
        reason VARCHAR NOT NULL, priority {double} NOT NULL, predicted_error {double},
        note VARCHAR NOT NULL, points {blob} NOT NULL, PRIMARY KEY (id),
        UNIQUE (queue_id, reason),
        FOREIGN KEY(queue_id) REFERENCES queue (id) ON DELETE CASCADE)"""
_FINISHED_2 = "reason = 'imported-estimate' AND status IN ('open', 'claimed')"
_SAID_3 = "CASE WHEN status = 'skipped' THEN note ELSE '' END"
_QUEUE_3 = f"id, item_id, priority, model, status, author, {_SAID_3}, points, time, shot"
_NOTE_3 = "CASE WHEN status = 'skipped' THEN '' ELSE note END"
_FILL_REASONS_3 = f"""INSERT INTO queue_reasons
    (queue_id, reason, priority, predicted_error, note, points)
    SELECT id, reason, priority, predicted_error, {_NOTE_3}, {{none}} FROM {{queue}}
    WHERE NOT ({_FINISHED_2}) ORDER BY id"""  # noqa: S608 - constants
_REBUILD_3 = (
    "DROP TRIGGER revisions_no_update",
    "DROP TRIGGER revisions_no_delete",
    "DROP INDEX ix_items_media_id",
    "DROP INDEX ix_revisions_item_id",
    "DROP INDEX ix_revisions_based_on",
    "DROP INDEX ix_queue_next",
    *(f"ALTER TABLE {name} RENAME TO {name}_2" for name in _TABLES_3),
    *(f"CREATE TABLE {name} ({columns})" for name, columns in _TABLES_3.items()),
    f"INSERT INTO items SELECT {_ITEMS_3} FROM items_2",  # noqa: S608 - a constant
    "INSERT INTO revisions SELECT *, '', NULL FROM revisions_2",
    f"INSERT INTO queue SELECT {_QUEUE_3} FROM queue_2 WHERE NOT ({_FINISHED_2})",  # noqa: S608
    _REASONS_3.format(id="id INTEGER NOT NULL", double="DOUBLE", blob="BLOB"),
    _FILL_REASONS_3.format(none="x''", queue="queue_2"),
    *(f"DROP TABLE {name}_2" for name in reversed(_TABLES_3)),
    "CREATE INDEX ix_items_media_id ON items (media_id)",
    "CREATE INDEX ix_revisions_item_id ON revisions (item_id)",
    "CREATE INDEX ix_revisions_based_on ON revisions (based_on)",
    "CREATE INDEX ix_queue_next ON queue (status, priority DESC, id)",
    *_GUARDS_2,
)
_ALTER_3 = (
    "ALTER TABLE items DROP CONSTRAINT items_origin_key",
    "ALTER TABLE items ADD COLUMN subject_source VARCHAR",
    f"UPDATE items SET subject_source = {_SUBJECT_SOURCE_3}".replace("%", "%%"),  # noqa: S608
    "ALTER TABLE items ALTER COLUMN subject_source SET NOT NULL",
    "ALTER TABLE items ADD COLUMN origin_root VARCHAR",
    "ALTER TABLE revisions ADD COLUMN action VARCHAR NOT NULL DEFAULT ''",
    "ALTER TABLE revisions ALTER COLUMN action DROP DEFAULT",
    "ALTER TABLE revisions ADD COLUMN start BYTEA",
    _REASONS_3.format(id="id SERIAL NOT NULL", double="DOUBLE PRECISION", blob="BYTEA"),
    _FILL_REASONS_3.format(none="''::bytea", queue="queue"),
    f"DELETE FROM queue WHERE {_FINISHED_2}",  # noqa: S608
    f"UPDATE queue SET note = {_SAID_3}",  # noqa: S608
    "ALTER TABLE queue RENAME COLUMN note TO said",
    "ALTER TABLE queue DROP COLUMN reason",
    "ALTER TABLE queue DROP COLUMN predicted_error",
)


def name_expressions(connection: Connection) -> None:
    """3 to 4: what faces express, in a table of its own that only grows."""
    sqlite = connection.dialect.name == "sqlite"
    number = "id INTEGER NOT NULL" if sqlite else "id SERIAL NOT NULL"
    connection.exec_driver_sql(
        f"""CREATE TABLE expressions ({number}, item_id INTEGER NOT NULL, label VARCHAR NOT NULL,
        author VARCHAR NOT NULL, created VARCHAR NOT NULL, PRIMARY KEY (id),
        FOREIGN KEY(item_id) REFERENCES items (id))"""
    )
    connection.exec_driver_sql("CREATE INDEX ix_expressions_item_id ON expressions (item_id)")
    for statement in _GUARDS_4_SQLITE if sqlite else (_GUARD_4_SERVER,):
        connection.exec_driver_sql(statement)


_GUARDS_4_SQLITE = tuple(
    f"CREATE TRIGGER expressions_no_{verb.lower()} BEFORE {verb} ON expressions "
    "BEGIN SELECT RAISE(ABORT, 'expressions are append-only'); END"
    for verb in ("UPDATE", "DELETE")
)
_GUARD_4_SERVER = (
    "CREATE TRIGGER expressions_append_only BEFORE UPDATE OR DELETE ON expressions "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
)


def take_out_gently(connection: Connection) -> None:
    """4 to 5: faces taken out that can be brought back, doubts that were settled, blind rounds.

    Models are deleted from now on, so that their numbers too must not be given again; they can be
    pinned. A picture remembers how a person wants to see it.
    """
    sqlite = connection.dialect.name == "sqlite"
    kinds = _SQLITE_5 if sqlite else _SERVER_5
    added = (
        "ALTER TABLE media ADD COLUMN display VARCHAR DEFAULT '' NOT NULL",
        "ALTER TABLE items ADD COLUMN removed INTEGER DEFAULT 0 NOT NULL",
        *(_MODELS_5 if sqlite else ("ALTER TABLE models ADD pinned INTEGER DEFAULT 0 NOT NULL",)),
        *(f"CREATE TABLE {name} ({columns.format(**kinds)})" for name, columns in _TABLES_5),
        *(
            f"CREATE INDEX ix_{table}_{column} ON {table} ({column})"
            for table, column in _INDICES_5
        ),
    )
    for statement in added:
        connection.exec_driver_sql(statement)
    for table in ("removals", "approvals", "blind_annotations"):
        _guard_5(connection, table, sqlite=sqlite)


def _guard_5(connection: Connection, table: str, *, sqlite: bool) -> None:
    on_sqlite = (
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END"
        for verb in ("UPDATE", "DELETE")
    )
    on_server = (
        (
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        ),
    )
    for statement in on_sqlite if sqlite else on_server:
        connection.exec_driver_sql(statement)


_SQLITE_5 = {"id": "id INTEGER NOT NULL", "never": _ID, "key": "", "blob": "BLOB"}
_SERVER_5 = {
    "id": "id SERIAL NOT NULL",
    "never": "id SERIAL NOT NULL",
    "key": ", PRIMARY KEY (id)",
    "blob": "BYTEA",
}
_ITEM_5 = "FOREIGN KEY(item_id) REFERENCES items (id)"
_ROUND_5 = "FOREIGN KEY(round_id) REFERENCES rounds (id)"
_TABLES_5 = (
    (
        "removals",
        (
            "{id}, item_id INTEGER NOT NULL, removed INTEGER NOT NULL, author VARCHAR NOT NULL, "
            f"created VARCHAR NOT NULL, PRIMARY KEY (id), {_ITEM_5}"
        ),
    ),
    (
        "approvals",
        (
            "{id}, item_id INTEGER NOT NULL, revision_id INTEGER NOT NULL, points {blob} NOT NULL, "
            f"author VARCHAR NOT NULL, created VARCHAR NOT NULL, PRIMARY KEY (id), {_ITEM_5}, "
            "FOREIGN KEY(revision_id) REFERENCES revisions (id)"
        ),
    ),
    (
        "rounds",
        (
            "{never}, name VARCHAR NOT NULL, settings VARCHAR NOT NULL, author VARCHAR NOT NULL, "
            "created VARCHAR NOT NULL{key}, UNIQUE (name)"
        ),
    ),
    (
        "round_items",
        (
            "{id}, round_id INTEGER NOT NULL, item_id INTEGER NOT NULL, PRIMARY KEY (id), "
            f"UNIQUE (round_id, item_id), {_ROUND_5}, {_ITEM_5}"
        ),
    ),
    (
        "blind_annotations",
        (
            "{id}, round_id INTEGER NOT NULL, item_id INTEGER NOT NULL, author VARCHAR NOT NULL, "
            "points {blob} NOT NULL, states {blob} NOT NULL, created VARCHAR NOT NULL, "
            f"PRIMARY KEY (id), {_ROUND_5}, {_ITEM_5}"
        ),
    ),
)
_INDICES_5 = (
    ("removals", "item_id"),
    ("approvals", "item_id"),
    ("approvals", "revision_id"),
    ("round_items", "item_id"),
    ("blind_annotations", "round_id"),
    ("blind_annotations", "item_id"),
)
_MODELS_5 = (
    "ALTER TABLE models RENAME TO models_4",
    (
        f"CREATE TABLE models ({_ID}, name VARCHAR NOT NULL, file VARCHAR NOT NULL, "
        "sha256 VARCHAR NOT NULL, metrics VARCHAR NOT NULL, note VARCHAR NOT NULL, "
        "created VARCHAR NOT NULL, "
        "pinned INTEGER DEFAULT 0 NOT NULL, UNIQUE (name))"
    ),
    "INSERT INTO models SELECT *, 0 FROM models_4",
    "DROP TABLE models_4",
)

MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    never_reuse_numbers,
    say_where_from,
    name_expressions,
    take_out_gently,
)
"""Step ``k`` turns version ``k + 1`` into version ``k + 2``."""

VERSION = len(MIGRATIONS) + 1
"""The version of the tables in `tables`."""
