"""What is erased is gone from every byte of every file of the project, and nothing else is."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert, select
from tests.projects import make

from faceloop_datasets import Annotation, InputError, PointState, Project, ProjectError
from faceloop_datasets.care import (
    back_up,
    erase,
    find_erasure_target,
    list_backups,
    plan_erasure,
    restore,
)
from faceloop_datasets.care.backup import FOLDER, back_up_before
from faceloop_datasets.sample import sample_faces
from faceloop_datasets.store.direct import complaints, direct
from faceloop_datasets.store.tables import (
    ApprovalRow,
    BlindAnnotationRow,
    RemovalRow,
    RoundItemRow,
    RoundRow,
)

GONE, STAYS = "sample-id001", "sample-id000"  # the first 8 faces are 4 of each


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("erasure") / "project"
    with filled(folder):
        return folder


@pytest.fixture
def project(template: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Faces of two people with history, queue and backups with and without pictures."""
    shutil.copytree(template, tmp_path / "project")
    with Project.open(tmp_path / "project") as copy:
        yield copy


@contextmanager
def filled(folder: Path) -> Iterator[Project]:
    """Make that project, and hand it over before its journal is taken in."""
    with Project.create(folder) as made:
        faces = list(islice(sample_faces(), 8))
        made.import_entries("sample", faces[:6], scheme="face70", copy=True)
        made.import_entries("sample", faces, scheme="face70", copy=True)  # backs up before
        for number, item in enumerate(made.items()):
            head = made.annotation(item.id)
            assert head is not None
            for shift in (0.123, 0.456):
                points = head.annotation.points + shift + number / 7
                states = head.annotation.states.copy()
                states[3] = PointState.MISSING
                head = made.save(item.id, Annotation("face70", points, states), head.id)
            made.queue.add(item.id, "poor-fit", fit=np.nan_to_num(points, nan=number + 0.3) * 1.01)
            note = f"The nose of this one, the {number}th, is beside the face."
            made.queue.add(item.id, "label-check", note=note, points=(3, number))
            made.set_expression([item.id], f"squinting at {item.name}")
            made.set_expression([item.id], f"glad of {item.name}")
        hold_a_round(made)
        back_up_before(made.path, made.path / "project.db", "import")
        back_up(made.path, made.path / FOLDER / "mine.zip", with_media=True)
        yield made


def hold_a_round(project: Project) -> None:
    """Annotate every face blind, take each out, and say of each that its points are right."""
    with project._database.write() as connection:
        connection.execute(insert(RoundRow).values(name="r", settings="", author="", created=""))
        for item in project.items():
            points = np.full((70, 2), item.id * 0.789) + np.arange(140).reshape(70, 2)
            row = {"item_id": item.id, "author": "bert", "created": ""}
            face = {**row, "round_id": 1, "points": points.tobytes(), "states": bytes(70)}
            connection.execute(insert(RoundItemRow).values(round_id=1, item_id=item.id))
            connection.execute(insert(BlindAnnotationRow).values(face))
            connection.execute(insert(RemovalRow).values({**row, "removed": 1}))
            approval = {**row, "revision_id": item.head, "points": b""}
            connection.execute(insert(ApprovalRow).values(approval))


def blind_points(project: Project, item: int) -> list[np.ndarray]:
    with project._database.read() as connection:
        query = select(BlindAnnotationRow.points).where(BlindAnnotationRow.item_id == item)
        return [np.frombuffer(blob).reshape(-1, 2) for blob in connection.scalars(query)]


def needles(project: Project, items: Iterable[int]) -> dict[str, set[bytes]]:
    """Everything that must not be found: texts, every single stored point, pieces of pictures."""
    found: dict[str, set[bytes]] = {"texts": set(), "points": set(), "pictures": set()}
    for number in items:
        item = project.item(number)
        found["texts"] |= {item.name.encode(), item.subject.encode()}
        found["texts"] |= {s.label.encode() for s in project.expression_history(number)}
        entry = project.queue.of_item(number)
        found["texts"] |= (
            {why.note.encode() for why in entry.reasons if why.note} if entry else set()
        )
        arrays = [r.annotation.points for r in project.history(number)]
        arrays += [e.fit.points for e in project.queue.list(None) if e.item_id == number and e.fit]
        arrays += blind_points(project, number)
        for points in arrays:
            known = points[np.isfinite(points).all(axis=1)]
            found["points"] |= {point.astype("<f8").tobytes() for point in known}
        media = project.item_media(item)
        assert media is not None
        found["texts"] |= {media.sha256.encode(), media.name.encode()}
        pixels = project.resolve(media).read_bytes()
        found["pictures"] |= {pixels[k : k + 64] for k in range(1000, len(pixels) - 64, 1000)}
    return found


