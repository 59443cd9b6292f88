"""A project on a PostgreSQL server does what one on SQLite does. Skipped where there is none."""

from __future__ import annotations

import threading
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import text

from faceloop_datasets import (
    Annotation,
    FrameCandidate,
    PointState,
    Project,
    ProjectError,
    QueueReason,
    RevisionConflict,
)
from faceloop_datasets.face import snapshot_hash
from faceloop_datasets.sample import sample_clip, sample_faces
from faceloop_datasets.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Make = Callable[[], Project]

N = 70


@pytest.fixture
def make(postgresql_url: str, tmp_path: Path) -> Iterator[Make]:
    """Make an empty project on the server; call the result to open it, and again for another."""
    database = Database(postgresql_url, "the server")
    with database.write() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    database.close()
    Project.create(postgresql_url, folder=tmp_path / "files").close()
    with pytest.raises(ProjectError, match="is a project already"):
        Project.create(postgresql_url, folder=tmp_path / "files")
    opened: list[Project] = []

    def open_() -> Project:
        opened.append(Project.open(postgresql_url, folder=tmp_path / "files"))
        return opened[-1]

    yield open_
    for project in opened:
        project.close()


def annotation(seed: int) -> Annotation:
    rng = np.random.default_rng(seed)
    return Annotation("face70", rng.uniform(0, 400, (N, 2)), rng.integers(0, 4, N), "manual")


def test_faces_come_in_and_are_the_same_to_the_bit(make: Make) -> None:
    project = make()
    faces = list(islice(sample_faces(), 6))
    report = project.import_entries("sample", faces, scheme="face70", copy=True)
    assert report.new == 6
    again = project.import_entries("sample", faces, scheme="face70", copy=True)
    assert (again.new, again.unchanged) == (0, 6)
    for item, face in zip(make().items(), faces, strict=True):
        revision = project.annotation(item.id)
        assert revision is not None
        assert np.array_equal(revision.annotation.points, face.annotation.points, equal_nan=True)
    assert len(project.faces()) == 6
    assert [row.name for row in project.overview()] == [face.name for face in faces]
    assert len(snapshot_hash(project.faces())) > 20


def test_faces_are_removed_and_brought_back(make: Make) -> None:
    project = make()
    items = [project.add_item(None, name=f"face {k}") for k in range(3)]
    for item in items:
        project.save(item.id, annotation(item.id), None)
        project.queue.add(item.id, "manual")
    first = items[0].id
    assert project.remove([first], "ann") == 1
    other = make()
    there = [item.id for item in items[1:]]
    assert [item.id for item in other.items()] == there
    assert [face.item_id for face in other.faces()] == there
    assert [row.item_id for row in other.overview()] == there
    assert [entry.item_id for entry in other.queue.list()] == there
    assert other.queue.count() == 2
    assert [len(one.items) for one in other.subjects()] == [1, 1]
    assert [row.removed for row in other.overview(with_removed=True)] == [1, 0, 0]
    assert other.bring_back([first], "ben") == 1
    said = [(one.removed, one.author) for one in project.removals(first)]
    assert said == [(True, "ann"), (False, "ben")]
    assert len(project.faces()) == 3
    with pytest.raises(ProjectError, match="larger than any can be"):
        project.remove([2**31])
    with pytest.raises(ProjectError, match="a character that cannot be stored"):
        project.remove([first], "a\0nn")
    with pytest.raises(ProjectError, match="never changed"), project._database.write() as write:
        write.execute(text("DELETE FROM removals"))


def test_revisions_are_never_changed(make: Make) -> None:
    project = make()
    item = project.add_item(None)
    first = project.save(item.id, annotation(1), None)
    second = project.save(item.id, annotation(2), first.id)
    with pytest.raises(RevisionConflict):
        project.save(item.id, annotation(3), first.id)
    assert project.annotation(item.id) == second
    assert [r.annotation for r in project.history(item.id)] == [annotation(s) for s in (1, 2, 3)]
    with (
        pytest.raises(ProjectError, match="never changed"),
        project._database.write() as connection,
    ):
        connection.execute(text("UPDATE revisions SET author = 'x'"))


