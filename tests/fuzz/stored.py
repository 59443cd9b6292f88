"""Targets for the project file, and for texts on their way through a project."""

from __future__ import annotations

import csv
import shutil
import sqlite3
from functools import cache
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from faceloop_datasets import (
    Annotation,
    FaceTrack,
    FrameKind,
    PointState,
    Project,
    Scheme,
    Track,
    Verdict,
)
from faceloop_datasets.care.backup import back_up
from faceloop_datasets.care.restore import restore
from faceloop_datasets.face import snapshot_hash
from faceloop_datasets.formats import FaceRecord, read_faces, write_faces
from faceloop_datasets.tracks.editing import judge, split
from faceloop_datasets.tracks.file import read_track, write_track
from faceloop_datasets.tracks.history import TrackHistory

from .target import Target, edit, edited, folder, written

_VALUES = 5  # kinds of values in a cell of SQLite


@cache
def _base() -> bytes:
    """A small project with one of everything."""
    root = folder("base") / "project"
    scheme = Scheme.load("imm58")
    with Project.create(root, scheme) as project:
        Image.new("L", (64, 64), 90).save(folder("base") / "face.png")
        media = project.add_media(folder("base") / "face.png")
        points = np.random.default_rng(0).uniform(0, 60, (58, 2))
        for name in ("one", "two"):
            item = project.add_item(media, name=name, subject=name)
            face = Annotation(scheme.name, points, np.zeros(58), "manual")
            first = project.save(item.id, face, None, "someone")
            project.save(item.id, face, first.id, "someone")
            project.queue.add(item.id, "poor-fit", predicted_error=0.1, model="m")
            project.queue.add(item.id, "label-check", note="Chin lies low.", points=(3, 57))
        states = np.full(58, PointState.ESTIMATED)
        estimated = Annotation(scheme.name, points, states, "import:muct")
        project.save(project.add_item(media, name="three").id, estimated, None)
        project.confirm_points([5])
        file = folder("base") / "m.safetensors"
        file.write_bytes(b"model")
        record = project.add_model(file, {"nme_mean": 0.03, "faces": 3, "subjects": 2})
        project.use_model(record.id)
    connection = sqlite3.connect(root / "project.db", isolation_level=None)
    for statement in ("PRAGMA journal_mode=DELETE", "PRAGMA page_size=512", "VACUUM"):
        connection.execute(statement)
    connection.close()
    return (root / "project.db").read_bytes()


def _use(name: str, content: bytes) -> None:
    """Open a project and look at everything in it, as the window does; then save into it."""
    root = folder(name)
    for old in root.glob("project.db*"):
        old.unlink()
    (root / "project.db").write_bytes(content)
    with Project.open(root) as project:
        project.overview()
        for media in project.media():
            media.where(root)
        for item in project.items():
            project.item_media(item)
            project.history(item.id)
            project.approvals(item.id)
            project.annotation(item.id)
        project.faces()
        snapshot_hash(project.faces())
        for record in project.models():
            if record.file.parent != root / "models":
                raise AssertionError("a model lies outside of the project")
        _ = project.active_model
        project.queue.list(None)
        project.estimates()
        project.approved()
        batch = project.last_batch()
        if batch is not None:
            project.undo_batch(batch)
        project.queue.list(reason="label-check")
        entry = project.queue.next("fuzz")
        if entry is not None:
            project.queue.skip(entry.id, "seen")
        project.add_item(None, name="new")


def _project(data: bytes) -> None:
    _use("project", edited(_base(), data))