def present(folder: Path, wanted: set[bytes]) -> set[bytes]:
    """Those of equal length pieces that are in any file, or in the name of one."""
    left: set[bytes] = set()
    names = "\n".join(str(path.relative_to(folder)) for path in folder.rglob("*")).encode()
    contents = [names, *(path.read_bytes() for path in folder.rglob("*") if path.is_file())]
    for content in contents:
        left |= {needle for needle in wanted - left if needle in content}
    return left


def some(pieces: set[bytes]) -> set[bytes]:
    """A tenth of them, where only the way there is another."""
    return set(sorted(pieces)[::10])


def erased(project: Path, **which: object) -> object:
    target = find_erasure_target(project, **which)  # type: ignore[arg-type]
    return erase(project, plan_erasure(project, target))


def of(project: Project, subject: str) -> list[int]:
    return [item.id for item in project.items() if item.subject == subject]


def state(project: Project, items: Iterable[int]) -> list[object]:
    """Everything that a project holds of some items."""
    entries = {entry.item_id: (entry.id, entry.reasons) for entry in project.queue.list(None)}
    found: list[object] = []
    for number in items:
        media = project.item_media(project.item(number))
        assert media is not None
        content = project.resolve(media).read_bytes()
        history = [(r.id, r.based_on, r.annotation, r.created) for r in project.history(number)]
        said = project.expression_history(number)
        found += [project.item(number), entries[number], content, history, said]
    return found


class TestProof:
    @pytest.fixture
    def project(self, tmp_path: Path) -> Iterator[Project]:
        """What is in the journal still has to go too."""
        with filled(tmp_path / "project") as made:
            yield made

    def test_a_subject_is_gone_from_every_byte(self, project: Project) -> None:
        stays, wanted = of(project, STAYS), needles(project, of(project, GONE))
        others = needles(project, stays)
        wanted = {kind: wanted[kind] - others[kind] for kind in wanted}
        before = state(project, stays)
        for kind, pieces in wanted.items():
            assert present(project.path, pieces) == pieces, kind
        done = erased(project.path, subject=GONE)
        for kind, pieces in wanted.items():
            assert present(project.path, pieces) == set(), kind
        assert (len(done.items), done.revisions, done.entries) == (4, 12, 4)
        assert (len(done.files), len(done.backups), done.left) == (4, 3, ())
        assert done.searched[0] >= 4
        assert state(project, stays) == before
        assert len(wanted["points"]) > 4 * 3 * 69

    def test_what_trainings_keep_of_faces_goes_too(self, project: Project) -> None:
        kept = project.path / "cache" / "faces" / "0123.bin"
        kept.parent.mkdir(parents=True)
        kept.write_bytes(b"a reduced picture, which no piece of the photograph is found in")
        erased(project.path, subject=GONE)
        assert not (project.path / "cache").exists()

    def test_reports_that_may_show_it_go_too(self, project: Project) -> None:
        page = project.path / "reports" / "model" / "report.html"
        page.parent.mkdir(parents=True)
        page.write_bytes(b"a picture, encoded anew, and a name that no search finds: A &amp; B")
        planned = plan_erasure(project.path, find_erasure_target(project.path, subject=GONE))
        assert planned.reports == (page.parent,)
        assert page.is_file()
        assert erase(project.path, planned).left == ()
        assert not page.parent.parent.exists()

    def test_one_face_leaves_the_others_of_its_subject(self, project: Project) -> None:
        first, *rest = of(project, GONE)
        stays = [*of(project, STAYS), *rest]
        wanted, others = needles(project, [first]), needles(project, stays)
        before = state(project, stays)
        assert erased(project.path, item=first).left == ()
        for kind, pieces in wanted.items():
            assert present(project.path, pieces - others[kind]) == set(), kind
        assert state(project, stays) == before

    def test_the_project_and_its_backups_are_sound(self, project: Project, tmp_path: Path) -> None:
        erased(project.path, subject=GONE)
        with direct(project.path / "project.db", read_only=True) as connection:
            assert complaints(connection) == []
        mine = project.path / FOLDER / "mine.zip"
        for number, file in enumerate(list_backups(project.path)):
            with Project.open(restore(file, tmp_path / str(number)).path) as again:
                assert {item.subject for item in again.items()} == {STAYS}
        assert mine in list_backups(project.path)
        with (
            pytest.raises(ProjectError, match="never changed or deleted"),
            project._database.write() as connection,
        ):
            connection.exec_driver_sql("DELETE FROM revisions")

    def test_what_was_replaced_before_and_not_overwritten(self, project: Project) -> None:
        """A fit that was renewed is still in a free part of its page, unless SQLite wipes it."""
        gone = of(project, GONE)
        fits = [e.fit.points for e in project.queue.list(None) if e.fit and e.item_id in gone]
        connection = sqlite3.connect(project.path / "project.db", isolation_level=None)
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for number in gone:
            connection.execute("UPDATE queue SET points = NULL WHERE item_id = ?", [number])
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        for file in list_backups(project.path):
            file.unlink()
        left = present(project.path, {point.tobytes() for fit in fits for point in fit})
        assert left
        erased(project.path, subject=GONE)
        assert present(project.path, left) == set()

    def test_what_others_wrote_about_it_is_found_and_said(self, project: Project) -> None:
        project.queue.add(of(project, STAYS)[0], "manual", note=f"taller than {GONE}")
        (line,) = erased(project.path, subject=GONE).left
        assert line == f"the text {GONE!r} in project.db"


