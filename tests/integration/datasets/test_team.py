"""A team's project on a real PostgreSQL server, over TLS: roles, secrets, moving, backup."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text, update

from faceloop_datasets import Annotation, Project, ProjectError, Scheme
from faceloop_datasets.care import back_up, check_project, erase, plan_erasure, restore
from faceloop_datasets.care.erasure import ErasureTarget
from faceloop_datasets.files import PART
from faceloop_datasets.sample import sample_faces
from faceloop_datasets.server import (
    give_role,
    make_team_project,
    membership,
    pull_project,
    push_project,
)
from faceloop_datasets.server.moving import _compare
from faceloop_datasets.store.address import ProjectAddress, child_environment, without_passwords
from faceloop_datasets.store.copying import digest
from faceloop_datasets.store.database import Database
from faceloop_datasets.store.migrations import MIGRATIONS, VERSION
from faceloop_datasets.store.tables import SchemaVersion

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection
    from tests.postgresql import PostgresqlServer

SECRET = "s3cr3t-of-nora"  # noqa: S105
PEOPLE = {"nora": "annotator", "rita": "reviewer", "kim": "owner"}


@pytest.fixture(scope="module")
def server(postgresql_server: PostgresqlServer) -> PostgresqlServer:
    """The server, where everybody has a password."""
    for person in PEOPLE:
        postgresql_server.run("dropuser", "--if-exists", person)
        postgresql_server.run(
            "psql", "-d", "postgres", "-c", f"CREATE ROLE {person} LOGIN PASSWORD '{SECRET}'"
        )
    return postgresql_server


@pytest.fixture(scope="module")
def team(
    server: PostgresqlServer, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Address of a project of three people with six faces; call it with a person's name."""
    folder = tmp_path_factory.mktemp("team")
    name = server.new_database("faces")
    with Project.create(folder / "local") as local:
        local.import_entries("sample", list(islice(sample_faces(), 6)), scheme="face70", copy=True)
        for item in local.items()[:3]:
            local.queue.add(item.id, "manual", note="look")
        first = local.annotation(1)
        assert first is not None
        local.save(1, moved(first.annotation, 1.0), first.id, author="kim", action="Move chin")
        local.set_expression([2], "smile")
        local.rounds.add(
            "pilot",
            ["nora", "ben"],
            {1: first.annotation},
            start="what is saved",
            chosen="by hand",
            author="kim",
        )
    push_project(folder / "local", server.socket("faceloop", name), folder=folder / "share")
    for person, role in PEOPLE.items():
        assert not give_role(server.socket("faceloop", name), person, role)
    return lambda person: server.tls(person, name).replace("@", f":{SECRET}@", 1)


def moved(annotation: Annotation, by: float) -> Annotation:
    return Annotation("face70", annotation.points + by, annotation.states, "manual")


def test_what_each_role_may(team: Callable[[str], str]) -> None:
    scheme = Scheme.load("face70")
    with Project.open(team("nora")) as nora:
        assert nora.address.startswith("postgresql://nora@localhost")
        entry = nora.queue.next("nora")
        assert entry is not None
        head = nora.annotation(entry.item_id)
        assert head is not None
        nora.save(entry.item_id, moved(head.annotation, 2), head.id, author="nora")
        nora.queue.done(entry.id)
        nora.set_expression([1], "calm")
        for refused, who in (
            (lambda: nora.remove([1], "nora"), "reviewer"),
            (lambda: nora.approve(1, (1,)), "reviewer"),
            (lambda: nora.set_subject([1], "anna"), "reviewer"),
            (lambda: nora.replace_scheme(scheme), "reviewer"),
        ):
            with pytest.raises(ProjectError, match=f"{who} does") as error:
                refused()
            assert "faceloop server roles" in str(error.value)
        with pytest.raises(ProjectError, match=r"needs the role reviewer .* yours is annotator"):
            nora.require_role("reviewer")
    with Project.open(team("rita")) as rita:
        rita.require_role("reviewer")
        rita.set_subject([1], "anna")
        assert rita.remove([2], "rita") == 1
        assert rita.bring_back([2], "rita") == 1
        with pytest.raises(ProjectError, match="only an owner"):
            rita.replace_scheme(scheme)
    with Project.open(team("kim")) as kim:
        kim.replace_scheme(scheme)
    database = Database(ProjectAddress.of(team("kim")).url, "it")
    with pytest.raises(ProjectError, match="never changed"), database.write() as connection:
        connection.execute(text("DELETE FROM revisions"))
    rita_s = Database(ProjectAddress.of(team("rita")).url, "it")
    with rita_s.write() as connection:
        gone = connection.execute(text("DELETE FROM settings WHERE key IN ('scheme', 'folder')"))
        assert gone.rowcount == 0
    rita_s.close()
    for statement in ("DROP TABLE queue", "DELETE FROM models", "ALTER TABLE items ADD x int"):
        other = Database(ProjectAddress.of(team("rita")).url, "it")
        with pytest.raises(ProjectError, match="owner"), other.write() as connection:
            connection.execute(text(statement))
        other.close()
    database.close()


