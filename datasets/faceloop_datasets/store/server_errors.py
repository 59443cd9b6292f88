"""What a PostgreSQL server, or libpq, says, and what it means to a person."""

from __future__ import annotations

import re

from .roles import needed_for

_CERTIFICATE = (
    "Ask for the certificate it was signed with, and keep it as ~/.postgresql/root.crt or name it: "
    "sslrootcert=FILE in the address"
)
_AWAY = "the server cannot be reached. What was saved before is safe; try again"
_ASK = "faceloop server roles says who has which role; an owner gives them"

_MEANINGS = (
    ("append-only", "saved revisions are never changed or deleted. Save a new one instead"),
    ("lock timeout", "another program is writing to it. Close that program or try again"),
    ("root certificate", f"the server's certificate cannot be checked. {_CERTIFICATE}"),
    (
        "certificate verify failed",
        (
            "the server's certificate was signed by nobody who is trusted here: it may be another "
            f"server. {_CERTIFICATE}"
        ),
    ),
    (
        "does not match host name",
        (
            "the server shows another one's certificate. Use the name that is in it, or ask who "
            "runs the server"
        ),
    ),
    ("does not support ssl", "the server speaks in plain text only. Ask who runs it for TLS"),
    # Where the server takes encrypted connections only and the password is wrong, libpq tries again
    # without encryption, and says only why that was refused.
    (
        "no encryption",
        (
            "the password is wrong (~/.pgpass or the variable PGPASSWORD), or the server lets "
            "nobody of this name in from here, or not without TLS. Look at the password first; "
            "with sslmode=require in the address the server says which it is"
        ),
    ),
    (
        "no pg_hba.conf entry",
        "the server lets nobody of this name in from here, or not without TLS. Ask who runs it",
    ),
    (
        "no password supplied",
        "the server asks for a password. Put it into ~/.pgpass or the variable PGPASSWORD",
    ),
    (
        "authentication failed",
        (
            "the server does not know this name with this password. The name is in the address, "
            "the password in ~/.pgpass or the variable PGPASSWORD"
        ),
    ),
    ("too many", "the server takes no more connections. Close programs, or ask who runs it"),
    ("fatal:  database", "the server has no database of this name. Look for a typo"),
    ("fatal:  role", "the server knows nobody of this name. The name is in the address"),
    (
        "must be owner",
        "only an owner may do this, as bringing the tables of an older faceloop up to date. "
        + _ASK,
    ),
    (
        "permission denied to create role",
        "this needs the right to make roles on the server (CREATEROLE). Ask who runs it",
    ),
    (
        "admin option",
        "giving roles needs the right to make roles on the server (CREATEROLE). Ask who runs it",
    ),
    ("row-level security", f"only an owner may change this. {_ASK}"),
    ("permission denied for database", f"you have no role in this project. {_ASK}"),
    ("permission denied for schema", f"you have no role in this project. {_ASK}"),
    ("permission denied for table schema_version", f"you have no role in this project. {_ASK}"),
    ("resolve host", "there is no computer of this name here. Look for a typo"),
    ("translate host", "there is no computer of this name here. Look for a typo"),
    ("the database system is", _AWAY),
    ("terminating", _AWAY),
    ("ssl error: unexpected eof", _AWAY),
    ("connection", _AWAY),
)
_DENIED = re.compile(r"permission denied for (?:table|relation|sequence) \"?(\w+)")


def meaning_on_server(said: str) -> str | None:
    """Return what a person is told; None if nobody knows."""
    low = said.lower()
    known = next((meaning for key, meaning in _MEANINGS if key in low), None)
    denied = _DENIED.search(low)
    if known is not None or denied is None:
        return known
    role = needed_for(denied[1]) or "owner"
    return f"your role does not allow this; {role} does ({denied[1]}). {_ASK}"
