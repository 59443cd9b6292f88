"""Points in doubt that somebody said are right, and what becomes of what the queue says of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Annotation, PointState, Project, ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

N = 70
POINTS = np.arange(2.0 * N).reshape(N, 2)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two annotated faces, the second with point 9 missing, and one nobody has annotated."""
    with Project.create(tmp_path / "faces") as made:
        for missing in ((), (9,)):
            states = np.zeros(N, np.uint8)
            states[list(missing)] = PointState.MISSING
            made.save(made.add_item(None).id, Annotation("face70", POINTS, states), None, "ann")
        made.add_item(None, name="nobody")
        yield made


def move(project: Project, number: int, dx: float, item: int = 1) -> None:
    """Save the face with a point elsewhere than at first."""
    head = project.annotation(item)
    assert head is not None
    points = POINTS.copy()
    points[number, 0] += dx
    project.save(item, Annotation("face70", points, head.annotation.states), head.id, "ann")


def test_a_point_is_right_while_it_is_within_half_a_pixel(project: Project) -> None:
    said = project.approve(1, [7, 3], "bob")
    assert (said.points, said.author, said.revision_id) == ((3, 7), "bob", 1)
    assert project.approved() == {1: {3, 7}}
    move(project, 7, 0.5)
    assert project.approved() == {1: {3, 7}}
    move(project, 7, 0.51)
    assert project.approved([1, 2]) == {1: {3}}
    move(project, 7, 0.0)  # it is back where it was said to be right
    assert project.approved() == {1: {3, 7}}
    assert project.approved([2]) == {}


def test_what_is_said_of_different_revisions_adds_up(project: Project) -> None:
    project.approve(1, [3])
    move(project, 7, 5.0)
    project.approve(1, [7])
    assert project.approved() == {1: {3, 7}}
    move(project, 7, 0.0)
    assert project.approved() == {1: {3}}
    assert [one.revision_id for one in project.approvals(1)] == [1, 3]


def test_the_revision_that_was_looked_at_counts(project: Project) -> None:
    move(project, 7, 5.0)
    project.approve(1, [7], revision_id=1)  # somebody else had moved it meanwhile
    assert project.approved() == {}
    with pytest.raises(ProjectError, match="Item 1 has no revision 2"):
        project.approve(1, [7], revision_id=2)


def test_a_whole_face_is_right_but_for_what_is_missing(project: Project) -> None:
    project.approve(2)
    assert project.approved() == {2: set(range(N)) - {9}}


def test_it_is_taken_back_for_some_points_or_all_and_nothing_is_lost(project: Project) -> None:
    project.approve(1, [3, 7], "ann")
    project.approve(1, [8], "bob")
    assert project.withdraw_approval(1, [7, 20], "eve") == (7,)
    assert project.approved() == {1: {3, 8}}
    assert [(one.points, one.author) for one in project.approvals(1)] == [
        ((3, 7), "ann"), ((8,), "bob"), ((), "eve"), ((3,), "ann"), ((8,), "bob"),
    ]  # fmt: skip
    assert project.withdraw_approval(1) == (3, 8)
    assert project.approved() == {}
    with pytest.raises(ProjectError, match="Nobody has said of these points"):
        project.withdraw_approval(1)
    project.approve(1, [7])
    assert project.approved() == {1: {7}}


@pytest.mark.parametrize(
    ("item", "points", "complaint"),
    [
        (4, [1], "There is no item 4"),
        (3, None, "nobody has no annotation yet"),
        (1, [70], "landmarks 0..69 .* got 70"),
        (1, [-1], "got -1"),
        (1, [], "got no point"),
        (2, [8, 9], "have a position in revision 2 but got contour right 6"),
    ],
)
def test_what_cannot_be_right_is_refused(project: Project, item: int, points, complaint) -> None:
    with pytest.raises(ProjectError, match=complaint):
        project.approve(item, points)
    assert project.approved() == {}


def test_the_queue_forgets_what_is_right_and_is_done_when_nothing_is_left(
    project: Project,
) -> None:
    queue = project.queue
    queue.add(1, "label-check", note="Points are off.", points=[3, 7])
    project.approve(1, [3], "bob")
    entry = queue.of_item(1)
    assert (entry.status, entry.reasons[0].points, entry.note) == ("open", (7,), "Points are off.")
    project.approve(1, [7], "bob")
    entry = queue.of_item(1)
    assert (entry.status, entry.author) == ("done", "bob")


def test_other_reasons_stay_and_rank_the_entry(project: Project) -> None:
    queue = project.queue
    queue.add(1, "poor-fit", predicted_error=0.06)
    queue.add(1, "label-check", points=[3])
    project.approve(1, [3])
    entry = queue.of_item(1)
    assert (entry.status, [why.reason for why in entry.reasons]) == ("open", ["poor-fit"])
    project.queue.add(2, "poor-fit", predicted_error=0.08)
    assert [e.item_id for e in queue.list()] == [2, 1]  # label-check alone would rank it higher


def test_what_is_said_of_the_whole_face_is_settled_by_all_of_its_points(project: Project) -> None:
    project.queue.add(2, "label-check", note="All points are turned.")
    project.approve(2, [1, 2])
    assert project.queue.of_item(2).status == "open"
    project.approve(2)
    assert project.queue.of_item(2).status == "done"


def test_a_reason_that_no_longer_holds_is_settled(project: Project) -> None:
    project.queue.add(1, "label-check")
    project.queue.settle(1, "poor-fit")
    assert project.queue.of_item(1).status == "open"
    project.queue.settle(1, "label-check")
    assert project.queue.of_item(1).status == "done"
    project.queue.settle(1, "label-check")
    project.queue.settle(2, "label-check")  # it has no entry
    assert project.queue.of_item(2) is None


@pytest.mark.parametrize(("column", "value"), [("points", b"\x01"), ("created", "soon")])
def test_a_damaged_row_is_one_clear_error(tmp_path: Path, column: str, value: object) -> None:
    with Project.create(tmp_path / "faces") as made:
        made.save(made.add_item(None).id, Annotation("face70", POINTS, [0] * N), None)
        made.approve(1, [3])
    with closing(sqlite3.connect(tmp_path / "faces" / "project.db")) as database:
        database.execute("DROP TRIGGER approvals_no_update")
        database.execute(f"UPDATE approvals SET {column} = ?", (value,))  # noqa: S608
        database.commit()
    with closing(sqlite3.connect(tmp_path / "faces" / "project.db")) as database:
        database.execute(
            "CREATE TRIGGER approvals_no_update BEFORE UPDATE ON approvals "
            "BEGIN SELECT RAISE(ABORT, 'approvals are append-only'); END"
        )
        database.commit()
    with Project.open(tmp_path / "faces") as project, pytest.raises(ProjectError, match="Approval"):
        project.approved()
