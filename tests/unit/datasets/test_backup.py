"""A backup holds what the project held at one moment, and a strange one does no harm."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import stat
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.projects import make

from faceloop_datasets import (
    Annotation,
    Cancelled,
    FaceloopError,
    InputError,
    Monitor,
    Project,
    ProjectError,
)
from faceloop_datasets.care import back_up, list_backups, restore
from faceloop_datasets.care.backup import FOLDER, back_up_before, outdated
from faceloop_datasets.care.bundle import verify_bundle
from faceloop_datasets.sample import sample_faces

N = 70


@pytest.fixture
def project(tmp_path: Path):  # type: ignore[no-untyped-def]
    """One of everything; one picture beside it and one copied in."""
    with Project.create(tmp_path / "home" / "project") as made:
        make.fill(made, tmp_path / "home")
        other = tmp_path / "other: odd name.ppm"
        other.write_bytes(b"P6 1 1 255\nabc")
        made.add_media(other, copy=True)
        other.unlink()
        yield made


def plain(project: Project) -> object:
    return json.loads(json.dumps(make.describe(project)))


def files(folder: Path) -> dict[str, bytes]:
    found = folder.rglob("*")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found if p.is_file()}


class TestRoundTrip:
    def test_all_of_it(self, project: Project, tmp_path: Path) -> None:
        report = back_up(project.path, tmp_path, with_media=True)
        assert report.backup.file.name.startswith("project-2")
        assert (report.missing, report.media_left_out, report.media_elsewhere) == ((), 0, 1)
        restored = restore(report.backup.file, tmp_path / "home" / "again")
        assert (restored.missing, restored.from_project) == ((), ())
        with Project.open(restored.path) as again:
            assert plain(again) == plain(project)
            assert [again.resolve(m).read_bytes() for m in again.media()] == [
                project.resolve(m).read_bytes() for m in project.media()
            ]
            assert again.resolve(again.media()[1]).is_relative_to(restored.path)
            again.use_model("model")  # which compares its hash

    def test_without_pictures_unless_asked(self, project: Project, tmp_path: Path) -> None:
        report = back_up(project.path, tmp_path / "b.zip")
        with zipfile.ZipFile(tmp_path / "b.zip") as archive:
            names = archive.namelist()
        assert names == ["project.db", "models/model.safetensors", "manifest.json"]
        assert (report.media_left_out, report.media_elsewhere) == (1, 1)
        assert b"P6 1 1 255" not in (tmp_path / "b.zip").read_bytes()
        restored = restore(tmp_path / "b.zip", tmp_path / "again")
        assert restored.missing == ("media/other: odd name.ppm",)

    def test_what_is_missing_is_said(self, project: Project, tmp_path: Path) -> None:
        (project.path / "models" / "model.safetensors").unlink()
        report = back_up(project.path, tmp_path / "b.zip")
        assert report.missing == ("models/model.safetensors",)

    def test_a_link_to_another_file_is_not_taken_along(
        self, project: Project, tmp_path: Path
    ) -> None:
        (tmp_path / "secret").write_bytes(b"somebody's own")
        model = project.models()[0].file
        model.unlink()
        model.symlink_to(tmp_path / "secret")
        made = back_up(project.path, tmp_path / "b.zip", with_media=True)
        assert made.missing == (f"models/{model.name}",)
        assert b"somebody's own" not in (tmp_path / "b.zip").read_bytes()

    def test_nothing_is_overwritten(self, project: Project, tmp_path: Path) -> None:
        file = back_up(project.path, tmp_path / "b.zip").backup.file
        before = file.read_bytes()
        through = project.path / "new" / ".." / "project.db"  # "new" would be made on the way
        for taken in (file, through):
            with pytest.raises(InputError, match="exists already"):
                back_up(project.path, taken)
        assert file.read_bytes() == before
        with pytest.raises(ProjectError, match="not empty"):
            restore(file, project.path)

    def test_an_empty_folder_is_free(self, project: Project, tmp_path: Path) -> None:
        back_up(project.path, tmp_path / "b.zip")
        (tmp_path / "empty").mkdir()
        restore(tmp_path / "b.zip", tmp_path / "empty")
        Project.open(tmp_path / "empty").close()

    def test_stopped_leaves_nothing(self, project: Project, tmp_path: Path) -> None:
        (tmp_path / "d").mkdir()
        with pytest.raises(Cancelled):
            back_up(project.path, tmp_path / "d" / "b.zip", progress=Monitor(cancel=lambda: True))
        assert list((tmp_path / "d").iterdir()) == []

    def test_a_damaged_database_is_no_backup(self, project: Project, tmp_path: Path) -> None:
        project.close()
        database = project.path / "project.db"
        content = bytearray(database.read_bytes())
        content[4096 * 3 + 8 : 4096 * 4] = bytes(4088)
        database.write_bytes(content)
        with pytest.raises(ProjectError):
            back_up(project.path, tmp_path / "b.zip")
        assert not (tmp_path / "b.zip").exists()

    def test_not_a_project(self, tmp_path: Path) -> None:
        with pytest.raises(ProjectError, match="cannot be opened"):
            back_up(tmp_path, tmp_path / "b.zip")
        assert list(tmp_path.iterdir()) == []


def test_while_another_process_saves(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        items = [project.add_item(None).id for _ in range(3)]
    process = subprocess.Popen(
        [sys.executable, "-c", _SAVES, str(tmp_path / "p")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        counts = []
        for number in range(4):
            file = back_up(tmp_path / "p", tmp_path / f"{number}.zip").backup.file
            with Project.open(restore(file, tmp_path / str(number)).path) as again:
                lengths = [len(again.history(item)) for item in items]
                # The process saves round by round: at any moment they differ by one at most.
                assert max(lengths) - min(lengths) <= 1
                for item in items:
                    revisions = again.history(item)
                    ids = [None, *(r.id for r in revisions)]
                    assert [r.based_on for r in revisions] == ids[:-1]
                counts.append(sum(lengths))
        assert process.poll() is None
        assert counts == sorted(counts)
        assert counts[-1] > counts[0]
    finally:
        process.kill()
        process.communicate()


_SAVES = """
import sys
import numpy as np
from faceloop_datasets import Annotation, Project
with Project.open(sys.argv[1]) as project:
    print("ready", flush=True)
    heads = {item.id: None for item in project.items()}
    points = np.zeros((70, 2))
    while True:
        points = points + 1
        for item in heads:
            annotation = Annotation("face70", points, [0] * 70)
            heads[item] = project.save(item, annotation, heads[item]).id