class TestPictures:
    def test_one_that_others_need_stays(self, project: Project) -> None:
        first = project.item(of(project, GONE)[0])
        media = project.item_media(first)
        assert media is not None
        beside = project.add_item(media, name="beside", subject="somebody else")
        done = erased(project.path, item=first.id)
        assert (done.files, done.shared) == ((), (media.path,))
        assert project.resolve(media).is_file()
        assert project.item_media(beside) == media

    def test_a_second_copy_goes_too_and_originals_stay(
        self, project: Project, tmp_path: Path
    ) -> None:
        item = project.item(of(project, GONE)[0])
        media = project.item_media(item)
        assert media is not None
        original = tmp_path / "original.jpg"
        shutil.copyfile(project.resolve(media), original)
        copy = project.path / "media" / "other" / "copy.jpg"
        copy.parent.mkdir()
        shutil.copyfile(original, copy)
        (project.path / "media" / "link.jpg").symlink_to(original)
        assert len(erased(project.path, item=item.id).files) == 2
        assert not copy.exists()
        assert original.is_file()

    def test_a_path_of_a_strange_database_leads_nowhere(
        self, project: Project, tmp_path: Path
    ) -> None:
        precious = tmp_path / "precious"
        item = project.item(of(project, GONE)[0])
        media = project.item_media(item)
        assert media is not None
        shutil.copyfile(project.resolve(media), precious)
        with sqlite3.connect(project.path / "project.db") as connection:
            connection.execute("UPDATE media SET path = 'media/../../precious'")
        connection.close()
        erased(project.path, item=item.id)
        assert precious.is_file()


