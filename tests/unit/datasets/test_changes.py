"""What counted when: the history of a whole project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import Annotation, Face, Project, RevisionConflict

SOURCES = ("import:muct", "manual")


def annotation(project: Project, value: float, source: str = "manual") -> Annotation:
    count = len(project.scheme)
    return Annotation(project.scheme.name, np.full((count, 2), value), np.zeros(count), source)


@pytest.fixture
def project(tmp_path: Path):  # type: ignore[no-untyped-def]
    with Project.create(tmp_path / "project") as made:
        yield made


def test_each_revision_that_came_to_count_is_told_in_order(project: Project) -> None:
    one, other = (project.add_item(None, name=name).id for name in "ab")
    first = project.save(one, annotation(project, 1.0, SOURCES[0]), None)
    second = project.save(other, annotation(project, 2.0), None)
    third = project.save(one, annotation(project, 3.0), first.id)
    told = [(c.revision_id, c.item_id, c.source) for c in project.changes()]
    assert told == [
        (first.id, one, SOURCES[0]),
        (second.id, other, SOURCES[1]),
        (third.id, one, SOURCES[1]),
    ]


def test_a_conflicting_revision_never_counted(project: Project) -> None:
    item = project.add_item(None, name="a").id
    first = project.save(item, annotation(project, 1.0), None)
    second = project.save(item, annotation(project, 2.0), first.id)
    with pytest.raises(RevisionConflict):
        project.save(item, annotation(project, 3.0), first.id)
    assert [c.revision_id for c in project.changes()] == [first.id, second.id]
    assert len(project.history(item)) == 3


def test_faces_as_they_were(project: Project) -> None:
    one, other = (project.add_item(None, name=name).id for name in "ab")
    first = project.save(one, annotation(project, 1.0), None)
    second = project.save(other, annotation(project, 2.0), None)
    third = project.save(one, annotation(project, 3.0), first.id)

    now = project.faces()

    def values(faces: list[Face]) -> dict[int, float]:
        return {f.item_id: float(f.annotation.points[0, 0]) for f in faces}

    assert values(project.faces_as_of(first.id, now)) == {one: 1.0}
    assert values(project.faces_as_of(second.id, now)) == {one: 1.0, other: 2.0}
    assert project.faces_as_of(third.id, now) == now
    assert values(now) == {one: 3.0, other: 2.0}
    assert project.faces_as_of(first.id - 1, now) == []
