"""Labels put right in all faces at once, and taken back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Annotation, Progress, Project, ProjectError
from faceloop_datasets.sample import sample_faces
from faceloop_trainer.labelcheck import CheckedLabel, Correction
from faceloop_workbench.services.child import ChildJob
from faceloop_workbench.services.label_check import LabelCheck
from faceloop_workbench.services.mending import last_mend, mend_labels, undo_mend
from faceloop_workbench.services.messages import CheckLabels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Run

FACES, WRONG = 14, 5
W = 384


def wrong_records():
    """Fourteen people; the first five annotated in the mirrored picture, with their numbers."""
    for n, record in enumerate(list(sample_faces())[: 4 * FACES : 4]):
        old = record.annotation
        points = old.points * (-1, 1) + (W - 1, 0) if n < WRONG else old.points
        yield record.__class__(
            **{
                **{name: getattr(record, name) for name in record.__dataclass_fields__},
                "annotation": Annotation(old.scheme, points, old.states, old.source),
            }
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Project.create(tmp_path / "faces") as project:
        project.import_entries("sample", wrong_records(), scheme="face70")
    return tmp_path / "faces"


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    with Project.open(folder) as project:
        yield project


def points_of(project: Project) -> dict[str, np.ndarray]:
    return {face.name: face.annotation.points for face in project.faces()}


def right_points() -> dict[str, np.ndarray]:
    return {r.name: r.annotation.points for r in list(sample_faces())[: 4 * FACES : 4]}


def test_from_the_command_line_and_back(faceloop: Run, folder: Path) -> None:
    listed = faceloop("check-labels", "--project", folder)
    assert "5 faces can be put right at once (5 mirrored): add --mend" in listed.err
    with Project.open(folder) as project:
        before = points_of(project)
        assert len(project.changes()) == FACES  # nothing was done
    mended = faceloop("check-labels", "--project", folder, "--mend", "--json").json()
    assert mended["mended"] == WRONG
    kinds = [doubt["kind"] for doubt in mended["doubtful"]]
    assert kinds.count("mirrored") == WRONG
    with Project.open(folder) as project:
        for name, right in right_points().items():
            assert np.allclose(points_of(project)[name], right)
        # A person's now: the same import changes nothing.
        report = project.import_entries("sample", wrong_records(), scheme="face70")
        assert (report.unchanged, report.updated, report.kept_aside) == (FACES, 0, 0)
    undone = faceloop("check-labels", "--project", folder, "--undo-mend")
    assert undone.out.startswith("Taken back: Mend labels: 5 mirrored. 5 faces are as they were")
    with Project.open(folder) as project:
        after = points_of(project)
        assert all(np.array_equal(after[name], before[name]) for name in before)
        assert {f.annotation.source for f in project.faces()} == {"import:sample"}
        assert len(project.history(1)) == 3  # nothing is ever taken away
    nothing = faceloop("check-labels", "--project", folder, "--undo-mend")
    assert nothing.code != 0
    assert "There is no mend of labels" in nothing.err


def check_apart(folder: Path, *, stop: bool = False) -> tuple[object, list[Progress]]:
    """How a check in a process of its own ends, and how far it was meanwhile."""
    job = ChildJob(CheckLabels(str(folder)), "Checking the labels")
    ends: list[object] = []
    steps: list[Progress] = []
    job.progressed.connect(steps.append)
    job.done.connect(ends.append)
    job.failed.connect(ends.append)
    job.cancelled.connect(lambda: ends.append("cancelled"))
    if stop:
        job.progressed.connect(job.cancel)
    job.start()
    assert job.wait(240.0)  # machines are busy
    (end,) = ends
    return end, steps


def test_a_process_of_its_own_says_what_can_be_mended(project: Project) -> None:
    found, steps = check_apart(project.path)
    assert isinstance(found, LabelCheck)
    assert found.faces == FACES
    assert found.queued == found.doubtful >= WRONG
    assert f"{found.doubtful} of {FACES} labels look doubtful" in str(found)
    assert steps[0].what == "reading faces"
    assert {step.total for step in steps} != {None}
    assert len(found.mendable) == WRONG
    assert project.queue.count(reason="label-check") == found.doubtful
    batch = mend_labels(project, found.mendable)
    assert batch.faces == WRONG
    for name, right in right_points().items():
        assert np.allclose(points_of(project)[name], right)
    # The entries that said nothing else are done with.
    assert project.queue.count(reason="label-check") == found.doubtful - WRONG
    undo_mend(project)
    assert project.queue.count(reason="label-check") == found.doubtful


def test_a_process_of_its_own_can_be_stopped(project: Project) -> None:
    assert check_apart(project.path, stop=True)[0] == "cancelled"
    assert project.queue.count(reason="label-check") == 0


def test_a_process_of_its_own_tells_what_is_wrong(project: Project, tmp_path: Path) -> None:
    assert "is no project" in str(check_apart(tmp_path)[0])
    with Project.create(tmp_path / "few") as few:
        few.import_entries("sample", list(sample_faces())[:3], scheme="face70")
    end = str(check_apart(tmp_path / "few")[0])
    assert end.startswith("The labels could not be checked. There are 3 usable faces")


def doubt(project: Project, item_id: int, right: float = 1.0) -> CheckedLabel:
    head = project.annotation(item_id)
    assert head is not None
    mend = Correction(head.id, head.annotation.points + right, head.annotation.states)
    return CheckedLabel(item_id, "a face", 9.0, "It looks wrong.", "shifted", (), mend)


def test_faces_that_were_changed_meanwhile_stay_as_they_are(project: Project) -> None:
    doubts = [doubt(project, number) for number in (1, 2, 3)]
    head = project.annotation(2)
    assert head is not None
    by_hand = Annotation("face70", head.annotation.points - 7, head.annotation.states)
    project.save(2, by_hand, head.id)
    assert mend_labels(project, doubts).faces == 2
    assert project.annotation(2).annotation == by_hand  # type: ignore[union-attr]
    # And so does one that is changed between the mend and its undo.
    mended = project.annotation(3)
    assert mended is not None
    project.save(3, by_hand, mended.id)
    batch, faces = undo_mend(project)
    assert (batch.faces, faces) == (2, 1)
    assert project.annotation(3).annotation == by_hand  # type: ignore[union-attr]
    assert last_mend(project) is None
    with pytest.raises(ProjectError, match="no mend"):
        undo_mend(project)


def test_a_fit_stays_a_fit(project: Project) -> None:
    head = project.annotation(1)
    assert head is not None
    fit = Annotation("face70", head.annotation.points, head.annotation.states, "fit:starter")
    project.save(1, fit, head.id)
    mend_labels(project, [doubt(project, 1), doubt(project, 2)])
    sources = [project.annotation(n).annotation.source for n in (1, 2)]  # type: ignore[union-attr]
    assert sources == ["fit:starter", "manual"]


def test_nothing_to_mend_is_no_batch(project: Project) -> None:
    assert mend_labels(project, []).faces == 0
    assert last_mend(project) is None
