"""What the window does round an erasure, on a real project."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from faceloop_datasets import Cancelled, Monitor, Project, ProjectError
from faceloop_datasets.care import erase
from faceloop_runtime import FaceModel
from faceloop_trainer.data.split import fingerprint
from faceloop_workbench.queue.erase_plan import after_erasing, leave_erased, plan_erasures
from faceloop_workbench.session import Session

GONE, STAYS = "sample-id001", "sample-id000"


@pytest.fixture
def session(small_project: Path):  # type: ignore[no-untyped-def]
    """Eight faces of two people, open."""
    made = Session()
    made.open(Project.open(small_project))
    yield made
    made.close()


def first(session: Session, subject: str) -> int:
    return next(i.id for i in session.need_project().items() if i.subject == subject)


def test_both_erasures_and_the_models_are_known_before(session: Session, tmp_path: Path) -> None:
    project = session.need_project()
    seen = {"training_subjects": [fingerprint(GONE)]}
    replace(FaceModel.starter(), provenance=seen).save(tmp_path / "ours.safetensors")
    project.add_model(tmp_path / "ours.safetensors", {})
    told: list[object] = []
    plan = plan_erasures(project.path, first(session, GONE), Monitor(told.append))
    assert (len(plan.face.items), len(plan.subject.items)) == (1, 4)
    assert set(plan.face.items) < set(plan.subject.items)
    assert (plan.face.target.subject, plan.subject.target.item) == (GONE, None)
    assert plan.models == ("ours",)
    assert told
    assert plan_erasures(project.path, first(session, STAYS), Monitor(told.append)).models == ()


def test_a_plan_can_be_cancelled_and_needs_a_face(session: Session) -> None:
    project = session.need_project()
    with pytest.raises(Cancelled):
        plan_erasures(project.path, 1, Monitor(cancel=lambda: True))
    with pytest.raises(ProjectError, match="no item 99"):
        plan_erasures(project.path, 99, Monitor())


def test_the_face_is_left_before_it_is_erased_and_no_other(session: Session) -> None:
    project = session.need_project()
    gone = project.item(first(session, GONE))
    plan = plan_erasures(project.path, gone.id, Monitor())
    for shown, planned, stays in (
        (gone, plan.face, False),
        (gone, plan.subject, False),
        (project.items()[gone.id], plan.face, True),  # another of the same person
        (project.item(first(session, STAYS)), plan.subject, True),
    ):
        session.show(shown)
        leave_erased(session, planned)
        assert (session.item is not None) == stays, (shown.name, planned.target)
    session.show(None)
    leave_erased(session, plan.face)


def test_afterwards_a_face_that_is_gone_is_closed_and_all_is_read_again(session: Session) -> None:
    project, read = session.need_project(), []
    session.items_changed.connect(lambda: read.append(len(project.items())))
    gone, stays = (project.item(first(session, subject)) for subject in (GONE, STAYS))
    plan = plan_erasures(project.path, gone.id, Monitor())
    session.show(gone)  # somebody went back to it
    assert erase(project.path, plan.subject).left == ()
    after_erasing(session)
    assert session.item is None
    session.show(stays)
    after_erasing(session)
    assert session.item == stays
    assert read == [4, 4]
    session.close()
    after_erasing(session)
    assert read == [4, 4]