def test_only_an_owner_brings_the_tables_up_to_date(
    server: PostgresqlServer, team: Callable[[str], str]
) -> None:
    def newer(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE newer (id INTEGER)")

    def as_if(version: int) -> None:
        database = Database(server.socket("faceloop", "faces"), "it")
        with database.write() as connection:
            connection.execute(update(SchemaVersion).values(version=version))
        database.close()

    as_if(VERSION - 1)
    for person in ("nora", "rita"):
        with pytest.raises(ProjectError, match="only an owner"):
            Project.open(team(person))
    with pytest.raises(ProjectError, match="Open the project once as its owner"):
        check_project(team("nora"))
    as_if(VERSION)
    kim = Database(ProjectAddress.of(team("kim")).url, "it")
    kim.migrate((*MIGRATIONS, newer))
    with kim.read() as connection:
        owner = text("SELECT tableowner FROM pg_tables WHERE tablename = 'newer'")
        assert connection.execute(owner).scalar_one() == "faces_owner"
    with kim.write() as connection:
        connection.execute(text("DROP TABLE newer"))
    kim.close()
    as_if(VERSION)


def test_who_is_in_the_team(server: PostgresqlServer, team: Callable[[str], str]) -> None:
    found = membership(team("nora"))
    assert found.own == "annotator"
    assert found.encrypted
    assert set(PEOPLE.items()) <= set(found.people)
    with pytest.raises(ProjectError):
        give_role(team("rita"), "rita", "owner")
    owner = server.socket("faceloop", "faces")
    give_role(owner, "nora", None)
    with pytest.raises(ProjectError, match="no role in this project"):
        Project.open(team("nora"))
    give_role(owner, "nora", "annotator")
    Project.open(team("nora")).close()


def test_people_are_no_groups_and_somebody_stays_an_owner(
    server: PostgresqlServer, team: Callable[[str], str]
) -> None:
    owner = server.socket("faceloop", "faces")
    server.run("dropuser", "--if-exists", "ward_owner")
    server.run("psql", "-d", "postgres", "-c", "CREATE ROLE ward_owner")
    for group, role in (
        ("faces_owner", "annotator"),
        ("faces_owner", None),
        ("ward_owner", "reviewer"),
        ("later_owner", "annotator"),
    ):
        with pytest.raises(ProjectError, match="name of a group"):
            give_role(owner, group, role)
    assert membership(owner).own == "owner"
    assert "later_owner" not in server.run("psql", "-d", "postgres", "-c", "\\du")
    give_role(owner, "kim", "annotator")
    for role in ("reviewer", None):
        with pytest.raises(ProjectError, match="only owner"):
            give_role(owner, "faceloop", role)
    give_role(owner, "kim", "owner")


def test_names_with_any_sign(server: PostgresqlServer, tmp_path: Path) -> None:
    name, person = "per%cent %s", 'we"ird %s'
    address = server.socket("faceloop", "per%25cent %25s")
    server.new_database(name)
    server.run("dropuser", "--if-exists", person)
    make_team_project(address, folder=tmp_path / "share")
    assert give_role(address, person, "annotator")
    assert (person, "annotator") in membership(address).people
    known = server.run("psql", "-d", "postgres", "-At", "-c", "SELECT rolname FROM pg_roles")
    assert {person, f"{name}_owner"} <= set(known.splitlines())
    give_role(address, person, None)
    assert person not in dict(membership(address).people)


def test_points_of_another_face_are_nobodys_head(
    server: PostgresqlServer, team: Callable[[str], str]
) -> None:
    nora = Database(ProjectAddress.of(team("nora")).url, "it")
    for statement in (
        "UPDATE items SET head = (SELECT head FROM items WHERE id = 5) WHERE id = 4",
        "UPDATE items SET head = 99999 WHERE id = 4",
        (
            "INSERT INTO items (name, subject, subject_source, head) "
            "SELECT 'x', 'x', 'picture', head FROM items WHERE id = 5"
        ),
    ):
        with pytest.raises(ProjectError, match="own revisions"), nora.write() as connection:
            connection.execute(text(statement))
    with nora.write() as connection:  # one of its own is
        connection.execute(text("UPDATE items SET head = head WHERE id = 4"))
    nora.close()


def test_the_connection_is_checked(server: PostgresqlServer, team: Callable[[str], str]) -> None:
    with pytest.raises(ProjectError, match="certificate"):
        Project.open(
            team("nora").replace(str(server.certificate), str(server.folder / "server.crt"))
        )
    with pytest.raises(ProjectError, match="not without TLS"):
        Project.open(team("nora").replace("verify-full", "disable"))
    with pytest.raises(ProjectError, match="does not know this name"):
        Project.open(team("nora").replace(SECRET, "wrong-one"))
    Project.open(team("nora")).close()


def test_a_remote_server_has_to_prove_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    asked = ProjectAddress.of("postgresql://nora@db.example/faces?folder=/mnt/a").url.query
    assert asked["sslmode"] == "verify-full"
    for elsewhere in ("localhost/f?hostaddr=10.0.0.9", "/f?service=team", "localhost,db.example/f"):
        asked = ProjectAddress.of(f"postgresql://{elsewhere}").url.query
        assert asked["sslmode"] == "verify-full"
    for unsure in ("prefer", "allow"):
        with pytest.raises(ProjectError, match="plain text"):
            ProjectAddress.of(f"postgresql://db.example/faces?sslmode={unsure}")
    plain = ProjectAddress.of("postgresql://db.example/faces?sslmode=disable")
    assert plain.url.query["sslmode"] == "disable"
    with pytest.raises(ProjectError, match="sslpassword"):
        ProjectAddress.of("postgresql://db.example/faces?sslpassword=x")
    assert "sslmode" not in ProjectAddress.of("postgresql:///faces").url.query


def test_a_password_is_nowhere(team: Callable[[str], str], tmp_path: Path) -> None:
    address = ProjectAddress.of(team("nora"))
    shown = [address.text, address.where, repr(address), str(address.cache)]
    with Project.open(team("nora")) as nora:
        shown += [nora.address, nora.name, *map(str, nora.files())]
        # Opened again without the password, here and in a child process.
        Project.open(nora.address).close()
        code = f"from faceloop_datasets import Project; print(Project.open({nora.address!r}).name)"
        child = [sys.executable, "-c", code]
        done = subprocess.run(
            child, env=child_environment(nora.address), capture_output=True, text=True, check=True
        )
        assert done.stdout == "faces\n"
        shown += child
    for wrong in ("faces?sslmode=nonsense&", "nothing?"):
        with pytest.raises(ProjectError) as error:
            Project.open(team("nora").replace("faces?", wrong))
        shown.append(str(error.value))
    with pytest.raises(ProjectError) as error:
        Project.open(f"postgresql://nora:{SECRET}@[::/faces")
    shown += [str(error.value), without_passwords(f"postgresql://a:{SECRET}@b/c?password=xy12")]
    assert not [line for line in shown if SECRET in line or "xy12" in line]


def hashes(place: str | Path) -> dict[str, str]:
    address = ProjectAddress.of(place)
    database = Database(address.url, address.where)
    with database.read() as connection:
        found = digest(connection, frozenset({"folder"}))
    database.close()
    return found


def test_there_and_back(
    server: PostgresqlServer, team: Callable[[str], str], tmp_path: Path
) -> None:
    pulled = pull_project(team("kim"), tmp_path / "back")
    assert hashes(tmp_path / "back") == hashes(team("kim"))
    assert (pulled.rows["items"], pulled.files, pulled.missing) == (6, 6, ())
    assert check_project(tmp_path / "back", hashes=True).findings == ()
    with pytest.raises(ProjectError, match="is a project already"):
        pull_project(team("kim"), tmp_path / "back")
    for statement in ("UPDATE items SET frame = 3 WHERE id = 4", "DELETE FROM expressions"):
        other = tmp_path / "other"
        shutil.copytree(tmp_path / "back", other)
        with sqlite3.connect(other / "project.db") as connection:
            connection.execute("DROP TRIGGER expressions_no_delete")
            connection.execute(statement)
        connection.close()
        with pytest.raises(ProjectError, match=r"items|expressions"):
            _compare(hashes(other), hashes(team("kim")))
        shutil.rmtree(other)
    with Project.open(tmp_path / "back") as back:
        assert back.resolve(back.media()[0]).is_relative_to(tmp_path / "back" / "media")
        number = back.add_item(None).id
    target = server.socket("faceloop", server.new_database("again"))
    with pytest.raises(ProjectError, match="again belongs to faceloop"):
        push_project(tmp_path / "back", server.socket("nora", "again"), folder=tmp_path / "share")
    assert not (tmp_path / "share").exists()
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "thesis.txt").write_text("mine")
    with pytest.raises(ProjectError, match=r"holds thesis\.txt"):
        push_project(tmp_path / "back", target, folder=tmp_path / "share")
    shutil.rmtree(tmp_path / "share")
    push_project(tmp_path / "back", target, folder=tmp_path / "share")
    with pytest.raises(ProjectError, match="is a project already"):
        push_project(tmp_path / "back", target, folder=tmp_path / "share")
    assert hashes(target) == hashes(tmp_path / "back")
    with Project.open(target) as again:
        assert again.add_item(None).id == number + 1
        assert len(again.history(1)) >= 2
        assert again.resolve(again.media()[0]).is_relative_to(tmp_path / "share")


