"""Checking the labels of a real project with real pictures."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from faceloop_datasets import Annotation, Cancelled, Monitor, Project, TrainingError
from faceloop_datasets.sample import sample_faces
from faceloop_trainer.labelcheck import check_labels
from faceloop_workbench.services.label_check import queue_doubts


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """80 faces, with a mistake of each kind in one of them."""
    folder = tmp_path_factory.mktemp("labels") / "project"
    records = [f for f, _ in zip(sample_faces(), range(80), strict=False)]
    with Project.create(folder) as project:
        project.import_entries("sample", records, scheme="face70")
        items = project.items()
        _change(project, items[15], lambda p, iod: p + np.array([0.12 * iod, 0]))
        _change(project, items[30], lambda p, iod: p + _one(61, 0.12 * iod))
        _change(project, items[50], lambda p, _: p[list(project.scheme.mirror)])
        _change(
            project, items[55], lambda p, _: p[[*range(43), *range(54, 42, -1), *range(55, 70)]]
        )
        _annotate_again(project, items[45], project.item_media(items[45]), "again")
        picture = next(f.media for f in project.faces() if f.item_id == items[65].id)
        copy = shutil.copy(picture, folder.parent / "copy.jpg")
        _annotate_again(project, items[65], project.add_media(copy), items[65].name)
        yield project


def _one(point, right):
    move = np.zeros((70, 2))
    move[point, 0] = right
    return move


def _change(project, item, change):
    head = project.annotation(item.id)
    old = head.annotation
    points = change(old.points, project.scheme.inter_ocular_distance(old.points))
    project.save(item.id, Annotation("face70", points, old.states), head.id)


def _annotate_again(project, item, media, name):
    """Annotate a face a second time, otherwise."""
    again = project.add_item(media, name=name)
    head = project.annotation(item.id).annotation
    points = head.points + np.random.default_rng(1).normal(0, 10, head.points.shape)
    project.save(again.id, Annotation("face70", points, head.states), None)


@pytest.fixture(scope="module")
def doubts(project):
    return check_labels(project)


def test_what_was_planted_comes_first(project, doubts):
    names = [item.name for item in project.items()]
    planted = {*(names[i] for i in (15, 30, 45, 50, 55)), "again"}
    assert planted < {doubt.name for doubt in doubts[:8]}  # winks are unusual too
    told = {doubt.name: doubt.what for doubt in doubts}
    assert "All points lie beside the face" in told[names[15]]
    assert "to the right" in told[names[15]]
    assert "Point 61, nose tip" in told[names[30]]
    assert "Left and right look exchanged in the whole face" in told[names[50]]
    assert told[names[55]] == "The points of outer lip run backwards."
    assert "annotated as again too" in told[names[45]]
    assert f"annotated as {names[45]} too" in told["again"]


def test_a_copy_of_a_picture_is_the_same_picture(project, doubts):
    original, copy = sorted(
        (d for d in doubts if d.name == project.items()[65].name), key=lambda d: d.item_id
    )
    assert original.doubtful
    assert copy.doubtful
    assert f"annotated as {copy.name} (item {copy.item_id}) too" in original.what
    assert f"annotated as {copy.name} (item {original.item_id}) too" in copy.what


def test_every_face_is_judged_once(project, doubts):
    assert sorted(d.item_id for d in doubts) == sorted(i.id for i in project.items())


def test_doubts_are_queued_with_their_sentence_once(project, doubts):
    """Also those of faces that were there for another reason, waiting, done or skipped."""
    found = {doubt.item_id: doubt.what for doubt in doubts if doubt.doubtful}
    waits, claimed, done, skipped, *_ = found
    numbers = {
        item: project.queue.add(item, "poor-fit", predicted_error=0.5).id
        for item in (waits, claimed, done, skipped)
    }
    project.queue.claim(numbers[claimed], "ann")
    project.queue.done(numbers[done])
    project.queue.skip(numbers[skipped], "blurred")
    entries = queue_doubts(project, doubts)
    assert [e.item_id for e in entries] == list(found)
    assert queue_doubts(project, doubts) == []
    listed = [e for e in project.queue.list(None, reason="label-check") if e.status != "done"]
    told = {e.item_id: why for e in listed for why in e.reasons if why.reason == "label-check"}
    assert {item: why.note for item, why in told.items()} == found
    points = {doubt.item_id: doubt.points for doubt in doubts if doubt.doubtful}
    assert {item: why.points for item, why in told.items()} == points
    assert any(points.values())
    kinds = {e.item_id: [why.reason for why in e.reasons] for e in listed}
    assert kinds[waits] == kinds[claimed] == ["poor-fit", "label-check"]
    assert kinds[done] == kinds[skipped] == ["label-check"]


def test_it_can_be_stopped(project):
    with pytest.raises(Cancelled):
        check_labels(project, progress=Monitor(cancel=lambda: True))


def test_too_few_faces_are_refused(tmp_path):
    with Project.create(tmp_path / "few") as few:
        records = [f for f, _ in zip(sample_faces(), range(4), strict=False)]
        few.import_entries("sample", records, scheme="face70")
        with pytest.raises(TrainingError, match="at least 10 different faces"):
            check_labels(few)