class TestOpenElsewhere:
    def test_a_window_that_shows_it_is_told_and_harms_nobody(self, project: Project) -> None:
        """The window's project stays open; it saves what it still shows."""
        number = of(project, GONE)[-1]
        head = project.annotation(number)
        assert head is not None
        erased(project.path, subject=GONE)
        new = project.add_item(None, name="new", subject="new")
        assert new.id > number
        for attempt in (
            lambda: project.save(number, head.annotation, head.id),
            lambda: project.annotation(number),
            lambda: project.queue.add(number, "manual"),
        ):
            with pytest.raises(ProjectError, match=f"no item {number} in this project"):
                attempt()
        assert project.history(new.id) == []

    def test_a_reader_keeps_old_pages_until_it_ends(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("faceloop_datasets.store.direct.BUSY_MS", 50)
        points = some(needles(project, of(project, GONE))["points"])
        with project._database.read() as connection:
            connection.exec_driver_sql("SELECT * FROM items").fetchall()
            with pytest.raises(ProjectError, match="Close that program, then open the project"):
                erased(project.path, subject=GONE)
            assert present(project.path, points)
            Project.open(project.path).close()  # it still reads
            assert present(project.path, points)
        Project.open(project.path).close()
        assert not present(project.path, points)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no way to kill a process so hard")
class TestKilled:
    def kill(self, project: Path, where: str) -> None:
        code = _KILLED.format(where=where)
        killed = subprocess.run([sys.executable, "-c", code, str(project), GONE], check=False)
        assert killed.returncode == -signal.SIGKILL

    def test_before_the_old_pages_opening_does_the_rest(self, project: Project) -> None:
        points = some(needles(project, of(project, GONE))["points"])
        project.close()
        self.kill(project.path, "erasing.write_anew")
        with Project.open(project.path) as again:
            assert of(again, GONE) == []
        assert not present(project.path, points)

    @pytest.mark.parametrize("where", ["erasing.delete_rows", "write_bundle"])
    def test_before_the_end_the_same_again_does_it(self, project: Project, where: str) -> None:
        wanted = needles(project, of(project, GONE))
        project.close()
        self.kill(project.path, where)
        assert erased(project.path, subject=GONE).left == ()
        for pieces in (wanted["points"], wanted["pictures"]):
            assert not present(project.path, some(pieces))


_KILLED = """
import os, pathlib, signal, sys
from faceloop_datasets.care import erasure
erasure.{where} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
root = pathlib.Path(sys.argv[1])
target = erasure.find_erasure_target(root, subject=sys.argv[2])
erasure.erase(root, erasure.plan_erasure(root, target))
"""


class TestTrouble:
    def test_whom(self, project: Project) -> None:
        with pytest.raises(ProjectError, match=r"subject 'sample-id01'\. Did you mean 'sample-id0"):
            find_erasure_target(project.path, subject="sample-id01")
        with pytest.raises(ProjectError, match="no item 99"):
            find_erasure_target(project.path, item=99)

    def test_a_damaged_backup_is_said_before_anything_is_erased(self, project: Project) -> None:
        damaged = project.path / FOLDER / "mine.zip"
        damaged.write_bytes(damaged.read_bytes()[:5000])
        before = state(project, of(project, GONE))
        with pytest.raises(InputError, match=r"mine\.zip .* is damaged"):
            erased(project.path, subject=GONE)
        assert state(project, of(project, GONE)) == before

    def test_a_backup_of_another_project(self, project: Project, tmp_path: Path) -> None:
        """One item is known by number, name and subject; a subject by its name alone."""
        with Project.create(tmp_path / "other") as other:
            for _ in range(8):
                other.add_item(None, name="another", subject=GONE)
        file = back_up(tmp_path / "other", project.path / FOLDER / "other.zip").backup.file
        before = file.read_bytes()
        erased(project.path, item=of(project, GONE)[0])
        assert file.read_bytes() == before
        erased(project.path, subject=GONE)
        with Project.open(restore(file, tmp_path / "again").path) as again:
            assert again.items() == []

    @pytest.mark.parametrize("version", ["v1", "v2"])
    def test_a_backup_with_tables_of_an_older_version(
        self, project: Project, tmp_path: Path, version: str
    ) -> None:
        old = tmp_path / "old"
        old.mkdir()
        shutil.copyfile(make.HERE / f"{version}.db", old / "project.db")
        with direct(old / "project.db") as connection:
            (entries,) = connection.execute("SELECT count(*) FROM queue").fetchone()
            connection.execute("UPDATE items SET subject = ?", [GONE])
        assert entries == 2
        file = back_up(old, project.path / FOLDER / "old.zip").backup.file
        assert erased(project.path, subject=GONE).left == ()
        with Project.open(restore(file, tmp_path / "again").path) as again:
            assert again.items() == []
            assert again.queue.list(None) == []

    @pytest.mark.parametrize("single", [False, True])
    def test_a_backup_of_the_time_when_it_was_called_otherwise(
        self, project: Project, single: bool
    ) -> None:
        """Subjects are set and merged; the faces of older backups are the same all the same."""
        going = of(project, GONE)
        texts = {project.item(k).name.encode() for k in going[:1] if single} or {GONE.encode()}
        project.set_subject(going, "anna")
        if single:
            erased(project.path, item=going[0])
        else:
            done = erased(project.path, subject="anna")
            assert (done.numbers, done.sources, done.kind) == (tuple(going), ("person",), "person")
        assert present(project.path, texts) == set()
        for file in (project.path / FOLDER).glob("*.zip"):
            with Project.open(restore(file, project.path.parent / file.stem).path) as again:
                assert {i.id for i in again.items()}.isdisjoint(going[:1] if single else going)

    def test_only_a_backup_has_it_still(self, project: Project) -> None:
        keep = (project.path / FOLDER / "mine.zip").read_bytes()
        erased(project.path, subject=GONE)
        (project.path / FOLDER / "mine.zip").write_bytes(keep)
        done = erased(project.path, subject=GONE)
        assert (done.items, len(done.backups)) == ((), 1)
        assert present(project.path, {GONE.encode()}) == set()
