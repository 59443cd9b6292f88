"""What is done to many faces at once: all or nothing, only ever added, and taken back at once."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import (
    Annotation,
    Batch,
    Cancelled,
    Monitor,
    PointState,
    Project,
    ProjectError,
    Revision,
    SchemeError,
)
from faceloop_datasets.store import bulk
from faceloop_datasets.store.bulk import NewRevision

N, BRIDGE, CHIN = 70, 33, 7


def face(seed: int, *estimated: int, source: str = "import:muct", missing: int = 60) -> Annotation:
    """Make a face with estimated points, one missing, one hidden."""
    states = np.zeros(N, np.uint8)
    states[[missing, 50]] = PointState.MISSING, PointState.OCCLUDED
    states[list(estimated)] = PointState.ESTIMATED
    points = np.random.default_rng(seed).uniform(0, 400, (N, 2))
    return Annotation("face70", points, states, source)


def head(project: Project, item: int) -> Revision:
    revision = project.annotation(item)
    assert revision is not None
    return revision


@pytest.fixture
def project(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Five faces: three of an import, one by a fit, one of an import that a person corrected."""
    with Project.create(tmp_path / "project") as made:
        kinds = [
            face(0, BRIDGE),
            face(1, BRIDGE, CHIN),
            face(2),
            face(3, BRIDGE, source="fit:m"),
            face(4, BRIDGE, source="manual"),
        ]
        for annotation in kinds:
            made.save(made.add_item(None).id, annotation, None, "ann")
        made.add_item(None, name="nobody yet")
        yield made


class TestConfirm:
    def test_estimates_of_conversions_are_counted(self, project: Project) -> None:
        counts = project.estimates()
        assert (counts[BRIDGE], counts[CHIN], counts.sum()) == (3, 1, 4)

    def test_estimates_of_a_fit_that_a_person_changed_are_none_of_a_conversion(
        self, project: Project
    ) -> None:
        before = project.estimates()
        head = project.annotation(4)
        assert head is not None
        project.save(4, face(3, BRIDGE, source="manual+fit:m"), head.id)
        assert project.estimates().tolist() == before.tolist()
        project.confirm_points([BRIDGE])
        after = project.annotation(4)
        assert after is not None
        assert after.annotation.states[BRIDGE] == PointState.ESTIMATED

    def test_an_empty_project_has_none(self, tmp_path: Path) -> None:
        with Project.create(tmp_path / "empty") as empty:
            assert empty.estimates().tolist() == [0] * N
            batch = empty.confirm_points([BRIDGE])
            assert batch.faces == 0
            assert empty.last_batch() is None

    def test_one_point_of_all_faces(self, project: Project) -> None:
        before = {item.id: project.annotation(item.id) for item in project.items()}
        batch = project.confirm_points([BRIDGE], author="bert")
        assert (batch.faces, batch.action) == (3, "Confirm nose bridge")
        assert batch == project.last_batch()
        for number in (1, 2, 5):
            old, new = before[number], head(project, number)
            assert old is not None
            states = old.annotation.states.copy()
            states[BRIDGE] = PointState.VISIBLE
            assert new.annotation == Annotation("face70", old.annotation.points, states, "manual")
            assert (new.based_on, new.author, new.action) == (old.id, "bert", batch.action)
            assert batch.first <= new.id <= batch.last
        for number in (3, 4, 6):
            assert project.annotation(number) == before[number]
        assert project.estimates()[BRIDGE] == 0
        assert head(project, 2).annotation.states[CHIN] == PointState.ESTIMATED

    def test_several_points(self, project: Project) -> None:
        assert project.confirm_points([CHIN, BRIDGE, CHIN]).action == "Confirm 2 points"
        assert project.estimates().sum() == 0
        assert project.confirm_points([CHIN, BRIDGE]).faces == 0

    def test_what_assisted_drags_start_from_goes_along(self, project: Project) -> None:
        start = np.arange(2.0 * N).reshape(N, 2)
        project.save(1, face(0, BRIDGE), head(project, 1).id, start=start)
        batch = project.confirm_points([BRIDGE])
        for _ in range(2):
            found = head(project, 1).start
            assert found is not None
            np.testing.assert_array_equal(found, start)
            if project.last_batch():
                project.undo_batch(batch)

    def test_no_such_point(self, project: Project) -> None:
        for wrong in (70, -1):
            with pytest.raises(ProjectError, match=rf"0\.\.69 .* got {wrong}"):
                project.confirm_points([BRIDGE, wrong])

    def test_stopped_nothing_is_confirmed(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bulk, "_PART", 2)
        told: list[int] = []
        with pytest.raises(Cancelled):
            project.confirm_points(
                [BRIDGE], progress=Monitor(lambda p: told.append(p.done), lambda: bool(told))
            )
        assert told == [0]
        assert project.estimates()[BRIDGE] == 3
        assert [len(project.history(item.id)) for item in project.items()] == [1] * 5 + [0]
        assert project.last_batch() is None


