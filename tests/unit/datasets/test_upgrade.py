"""Projects of every version of the tables open, and hold what they held to the last bit."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.projects import make

from faceloop_datasets import Project, ProjectError
from faceloop_datasets.store.migrations import VERSION

PROJECTS = make.HERE
OLD = sorted(file.with_suffix(".db") for file in PROJECTS.glob("v*.json"))


def placed(database: Path, folder: Path) -> Path:
    """Make the project's folder as it was, around a copy of the database."""
    project = folder / "project"
    for name in (project / "models", project / "media"):
        name.mkdir(parents=True)
    shutil.copyfile(database, project / "project.db")
    (project / "models" / "model.safetensors").write_bytes(b"no real model")
    make.picture(folder / "picture.ppm")
    return project


def schema(project: Path) -> dict[str, str]:
    """Statements that made the tables, indices and triggers, whatever their white space."""
    connection = sqlite3.connect(project / "project.db")
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    found = {name: shortened(sql) for name, sql in rows}
    connection.close()
    return found


def shortened(sql: str) -> str:
    return "".join(sql.split()).replace('"', "")


def version(project: Path) -> int:
    connection = sqlite3.connect(project / "project.db")
    (found,) = connection.execute("SELECT version FROM schema_version").fetchone()
    connection.close()
    return int(found)


@pytest.fixture(params=OLD, ids=lambda path: path.stem)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return placed(request.param, tmp_path)


def test_there_is_a_project_of_every_version_before_this_one() -> None:
    assert {f"v{number}" for number in range(1, VERSION)} <= {path.stem for path in OLD}


class TestEveryVersion:
    def test_opens_and_holds_what_it_held(self, old: Path, request: pytest.FixtureRequest) -> None:
        number = request.node.callspec.params["old"]
        expected = make.described(number.stem)
        for _ in range(2):  # migrated, and once more as it is now
            with Project.open(old) as project:
                assert json.loads(json.dumps(make.describe(project))) == expected
                (media,) = project.media()
                assert project.resolve(media) == (old.parent / "picture.ppm").resolve()
        assert version(old) == VERSION

    def test_has_the_tables_of_a_new_project(self, old: Path, tmp_path: Path) -> None:
        Project.open(old).close()
        Project.create(tmp_path / "new").close()
        assert schema(old) == schema(tmp_path / "new")

    def test_works_on(self, old: Path) -> None:
        with Project.open(old) as project:
            item = project.items()[0]
            head = project.annotation(item.id)
            assert head is not None
            project.save(item.id, head.annotation, head.id, "ann")
            assert len(project.history(item.id)) == 4
            with (
                pytest.raises(ProjectError, match="saved revisions are never changed"),
                project._database.write() as connection,
            ):
                connection.exec_driver_sql("DELETE FROM revisions")


class TestQueueOfVersion2:
    """What waited only because an import estimated points is dropped; all else is kept."""

    @pytest.fixture(params=["v1.db", "v2.db"])
    def before(self, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
        project = placed(PROJECTS / request.param, tmp_path)
        connection = sqlite3.connect(project / "project.db")
        with connection:
            connection.execute("DELETE FROM queue")
            connection.executemany(
                "INSERT INTO queue (id, item_id, reason, priority, status, author, note) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (11, 1, "imported-estimate", -1.0, "open", None, ""),
                    (12, 2, "imported-estimate", -1.0, "claimed", "ann", ""),
                    (13, 3, "imported-estimate", -1.0, "done", "ann", "was fine"),
                    (14, 4, "imported-estimate", -1.0, "skipped", "ann", "no face"),
                    (15, 5, "label-check", 0.1, "open", None, "Chin is moved."),
                    (16, 6, "lost-track", 1.0, "claimed", "ann", "gone"),
                ],
            )
        connection.close()
        return project

    def test_finished_faces_leave_it(self, before: Path) -> None:
        with Project.open(before) as project:
            kept = {
                e.id: (e.reason, e.status, e.author, e.note, e.said)
                for e in project.queue.list(None)
            }
        assert kept == {
            13: ("imported-estimate", "done", "ann", "was fine", ""),
            14: ("imported-estimate", "skipped", "ann", "no face", "no face"),
            15: ("label-check", "open", None, "Chin is moved.", ""),
            16: ("lost-track", "claimed", "ann", "gone", ""),
        }


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no way to kill a process so hard")
def test_killed_midway_it_is_the_old_version(tmp_path: Path) -> None:
    project = placed(PROJECTS / "v1.db", tmp_path)
    before = dump(project)
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(project)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert version(project) == 1
    assert dump(project) == before
    with Project.open(project) as again:
        assert len(again.items()) == 6


def dump(project: Path) -> list[str]:
    connection = sqlite3.connect(project / "project.db")
    lines = list(connection.iterdump())
    connection.close()
    return lines


# All steps have been taken, but the transaction has not ended.
_KILLED = """
import os, signal, sys
from faceloop_datasets.store.database import Database
from faceloop_datasets.store.migrations import MIGRATIONS
def die(connection):
    assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_sequence").scalar() == 5
    os.kill(os.getpid(), signal.SIGKILL)
Database(f"sqlite:///{sys.argv[1]}/project.db", "p").migrate((*MIGRATIONS, die))
"""


class TestNewerOrDamaged:
    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        Project.create(tmp_path / "project").close()
        return tmp_path / "project"

    def put_version(self, project: Path, statement: str) -> None:
        connection = sqlite3.connect(project / "project.db")
        with connection:
            connection.execute(statement)
        connection.close()

    def test_a_newer_project_names_both_versions_and_stays(self, project: Path) -> None:
        self.put_version(project, "UPDATE schema_version SET version = 99")
        before = dump(project)
        message = (
            rf"version 99, this faceloop knows up to version {VERSION}\. Nothing was changed\. "
            "Update faceloop .* or restore the backup"
        )
        with pytest.raises(ProjectError, match=message):
            Project.open(project)
        assert dump(project) == before

    @pytest.mark.parametrize(
        "statement", ["UPDATE schema_version SET version = 0", "DELETE FROM schema_version"]
    )
    def test_a_version_that_cannot_be(self, project: Path, statement: str) -> None:
        self.put_version(project, statement)
        with pytest.raises(ProjectError, match=r"does not say which version .* Restore it"):
            Project.open(project)


def test_a_number_is_never_given_again(tmp_path: Path) -> None:
    with Project.create(tmp_path / "project") as project:
        last = project.add_item(None)
        with project._database.write() as connection:
            connection.exec_driver_sql("DELETE FROM items")
        assert project.add_item(None).id == last.id + 1
