"""Faces that are taken out gently: gone everywhere, kept, and brought back as they were."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text

from faceloop_datasets import Annotation, FrameCandidate, Project, ProjectError
from faceloop_datasets.care import check_project
from faceloop_datasets.sample import sample_clip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faceloop_datasets import Item

N = 70


def annotation(seed: int, state: int = 0, source: str = "manual") -> Annotation:
    points = np.random.default_rng(seed).uniform(10, 90, (N, 2))
    return Annotation("face70", points, np.full(N, state, np.uint8), source)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "faces") as made:
        yield made


@pytest.fixture
def pair(project: Project, tmp_path: Path) -> tuple[Item, Item]:
    """Two annotated faces in one picture, both labelled, in the queue, of two people."""
    file = tmp_path / "two.png"
    Image.new("RGB", (200, 100)).save(file)
    media = project.add_media(file)
    items = project.add_item(media), project.add_item(media)
    for number, item in enumerate(items):
        # A conversion's estimates: those that can be confirmed in all faces.
        project.save(item.id, annotation(number, 2, "import:muct"), None)
        project.save(item.id, annotation(number, 0), project.item(item.id).head)
        project.set_subject([item.id], f"person {number}")
        project.set_expression([item.id], f"mood {number}")
        project.queue.add(item.id, "manual", note="look")
    return items


def everywhere(project: Project) -> dict[str, object]:
    """All that tells of faces anywhere."""
    return {
        "items": [one.id for one in project.items()],
        "overview": [row.item_id for row in project.overview()],
        "faces": [face.item_id for face in project.faces()],
        "subjects": [(one.name, one.items) for one in project.subjects()],
        "expressions": [(one.label, one.items) for one in project.expressions()],
        "queue": [entry.item_id for entry in project.queue.list(None)],
        "count": project.queue.count(None),
        "in picture": [one.id for one in project.items_of(1)],
        "annotations": [item.id for item, _ in project.annotations_of(1)],
        "then": [f.item_id for f in project.faces_as_of(10**6, [])],
    }


def test_a_removed_face_is_gone_everywhere_and_comes_back_as_it_was(
    project: Project, pair: tuple[Item, Item]
) -> None:
    first, second = (one.id for one in pair)
    before = everywhere(project)
    history = project.history(first)
    assert project.remove([first], "ann") == 1
    assert project.remove([first], "ann") == 0
    assert everywhere(project) == {
        "items": [second],
        "overview": [second],
        "faces": [second],
        "subjects": [("person 1", (second,))],
        "expressions": [("mood 1", (second,))],
        "queue": [second],
        "count": 1,
        "in picture": [second],
        "annotations": [second],
        "then": [second],
    }
    assert project.item(first).removed
    assert project.summary(first).removed == 1
    assert [one.id for one in project.items(with_removed=True)] == [first, second]
    assert [row.removed for row in project.overview(with_removed=True)] == [1, 0]
    assert [f.item_id for f in project.faces(with_removed=True)] == [first, second]
    assert [one.id for one in project.items_of(1, with_removed=True)] == [first, second]
    assert [r.id for r in project.history(first)] == [r.id for r in history]
    assert project.bring_back([first, second], "ben") == 1
    assert everywhere(project) == before
    said = [(one.removed, one.author) for one in project.removals(first)]
    assert said == [(True, "ann"), (False, "ben")]
    assert project.removals(second) == []


def test_estimates_of_removed_faces_are_neither_counted_nor_confirmed(project: Project) -> None:
    items = [project.add_item(None, name=f"face {k}") for k in range(2)]
    for item in items:
        project.save(item.id, annotation(item.id, 2, "import:muct"), None)
    project.remove([items[0].id])
    assert project.estimates().tolist() == [1] * N
    assert project.confirm_points([3]).faces == 1
    assert project.annotation(items[0].id).annotation.states[3] == 2
    assert project.save_all([], kind="k", action="a").faces == 0


def test_its_entry_waits_unclaimed_until_it_is_brought_back(
    project: Project, pair: tuple[Item, Item]
) -> None:
    first, second = (one.id for one in pair)
    entry = project.queue.next("ann")
    assert entry is not None
    assert entry.item_id == first
    project.remove([first])
    assert project.queue.get(entry.id).status == "open"
    following = project.queue.next("ann")
    assert following is not None
    assert following.item_id == second
    assert project.queue.next("ann") is None
    project.bring_back([first])
    back = project.queue.next("ben")
    assert back is not None
    assert back.id == entry.id


def test_all_or_nothing_where_a_face_is_not_there(
    project: Project, pair: tuple[Item, Item]
) -> None:
    with pytest.raises(ProjectError, match="no item 99 "):
        project.remove([pair[0].id, 99])
    assert not project.item(pair[0].id).removed
    assert project.removals(pair[0].id) == []


def test_what_was_said_of_it_stays_for_ever(project: Project, pair: tuple[Item, Item]) -> None:
    project.remove([pair[0].id])
    for statement in ("DELETE FROM removals", "UPDATE removals SET removed = 0"):
        with (
            pytest.raises(ProjectError, match="never changed or deleted"),
            project._database.write() as connection,
        ):
            connection.execute(text(statement))


def test_the_check_knows_removed_faces(project: Project, pair: tuple[Item, Item]) -> None:
    project.remove([pair[0].id])
    assert check_project(project.path).findings == ()


def test_faces_of_one_picture_are_told_apart_and_no_two_are_one_person(
    project: Project, pair: tuple[Item, Item]
) -> None:
    assert [one.name for one in pair] == ["two.png", "two.png (2)"]
    media = project.item_media(pair[0])
    project.remove([pair[1].id])
    third = project.add_item(media)
    assert third.name == "two.png (3)"  # that of a removed face is not given away
    assert third.subject == "two.png"  # and not "person 0", who is another in this picture
    assert third.subject_source == "picture"


def test_a_frame_shows_the_person_of_its_clip_unless_a_face_of_it_does(project: Project) -> None:
    clip = project.add_media(sample_clip())
    first = project.add_item(clip, 3)
    project.set_subject([first.id], "ann")
    project.remove([first.id])
    assert project.add_item(clip, 9).subject == "clip.mp4"  # who was removed names nobody
    project.remove([item.id for item in project.items()])
    project.bring_back([first.id])
    assert project.add_item(clip, 4).subject == "ann"
    beside = project.add_item(clip, 3)
    assert (beside.name, beside.subject) == ("clip.mp4#3 (2)", "clip.mp4")


def test_tracking_does_not_bring_back_a_frame_of_which_a_face_was_removed(
    project: Project,
) -> None:
    clip = project.add_media(sample_clip())
    shape = np.random.default_rng(0).uniform(10, 90, (N, 2))
    poor = [FrameCandidate(5, 0.2, shape, 0.2)]
    (entry,) = project.queue.add_frames(clip, poor)
    project.remove([entry.item_id])
    assert project.queue.add_frames(clip, poor) == []
    assert [one.id for one in project.items_of(clip.id)] == []


def test_merged_subjects_hold_removed_faces_too(project: Project, pair: tuple[Item, Item]) -> None:
    project.remove([pair[0].id])
    project.merge_subjects(["person 0"], "person 1")
    project.bring_back([pair[0].id])
    assert [(one.name, len(one.items)) for one in project.subjects()] == [("person 1", 2)]