"""


class TestAutomatic:
    def faces(self, project: Project, *numbers: int) -> None:
        faces = [face for k, face in enumerate(islice(sample_faces(), 2)) if k in numbers]
        report = project.import_entries("sample", faces, scheme="face70", copy=True)
        assert report.warnings == ()

    def test_before_an_import_that_could_harm_something(self, tmp_path: Path) -> None:
        with Project.create(tmp_path / "p") as project:
            self.faces(project, 0)
            assert list_backups(project.path) == []  # there was nothing to lose
            self.faces(project, 0, 1)
            (backup,) = list_backups(project.path)
            self.faces(project, 0, 1)  # nothing new, but the one before had
            assert len(list_backups(project.path)) == 2
            self.faces(project, 0, 1)
            assert len(list_backups(project.path)) == 2
        restored = restore(backup, tmp_path / "again")
        assert restored.from_project == ("media/sample/s0000.jpg",)
        with Project.open(tmp_path / "again") as again:
            assert [item.name for item in again.items()] == ["s0000"]
            assert again.resolve(again.media()[0]).is_relative_to(again.path)

    def test_an_import_goes_on_without_one(self, tmp_path: Path) -> None:
        with Project.create(tmp_path / "p") as project:
            self.faces(project, 0)
            (project.path / FOLDER).write_bytes(b"a file where the folder should be")
            faces = list(islice(sample_faces(), 2))
            report = project.import_entries("sample", faces, scheme="face70")
            assert report.new == 1
            (warning,) = report.warnings
            assert warning.startswith("No backup was made before this import")

    def test_an_update_of_the_tables_does_not(self, tmp_path: Path) -> None:
        root = tmp_path / "p"
        root.mkdir()
        (root / "project.db").write_bytes((make.HERE / "v1.db").read_bytes())
        (root / FOLDER).write_bytes(b"a file where the folder should be")
        with pytest.raises(ProjectError, match="was not changed, because no backup"):
            Project.open(root)
        (root / FOLDER).unlink()
        Project.open(root).close()
        (backup,) = list_backups(root)
        assert backup.name.endswith("-before-version-2.zip")
        assert verify_bundle(backup).tables == 1
        with Project.open(restore(backup, tmp_path / "again").path) as again:
            assert len(again.items()) == 6

    def test_only_those_that_no_rule_keeps_go(self) -> None:
        now = datetime(2026, 3, 20, 12, tzinfo=UTC)
        hours = [now - timedelta(hours=h) for h in range(0, 24 * 12, 6)]
        names = [f"auto-{moment:%Y%m%dT%H%M%SZ}-before-import.zip" for moment in hours]
        others = ["auto-20200101T000000Z-before-version-2.zip", "mine.zip", "auto-x.zip"]
        gone = outdated([*names, *others], now)
        assert not set(gone) & set(others)
        kept = [name for name in names if name not in gone]
        days = [name[5:13] for name in kept]
        assert kept[:5] == names[:5]
        assert sorted(set(days)) == [f"202603{day}" for day in range(14, 21)]
        assert len(kept) == 5 + 5  # the last five reach back to the day before

    def test_they_are_rotated(self, project: Project) -> None:
        folder = project.path / FOLDER
        folder.mkdir()
        for day in range(1, 9):
            (folder / f"auto-202001{day:02}T000000Z-before-import.zip").write_bytes(b"old")
        back_up_before(project.path, project.path / "project.db", "import")
        assert len(list_backups(project.path)) == 5

    def test_a_clock_set_back_takes_none_away_at_once(self, project: Project) -> None:
        folder = project.path / FOLDER
        folder.mkdir()
        for second in range(60, 66):
            later = datetime.now(UTC) + timedelta(seconds=second)
            (folder / f"auto-{later:%Y%m%dT%H%M%SZ}-before-import.zip").write_bytes(b"later")
        for number in range(2):
            project.add_item(None, name=str(number))
            made = back_up_before(project.path, project.path / "project.db", "import")
            assert made is not None
            assert verify_bundle(made).why == "import"
            assert len(list_backups(project.path)) <= 5 + 2  # midnight may lie between


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("sound")
    with Project.create(folder / "p") as project:
        item = project.add_item(None)
        project.save(item.id, Annotation("face70", np.ones((N, 2)), [0] * N), None)
    return back_up(folder / "p", folder / "b.zip").backup.file.read_bytes()


def changed(file: Path, edit: Callable[[dict[str, Any]], object], **extra: bytes) -> None:
    """Write a backup again with another manifest, and other members."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(members.pop("manifest.json"))
    edit(about)
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in (members | extra).items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", json.dumps(about))


