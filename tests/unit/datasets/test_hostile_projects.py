"""A project folder that a stranger has made."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from faceloop_datasets import Annotation, InputError, Project, ProjectError
from faceloop_datasets.care import back_up, erase, find_erasure_target, plan_erasure, restore
from faceloop_datasets.files import is_file_name, is_local
from faceloop_datasets.formats import FaceRecord

SQL = [
    "'; DROP TABLE items; --",
    '" OR 1=1 --',
    "x'); DELETE FROM revisions; --",
    "%' UNION SELECT value FROM settings --",
    "Robert'); DROP TABLE revisions;--",
    "\\'; ATTACH DATABASE '/tmp/evil' AS e; --",
    "%", "_", ":name", "?1", "$1", "{0}", "%s", "NULL", "",
]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    Image.new("L", (64, 64), 90).save(tmp_path / "face.png")
    with Project.create(folder, "imm58") as project:
        media = project.add_media(tmp_path / "face.png")
        item = project.add_item(media, name="one")
        points = np.random.default_rng(0).uniform(0, 60, (58, 2))
        project.save(item.id, Annotation("imm58", points, np.zeros(58)), None)
        project.queue.add(item.id, "poor-fit", predicted_error=0.1, fit=points)
        (tmp_path / "m.safetensors").write_bytes(b"model")
        project.use_model(project.add_model(tmp_path / "m.safetensors", {"faces": 1}).id)
    return folder


def change(root: Path, *statements: str) -> None:
    with closing(sqlite3.connect(root / "project.db", isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def loosened(root: Path, statement: str) -> None:
    change(
        root,
        "DROP TRIGGER revisions_no_update",
        "PRAGMA ignore_check_constraints=ON",
        statement,
    )


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON items BEGIN DELETE FROM queue; END",
        "CREATE TRIGGER revisions_no_insert BEFORE INSERT ON revisions BEGIN SELECT 1; END",
        "CREATE VIEW v AS SELECT load_extension('/tmp/evil.so')",
        "CREATE VIRTUAL TABLE f USING fts5(a)",
    ],
)
def test_programs_in_the_database_are_refused_before_they_run(root: Path, statement: str) -> None:
    change(root, statement)
    before = (root / "project.db").read_bytes()
    with pytest.raises(ProjectError, match="of its own"):
        Project.open(root)
    assert (root / "project.db").read_bytes() == before


def test_a_view_in_place_of_a_table(root: Path) -> None:
    change(root, "ALTER TABLE queue RENAME TO kept", "CREATE VIEW queue AS SELECT * FROM kept")
    with pytest.raises(ProjectError, match="view of its own"):
        Project.open(root)


def test_a_trigger_of_ours_with_another_body(root: Path) -> None:
    change(
        root,
        "DROP TRIGGER revisions_no_delete",
        "CREATE TRIGGER revisions_no_delete BEFORE DELETE ON revisions "
        "BEGIN UPDATE items SET name = 'x'; END",
    )
    with pytest.raises(ProjectError, match="trigger of its own"):
        Project.open(root)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("items", "name", "x'00ff'"),
        ("items", "frame", "'seven'"),
        ("items", "subject", "x'31'"),
        ("media", "path", "x'2e2e'"),
        ("media", "bytes", "1.5"),
        ("revisions", "points", "'text'"),
        ("revisions", "created", "x'37'"),
        ("settings", "value", "x'00'"),
        ("models", "metrics", "x'7b7d'"),
        ("queue", "priority", "'high'"),
        ("queue", "said", "x'31'"),
        ("queue_reasons", "reason", "x'31'"),
        ("queue_reasons", "points", "'[1, 2]'"),
        ("queue_reasons", "predicted_error", "'high'"),
    ],
)
def test_values_of_another_type_are_refused(
    root: Path, table: str, column: str, value: str
) -> None:
    loosened(root, f"UPDATE {table} SET {column} = {value}")  # noqa: S608
    with pytest.raises(ProjectError, match=rf"{table}\.{column} holds"):
        Project.open(root)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE revisions SET points = zeroblob(17)",
        "UPDATE revisions SET states = zeroblob(57)",
        "UPDATE revisions SET start = zeroblob(17)",
        "UPDATE queue SET points = zeroblob(16)",
    ],
)
def test_arrays_of_another_size_are_refused(root: Path, statement: str) -> None:
    loosened(root, statement)
    with pytest.raises(ProjectError, match="58 points of the project's scheme"):
        Project.open(root)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE revisions SET created = 'yesterday'",
        "UPDATE revisions SET states = x'" + "07" * 58 + "'",
        "UPDATE revisions SET points = x'" + "ff" * 928 + "'",
        "UPDATE revisions SET start = x'" + "000000000000f07f" * 116 + "'",
        "UPDATE items SET media_id = 99",
        "UPDATE queue SET points = x'" + "ff" * 928 + "'",
        "UPDATE queue_reasons SET points = x'01'",
        "DELETE FROM queue_reasons",
        "UPDATE models SET metrics = '[['",
        "UPDATE models SET metrics = '[]'",
        'UPDATE models SET metrics = \'{"x":' + "[" * 50 + "]" * 50 + "}'",
        "UPDATE models SET created = ''",
        "UPDATE settings SET value = '99999999999999999999' WHERE key = 'active_model'",
        "UPDATE settings SET value = '1e5' WHERE key = 'active_model'",
        "UPDATE items SET name = CAST(x'ff' AS TEXT)",
    ],
)
def test_damaged_rows_are_named(root: Path, statement: str) -> None:
    loosened(root, statement)

    def look() -> None:
        with Project.open(root) as project:
            project.overview()
            project.faces()
            project.history(1)
            project.queue.list(None)
            project.models()
            _ = project.active_model

    with pytest.raises(ProjectError, match=r"damaged|failed"):
        look()


def test_a_value_larger_than_the_memory_should_hold(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceloop_datasets.store import guard

    monkeypatch.setattr(guard, "LARGEST", 100_000)
    change(root, "UPDATE models SET note = CAST(zeroblob(200000) AS TEXT)")
    with Project.open(root) as project, pytest.raises(ProjectError, match="too big"):
        project.models()


@pytest.mark.parametrize(
    "file", ["../../etc/passwd", "/etc/passwd", "..", "a/b", "c:\\x", "a\\b", "", "x\x00y"]
)
def test_models_stay_in_the_folder_of_the_project(root: Path, file: str) -> None:
    with closing(sqlite3.connect(root / "project.db", isolation_level=None)) as connection:
        connection.execute("UPDATE models SET file = ?", (file,))
    with Project.open(root) as project:
        for look in (project.models, lambda: project.active_model, lambda: project.model(1)):
            with pytest.raises(ProjectError, match="damaged"):
                look()


NETWORK = [
    "http://127.0.0.1:9/a.png", "//server/share/a.png", "\\\\server\\share\\a.png",
    "\\\\?\\UNC\\server\\share\\a.png", "file://host/a.png", "a\x00b.png", "rtsp://127.0.0.1/x",
]  # fmt: skip


@pytest.mark.parametrize("path", NETWORK)
def test_media_on_a_network_are_not_followed(root: Path, path: str) -> None:
    with closing(sqlite3.connect(root / "project.db", isolation_level=None)) as connection:
        connection.execute("UPDATE media SET path = ?, absolute = ?", (path, path))
    with Project.open(root) as project:
        (media,) = project.media()
        with pytest.raises(InputError, match="leads to a network"):
            project.resolve(media)
        assert media.where(root) == root / "media" / "1"
        with pytest.raises(InputError):
            project.faces()[0].read_gray()


def test_paths_of_media() -> None:
    for path in ("../face.png", "/home/me/ü face.png", "C:\\faces\\a.png", "c:/faces/a.png"):
        assert is_local(path)
    assert not any(is_local(path) for path in NETWORK)
    assert is_file_name("model-2.safetensors")


@pytest.mark.parametrize("special", ["pipe", "device", "folder", "socket", "long", "locked"])
def test_media_that_are_no_regular_files_are_not_opened(
    root: Path, special: str, tmp_path: Path
) -> None:
    needs = {"pipe": "mkfifo", "socket": "mknod", "device": "mkfifo"}.get(special)
    if needs and not hasattr(os, needs):
        pytest.skip("no pipes, devices and sockets with a name here")
    path = tmp_path / "special"
    match special:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "socket":
            os.mknod(path, 0o140600)
        case "long":
            path = tmp_path / ("n" * 5000)
        case "locked":
            path = tmp_path / "face.png" / "below"  # a file where a folder should be
    with closing(sqlite3.connect(root / "project.db", isolation_level=None)) as connection:
        connection.execute("UPDATE media SET path=?, absolute=?, bytes=0", (str(path), str(path)))
    with Project.open(root) as project:
        (media,) = project.media()
        with pytest.raises(InputError, match="missing"):
            project.resolve(media)
        with pytest.raises(InputError):
            project.faces()[0].read_gray()


def test_another_file_of_the_system_is_not_shown_as_a_picture(root: Path) -> None:
    size = os.stat("/etc/passwd").st_size  # noqa: PTH116 - a size that a stranger may guess
    change(root, f"UPDATE media SET path='../../etc/passwd', absolute='/etc/passwd', bytes={size}")  # noqa: S608
    with Project.open(root) as project, pytest.raises(InputError, match="not the picture that was"):
        project.faces()[0].read_rgb()
    digest = hashlib.sha256(Path("/etc/passwd").read_bytes()).hexdigest()  # who knows it already
    change(root, f"UPDATE media SET sha256='{digest}'")  # noqa: S608
    with Project.open(root) as project, pytest.raises(InputError, match="not an image"):
        project.faces()[0].read_gray()


@pytest.mark.parametrize("text", SQL)
def test_sql_in_every_text(root: Path, text: str, tmp_path: Path) -> None:
    with Project.open(root) as project:
        item = project.add_item(None, name=text, subject=text)
        points = np.random.default_rng(1).uniform(0, 60, (58, 2))
        face = Annotation("imm58", points, np.zeros(58), text or "manual")
        first = project.save(item.id, face, None, author=text or "me")
        entry = project.queue.add(item.id, "manual", model=text, note=text)
        assert project.queue.claim(entry.id, text) is not None
        project.queue.skip(entry.id, text or "seen", author=text)
        project.note_model(1, text)
        record = FaceRecord(f"r{text}", text, None, "a.png", face, "x:1")
        report = project.import_entries(f"format{text}", [record], scheme="imm58")
        assert report.new == 1
        assert project.import_entries(f"format{text}", [record], scheme="imm58").unchanged == 1
        with pytest.raises(ProjectError):
            project.model(text)
        Image.new("L", (8, 8), len(text)).save(tmp_path / "picture.png")
        named = (tmp_path / "picture.png").rename(tmp_path / f"p{text.replace('/', '|')}.png")
        media = project.add_media(named, copy=True)
        assert media.name == named.name
        assert project.resolve(media).read_bytes() == named.read_bytes()
        model = named.with_suffix(".safetensors")
        model.write_bytes(text.encode())
        known = project.add_model(model, {text: text}, note=text)
        assert project.model(known.name).metrics == {text: text}
        assert project.use_model(known.name).id == known.id
        assert len(project.queue.list(None)) == 2
        assert project.queue.next(text) is not None

        again = project.item(item.id)
        assert again.name == (text or "shape")
        assert project.history(item.id)[0].id == first.id
        assert project.history(item.id)[0].annotation == face
        assert project.queue.get(entry.id).note == (text or "seen")
        assert project.model(1).note == text
        assert len(project.overview()) == 3
        assert {r.name for r in project.overview()} >= {"one", f"r{text}"}
        copied = back_up(root, tmp_path / "b.zip").backup
        with Project.open(restore(copied.file, tmp_path / "again").path) as same:
            assert len(same.overview()) == 3
        assert again.subject == (text or "shape")
        target = find_erasure_target(root, subject=again.subject)
        whose = [one.name for one in project.items() if one.subject == again.subject]
        assert erase(root, plan_erasure(root, target)).items == tuple(whose)
        assert len(project.overview()) == 3 - len(whose)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=40))
def test_any_text_comes_back_or_is_refused(root: Path, text: str) -> None:
    with Project.open(root) as project:
        try:
            item = project.add_item(None, name=text or "x", subject=text or "x")
        except ProjectError:
            assert any("\ud800" <= c <= "\udfff" for c in text)
        else:
            assert project.item(item.id).name == (text or "x")


def test_a_name_that_is_no_text(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "face\udcff.png"
    Image.new("L", (64, 64), 90).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(file)
    with Project.open(root) as project:
        with pytest.raises(InputError, match="another name"):
            project.add_media(file)
        with pytest.raises(ProjectError, match="half a character"):
            project.add_item(None, name="face\udcff")
        face = Annotation("imm58", np.random.default_rng(0).uniform(0, 9, (58, 2)), np.zeros(58))
        for name in ("face\udcff", "face\x1b[2J"):
            record = FaceRecord(name, "s", None, "a.png", face, "x:1")
            report = project.import_entries("made", [record], scheme="imm58")
            assert "no text" in str(report.refused[0])
