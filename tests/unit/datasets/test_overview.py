"""One query tells of every face what a list shows; claims keep two people apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import Annotation, PointState, Project, ProjectError

N = 70


def annotation(source: str, **states: int) -> Annotation:
    """Make a face with so many points of some states; the others are visible."""
    code = np.zeros(N, dtype=np.uint8)
    first = 0
    for name, count in states.items():
        code[first : first + count] = PointState[name.upper()]
        first += count
    return Annotation("face70", np.full((N, 2), 10.0), code, source)


@pytest.fixture
def project(tmp_path: Path):  # type: ignore[no-untyped-def]
    with Project.create(tmp_path / "project") as made:
        yield made


class TestOverview:
    def test_a_new_item_is_not_labelled(self, project: Project) -> None:
        item = project.add_item(None, name="a", subject="s")
        (row,) = project.overview()
        assert (row.item_id, row.name, row.subject) == (item.id, "a", "s")
        assert (row.media_id, row.head, row.entry_id, row.status) == (None,) * 4
        assert not row.labelled
        assert not row.half_corrected

    def test_counts_the_points_of_the_revision_that_counts(self, project: Project) -> None:
        item = project.add_item(None)
        first = project.save(item.id, annotation("manual", missing=N), None)
        assert not project.summary(item.id).labelled
        project.save(item.id, annotation("manual", estimated=5, missing=2), first.id)
        row = project.summary(item.id)
        assert (row.labelled, row.estimated, row.missing) == (True, 5, 2)

    @pytest.mark.parametrize(
        ("source", "estimated", "half"),
        [("manual", 3, True), ("fit:m", 3, True), ("import:muct", 3, False), ("manual", 0, False)],
    )
    def test_half_corrected_is_what_a_person_began(
        self, project: Project, source: str, estimated: int, half: bool
    ) -> None:
        item = project.add_item(None)
        project.save(item.id, annotation(source, estimated=estimated), None)
        assert project.summary(item.id).half_corrected is half

    def test_has_the_entry_of_the_queue(self, project: Project) -> None:
        item = project.add_item(None)
        entry = project.queue.add(item.id, "poor-fit", predicted_error=0.1, model="m", note="n")
        row = project.summary(item.id)
        assert row.entry_id == entry.id
        assert project.overview() == [row]
        found = (row.reason, row.predicted_error, row.priority, row.status, row.model, row.note)
        assert found == ("poor-fit", 0.1, 0.1, "open", "m", "n")

    def test_has_all_reasons_and_the_worst_stands_for_them(self, project: Project) -> None:
        items = [project.add_item(None).id for _ in range(3)]
        for number, error in zip(items, (0.05, 0.3), strict=False):
            project.queue.add(number, "label-check", note=f"wrong {number}", points=(3, number))
            entry = project.queue.add(number, "poor-fit", predicted_error=error)
            assert project.summary(number).reasons == entry.reasons
        first, second, third = project.overview()
        assert [r.reason for r in first.reasons] == ["label-check", "poor-fit"]
        assert [r.reason for r in second.reasons] == ["poor-fit", "label-check"]
        assert (first.note, second.note, second.priority) == ("wrong 1", "", 0.3)
        assert (third.reasons, third.reason, third.note) == ((), None, "")

    def test_all_in_the_order_they_came(self, project: Project) -> None:
        ids = [project.add_item(None).id for _ in range(4)]
        project.queue.add(ids[2], "manual")
        assert [row.item_id for row in project.overview()] == ids

    def test_no_such_item(self, project: Project) -> None:
        with pytest.raises(ProjectError, match="no item 9"):
            project.summary(9)


class TestClaim:
    def test_only_one_gets_an_entry(self, project: Project) -> None:
        entry = project.queue.add(project.add_item(None).id, "manual")
        claimed = project.queue.claim(entry.id, "ann")
        assert claimed is not None
        assert (claimed.status, claimed.author) == ("claimed", "ann")
        assert project.queue.claim(entry.id, "bob") is None
        assert project.queue.get(entry.id).author == "ann"

    def test_a_released_entry_can_be_claimed_again(self, project: Project) -> None:
        entry = project.queue.add(project.add_item(None).id, "manual")
        project.queue.claim(entry.id, "ann")
        project.queue.release(entry.id)
        assert project.queue.claim(entry.id, "bob") is not None

    def test_one_that_is_done_is_not_open(self, project: Project) -> None:
        entry = project.queue.add(project.add_item(None).id, "manual")
        project.queue.done(entry.id)
        assert project.queue.claim(entry.id, "ann") is None

    def test_no_such_entry(self, project: Project) -> None:
        with pytest.raises(ProjectError, match="no entry 3"):
            project.queue.claim(3, "ann")