def test_a_copy_that_was_stopped_goes_on(
    server: PostgresqlServer, team: Callable[[str], str], tmp_path: Path
) -> None:
    def stop(progress: object) -> None:
        if "database" in str(progress):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull_project(team("kim"), tmp_path / "back", progress=stop)
    with pytest.raises(ProjectError, match="no project"):
        Project.open(tmp_path / "back")
    part = next((tmp_path / "back" / "media").rglob("*.*")).with_name(f"{PART}1.jpg")
    part.write_bytes(b"half")  # as a process that was killed leaves it
    pull_project(team("kim"), tmp_path / "back")
    assert not part.exists()
    assert hashes(tmp_path / "back") == hashes(team("kim"))


def test_a_folder_with_something_else_stays_as_it_is(
    team: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ProjectError, match=r"holds thesis\.txt.*Nothing was changed"):
        pull_project(team("kim"), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("way", ["there", "back"])
def test_a_copy_that_was_killed_goes_on(
    server: PostgresqlServer, team: Callable[[str], str], tmp_path: Path, way: str
) -> None:
    source: str | Path = team("kim")
    if way == "there":
        source = tmp_path / "folder"
        pull_project(team("kim"), source)

    def copy(name: str) -> None:
        if way == "back":
            pull_project(team("kim"), tmp_path / name)
        else:
            push_project(source, server.socket("faceloop", name), folder=tmp_path / name)

    for name in ("one", "two") if way == "there" else ():
        server.new_database(name)
    begun = time.perf_counter()
    copy("one")
    seconds = time.perf_counter() - begun
    for part in (0.4, 0.7, 0.9):
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                copy("two")
            os._exit(0)
        time.sleep(seconds * part)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    copied = server.socket("faceloop", "two") if way == "there" else tmp_path / "two"
    with suppress(ProjectError):  # the last one was done before it was killed
        copy("two")
    assert hashes(copied) == hashes(source)
    assert check_project(copied, hashes=True).findings == ()


def test_checked_and_backed_up(team: Callable[[str], str], tmp_path: Path) -> None:
    report = check_project(team("rita"), hashes=True)
    assert report.findings == ()
    assert report.counts["items"] == 6
    made = back_up(team("rita"), tmp_path, with_media=True).backup
    restore(made.file, tmp_path / "again")
    assert hashes(tmp_path / "again") == hashes(team("rita"))
    with pytest.raises(ProjectError, match="faceloop server pull"):
        erase(team("kim"), plan_erasure(team("kim"), ErasureTarget("x")))


def test_backed_up_by_the_server(server: PostgresqlServer, team: Callable[[str], str]) -> None:
    before = hashes(team("kim"))
    dump = server.folder / "faces.dump"
    server.run("pg_dump", "--format=custom", f"--file={dump}", "faces")
    server.run("dropdb", "--force", "faces")
    server.run("pg_restore", "--create", "--dbname=postgres", "--exit-on-error", dump)
    assert hashes(team("kim")) == before
    assert check_project(team("nora")).findings == ()
    with Project.open(team("nora")) as nora, pytest.raises(ProjectError, match="reviewer does"):
        nora.remove([1], "nora")


def test_restored_under_another_name(server: PostgresqlServer, team: Callable[[str], str]) -> None:
    before, dump = hashes(team("kim")), server.folder / "other.dump"
    server.run("pg_dump", "--format=custom", f"--file={dump}", "faces")
    server.new_database("copy")
    server.run("pg_restore", "--dbname=copy", "--exit-on-error", dump)
    nora, copy = server.socket("nora", "copy"), server.socket("faceloop", "copy")
    with pytest.raises(ProjectError, match="has no roles yet"):
        give_role(copy, "nora", "annotator")
    with pytest.raises(ProjectError, match="copy belongs to faceloop"):
        make_team_project(nora)
    server.run("psql", "-d", "copy", "-c", "ALTER DATABASE copy OWNER TO nora")
    with pytest.raises(ProjectError, match="tables in the database copy belong to faces_owner"):
        make_team_project(nora)
    server.run("psql", "-d", "copy", "-c", "GRANT faces_owner TO nora")
    with pytest.raises(ProjectError, match="right to make roles"):
        make_team_project(nora)
    server.run("psql", "-d", "copy", "-c", "REVOKE faces_owner FROM nora")
    make_team_project(copy)
    assert membership(copy).people == (("faceloop", "owner"),)
    for person in ("rita", "kim"):  # whose roles are of the other database
        with pytest.raises(ProjectError, match="you have no role"):
            Project.open(server.socket(person, "copy"))
    give_role(copy, "kim", "owner")
    give_role(copy, "rita", "annotator")
    with pytest.raises(ProjectError, match=r"needs the role owner .* yours is annotator"):
        give_role(server.socket("rita", "copy"), "nora", "owner")
    with Project.open(server.socket("kim", "copy")) as kim:
        kim.replace_scheme(kim.scheme)
    with Project.open(server.socket("rita", "copy")) as rita:
        with pytest.raises(ProjectError, match="reviewer does"):
            rita.remove([1])
        rita.set_expression([1], "calm")
        assert rita.author == "rita"
    server.run("dropdb", "--force", "copy")
    assert hashes(team("kim")) == before


def test_the_server_is_started_anew(server: PostgresqlServer, team: Callable[[str], str]) -> None:
    with Project.open(team("nora")) as nora:
        item = nora.items()[3]
        head = nora.annotation(item.id)
        assert head is not None
        new = moved(head.annotation, 5)
        server.stop()
        with pytest.raises(ProjectError, match="cannot be reached"):
            nora.save(item.id, new, head.id, author="nora")
        server.start()
        saved = nora.save(item.id, new, head.id, author="nora")
        # The answer to a save may be lost with the server: the same again is no other revision.
        assert nora.save(item.id, new, head.id, author="nora") == saved
        assert nora.history(item.id)[-1] == saved
        assert [one.id for one in nora.history(item.id)].count(saved.id) == 1
        assert len(nora.history(item.id)) == 2


def test_nobody_has_to_be_a_superuser(server: PostgresqlServer, tmp_path: Path) -> None:
    server.new_database("small")
    for name in ("lea", "leo"):
        server.run("dropuser", "--if-exists", name)
    server.run("psql", "-d", "small", "-c", "CREATE ROLE lea LOGIN CREATEROLE")
    server.run("psql", "-d", "small", "-c", "ALTER DATABASE small OWNER TO lea")
    lea = server.socket("lea", "small")
    assert "folder=" in make_team_project(lea, folder=tmp_path / "share")
    assert "folder=" not in make_team_project(lea)  # there already: it knows where its folder is
    assert give_role(lea, "leo", "annotator")
    with Project.open(server.socket("leo", "small")) as leo:
        item = leo.add_item(None)
        with pytest.raises(ProjectError, match="reviewer does"):
            leo.remove([item.id], "leo")
    with Project.open(lea) as own:
        own.replace_scheme(own.scheme)
        assert own.remove([item.id], "lea") == 1
    assert membership(lea).people == (("lea", "owner"), ("leo", "annotator"))


def test_a_folder_that_is_not_there(
    server: PostgresqlServer, team: Callable[[str], str], tmp_path: Path
) -> None:
    with pytest.raises(ProjectError, match="Connect the share"):
        Project.open(team("nora"), folder=tmp_path / "nowhere")
    with pytest.raises(ProjectError, match="needs a folder"):
        make_team_project(server.url)
