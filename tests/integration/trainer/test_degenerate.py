"""Faces that teach nothing, or less than it seems: a clear error, or a model with a warning."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Annotation, Project, Scheme, TrainingError
from faceloop_datasets.sample import sample_faces
from faceloop_trainer import cross_validate, evaluate, train
from faceloop_trainer.data.split import fingerprint, unseen_faces
from faceloop_trainer.labelcheck import check_labels
from faceloop_trainer.train import train_faces

from .conftest import QUICK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from faceloop_datasets.formats.record import FaceRecord
    from faceloop_trainer.data.faces import TrainingFace

PEOPLE = list(islice(sample_faces(), 0, 96, 4))
"""A picture of each of 24 people."""


def project_of(folder: Path, records: Sequence[FaceRecord], scheme: str = "face70") -> Project:
    """A project of these faces, each a subject of its own under a name of its own."""
    project = Project.create(folder, scheme=scheme)
    named = [replace(r, name=f"p{i:03d}", subject=f"p{i:03d}") for i, r in enumerate(records)]
    project.import_entries("sample", named, scheme=project.scheme.name)
    return project


@pytest.fixture(scope="module")
def doubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """20 pictures, each under two names."""
    with project_of(tmp_path_factory.mktemp("doubled") / "p", PEOPLE[:20] * 2) as project:
        yield project


def shown_by(project: Project) -> dict[int | None, str | None]:
    return {face.item_id: face.media_sha256 for face in project.faces()}


@pytest.mark.parametrize("different", [1, 2, 6])
def test_the_same_few_pictures_under_many_names(tmp_path: Path, different: int) -> None:
    with project_of(tmp_path / "p", (PEOPLE[:different] * 24)[:24]) as project:
        said = rf"24 usable faces of {different} pe.*only {different} of them different"
        with pytest.raises(TrainingError, match=said) as error:
            train(project, QUICK)
    assert f"24 of 24 pictures are copies of one another, {different} different" in str(error.value)


def test_points_copied_to_other_pictures(tmp_path: Path) -> None:
    still = PEOPLE[0].annotation
    records = [
        replace(
            r, annotation=Annotation("face70", still.points + np.array([i, -i]), still.states, "")
        )
        for i, r in enumerate(PEOPLE[:20])
    ]
    with (
        project_of(tmp_path / "p", records) as project,
        pytest.raises(TrainingError, match=r"1 person.*20 of 20 faces have the same points"),
    ):
        train(project, QUICK)


def test_copies_train_or_measure_and_never_both(doubled: Project) -> None:
    result = train(doubled, replace(QUICK, holdout=0.3))
    assert result.warnings[0].startswith("40 of 40 pictures are copies of one another, 20 diff")
    assert result.evaluation is not None
    pictures = shown_by(doubled)
    measured = {pictures[item] for item in result.evaluation.items}
    assert 0 < len(measured) == len(set(result.evaluation.subjects))
    trained = set(result.report["training_subjects"])
    for face in doubled.faces():  # by both of its names
        assert (fingerprint(face.subject) in trained) == (face.media_sha256 not in measured)
    assert result.report["subjects"] == result.report["pictured"] == 20 - len(measured)
    unseen = unseen_faces(doubled.faces(), result.report)
    assert {face.media_sha256 for face in unseen} == measured
    assert len(evaluate(doubled, result.model).errors) == 2 * len(measured)


def test_a_cross_validation_deals_copies_together(doubled: Project) -> None:
    found = cross_validate(doubled, QUICK, 2)
    pictures = shown_by(doubled)
    one, other = ({pictures[item] for item in fold.items} for fold in found.folds)
    assert len(one | other) == 20
    assert not one & other
    with pytest.raises(TrainingError, match=r"shows 20\. 40 of 40 pictures are copies"):
        cross_validate(doubled, QUICK, 21)


def test_a_part_that_leaves_too_little_is_named(tmp_path: Path) -> None:
    with (
        project_of(tmp_path / "p", PEOPLE[:12]) as project,
        pytest.raises(TrainingError, match=r"In part 1 of 2: There are 6 usable faces of 6"),
    ):
        cross_validate(project, QUICK, 2)


def test_the_label_check_judges_copies_too(doubled: Project) -> None:
    assert {doubt.item_id for doubt in check_labels(doubled)} == set(shown_by(doubled))


def test_faces_that_cannot_be_used_and_that_too_few_are_left_to_measure_are_told(
    tmp_path: Path,
) -> None:
    beside = [
        replace(r, annotation=Annotation("face70", r.annotation.points + 1e5, r.annotation.states))
        for r in PEOPLE[14:16]
    ]
    with project_of(tmp_path / "p", [*PEOPLE[:11], *beside]) as project:
        result = train(project, replace(QUICK, holdout=0.5))
    assert result.evaluation is None
    assert result.report["pictured"] == 11
    assert any(warning.startswith("Nobody can be held out") for warning in result.warnings)
    assert result.warnings[0].startswith("2 faces cannot be trained on. The first: p011: ")
    assert "outside the picture" in result.warnings[0]


def test_exact_copies_in_two_folds_are_learnt_once(
    few_faces: list[TrainingFace], scheme: Scheme
) -> None:
    copies = [replace(face, subject=f"copy {i}") for i, face in enumerate(few_faces)]
    model = train_faces(scheme, [*few_faces, *copies], QUICK)
    assert model.provenance["pictured"] == len(few_faces)
    twice = [replace(few_faces[i % 2], subject=f"person {i}") for i in range(32)]
    with pytest.raises(TrainingError, match="32 usable faces of 32 people, only 2 of them"):
        train_faces(scheme, twice, QUICK)


@pytest.mark.parametrize("count", [3, 8])
def test_schemes_of_few_points_train(tmp_path: Path, count: int) -> None:
    chosen = [23, 28, 61, 43, 49, 7, 25, 30][:count]
    file = tmp_path / "few.toml"
    file.write_text(few_points(count), encoding="utf-8")
    records = []
    for record in PEOPLE:
        known = record.annotation
        own = Annotation("few", known.points[chosen], known.states[chosen], "")
        records.append(replace(record, annotation=own))
    with project_of(tmp_path / "p", records, str(file)) as project:
        result = train(project, replace(QUICK, holdout=0.2))
    assert result.evaluation is not None
    assert result.evaluation.metrics()["nme_median"] < 0.1
    assert np.abs(result.model.regressor.weights).max() < 100


def few_points(count: int) -> str:
    """A scheme: outer eye corners, nose tip, mouth corners, chin, inner eye corners."""
    fan = {
        3: [[0, 1, 2]],
        8: [[0, 6, 2], [6, 7, 2], [7, 1, 2], [0, 2, 3], [2, 1, 4], [2, 4, 3], [3, 4, 5]],
    }[count]
    pairs = [[0, 1], [3, 4], [6, 7]][: {3: 1, 8: 3}[count]]
    points = list(range(count))
    return f"""
name = "few"
title = "A few points"
names = {[f"point {i}" for i in points]}
mirror = {pairs}
iod = [0, 1]
triangles = {fan}
[initialisation]
left_eye = [0]
right_eye = [1]
nose = [2]
[groups]
face = {points}
[[contours]]
name = "face"
points = {points}
closed = false
""".replace("'", '"')