def test_the_queue(make: Make) -> None:
    project = make()
    items = [project.add_item(None) for _ in range(5)]
    fit = np.random.default_rng(0).uniform(0, 9, (N, 2))
    for number, item in enumerate(items):
        project.queue.add(item.id, "poor-fit", predicted_error=number / 10, fit=fit)
    assert [e.item_id for e in project.queue.list()] == [i.id for i in items[::-1]]
    assert [e.item_id for e in project.queue.list(limit=2, offset=1)] == [items[3].id, items[2].id]
    entry = project.queue.next("ann")
    assert entry is not None
    assert entry.fit is not None
    assert np.array_equal(entry.fit.points, fit)
    assert project.queue.release(entry.id, "bob").status == "claimed"
    assert project.queue.skip(entry.id, "blurred").status == "skipped"
    assert project.queue.count() == 4
    video = project.add_media(sample_clip())
    frames = [FrameCandidate(k, k / 25, None, None) for k in (3, 9)]
    assert len(project.queue.add_frames(video, frames)) == 1


def test_an_entry_has_several_reasons(make: Make) -> None:
    project = make()
    items = [project.add_item(None) for _ in range(3)]
    for number, item in enumerate(items):
        project.queue.add(item.id, "poor-fit", predicted_error=0.05 + number / 10)
    project.queue.add(items[0].id, "label-check", note="old", points=(1,))
    entry = project.queue.add(items[0].id, "label-check", note="new", points=(61, 3))
    assert entry.reasons == (
        QueueReason("label-check", None, "new", (61, 3)), QueueReason("poor-fit", 0.05),
    )  # fmt: skip
    assert project.summary(items[0].id).reasons == entry.reasons
    assert [e.item_id for e in project.queue.list()] == [
        i.id for i in (items[2], items[1], items[0])
    ]
    assert project.queue.list(reason="label-check") == [entry]
    project.queue.done(entry.id)
    again = project.queue.add(items[0].id, "manual")
    assert [why.reason for why in again.reasons] == ["manual"]


def test_a_point_is_confirmed_in_all_faces_and_back(make: Make) -> None:
    project = make()
    states = np.zeros(N, np.uint8)
    states[33] = PointState.ESTIMATED
    for seed in range(5):
        source = "fit:m" if seed == 4 else "import:muct"
        face = Annotation("face70", np.full((N, 2), float(seed)), states, source)
        project.save(project.add_item(None).id, face, None)
    assert project.estimates()[33] == 4
    batch = project.confirm_points([33, 34])
    assert (batch.faces, batch) == (4, project.last_batch())
    assert project.estimates()[33] == 0
    mine = project.annotation(2)
    assert mine is not None
    project.save(2, mine.annotation, mine.id)
    assert project.undo_batch(batch) == 3
    first = project.annotation(1)
    assert first is not None
    assert first.annotation == Annotation("face70", np.zeros((N, 2)), states, "import:muct")
    assert len(project.history(1)) == 3


def test_labels_of_expressions(make: Make) -> None:
    project = make()
    items = [project.add_item(None).id for _ in range(3)]
    assert project.set_expression(items[:2], "smile") == 2
    assert project.set_expression(items, "wink", "ann") == 3
    assert project.set_expression([items[1]], "") == 1
    assert [one.expression for one in project.overview()] == ["wink", "", "wink"]
    assert [(one.label, one.items) for one in project.expressions()] == [("wink", (1, 3))]
    assert [said.label for said in project.expression_history(items[0])] == ["smile", "wink"]
    with (
        pytest.raises(ProjectError, match="never changed or deleted"),
        project._database.write() as connection,
    ):
        connection.execute(text("UPDATE expressions SET label = 'x'"))


