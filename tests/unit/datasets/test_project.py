"""A project keeps what was saved, all of it, and says clearly what it cannot do."""

from __future__ import annotations

import inspect
import os
import sqlite3
import sys
import threading
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sqlalchemy import text

from faceloop_datasets import (
    Annotation,
    InputError,
    PointState,
    Project,
    ProjectError,
    Revision,
    RevisionConflict,
    Scheme,
    write_video,
)
from faceloop_datasets.care.erasure import find_erasure_target
from faceloop_datasets.face import snapshot_hash
from faceloop_datasets.store import database
from faceloop_datasets.store.direct import direct

N = 70


def annotation(seed: int = 0, source: str = "manual") -> Annotation:
    rng = np.random.default_rng(seed)
    return Annotation("face70", rng.uniform(0, 400, (N, 2)), rng.integers(0, 4, N), source)


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (40, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    cv2.imwrite(str(path), pixels)
    return path


@pytest.fixture
def project(tmp_path: Path):  # type: ignore[no-untyped-def]
    with Project.create(tmp_path / "project") as made:
        yield made


class TestOpening:
    def test_a_new_project_opens_with_its_scheme(self, tmp_path: Path) -> None:
        Project.create(tmp_path / "mine", scheme="ibug68").close()
        with Project.open(tmp_path / "mine") as project:
            assert project.scheme == Scheme.load("ibug68")
            assert project.name == "mine"
            assert (project.items(), project.faces(), project.models()) == ([], [], [])
        with Project.open(project.address) as same:
            assert same.scheme.name == "ibug68"

    def test_a_scheme_of_ones_own_travels_with_the_project(self, tmp_path: Path) -> None:
        own = tmp_path / "own.toml"
        own.write_text(Scheme.load("face70").to_toml().replace('name = "face70"', 'name = "own"'))
        Project.create(tmp_path / "p", scheme=own).close()
        own.unlink()
        with Project.open(tmp_path / "p") as project:
            assert (project.scheme.name, len(project.scheme)) == ("own", N)

    def test_durability_settings(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # The other tests do not wait for the disk (tests/conftest.py).
        monkeypatch.setattr(database, "_configure", inspect.unwrap(database._configure))
        with (
            Project.create(tmp_path / "p") as project,
            project._database.read() as connection,
        ):
            found = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            }
        assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}

    def test_what_is_no_project(self, tmp_path: Path) -> None:
        with pytest.raises(ProjectError, match="is no project"):
            Project.open(tmp_path)
        (tmp_path / "project.db").touch()  # what a kill during creation leaves
        with pytest.raises(ProjectError, match="is no project"):
            Project.open(tmp_path)
        Project.create(tmp_path).close()
        with pytest.raises(ProjectError, match="is a project already"):
            Project.create(tmp_path)

    def test_damaged_database(self, tmp_path: Path) -> None:
        (tmp_path / "project.db").write_bytes(b"no database" * 1000)
        with pytest.raises(ProjectError, match="not a project database, or is damaged"):
            Project.open(tmp_path)

    @pytest.mark.parametrize("name", ["100%20 of it", "#2 & more", "who?", "é: e\u0301; 漢"])
    def test_any_name_of_a_folder(self, name: str, tmp_path: Path) -> None:
        if os.name == "nt" and set(name) & set(":?"):
            pytest.skip("no folder has such a name there")
        with Project.create(tmp_path / name, scheme="face70") as made:
            made.add_item(None)
        with Project.open(tmp_path / name) as again:
            assert len(again.items()) == 1
        with direct(tmp_path / name / "project.db", read_only=True) as connection:
            assert connection.execute("SELECT count(*) FROM items").fetchone() == (1,)
        assert [folder.name for folder in tmp_path.iterdir()] == [name]

    @pytest.mark.parametrize(
        ("file", "uri"),
        [
            (PurePosixPath("/a b/c?d.db"), "file:///a%20b/c%3Fd.db"),
            (PureWindowsPath(r"C:\a b\c.db"), "file:///C:/a%20b/c.db"),
            # SQLite takes no host; a path that begins with two slashes is one for Windows
            (PureWindowsPath(r"\\host\share\c.db"), "file:////host/share/c.db"),
        ],
    )
    def test_addresses_of_files(self, file: PurePath, uri: str) -> None:
        assert database.file_uri(file) == uri

    def test_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ProjectError, match="cannot be made"):
            Project.create(tmp_path / "file" / "project")

    def test_address_that_is_no_database(self, tmp_path: Path) -> None:
        for nonsense in ("sqlite:///x.db", "nonsense://somewhere", "postgresql://[::/faces"):
            with pytest.raises(ProjectError, match="no address of a database on a server"):
                Project.open(nonsense, folder=tmp_path)

    def test_a_server_without_what_speaks_with_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(ProjectError, match=r"pip install 'faceloop\[postgresql\]'"):
            Project.open("postgresql://kim@localhost/faces", folder=tmp_path)


