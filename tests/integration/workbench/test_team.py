"""The commands on a team's project, on a real PostgreSQL server."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from faceloop_datasets import Project
from faceloop_datasets.sample import sample_faces
from faceloop_workbench.cli import errors

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.workbench.conftest import Run
    from tests.postgresql import PostgresqlServer

SECRET = "s3cr3t-of-bo"  # noqa: S105

ADDRESSES = (
    "postgresql://kim:{}@127.0.0.1:1/faces",
    "postgresqll://kim:{}@127.0.0.1:1/faces",
    "postgresql:/kim:{}@127.0.0.1:1/faces",
    "postgresql://kim@127.0.0.1/faces?port=1&password={}&connect_timeout=3",
    "postgresql://kim@127.0.0.1:1/faces?password={}",
    "postgresqll://kim@127.0.0.1:1/faces?password={}",
    "postgresql://kim@home:{}@127.0.0.1:1/faces",
)


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), min_size=4))
@example("k@m:/%#x")
@example("geheim wort12")
@example("/geheim?wort=12")
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_sign_makes_a_password_seen(faceloop: Run, password: str) -> None:
    for address in ADDRESSES:
        if "password=" in address:
            assume("&" not in password)
        other = faceloop("server", "roles", address.format("Zq"))
        assume(password not in other.err)
        said = faceloop("server", "roles", address.format(password))
        assert (said.code, said.out) == (1, "")
        assert "The address holds a password" in said.err
        assert password not in said.err
        # Nor a part: whatever the password, the same is said, or that it is not clear.
        assert said.err == other.err or "in several ways" in said.err


def test_a_team_from_its_first_day_to_its_last(
    faceloop: Run,
    postgresql_server: PostgresqlServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = postgresql_server
    owner = server.socket("faceloop", server.new_database("clinic"))
    first = faceloop("server", "init", owner, "--folder", tmp_path / "share", "--json")
    assert "share was not there before, and was made" in first.err
    made = first.json()
    assert made["project"].startswith("postgresql://faceloop@/clinic?")
    server.run("dropuser", "--if-exists", "bo")
    given = faceloop("server", "role", "bo", "reviewer", owner)
    assert "bo is reviewer now." in given.out
    assert "without a password" in given.err
    server.run("psql", "-d", "clinic", "-c", f"ALTER ROLE bo PASSWORD '{SECRET}'")
    assert faceloop("init", owner).code == 2
    known = faceloop("server", "roles", owner, "--json").json()
    assert {"name": "bo", "role": "reviewer"} in known["people"]
    assert known["own"] == "owner"
    with Project.open(owner) as project:
        project.import_entries(
            "sample", list(islice(sample_faces(), 3)), scheme="face70", copy=True
        )

    # The password from the environment; without it the server says what it lacks.
    place = server.tls("bo", "clinic")
    refused = faceloop("queue", "list", "--project", place)
    assert "asks for a password" in refused.err
    monkeypatch.setenv("PGPASSWORD", SECRET)
    said = [
        faceloop("faces", "list", place),
        faceloop("queue", "list", "--project", place),
        faceloop("subjects", "set", "anna", "--item", "1", "--project", place),
        faceloop("history", "1", "--project", place),
        faceloop("model", "list", "--project", place),
        faceloop("export", "csv", tmp_path / "table.csv", "--project", place),
        faceloop("check", place),
        faceloop("server", "roles", place),
        faceloop("backup", place, tmp_path),
    ]
    assert [one.code for one in said] == [0] * len(said), [one.err for one in said]
    assert "the connection is encrypted" in said[-2].out
    denied = faceloop("server", "role", "bo", "owner", place)
    assert denied.code == 1
    assert "This needs the role owner" in denied.err
    # What libpq tries after a wrong password, without TLS, hides that the password was wrong.
    monkeypatch.setenv("PGPASSWORD", "wrong")
    wrong = faceloop("check", f"postgresql://bo@localhost:{server.port}/clinic")
    assert "the password is wrong" in wrong.err
    monkeypatch.setenv("PGPASSWORD", SECRET)

    pulled = faceloop("server", "pull", owner, tmp_path / "back", "--json").json()
    assert (pulled["rows"]["items"], pulled["files"]) == (3, 3)
    again = server.socket("faceloop", server.new_database("clinic2"))
    pushed = faceloop("server", "push", tmp_path / "back", again, "--folder", tmp_path / "share2")
    assert "3 faces" in pushed.out
    assert "All are the same." in pushed.out

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("sys.argv", ["faceloop", "check", place.replace("@", f":{SECRET}@", 1)])
    log = errors._log([f"connecting to {place.replace('@', f':{SECRET}@', 1)} failed\n"])
    assert log.is_relative_to(tmp_path)
    assert "bo:***@localhost" in log.read_text()

    # A password in an address is taken out, and nothing that is shown or written holds it.
    monkeypatch.delenv("PGPASSWORD")
    open_ = place.replace("@", f":{SECRET}@", 1)
    shown = faceloop("check", open_)
    assert "history of the shell" in shown.err
    said += [refused, denied, given, pushed, shown, faceloop("check", open_ + "&sslmode=x")]
    texts = [text for one in said for text in (one.out, one.err)]
    texts += [file.read_text("latin-1") for file in tmp_path.rglob("*") if file.is_file()]
    assert not [text for text in texts if SECRET in text]
