"""Who may do what in a project on a server: roles of the database, which the server enforces.

=========  =====================================================================================
role       may, beside what the one before may
=========  =====================================================================================
annotator  see everything; take, save and skip faces; name expressions; annotate in blind rounds;
           add pictures, faces and entries of the queue
reviewer   say that points in doubt are right; take faces out and bring them back; subjects;
           imports; blind rounds; train, use and describe models; find moved media
owner      the scheme; delete models; bring the tables of an older version up to date; give roles
=========  =====================================================================================

They are roles without login, named by the database (``faces_annotator``); people are members. All
tables belong to the owner role, and are of no use to anybody else. Saved rows cannot be changed by
anybody: triggers see to that. An owner could drop those, as who owns a file could rewrite it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from sqlalchemy import text

from faceloop_datasets.errors import ProjectError

from .tables import Base

if TYPE_CHECKING:
    from sqlalchemy import Connection

Role = Literal["annotator", "reviewer", "owner"]

ROLES: tuple[Role, ...] = get_args(Role)

_WRITTEN: dict[Role, dict[str, str]] = {
    "annotator": {
        "revisions": "INSERT",
        "expressions": "INSERT",
        "blind_annotations": "INSERT",
        "queue": "INSERT, UPDATE",
        "queue_reasons": "INSERT, UPDATE, DELETE",
        "items": "INSERT, UPDATE (head)",
        "media": "INSERT, UPDATE (display)",
    },
    "reviewer": {
        "approvals": "INSERT",
        "removals": "INSERT",
        "rounds": "INSERT",
        "round_items": "INSERT",
        "models": "INSERT, UPDATE",
        "items": "UPDATE",
        "media": "UPDATE",
        "settings": "INSERT, UPDATE, DELETE",
    },
    "owner": {},  # the tables are its own
}
_OWNERS_SETTINGS = "('scheme', 'folder')"
_GROUP_ENDS = tuple(f"_{role}" for role in ROLES)


def needed_for(table: str) -> Role | None:
    """Return the least role that writes all of a table; None of what is not one of ours."""
    if table not in Base.metadata.tables:
        return None
    return next((role for role in reversed(ROLES) if table in _WRITTEN[role]), "owner")


def make_roles(connection: Connection) -> None:
    """Make the roles of a project whose tables are there, and give the owner role the tables.

    Whoever calls becomes an owner. What is there already stays; of a dump of another database that
    was restored here, the roles of that one lose what they may.

    Raises
    ------
    ProjectError
        If the caller may not: see `require_maker`.
    """
    require_maker(connection)
    names = _names(connection)
    former = _former(connection)
    for name in names.values():
        if not _is_role(connection, name):
            _run(connection, f"CREATE ROLE {_quoted(connection, name)} NOLOGIN")
    annotator, reviewer, owner = (_quoted(connection, names[role]) for role in ROLES)
    _run(connection, f"GRANT {annotator} TO {reviewer}")
    _run(connection, f"GRANT {reviewer} TO {owner}")
    _run(connection, f"GRANT {owner} TO CURRENT_USER")
    database = _quoted(connection, _database(connection))
    _run(connection, f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    _run(connection, f"GRANT CONNECT ON DATABASE {database} TO {annotator}")
    _run(connection, f"GRANT USAGE ON SCHEMA public TO {annotator}")
    _run(connection, f"GRANT USAGE, CREATE ON SCHEMA public TO {owner}")
    for table in Base.metadata.tables:
        _run(connection, f"ALTER TABLE {table} OWNER TO {owner}")
    _run(connection, f"ALTER FUNCTION refuse_change() OWNER TO {owner}")
    for name in former:
        left = _quoted(connection, name)
        _run(connection, f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {left}")
        _run(connection, f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {left}")
        _run(connection, f"REVOKE ALL ON SCHEMA public FROM {left}")
    _grant(connection)
    _guard_heads(connection, owner)


def require_maker(connection: Connection) -> None:
    """Refuse who cannot make the roles of a project in this database.

    Raises
    ------
    ProjectError
        If who is connected is no superuser and does not own the database, and the tables in it.
    """
    superuser, owns, who, owner = connection.execute(_MAKER).one()
    if superuser:
        return
    name = _database(connection)
    if not owns:
        raise ProjectError(
            f"You are {who}, and the database {name} belongs to {owner}. Its owner, or a "
            "superuser, makes a project and its roles in it: ask who runs the server, who can also "
            f"give it to you (ALTER DATABASE {name} OWNER TO {who})."
        )
    theirs = connection.execute(_NOT_OWN, {"tables": list(Base.metadata.tables)}).scalars().first()
    if theirs is not None:
        raise ProjectError(
            f"You are {who}, and the tables in the database {name} belong to {theirs}, as those of "
            "a dump that was restored. Let a superuser, or who is an owner of the project that was "
            f"dumped, run faceloop server init on it and make you an owner: faceloop server role "
            f"{who} owner."
        )


def act_as_owner(connection: Connection) -> None:
    """Let what is made in this transaction belong to the owner role, where there is one."""
    if _are_there(connection) and own_role(connection) == "owner":
        name = _names(connection)["owner"]
        _run(connection, f"SET LOCAL ROLE {_quoted(connection, name)}")


def grant_again(connection: Connection) -> None:
    """Give rights to tables that a migration has made, where there are roles."""
    if _are_there(connection):
        _grant(connection)


def give(connection: Connection, person: str, role: Role | None, where: str) -> bool:
    """Give a person one role, or none; returns whether a login was made for them.

    Groups of projects are refused, and what would leave the project without an owner.

    Raises
    ------
    ProjectError
        If the project has no roles, or who is connected is no owner.
    """
    if not _are_there(connection):
        raise ProjectError(
            f"{where} has no roles yet. Who owns the database, or a superuser, makes them, also "
            "those of one that was restored under another name: faceloop server init."
        )
    require(connection, "owner", where)
    names = _names(connection)
    _refuse_group(connection, person, role)
    _refuse_last_owner(connection, person, role)
    who, made = _quoted(connection, person), False
    if role is not None and not _is_role(connection, person):
        _run(connection, f"CREATE ROLE {who} LOGIN")
        made = True
    for name in names.values():
        if _is_member(connection, person, name):
            _run(connection, f"REVOKE {_quoted(connection, name)} FROM {who}")
    if role is not None:
        _run(connection, f"GRANT {_quoted(connection, names[role])} TO {who}")
    return made


def members(connection: Connection) -> list[tuple[str, Role]]:
    """People and their roles, by name."""
    known = {name: role for role, name in _names(connection).items()}
    rows = connection.execute(_MEMBERS, {"names": list(known)})
    return sorted((person, known[name]) for person, name in rows if person not in known)


def own_role(connection: Connection) -> Role | None:
    """Return the role of who is connected; None if there is none."""
    for role, name in reversed(_names(connection).items()):
        if _is_role(connection, name) and connection.execute(_HAS, {"name": name}).scalar_one():
            return role
    return None


def require(connection: Connection, role: Role, where: str) -> None:
    """Refuse who may not do something, before much work is done for it.

    Raises
    ------
    ProjectError
        If there are roles, and who is connected has less than ``role``.
    """
    if not _are_there(connection):
        return
    own = own_role(connection)
    if own is None or ROLES.index(own) < ROLES.index(role):
        raise ProjectError(
            f"This needs the role {role} in {where}, and yours is {own or 'none'}. "
            "faceloop server roles says who has which role; an owner gives them."
        )


def _are_there(connection: Connection) -> bool:
    server = connection.dialect.name == "postgresql"
    return server and _is_role(connection, _names(connection)["owner"])


def _former(connection: Connection) -> list[str]:
    """Roles of the project that the tables were dumped from, where it had another name."""
    names = _names(connection)
    owners = connection.execute(_TABLE_OWNERS, {"tables": list(Base.metadata.tables)}).scalars()
    found = []
    for owner in owners:
        database = owner.removesuffix("_owner")
        if owner not in (database, names["owner"]):
            found += [f"{database}_{role}" for role in ROLES]
    return [name for name in found if _is_role(connection, name)]


def _grant(connection: Connection) -> None:
    names = _names(connection)
    annotator, reviewer, _ = (_quoted(connection, names[role]) for role in ROLES)
    tables = ", ".join(Base.metadata.tables)
    _run(connection, f"REVOKE ALL ON {tables} FROM PUBLIC, {annotator}, {reviewer}")
    _run(connection, f"GRANT SELECT ON {tables} TO {annotator}")
    _run(connection, f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {annotator}")
    for role, written in _WRITTEN.items():
        for table, verbs in written.items():
            _run(connection, f"GRANT {verbs} ON {table} TO {_quoted(connection, names[role])}")
    for statement in (
        "ALTER TABLE settings ENABLE ROW LEVEL SECURITY",
        "DROP POLICY IF EXISTS everybody_reads ON settings",
        "DROP POLICY IF EXISTS reviewers_write ON settings",
        "CREATE POLICY everybody_reads ON settings FOR SELECT USING (true)",
        (
            f"CREATE POLICY reviewers_write ON settings FOR ALL TO {reviewer} "
            f"USING (key NOT IN {_OWNERS_SETTINGS}) WITH CHECK (key NOT IN {_OWNERS_SETTINGS})"
        ),
    ):
        _run(connection, statement)


_MAKER = text(
    "SELECT r.rolsuper, pg_has_role(d.datdba, 'USAGE'), r.rolname, pg_get_userbyid(d.datdba) "
    "FROM pg_roles r, pg_database d "
    "WHERE r.rolname = current_user AND d.datname = current_database()"
)
_OWNERS = (
    "SELECT DISTINCT tableowner FROM pg_tables "
    "WHERE schemaname = 'public' AND tablename = ANY(:tables)"
)
_NOT_OWN = text(f"{_OWNERS} AND NOT pg_has_role(tableowner, 'USAGE')")
_TABLE_OWNERS = text(_OWNERS)
_MEMBERS = text(
    "SELECT person.rolname, grp.rolname FROM pg_auth_members m "
    "JOIN pg_roles person ON person.oid = m.member JOIN pg_roles grp ON grp.oid = m.roleid "
    "WHERE grp.rolname = ANY(:names)"
)
_HAS = text("SELECT pg_has_role(current_user, :name, 'USAGE')")
_IS_ROLE = text("SELECT count(*) FROM pg_roles WHERE rolname = :name")
_LOGS_IN = text("SELECT count(*) FROM pg_roles WHERE rolname = :name AND rolcanlogin")
_IS_MEMBER = text(
    "SELECT count(*) FROM pg_auth_members m JOIN pg_roles p ON p.oid = m.member "
    "JOIN pg_roles g ON g.oid = m.roleid WHERE p.rolname = :person AND g.rolname = :name"
)


def _refuse_group(connection: Connection, person: str, role: Role | None) -> None:
    """Refuse the groups of a project as a person: roles of roles would let in whoever has one.

    What another project's group was given before can be taken away again.
    """
    own = person in _names(connection).values()
    logs_in = connection.execute(_LOGS_IN, {"name": person}).scalar_one()
    others = role is not None and person.endswith(_GROUP_ENDS) and not logs_in
    if own or others:
        raise ProjectError(
            f"{person} is the name of a group of a project, expected the name with which a person "
            "logs in. Nothing was changed: faceloop server roles shows the people."
        )


def _refuse_last_owner(connection: Connection, person: str, role: Role | None) -> None:
    owners = {name for name, own in members(connection) if own == "owner"}
    if role != "owner" and owners == {person}:
        raise ProjectError(
            f"{person} is the only owner: nobody could give roles any more. Nothing was changed: "
            "make somebody else an owner first (faceloop server role NAME owner URL)."
        )


def _guard_heads(connection: Connection, owner: str) -> None:
    """Let the head of a face be a revision of this face only, whoever writes with SQL.

    Where there are roles, people write who do not own the tables; rows are copied before.
    """
    for statement in (
        (
            "CREATE OR REPLACE FUNCTION refuse_other_head() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN IF NOT EXISTS (SELECT FROM public.revisions "
            "WHERE id = NEW.head AND item_id = NEW.id) "
            "THEN RAISE EXCEPTION ''the head of a face is one of its own revisions''; "
            "END IF; RETURN NULL; END'"
        ),
        f"ALTER FUNCTION refuse_other_head() OWNER TO {owner}",
        "DROP TRIGGER IF EXISTS items_own_head ON items",
        (
            "CREATE TRIGGER items_own_head AFTER INSERT OR UPDATE OF id, head ON items "
            "FOR EACH ROW WHEN (NEW.head IS NOT NULL) EXECUTE FUNCTION refuse_other_head()"
        ),
    ):
        _run(connection, statement)


def _names(connection: Connection) -> dict[Role, str]:
    database = _database(connection)
    return {role: f"{database}_{role}" for role in ROLES}


def _database(connection: Connection) -> str:
    return str(connection.execute(text("SELECT current_database()")).scalar_one())


def _is_role(connection: Connection, name: str) -> bool:
    return bool(connection.execute(_IS_ROLE, {"name": name}).scalar_one())


def _is_member(connection: Connection, person: str, name: str) -> bool:
    return bool(connection.execute(_IS_MEMBER, {"person": person, "name": name}).scalar_one())


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _run(connection: Connection, statement: str) -> None:
    """Run a statement of names, in which `_quoted` has doubled ``%`` as the driver wants it."""
    connection.exec_driver_sql(statement)