class TestRevisions:
    @settings(
        max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        points=arrays(
            np.float64, (N, 2), elements=st.floats(allow_nan=False, allow_infinity=False)
        ),
        states=arrays(np.uint8, N, elements=st.integers(0, 3)),
    )
    def test_points_come_back_exactly(
        self, project: Project, points: np.ndarray, states: np.ndarray
    ) -> None:
        item = project.add_item(None)
        saved = project.save(item.id, Annotation("face70", points, states), None)
        again = project.annotation(item.id)
        assert again == saved
        assert again is not None
        assert again.annotation.points.tobytes() == saved.annotation.points.tobytes()
        kept = Annotation("face70", points, states)
        assert again.annotation == kept

    def test_what_was_done_and_what_drags_start_from_come_back(self, project: Project) -> None:
        item = project.add_item(None)
        start = np.random.default_rng(0).normal(size=(N, 2))
        start[3] = np.nan
        saved = project.save(item.id, annotation(), None, action="Move chin", start=start)
        plain = project.save(item.id, annotation(), saved.id)
        assert saved.start is not None
        assert saved.start.tobytes() == start.tobytes()
        assert project.history(item.id) == [replace(saved, is_head=False), plain]
        assert [(r.action, r.start is None) for r in project.history(item.id)] == [
            ("Move chin", False),
            ("", True),
        ]

    def test_every_save_adds_and_the_last_counts(self, project: Project) -> None:
        item = project.add_item(None, name="face", subject="someone")
        assert project.annotation(item.id) is None
        first = project.save(item.id, annotation(1), None, "ann")
        second = project.save(item.id, annotation(2), first.id, "bob")
        history = project.history(item.id)
        assert [(r.author, r.is_head, r.based_on) for r in history] == [
            ("ann", False, None),
            ("bob", True, first.id),
        ]
        assert history[0].annotation == annotation(1)
        assert project.annotation(item.id) == second
        assert history[0].created <= history[1].created
        assert history[0].created.tzinfo is not None

    def test_conflict_keeps_both(self, project: Project) -> None:
        item = project.add_item(None)
        base = project.save(item.id, annotation(1), None)
        theirs = project.save(item.id, annotation(2), base.id, "ann")
        with pytest.raises(RevisionConflict, match=f"revision is now {theirs.id}"):
            project.save(item.id, annotation(3), base.id, "bob")
        with pytest.raises(RevisionConflict):
            project.save(item.id, annotation(4), None, "cho")
        assert project.annotation(item.id) == theirs
        kept = project.history(item.id)
        assert [r.annotation for r in kept] == [annotation(s) for s in (1, 2, 3, 4)]
        assert [r.is_head for r in kept] == [False, True, False, False]
        project.save(item.id, kept[2].annotation, theirs.id)  # bob looks, and saves again
        assert project.history(item.id)[-1].is_head

    def test_of_many_savers_at_once_one_wins_and_none_loses(self, project: Project) -> None:
        item = project.add_item(None)
        outcomes: list[str] = []

        def save(seed: int) -> None:
            with Project.open(project.path) as mine:
                try:
                    mine.save(item.id, annotation(seed), None)
                    outcomes.append("saved")
                except RevisionConflict:
                    outcomes.append("conflict")

        threads = [threading.Thread(target=save, args=(s,)) for s in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["conflict"] * 5 + ["saved"]
        history = project.history(item.id)
        assert len(history) == 6
        assert sum(r.is_head for r in history) == 1

    @pytest.mark.parametrize("sql", ["UPDATE revisions SET author='x'", "DELETE FROM revisions"])
    def test_the_database_itself_refuses_changes(self, project: Project, sql: str) -> None:
        item = project.add_item(None)
        project.save(item.id, annotation(), None)
        with (
            sqlite3.connect(project.path / "project.db") as raw,
            pytest.raises(sqlite3.IntegrityError, match="append-only"),
        ):
            raw.execute(sql)
        raw.close()
        with pytest.raises(ProjectError, match="never changed"), project._database.write() as c:
            c.execute(text(sql))
        assert len(project.history(item.id)) == 1

    def test_what_does_not_belong(self, project: Project) -> None:
        item, other = project.add_item(None), project.add_item(None)
        foreign = project.save(other.id, annotation(), None)
        with pytest.raises(ProjectError, match="no revision"):
            project.save(item.id, annotation(), foreign.id)
        with pytest.raises(ProjectError, match="no item 99"):
            project.save(99, annotation(), None)
        with pytest.raises(ProjectError, match=r"no item 9{30}"):
            project.item(int("9" * 30))
        for look in (project.queue.done, project.queue.skip):
            with pytest.raises(ProjectError, match="larger than any"):
                look(int("9" * 30))
        with pytest.raises(ProjectError, match="larger than any"):
            find_erasure_target(project.path, item=int("9" * 30))
        with pytest.raises(ProjectError, match="got one of ibug68 with 68"):
            project.save(item.id, Annotation("ibug68", np.zeros((68, 2)), np.zeros(68)), None)
        with pytest.raises(ProjectError, match="70 points"):
            project.save(item.id, annotation(), None, start=np.zeros((68, 2)))
        with pytest.raises(ProjectError, match="finite"):
            project.save(item.id, annotation(), None, start=np.full((70, 2), np.inf))
        assert project.history(item.id) == []


class TestTrouble:
    """A database that cannot be written is a clear error, and loses nothing."""

    def test_full_disk(self, project: Project) -> None:
        item = project.add_item(None)
        saved = project.save(item.id, annotation(1), None)
        with project._database.read() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

        def save_on(last: Revision) -> None:
            while True:
                saves.append(project.save(item.id, annotation(2), last.id))
                last = saves[-1]

        saves = [saved]
        with pytest.raises(ProjectError, match=r"disk is full\. What was saved before is safe"):
            save_on(saved)
        with Project.open(project.path) as again:
            assert again.annotation(item.id) == saves[-1]
            assert len(again.history(item.id)) == len(saves)

    def test_locked(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("faceloop_datasets.store.database.BUSY_MS", 50)
        item = project.add_item(None)
        with sqlite3.connect(project.path / "project.db") as other:
            other.execute("BEGIN IMMEDIATE")
            with Project.open(project.path) as mine:
                assert mine.item(item.id) == item  # readers go on
                with pytest.raises(ProjectError, match="another program is writing"):
                    mine.save(item.id, annotation(), None)
            other.rollback()
        other.close()
        project.save(item.id, annotation(), None)

    def test_not_writable(self, project: Project) -> None:
        item = project.add_item(None)
        project.close()
        file = project.path / "project.db"
        file.chmod(0o444)
        project.path.chmod(0o555)
        try:
            if os.access(file, os.W_OK):
                pytest.skip("to root everything can be written; tests/faults has a whole drive")
            with pytest.raises(ProjectError, match="cannot be written"):
                project.save(item.id, annotation(), None)
        finally:
            project.path.chmod(0o755)


class TestMedia:
    def test_content_is_known_once(self, project: Project, tmp_path: Path) -> None:
        first = project.add_media(picture(tmp_path / "a.png"))
        again = project.add_media(picture(tmp_path / "copy" / "b.png"))
        other = project.add_media(picture(tmp_path / "c.png", seed=1))
        assert first == again
        assert other.id != first.id
        assert (first.kind, first.width, first.height, first.frames) == ("image", 40, 30, 1)
        assert first.path == "../a.png"
        assert project.resolve(first) == tmp_path / "a.png"
        assert project.media() == [first, other]

    def test_copied_media_live_in_the_project(self, project: Project, tmp_path: Path) -> None:
        one = project.add_media(picture(tmp_path / "a.png"), copy=True)
        two = project.add_media(picture(tmp_path / "other" / "a.png", seed=1), copy=True)
        assert project.resolve(one) == project.path / "media" / "a.png"
        assert project.resolve(two) != project.resolve(one)
        assert len(list((project.path / "media").iterdir())) == 2
        project.close()
        project.path.rename(tmp_path / "renamed")
        (tmp_path / "a.png").unlink()
        with Project.open(tmp_path / "renamed") as moved:
            assert moved.resolve(moved.media()[0]).is_file()

    def test_project_alone_moves(self, project: Project, tmp_path: Path) -> None:
        picture(tmp_path / "a.png")
        media = project.add_media(tmp_path / "a.png")
        assert media.resolve(tmp_path / "deeper" / "still") == tmp_path / "a.png"

    def test_moved_file_is_found_again(self, project: Project, tmp_path: Path) -> None:
        media = project.add_media(picture(tmp_path / "a.png"))
        (tmp_path / "far").mkdir()
        picture(tmp_path / "far" / "decoy.png", seed=3)
        (tmp_path / "a.png").rename(tmp_path / "far" / "new name.png")
        with pytest.raises(InputError, match=r"a\.png is missing. If it has moved, relink"):
            project.resolve(media)
        assert [m.id for m in project.relink(tmp_path / "far")] == [media.id]
        assert project.resolve(project.media()[0]) == tmp_path / "far" / "new name.png"
        assert project.relink(tmp_path / "far") == []

    def test_changed_file_is_not_taken_for_the_old_one(
        self, project: Project, tmp_path: Path
    ) -> None:
        media = project.add_media(picture(tmp_path / "a.png"))
        picture(tmp_path / "a.png", size=(50, 50))
        with pytest.raises(InputError, match="not the file that was annotated"):
            project.resolve(media)

    def test_what_is_no_media(self, project: Project, tmp_path: Path) -> None:
        (tmp_path / "text.jpg").write_text("text")
        (tmp_path / "text.mp4").write_text("text")
        for name in ("text.jpg", "text.mp4", "absent.png"):
            with pytest.raises(InputError, match=name):
                project.add_media(tmp_path / name)
        assert project.media() == []


class TestItemsAndFaces:
    def test_faces_read_images_and_video_frames(self, project: Project, tmp_path: Path) -> None:
        frames = [np.full((32, 48, 3), 40 * i, np.uint8) for i in range(5)]
        write_video(tmp_path / "v.mp4", frames, 25)
        still = project.add_media(picture(tmp_path / "a.png"))
        video = project.add_media(tmp_path / "v.mp4")
        assert (video.kind, video.frames) == ("video", 5)
        ids = [
            project.add_item(still, subject="ann").id,
            project.add_item(video, 3).id,
            project.add_item(None, name="shape").id,
        ]
        for item_id in ids:
            project.save(item_id, annotation(item_id), None)
        unlabelled = project.add_item(video, 4)
        only_fit = project.add_item(video, 2)
        guess = Annotation("face70", np.zeros((N, 2)), np.full(N, PointState.ESTIMATED), "fit:m")
        project.save(only_fit.id, guess, None)
        faces = project.faces()
        assert [f.item_id for f in faces] == ids
        assert [f.subject for f in faces] == ["ann", "v.mp4", "shape"]
        assert [f.has_image for f in faces] == [True, True, False]
        assert faces[0].read_gray().shape == (30, 40)
        assert faces[0].read_rgb().shape == (30, 40, 3)
        assert abs(float(faces[1].read_gray().mean()) - 120) < 3
        assert faces[1].read_rgb().shape == (32, 48, 3)
        with pytest.raises(InputError, match="no picture"):
            faces[2].read_gray()
        assert project.item(unlabelled.id).name == "v.mp4#4"
        assert project.item_media(project.item(ids[1])) == video
        assert project.item_media(project.item(ids[2])) is None

    def test_items_of_one_medium_and_of_one_frame(self, project: Project, tmp_path: Path) -> None:
        pixels = (np.full((20, 30, 3), k, np.uint8) for k in range(4))
        write_video(tmp_path / "v.mp4", pixels, 25)
        video = project.add_media(tmp_path / "v.mp4")
        image = project.add_media(picture(tmp_path / "a.png"))
        frames = [2, 0, 2, 3]
        made = []
        for number, frame in enumerate(frames):  # between others
            made.append(project.add_item(video, frame))
            project.add_item(image if number % 2 else None)
        for medium in (video, image):
            of_all = [item for item in project.items() if item.media_id == medium.id]
            assert project.items_of(medium.id) == of_all
        for frame in range(4):
            assert project.items_of(video.id, frame) == [m for m in made if m.frame == frame]
        assert len(project.items_of(image.id)) == 2
        assert project.items_of(image.id, 0) == project.items_of(99) == []

    def test_items_of_one_medium_are_found_without_looking_at_all(self, project: Project) -> None:
        with project._database.read() as connection:
            query = "SELECT * FROM items WHERE media_id = 1 AND frame = 2"
            (plan,) = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
        assert plan.detail.startswith("SEARCH items USING INDEX")

    def test_frame_numbers_are_checked(self, project: Project, tmp_path: Path) -> None:
        write_video(tmp_path / "v.mp4", [np.zeros((32, 48, 3), np.uint8)] * 3, 25)
        video = project.add_media(tmp_path / "v.mp4")
        still = project.add_media(picture(tmp_path / "a.png"))
        for frame in (None, 3, -1):
            with pytest.raises(ProjectError, match=r"Expected a frame 0\.\.2"):
                project.add_item(video, frame)
        with pytest.raises(ProjectError, match="no video"):
            project.add_item(still, 0)

    def test_a_lost_picture_is_a_clear_error_of_that_face(
        self, project: Project, tmp_path: Path
    ) -> None:
        item = project.add_item(project.add_media(picture(tmp_path / "a.png")))
        project.save(item.id, annotation(), None)
        (tmp_path / "a.png").unlink()
        with pytest.raises(InputError, match=r"a\.png"):
            project.faces()[0].read_gray()

    def test_snapshot_is_the_content_and_not_the_numbers(self, tmp_path: Path) -> None:
        hashes = []
        for order in ([1, 2], [2, 1], [1, 3]):
            with Project.create(tmp_path / f"p{len(hashes)}") as project:
                for seed in order:
                    item = project.add_item(None, name=f"n{seed}")
                    project.save(item.id, annotation(seed), None)
                hashes.append(snapshot_hash(project.faces()))
        assert hashes[0] == hashes[1] != hashes[2]

    def test_snapshot_notices_a_state(self, project: Project) -> None:
        item = project.add_item(None)
        seen = project.save(item.id, Annotation("face70", np.ones((N, 2)), np.zeros(N)), None)
        before = snapshot_hash(project.faces())
        states = np.zeros(N)
        states[3] = PointState.OCCLUDED
        project.save(item.id, Annotation("face70", np.ones((N, 2)), states), seen.id)
        assert snapshot_hash(project.faces()) != before


class TestModels:
    def test_a_model_is_registered_then_used(self, project: Project, tmp_path: Path) -> None:
        file = tmp_path / "first.safetensors"
        file.write_bytes(b"weights")
        assert project.active_model is None
        record = project.add_model(file, {"nme": 0.021}, note="a try")
        file.unlink()
        assert project.active_model is None
        assert record.file.read_bytes() == b"weights"
        assert project.use_model("first") == record
        assert project.active_model == record
        assert project.models() == [record]
        assert (record.metrics, record.note) == ({"nme": 0.021}, "a try")

    def test_names_stay_unique_and_files_apart(self, project: Project, tmp_path: Path) -> None:
        file = tmp_path / "m.safetensors"
        records = []
        for content in (b"one", b"two", b"two"):
            file.write_bytes(content)
            records.append(project.add_model(file, {}))
        assert [r.name for r in records] == ["m", "m-2", "m-3"]
        assert [r.file.read_bytes() for r in records] == [b"one", b"two", b"two"]
        assert project.use_model(2).name == "m-2"
        assert project.use_model("2").name == "m-2"

    def test_a_note_is_changed_and_nothing_else(self, project: Project, tmp_path: Path) -> None:
        file = tmp_path / "m.safetensors"
        file.write_bytes(b"weights")
        first, second = (project.add_model(file, {"nme": 0.02}, note="a try") for _ in range(2))
        noted = project.note_model(first.name, "the good one")
        assert noted == replace(first, note="the good one")
        assert project.models() == [noted, second]
        with pytest.raises(ProjectError, match="no model 'x'"):
            project.note_model("x", "lost")
        for none in ("²", "٣", "9" * 30, "9" * 5000, -1, 10**30):
            with pytest.raises(ProjectError, match="There is no model"):
                project.model(none)
        (tmp_path / "1.safetensors").write_bytes(b"others")
        named = project.add_model(tmp_path / "1.safetensors", {})
        assert project.model("1") == named  # a name comes before a number
        assert project.model(1) == noted

    def test_the_starter_can_be_gone_back_to(self, project: Project, tmp_path: Path) -> None:
        file = tmp_path / "m.safetensors"
        file.write_bytes(b"weights")
        project.use_model(project.add_model(file, {}).id)
        for _ in range(2):  # going back twice is no error
            project.use_starter()
            assert project.active_model is None
        assert project.use_model("m") == project.active_model

    def test_half_a_model_is_never_active(self, project: Project, tmp_path: Path) -> None:
        file = tmp_path / "m.safetensors"
        file.write_bytes(b"whole")
        record = project.add_model(file, {})
        record.file.write_bytes(b"wh")
        with pytest.raises(ProjectError, match="missing or has changed"):
            project.use_model("m")
        assert project.active_model is None
        with pytest.raises(ProjectError, match="no model 'x'"):
            project.use_model("x")
        with pytest.raises(ProjectError, match="cannot be copied"):
            project.add_model(tmp_path / "absent", {})

    def test_a_deleted_model_is_gone_and_its_name_with_it(
        self, project: Project, tmp_path: Path
    ) -> None:
        file = tmp_path / "m.safetensors"
        file.write_bytes(b"weights")
        first = project.add_model(file, {})
        file.write_bytes(b"others")
        second = project.add_model(file, {})
        project.use_model(first.id)
        assert project.delete_model("m-2") == len(b"others")
        assert not second.file.exists()
        assert project.models() == [first]
        with pytest.raises(ProjectError, match=r"no model 'm-2' .*It was deleted\. Models: m\."):
            project.delete_model("m-2")
        # Annotations and reports may name it, so no other model gets its name or number.
        third = project.add_model(file, {})
        assert (third.name, third.id) == ("m-3", second.id + 1)

    def test_a_model_whose_file_stays_is_said_in_words(
        self, project: Project, tmp_path: Path
    ) -> None:
        file = tmp_path / "m.safetensors"
        file.write_bytes(b"weights")
        record = project.add_model(file, {})
        record.file.unlink()
        record.file.mkdir()  # no file that can be deleted
        with pytest.raises(ProjectError, match=r"cannot be deleted \([a-z ]+\)\. Delete"):
            project.delete_model("m")

    def test_models_in_use_and_pinned_ones_are_not_deleted(
        self, project: Project, tmp_path: Path
    ) -> None:
        file = tmp_path / "m.safetensors"
        file.write_bytes(b"weights")
        record = project.add_model(file, {})
        project.use_model(record.id)
        with pytest.raises(ProjectError, match="in use and was not deleted"):
            project.delete_model(record.id)
        project.use_starter()
        assert project.pin_model("m") == replace(record, pinned=True)
        with pytest.raises(ProjectError, match="pinned and was not deleted"):
            project.delete_model(record.id)
        assert record.file.is_file()
        assert project.pin_model("m", pinned=False) == record
        project.delete_model(record.id)
        assert (project.models(), record.file.exists()) == ([], False)

    def test_models_of_equal_content_share_a_file_to_the_last(
        self, project: Project, tmp_path: Path
    ) -> None:
        file = tmp_path / "m.safetensors"
        file.write_bytes(b"weights")
        first, second = project.add_model(file, {}), project.add_model(file, {})
        assert first.file == second.file
        assert project.delete_model(first.id) == 0
        assert project.use_model(second.id).file.read_bytes() == b"weights"
        project.use_starter()
        assert project.delete_model(second.id) == len(b"weights")
        assert not second.file.exists()