def member(path: str, content: bytes) -> dict[str, object]:
    return {"path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def names(file: Path, path: str, content: bytes = b"", *, mode: int = 0, method: int = 0) -> None:
    """Add a member, honestly named in the manifest."""
    changed(file, lambda about: about["members"].append(member(path, content)))
    with zipfile.ZipFile(file, "a") as archive:
        entry = zipfile.ZipInfo(path)
        entry.external_attr, entry.compress_type = mode << 16, method
        archive.writestr(entry, content)


def overlapping(file: Path) -> None:
    """Each of twenty files begins with the header of the next: 1 MB that become 20."""
    inner, entries, members = b"x" * (1 << 20), [], []
    for number in range(20):
        entry = zipfile.ZipInfo(f"media/{number}")
        entry.CRC, entry.file_size = zlib.crc32(inner), len(inner)
        entry.compress_size = entry.file_size
        members.append(member(entry.filename, inner))
        inner = entry.FileHeader() + inner
        entries.append((entry, len(inner)))
    changed(file, lambda about: about["members"].extend(members))
    with zipfile.ZipFile(file, "a") as archive:
        assert archive.fp is not None
        archive.fp.seek(archive.start_dir)
        archive.fp.write(inner)
        for entry, size in entries:
            entry.header_offset = archive.start_dir + len(inner) - size
            archive.filelist.append(entry)
            archive.NameToInfo[entry.filename] = entry
        archive.start_dir = archive.fp.tell()
        archive._didModify = True  # type: ignore[attr-defined]


HOSTILE = {
    "a path upwards": lambda file: names(file, "media/../../evil"),
    "an absolute path": lambda file: names(file, "/faceloop-evil"),
    "a path elsewhere in the project": lambda file: names(file, "backups/evil"),
    "a folder": lambda file: names(file, "media/evil/"),
    "a file inside a file": lambda file: (names(file, "media/a"), names(file, "media/a/b")),
    "a link": lambda file: names(file, "media/x", b"/etc/passwd", mode=stat.S_IFLNK | 0o777),
    "a compressed file": lambda file: names(file, "media/x", bytes(100), method=8),
    "files that overlap": overlapping,
    "a file that is not named": lambda file: changed(file, lambda _: None, **{"media/x": b"1"}),
    "a file that is not there": lambda file: changed(
        file, lambda a: a["members"].append({"path": "media/x", "bytes": 1, "sha256": ""})
    ),
    "no database": lambda file: changed(file, lambda a: a["members"].clear()),
    "another hash": lambda file: changed(file, lambda a: a["members"][0].update(sha256="0")),
    "no members": lambda file: changed(file, lambda a: a.pop("members")),
    "another time": lambda file: changed(file, lambda a: a.update(created="yesterday")),
    "infinite tables": lambda file: changed(file, lambda a: a.update(tables=float("inf"))),
    "no mark": lambda file: changed(file, lambda a: a.pop("faceloop backup")),
    "a newer format": lambda file: changed(file, lambda a: a.update({"faceloop backup": 99})),
    "half of it": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "text": lambda file: file.write_bytes(b"no zip"),
    "nothing": lambda file: file.write_bytes(b""),
    "no file": lambda file: file.unlink(),
}


class TestHostile:
    @pytest.mark.parametrize("what", HOSTILE)
    def test_is_refused_and_leaves_nothing(self, what: str, sound: bytes, tmp_path: Path) -> None:
        (tmp_path / "b.zip").write_bytes(sound)
        HOSTILE[what](tmp_path / "b.zip")
        before = files(tmp_path)
        with pytest.raises(InputError, match=r"b\.zip"):
            restore(tmp_path / "b.zip", tmp_path / "made")
        assert files(tmp_path) == before
        assert not Path("/faceloop-evil").exists()

    def test_a_newer_project_names_both_versions(self, tmp_path: Path) -> None:
        Project.create(tmp_path / "p").close()
        connection = sqlite3.connect(tmp_path / "p" / "project.db")
        with connection:
            connection.execute("UPDATE schema_version SET version = 99")
        connection.close()
        back_up(tmp_path / "p", tmp_path / "b.zip")
        with pytest.raises(ProjectError, match=r"version 99, this faceloop knows up to version \d"):
            restore(tmp_path / "b.zip", tmp_path / "made")
        assert not (tmp_path / "made").exists()

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @example(where=0.001953125, byte=2)  # members before the file's beginning
    @given(where=st.floats(0, 1, exclude_max=True), byte=st.integers(1, 255))
    def test_every_changed_byte_is_noticed(
        self, sound: bytes, tmp_path: Path, where: float, byte: int
    ) -> None:
        content = bytearray(sound)
        # Mostly in the directories at the end, whose bytes say how the rest is to be read.
        position = int(where * len(content)) if byte % 2 else len(content) - 1 - int(where * 1200)
        content[position] ^= byte
        (tmp_path / "b.zip").write_bytes(content)
        try:
            backup = verify_bundle(tmp_path / "b.zip")
        except FaceloopError:
            return
        # Times, attributes and comments of zip entries mean nothing here.
        (tmp_path / "b.zip").write_bytes(sound)
        assert backup.members == verify_bundle(tmp_path / "b.zip").members