class TestUndo:
    @pytest.fixture(autouse=True)
    def _in_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bulk, "_PART", 2)

    def test_all_faces_are_as_before_by_new_revisions(self, project: Project) -> None:
        before = {item.id: project.annotation(item.id) for item in project.items()}
        batch = project.confirm_points([BRIDGE, CHIN])
        confirmed = {number: head(project, number) for number in (1, 2, 5)}
        assert project.undo_batch(batch, author="cho") == 3
        for number in (1, 2, 5):
            old, new = before[number], head(project, number)
            assert old is not None
            assert new.annotation == old.annotation  # its source too
            assert new.based_on == confirmed[number].id
            assert (new.author, new.action) == ("cho", "Undo: Confirm 2 points")
            assert len(project.history(number)) == 3
        assert project.last_batch() is None
        with pytest.raises(ProjectError, match="Confirm 2 points was taken back already"):
            project.undo_batch(batch)

    def test_what_was_changed_since_stays(self, project: Project) -> None:
        batch = project.confirm_points([BRIDGE])
        mine = project.save(2, face(9), head(project, 2).id)
        assert project.undo_batch(batch) == 2
        assert head(project, 2).id == mine.id
        assert len(project.history(2)) == 3  # nothing was saved beside it either
        assert project.estimates()[BRIDGE] == 2

    def test_only_the_last_of_a_kind(self, project: Project) -> None:
        first = project.confirm_points([CHIN])
        second = project.confirm_points([BRIDGE])
        with pytest.raises(ProjectError, match="Confirm chin"):
            project.undo_batch(first)
        assert project.undo_batch(second) == 3

    def test_the_other_kinds_are_their_own(self, project: Project) -> None:
        confirmed = project.confirm_points([BRIDGE])
        with project._database.write() as connection:
            changes = [NewRevision(k, face(k + 20), head(project, k).id) for k in (2, 3)]
            mended = bulk.append_to_all(
                connection,
                changes,
                kind="mending",
                action="Turn by 90 degrees",
                author="ann",
                monitor=Monitor(),
            )
        assert mended.faces == 2
        assert project.last_batch("mending") == mended
        assert project.last_batch() == confirmed
        assert project.undo_batch(confirmed) == 2  # the face that was turned since stays
        assert head(project, 2).action == "Turn by 90 degrees"
        assert project.undo_batch(mended) == 2
        assert head(project, 2).action == "Undo: Turn by 90 degrees"
        assert head(project, 2).annotation.states[BRIDGE] == PointState.VISIBLE


class TestAppend:
    def test_what_was_saved_meanwhile_counts(self, project: Project) -> None:
        old = head(project, 1)
        theirs = project.save(1, face(9), old.id)
        with project._database.write() as connection:
            batch = bulk.append_to_all(
                connection,
                [NewRevision(1, face(10), old.id), NewRevision(6, face(11), None)],
                kind="x", action="x", author="x", monitor=Monitor(),
            )  # fmt: skip
        assert batch.faces == 1
        assert head(project, 1).id == theirs.id
        assert len(project.history(1)) == 3
        assert head(project, 6).annotation == face(11)
        # There is nothing before the first points of a face to go back to.
        assert project.undo_batch(batch) == 0

    def test_changes_tell_of_it(self, project: Project) -> None:
        batch = project.confirm_points([BRIDGE])
        counted = [c.item_id for c in project.changes() if c.revision_id >= batch.first]
        assert counted == [1, 2, 5]


