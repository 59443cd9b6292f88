"""A check finds each kind of damage, says what to do, and finds nothing in a sound project."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.projects import make

from faceloop_datasets import Cancelled, Monitor, Project
from faceloop_datasets.care import CheckReport, back_up, check_project
from faceloop_datasets.care.backup import FOLDER, back_up_before
from faceloop_datasets.store.migrations import VERSION


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of everything, with a copied picture, a backup and nobody using it."""
    tmp_path = tmp_path_factory.mktemp("sound")
    with Project.create(tmp_path / "project") as project:
        make.fill(project, tmp_path)
        other = tmp_path / "other.ppm"
        other.write_bytes(b"P6 1 1 255\nabc")
        project.add_media(other, copy=True)
        other.unlink()
        with project._database.write() as connection:  # the copies below have no other place
            connection.exec_driver_sql("UPDATE media SET absolute = '/nowhere'")
        back_up_before(project.path, project.path / "project.db", "import")
    return tmp_path


@pytest.fixture
def root(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "home")
    return tmp_path / "home" / "project"


def kinds(report: CheckReport) -> set[tuple[str, str]]:
    return {(finding.severity, finding.what) for finding in report.findings}


def sql(root: Path, *statements: str) -> None:
    """What other programs, disks and bugs may do to a database."""
    connection = sqlite3.connect(root / "project.db", isolation_level=None)
    for trigger in ("revisions_no_update", "revisions_no_delete"):
        row = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", [trigger])
        (text,) = row.fetchone()
        connection.execute(f"DROP TRIGGER {trigger}")
        statements = (*statements, text)
    for statement in statements:
        connection.execute(statement)
    connection.close()


class TestSound:
    def test_nothing_is_found_and_nothing_changed(self, root: Path) -> None:
        before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        report = check_project(root, hashes=True)
        assert report.findings == ()
        assert report.sound
        assert report.counts == {
            "items": 6, "revisions": 16, "queue entries": 2, "media": 2, "models": 1,
        }  # fmt: skip
        assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before

    def test_an_old_one_is_not_migrated(self, tmp_path: Path) -> None:
        (tmp_path / "project.db").write_bytes((make.HERE / "v1.db").read_bytes())
        report = check_project(tmp_path)
        said = f"The tables are of an older faceloop; those of today are version {VERSION}"
        assert ("note", said) in kinds(report)
        assert report.counts["revisions"] == 16
        assert (tmp_path / "project.db").read_bytes() == (make.HERE / "v1.db").read_bytes()

    def test_while_somebody_writes(self, root: Path) -> None:
        with Project.open(root) as project, project._database.write() as connection:
            connection.exec_driver_sql("UPDATE queue SET said = 'x'")
            assert check_project(root).sound

    def test_stopped(self, root: Path) -> None:
        with pytest.raises(Cancelled):
            check_project(root, progress=Monitor(cancel=lambda: True))


DATABASE = {
    "A saved annotation does not decode to 70 points": [
        "UPDATE revisions SET points = substr(points, 1, 16) WHERE id = 2",
        "UPDATE revisions SET states = zeroblob(70) WHERE id = 1",  # one is missing: not finite
        "UPDATE revisions SET states = 'text' WHERE id = 3",
        "UPDATE revisions SET states = CAST(replace(hex(zeroblob(70)), '00', 'z') AS BLOB)",
    ],
    "A revision is based on none of the item's earlier ones": [
        "UPDATE revisions SET based_on = 9 WHERE id = 2",
        "UPDATE revisions SET based_on = 4 WHERE id = 8",
        "UPDATE revisions SET based_on = id WHERE id = 2",
    ],
    "When a revision was saved cannot be read": ["UPDATE revisions SET created = 'noon'"],
    "The revision that counts is not one of the item's": [
        "UPDATE items SET head = 99 WHERE id = 1",
        "UPDATE items SET head = 1 WHERE id = 2",
    ],
    "None of an item's revisions counts": ["UPDATE items SET head = NULL WHERE id = 1"],
    "A frame belongs to videos, and to each of them": ["UPDATE items SET frame = 2 WHERE id = 1"],
    "A frame is not in its video": [
        "UPDATE items SET frame = 2 WHERE id = 1; ", "UPDATE media SET kind = 'video'",
    ],
    "A fit in the queue has not 70 finite points": ["UPDATE queue SET points = zeroblob(16)"],
    "An entry of the queue has no reason": ["DELETE FROM queue_reasons WHERE queue_id = 1"],
    "A reason in the queue is about points that are none of the 70": [
        "UPDATE queue_reasons SET points = x'4600' WHERE id = 1",
        "UPDATE queue_reasons SET points = x'01' WHERE id = 1",
        "UPDATE queue_reasons SET points = 'text' WHERE id = 1",
    ],
    "Whether a face is taken out is not what was said last": [
        "UPDATE items SET removed = 1 WHERE id = 1",
        "INSERT INTO removals VALUES (1, 2, 1, 'ann', '')",
    ],
    "What was said to be right are none of the 70 points": [
        "INSERT INTO approvals VALUES (1, 1, 1, x'4600', 'ann', '')",
    ],
    "A blind annotation does not decode to 70 points": [
        "INSERT INTO rounds VALUES (1, 'r', '', 'ann', ''); ",
        "INSERT INTO blind_annotations VALUES (1, 1, 1, 'ann', x'00', x'00', '')",
    ],
    "The landmark scheme cannot be read": ["UPDATE settings SET value = 'x' WHERE key = 'scheme'"],
    "The model in use is not there": ["UPDATE settings SET value = '7' WHERE key != 'scheme'"],
    "What was measured of a model cannot be read": ["UPDATE models SET metrics = 'none'"],
    "The file of a model lies outside the project": ["UPDATE models SET file = '../../secret'"],
    "The file of a model has changed": ["UPDATE models SET sha256 = '0'"],
    "The database is damaged": [
        "PRAGMA foreign_keys=OFF", "UPDATE queue SET item_id = 99 WHERE id = 1",
    ],
    "An erasure was stopped: old pages may still hold what was erased": [
        "INSERT INTO settings VALUES ('erasing', '1')",
    ],
}  # fmt: skip
TOGETHER = (
    "A frame is not in its video",
    "A blind annotation does not decode to 70 points",
    "The database is damaged",
)
CASES = [
    (what, group)
    for what, statements in DATABASE.items()
    for group in ([statements] if what in TOGETHER else [[s] for s in statements])
]