def _cell(data: bytes) -> None:
    """Put a value into one cell, of a type that the column may not be meant for."""
    file = folder("cell") / "base.db"
    file.write_bytes(_base())
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("synchronous=OFF", "journal_mode=MEMORY", "ignore_check_constraints=ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("DROP TRIGGER IF EXISTS revisions_no_update")
    try:
        _fill(connection, data)
    except (sqlite3.Error, OverflowError):
        return
    finally:
        connection.close()
    _use("cell", file.read_bytes())


def _fill(connection: sqlite3.Connection, data: bytes) -> None:
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type='table' ORDER BY name")
    cells = [
        (table, column[1])
        for (table,) in tables.fetchall()
        for column in connection.execute(f"PRAGMA table_info({table})")
    ]
    table, column = cells[data[0] % len(cells)] if data else cells[0]
    row, kind, value = (data[1:2] or b"\0")[0], (data[2:3] or b"\0")[0] % _VALUES, data[3:]
    new: object = (
        None,
        int.from_bytes(value[:8], "big", signed=True),
        float(np.frombuffer(value[:8].ljust(8, b"\0"), ">f8")[0]),
        value.decode("latin-1"),
        value,
    )[kind]
    connection.execute(
        f"UPDATE {table} SET {column} = ? WHERE rowid = (SELECT rowid FROM {table} "  # noqa: S608
        "ORDER BY rowid LIMIT 1 OFFSET ?)",
        (new, row % 3),
    )


def _backup(data: bytes) -> None:
    """Restore a backup that was changed, and open what came out."""
    root = folder("backup")
    file = root / "b.zip"
    file.write_bytes(edited(_bundle(), data))
    dest = root / "restored"
    shutil.rmtree(dest, ignore_errors=True)
    restore(file, dest)
    if {path.name for path in root.iterdir()} - {"b.zip", "restored"}:
        raise AssertionError("something was unpacked outside of the folder")
    Project.open(dest).close()


@cache
def _bundle() -> bytes:
    _base()
    file = folder("base") / "b.zip"
    back_up(folder("base") / "project", file)
    return file.read_bytes()


@cache
def _track_file() -> bytes:
    """A small track with two faces, and changes that can be undone and done again."""
    faces = [FaceTrack.unseen(k, 6, 5, expressions=2) for k in range(2)]
    rows = {"points": np.ones((6, 5, 2)), "predicted_error": 0.1, "kind": FrameKind.FITTED}
    seen = tuple(face.with_rows(slice(None), **rows) for face in faces)
    track = Track("ab" * 32, "five", "m", 25.0, np.arange(6) / 25, seen, ("calm", "glad"))
    history = TrackHistory(track)
    history = history.did(judge(track, 0, 1, 3, Verdict.REJECTED), "rejected")
    history = history.did(split(history.track, 0, 4), "split").undo()
    file = folder("base") / "track.safetensors"
    write_track(file, history)
    return file.read_bytes()


def _track(edits: bytes) -> None:
    """Read a track, and undo and do again all that was done to it."""
    history = read_track(written("track", "t.safetensors", edited(_track_file(), edits)))
    while history.done:
        history = history.undo()
    while history.undone:
        history = history.redo()
    with np.errstate(all="ignore"):
        _ = history.track.worst_error
    write_track(folder("track") / "again.safetensors", history)


def _export(data: bytes) -> None:
    """Write names as CSV tables, and see that a spreadsheet runs none and a reader gets all."""
    name = data.decode("utf-8", "replace")
    points = np.random.default_rng(0).uniform(0, 60, (71, 2))
    face = Annotation("clmtrackr71", points, np.zeros(71))
    record = FaceRecord(name, name, None, name, face, "x:1")
    scheme, place = Scheme.load("clmtrackr71"), folder("export")
    write_faces("csv", [record], place / "t.csv", scheme=scheme)
    with (place / "t.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.reader(file):
            if any(cell[:1] in _RUN and not _number(cell) for cell in row if cell):
                raise AssertionError(f"a cell would be run: {row}")
    write_faces("clmtools", [record], place / "c.csv", scheme=scheme)
    (again,) = read_faces("clmtools", [place / "c.csv"])
    if not isinstance(again, FaceRecord):  # an empty name, or one that is there already
        return
    written = PurePosixPath(name.replace("\\", "/")).name.strip() or "face"
    if again.image_name.strip() != written:
        raise AssertionError(f"{again.image_name!r} was written as another name")


_RUN = tuple("=+-@\t\r\n|\uff1d\uff0b\uff0d\uff20")


def _number(cell: str) -> bool:
    try:
        return float(cell) is not None
    except ValueError:
        return False


TARGETS = (
    Target(
        "backup",
        _backup,
        lambda: [edit(at, b"\xff") for at in (10, 60, 200, 900)],
        (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"../", b"\xff\xff\xff\xff", b"/etc/x"),
        256,
    ),
    Target(
        "track",
        _track,
        lambda: [edit(at, b"\xff") for at in (4, 40, 300, 900, 2500)],
        (b"kind", b"verdict", b"null", b"[[", b'"faces":', b'"names"', b"-1", b"1e999", b'"F64"'),
        256,
    ),
    Target(
        "export",
        _export,
        lambda: [b"a.jpg", b"=1+1", b"'=1", "\uff1d1".encode(), b"-1.jpg"],
        (b"=", b"+", b"-", b"@", b"'", b'"', b",", b"\r", b"\t", b"\xe2\x80\xa8", b"\\"),
        64,
    ),
    Target(
        "project",
        _project,
        lambda: [edit(at, b"\xff") for at in (16, 100, 1000, 5000)] + [edit(4000, b"", 3)],
        (b"SQLite format 3\x00", b"CREATE VIEW ", b"CREATE TRIGGER ", b"\xff" * 8, b"\x00" * 16),
        256,
    ),
    Target(
        "cell",
        _cell,
        lambda: [bytes([column, 0, kind]) + b"abc" for column in range(60) for kind in range(5)],
        (b"1", b"../../x", b"/etc/passwd", b"{}", b"null", b"2026-01-01T00:00:00+00:00", b"[[[["),
        256,
    ),
)