# What turns the tables of version 5 into those of version 2.
_BACK_TO_2 = """
    DROP TABLE blind_annotations; DROP TABLE round_items; DROP TABLE rounds; DROP TABLE approvals;
    DROP TABLE removals; ALTER TABLE items DROP COLUMN removed;
    ALTER TABLE media DROP COLUMN display; ALTER TABLE models DROP COLUMN pinned;
    DROP TABLE expressions; DROP TABLE queue_reasons; ALTER TABLE queue RENAME COLUMN said TO note;
    ALTER TABLE queue ADD COLUMN reason VARCHAR; ALTER TABLE queue ADD COLUMN predicted_error
    DOUBLE PRECISION; DROP INDEX ix_items_origin;
    ALTER TABLE items ADD CONSTRAINT items_origin_key UNIQUE (origin);
    ALTER TABLE items DROP COLUMN subject_source; ALTER TABLE items DROP COLUMN origin_root;
    ALTER TABLE revisions DROP COLUMN action; ALTER TABLE revisions DROP COLUMN start;
    UPDATE queue SET reason = 'poor-fit', predicted_error = 0.1, note = 'n';
    UPDATE queue SET reason = 'imported-estimate' WHERE id = 2;
    UPDATE schema_version SET version = 2"""


def test_a_project_of_version_2_is_brought_up_to_date(make: Make) -> None:
    project = make()
    items = [project.add_item(None) for _ in range(3)]
    entries = [project.queue.add(item.id, "poor-fit", predicted_error=0.1) for item in items]
    project.queue.skip(entries[2].id, "blurred")
    saved = project.save(items[0].id, annotation(1), None)
    columns = _columns(project)
    with project._database.write() as connection:
        for statement in _BACK_TO_2.split(";"):
            connection.execute(text(statement))
    again = make()
    found = {e.id: (e.status, e.reason, e.note, e.said) for e in again.queue.list(None)}
    assert found == {1: ("open", "poor-fit", "n", ""), 3: ("skipped", "poor-fit", "n", "n")}
    assert again.annotation(items[0].id) == saved
    assert [item.subject_source for item in again.items()] == ["picture"] * 3
    assert _columns(again) == columns
    assert [w.note for w in again.queue.add(items[1].id, "manual", note="x").reasons] == ["x"]


def _columns(project: Project) -> set[tuple[object, ...]]:
    query = (
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'public'"
    )
    with project._database.read() as connection:
        return {tuple(row) for row in connection.execute(text(query))}


def test_models(make: Make, tmp_path: Path) -> None:
    project = make()
    file = tmp_path / "m.safetensors"
    file.write_bytes(b"weights")
    record = project.add_model(file, {"nme": 0.02})
    assert project.use_model("m") == record == project.active_model
    project.use_starter()
    assert project.active_model is None
    assert project.note_model("m", "good").note == "good"


def test_of_many_at_once_one_wins_and_none_loses(make: Make, tmp_path: Path) -> None:
    project = make()
    item = project.add_item(None)
    entry = project.queue.add(item.id, "manual")
    file = tmp_path / "m.safetensors"
    file.write_bytes(b"weights")
    outcomes: list[object] = []

    def meet(mine: Project, seed: int) -> None:
        try:
            mine.save(item.id, annotation(seed), None)
            outcomes.append("saved")
        except RevisionConflict:
            outcomes.append("conflict")
        outcomes.append(mine.queue.claim(entry.id, f"worker {seed}") is not None)
        mine.queue.add(mine.add_item(None).id, "manual")
        mine.add_media(file.with_name("a.png")) if seed < 0 else mine.add_model(file, {})

    threads = [threading.Thread(target=meet, args=(make(), seed)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == [False] * 5 + [True] + ["conflict"] * 5 + ["saved"]
    assert len(project.history(item.id)) == 6
    assert sorted(m.name for m in project.models()) == ["m", *(f"m-{k}" for k in range(2, 7))]


def test_a_reader_sees_one_moment(make: Make) -> None:
    project, other = make(), make()
    item = project.add_item(None)
    with project._database.read() as connection:
        first = connection.execute(text("SELECT count(*) FROM revisions")).scalar()
        other.save(item.id, annotation(1), None)
        assert connection.execute(text("SELECT count(*) FROM revisions")).scalar() == first
    assert len(project.history(item.id)) == 1


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    url = f"postgresql+psycopg://nobody@/nothing?host={tmp_path}"
    with pytest.raises(ProjectError, match="server cannot be reached"):
        Project.open(url, folder=tmp_path)