class TestDatabase:
    @pytest.mark.parametrize(("what", "statements"), CASES)
    def test_each_kind_of_damage(self, root: Path, what: str, statements: list[str]) -> None:
        sql(root, *statements)
        report = check_project(root)
        (severity,) = {finding.severity for finding in report.findings if finding.what == what}
        assert report.sound == (severity == "warning")
        assert all(finding.advice for finding in report.findings)

    def test_a_newer_one(self, root: Path) -> None:
        sql(root, "UPDATE schema_version SET version = 99")
        (finding,) = check_project(root).findings
        assert finding.where == "version 99"
        assert "known are those up to version" in finding.what

    def test_without_its_guards(self, root: Path) -> None:
        connection = sqlite3.connect(root / "project.db")
        connection.execute("DROP TRIGGER revisions_no_update")
        connection.close()
        (finding,) = check_project(root).findings
        assert finding.where == "revisions_no_update"

    def test_torn_pages_and_no_database_at_all(self, root: Path) -> None:
        content = (root / "project.db").read_bytes()
        for changed in (
            content[: len(content) // 2],
            content[:20000] + bytes(3000) + content[23000:],
            b"no database" * 1000,
        ):
            (root / "project.db").write_bytes(changed)
            report = check_project(root)
            assert not report.sound
            assert report.findings[0].what in (
                "The database is damaged",
                "The database cannot be read",
            )


def delete(*path: str) -> Callable[[Path], object]:
    return lambda root: root.joinpath(*path).unlink()


def write(*path: str) -> Callable[[Path], object]:
    def do(root: Path) -> None:
        root.joinpath(*path).write_bytes(b"something else in its place")

    return do


def same_size(root: Path) -> None:
    (root / "media" / "other.ppm").write_bytes(b"P6 1 1 255\nxyz")


def elsewhere(root: Path) -> None:
    (root / "media" / "other.ppm").rename(root.parent / "moved.ppm")
    connection = sqlite3.connect(root / "project.db", isolation_level=None)
    path = str(root.parent / "moved.ppm")
    connection.execute("UPDATE media SET absolute = ? WHERE id = 2", [path])
    connection.close()


FILES = {
    "A picture or video is missing": ("error", delete("..", "picture.ppm")),
    "A picture or video has changed": ("error", write("media", "other.ppm")),
    "A picture or video is only where it was when it was added": ("warning", elsewhere),
    "The file of a model is missing": ("error", delete("models", "model.safetensors")),
    "The file of a model has changed": ("error", write("models", "model.safetensors")),
    "A file in media belongs to nothing here": ("warning", write("media", "orphan.jpg")),
    "A file in models belongs to no model here": ("warning", write("models", "orphan")),
    "A backup cannot be used": ("error", write(FOLDER, "b.zip")),
    "A temporary file": ("note", write("media", ".part-0123.jpg")),
}


class TestFiles:
    @pytest.mark.parametrize("what", FILES)
    def test_each_kind_of_damage(self, root: Path, what: str) -> None:
        severity, do = FILES[what]
        do(root)
        report = check_project(root)
        assert kinds(report) == {(severity, what)}
        assert report.sound == (severity != "error")

    def test_the_same_size_is_enough_unless_hashes_are_asked_for(self, root: Path) -> None:
        same_size(root)
        assert check_project(root).findings == ()
        assert kinds(check_project(root, hashes=True)) == {
            ("error", "A picture or video has changed")
        }

    def test_a_backup_that_was_changed_inside(self, root: Path) -> None:
        file = back_up(root, root / FOLDER / "mine.zip").backup.file
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        assert check_project(root).findings == ()
        assert kinds(check_project(root, hashes=True)) == {("error", "A backup cannot be used")}