class TestStored:
    @pytest.mark.parametrize(
        "text",
        [
            "", "[", "[1]", "null", '{"kind": 1}', "[" * 5000,
            *(
                json.dumps({"kind": "confirmation", "action": "x", "first": 1, "last": 2,
                            "faces": 2} | wrong)
                for wrong in ({"first": "1"}, {"last": 1 << 70}, {"faces": -1}, {"action": None},
                              {"first": True}, {"more": 1})
            ),
        ],
    )  # fmt: skip
    def test_damaged_it_is_said(self, project: Project, text: str) -> None:
        project.confirm_points([BRIDGE])
        with sqlite3.connect(project.path / "project.db") as connection:
            connection.execute("UPDATE settings SET value = ? WHERE key LIKE 'last%'", [text])
        connection.close()
        with pytest.raises(ProjectError, match=r"the last confirmation is damaged .* Restore"):
            project.last_batch()

    def test_a_strange_range_brings_back_nothing_that_is_not_there(self, project: Project) -> None:
        made = project.confirm_points([BRIDGE])
        strange = Batch(made.kind, made.action, 0, 1 << 60, 9)
        with project._database.write() as connection:
            assert (
                bulk.undo_batch(connection, strange, "face70", author="x", monitor=Monitor()) == 3
            )


class TestNames:
    @pytest.mark.parametrize("named", ["nose bridge", "Nose  Bridge ", "33", "033"])
    def test_a_point_is_known_by_name_or_number(self, project: Project, named: str) -> None:
        assert project.scheme.point(named) == BRIDGE

    @pytest.mark.parametrize("named", ["70", "-1", "", "9" * 5000, "²", "1e1"])
    def test_there_is_no_such_point(self, project: Project, named: str) -> None:
        with pytest.raises(SchemeError, match=r"face70 has no landmark .* a number 0\.\.69"):
            project.scheme.point(named)

    def test_names_like_it_are_listed(self, project: Project) -> None:
        with pytest.raises(SchemeError, match="Did you mean 'nose bridge'"):
            project.scheme.point("nose brigde")


class TestSaveAll:
    """One new revision for each of many faces, of whatever kind."""

    def test_all_are_saved_and_taken_back(self, project: Project) -> None:
        before = {n: head(project, n) for n in (1, 2)}
        changes = [NewRevision(n, face(9 + n, source="manual"), before[n].id) for n in (1, 2)]
        batch = project.save_all(changes, kind="mend", action="Mend", author="eve")
        assert (batch.faces, batch.kind) == (2, "mend")
        assert [head(project, n).annotation for n in (1, 2)] == [c.annotation for c in changes]
        assert {head(project, n).author for n in (1, 2)} == {"eve"}
        assert project.last_batch() is None  # which is of another kind
        assert project.undo_batch(batch) == 2
        assert all(head(project, n).annotation == before[n].annotation for n in (1, 2))

    def test_a_face_that_has_changed_or_gone_is_left_alone(self, project: Project) -> None:
        based_on = head(project, 1).id
        project.save(1, face(20, source="manual"), based_on, "ann")
        changes = [NewRevision(n, face(30), head(project, 2).id) for n in (2, 99)]
        batch = project.save_all(
            [NewRevision(1, face(30), based_on), *changes], kind="mend", action="Mend"
        )
        assert batch.faces == 1
        assert head(project, 1).annotation == face(20, source="manual")
        assert len(project.history(1)) == 2

    def test_nothing_of_another_scheme_is_saved(self, project: Project) -> None:
        other = Annotation("ibug68", np.zeros((68, 2)), np.zeros(68))
        changes = [
            NewRevision(1, face(30), head(project, 1).id),
            NewRevision(2, other, head(project, 2).id),
        ]
        with pytest.raises(ProjectError, match="Convert it first"):
            project.save_all(changes, kind="mend", action="Mend")
        assert head(project, 1).annotation == face(0, BRIDGE)
