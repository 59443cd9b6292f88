"""Migrations, and files that appear whole."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from faceloop_datasets import Project, ProjectError
from faceloop_datasets.staging import content_hash, move_into_place, remove_leftovers, staging
from faceloop_datasets.store.direct import direct
from faceloop_datasets.store.migrations import MIGRATIONS


def columns(project: Project) -> set[str]:
    with project._database.read() as connection:
        return {row[1] for row in connection.execute(text("PRAGMA table_info(items)"))}


def add_a(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE items ADD COLUMN a INTEGER"))


def add_b(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE items ADD COLUMN b INTEGER"))


def fail(connection: Connection) -> None:
    raise RuntimeError("broken step")


@pytest.fixture
def project(tmp_path: Path):  # type: ignore[no-untyped-def]
    with Project.create(tmp_path / "project") as made:
        yield made


class TestMigrations:
    def test_each_step_once_and_in_order(self, project: Project) -> None:
        project._database.migrate(
            (
                *MIGRATIONS,
                add_a,
            )
        )
        assert "a" in columns(project)
        project._database.migrate((*MIGRATIONS, add_a, add_b))
        project._database.migrate((*MIGRATIONS, add_a, add_b))
        assert {"a", "b"} <= columns(project)

    def test_a_broken_step_undoes_all_of_them(self, project: Project) -> None:
        with pytest.raises(RuntimeError):
            project._database.migrate((*MIGRATIONS, add_a, fail))
        assert "a" not in columns(project)
        project._database.migrate((*MIGRATIONS, add_a, add_b))


class TestReading:
    """What only reads cannot write, whatever statement it is given, and leaves writers able to."""

    WRITES = (
        "UPDATE settings SET value = 'changed'",
        "INSERT INTO settings VALUES ('new', '1')",
        "DELETE FROM settings",
        "CREATE TABLE more (a)",
    )

    @pytest.mark.parametrize("statement", WRITES)
    def test_a_view_of_the_project(self, project: Project, statement: str) -> None:
        with (
            pytest.raises(ProjectError, match="cannot be written"),
            project._database.read() as connection,
        ):
            connection.execute(text(statement))
        project.use_starter()  # the same connection from the pool writes again
        with Project.open(project.path) as again:
            assert again.scheme == project.scheme

    @pytest.mark.parametrize("statement", WRITES)
    def test_the_file_itself(self, project: Project, statement: str) -> None:
        file = project.path / "project.db"
        with (
            pytest.raises(ProjectError, match="cannot be written"),
            direct(file, read_only=True) as connection,
        ):
            connection.execute(statement)
        with direct(file) as connection:
            connection.execute("INSERT INTO settings VALUES ('new', '1')")
        with direct(file, read_only=True) as connection:
            found = connection.execute("SELECT value FROM settings WHERE key = 'new'").fetchall()
        assert found == [("1",)]


class TestStaging:
    def test_gone_afterwards_whatever_happens(self, tmp_path: Path) -> None:
        def interrupted() -> None:
            with staging(tmp_path) as scratch:
                (scratch / "file").write_text("x")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert list(tmp_path.iterdir()) == []

    def test_what_is_in_use_is_not_cleaned(self, tmp_path: Path) -> None:
        with staging(tmp_path) as scratch:
            (scratch / "file").write_text("x")
            remove_leftovers(tmp_path)
            assert (scratch / "file").is_file()

    def test_what_a_dead_process_left_is_cleaned(self, tmp_path: Path) -> None:
        process = subprocess.Popen(
            [sys.executable, "-c", _DIES, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
        process.communicate()
        assert list(tmp_path.glob(".staging-*/half"))
        remove_leftovers(tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ProjectError, match="cannot be written"), staging(tmp_path / "file"):
            pass

    def test_place_never_overwrites(self, tmp_path: Path) -> None:
        (tmp_path / "x.bin").write_bytes(b"old")
        for content, expected in ((b"old", "x.bin"), (b"new", None)):
            source = tmp_path / "source"
            source.write_bytes(content)
            target = move_into_place(source, tmp_path / "x.bin", content_hash(source))
            assert target.read_bytes() == content
            assert expected is None or target.name == expected
        assert (tmp_path / "x.bin").read_bytes() == b"old"

    def test_a_damaged_file_of_the_longer_name_is_not_taken_for_the_new_one(
        self, tmp_path: Path
    ) -> None:
        for name in ("x.bin", f"x-{hashlib.sha256(b'new').hexdigest()[:12]}.bin"):
            (tmp_path / name).write_bytes(b"other")
        source = tmp_path / "source"
        source.write_bytes(b"new")
        target = move_into_place(source, tmp_path / "x.bin", content_hash(source))
        assert target.read_bytes() == b"new"
        assert sorted(p.read_bytes() for p in tmp_path.iterdir()) == [b"new", b"other", b"other"]

    def test_of_many_that_want_one_name_none_loses_its_file(self, tmp_path: Path) -> None:
        barrier, placed = threading.Barrier(8), {}

        def bring(number: int) -> None:
            source = tmp_path / f"source-{number}"
            source.write_bytes(str(number % 4).encode())
            digest = content_hash(source)
            barrier.wait()
            placed[number] = move_into_place(source, tmp_path / "made" / "x.bin", digest)

        threads = [threading.Thread(target=bring, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {n: p.read_bytes() for n, p in placed.items()} == {
            n: str(n % 4).encode() for n in range(8)
        }
        assert len(set(placed.values())) == 4


_DIES = """
import pathlib, sys, time
from faceloop_datasets.store.migrations import MIGRATIONS
from faceloop_datasets.staging import staging
with staging(pathlib.Path(sys.argv[1])) as scratch:
    (scratch / "half").write_text("x")
    print("ready", flush=True)
    time.sleep(60)
"""
