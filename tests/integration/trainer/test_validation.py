"""Cross-validation and learning curves: nobody is trained on and measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceloop_datasets import Cancelled, Monitor, Progress, Project, TrainingError
from faceloop_datasets.sample import sample_faces
from faceloop_trainer import TrainingConfig, cross_validate, learning_curve

QUICK = TrainingConfig(channels=("raw",), mirror=False, components=8)  # as `quick_model`
HOLDOUT = 0.5
"""Keeps one of the six people aside."""


@pytest.fixture(scope="module")
def six_people(tmp_path_factory: pytest.TempPathFactory):
    """24 faces of 6 people, and one whose picture is lost."""
    records = [f for f, _ in zip(sample_faces(), range(28), strict=False)]
    with Project.create(tmp_path_factory.mktemp("six") / "project") as project:
        project.import_entries("sample", records[:24], scheme="face70")
        yield project


def test_every_face_is_measured_once_by_a_model_without_its_person(six_people: Project) -> None:
    steps: list[Progress] = []
    found = cross_validate(six_people, QUICK, 2, progress=steps.append)
    assert len(found.folds) == 2
    one, other = (set(fold.subjects) for fold in found.folds)
    assert not one & other
    assert len(one) == len(other) == 3
    assert sorted(found.pooled.items) == sorted(f.item_id for f in six_people.faces())
    assert len(found.pooled.errors) == 24
    assert np.median(found.pooled.errors) < 0.08  # the starts are 0.13 off
    assert found.unusable == ()
    said = [*dict.fromkeys(s.what for s in steps)]
    assert said[0] == "reading faces"
    assert said[1] == "part 1 of 2: training patch experts"
    assert said[-1] == "part 2 of 2: measuring fits"


def test_too_few_people_for_the_parts(six_people: Project) -> None:
    with pytest.raises(TrainingError, match=r"in 7 parts.*project shows 6"):
        cross_validate(six_people, QUICK, 7)
    for parts in (1, 10**30):
        with pytest.raises(TrainingError, match="expected 2 or more parts"):
            cross_validate(six_people, QUICK, parts)


def test_it_can_be_stopped(six_people: Project) -> None:
    asked = iter([False] * 40 + [True] * 10_000)
    with pytest.raises(Cancelled, match="nothing half-written"):
        cross_validate(six_people, QUICK, 2, progress=Monitor(cancel=lambda: next(asked)))


def test_a_learning_curve_measures_the_same_people_each_time(six_people: Project) -> None:
    config = replace(QUICK, holdout=HOLDOUT)
    few, most = learning_curve(six_people, config, counts=(4, 12, 400), seeds=(3,))
    assert few.evaluation.items == most.evaluation.items  # the same faces in the same order
    assert (few.faces, few.people) == (12, 3)  # 4 faces are too few to train on
    assert most.faces + len(most.evaluation.errors) == 24
    assert few.seed == most.seed == 3
    assert min(few.seconds, most.seconds) > 0


def test_people_who_are_trained_on_anyway_are_trained_on_once(six_people: Project) -> None:
    """All that are not kept aside are the same, whatever the seed."""
    steps: list[Progress] = []

    def begun() -> bool:
        return steps[-1:] != [] and steps[-1].what.startswith("training 1 of 1, 20 faces")

    with pytest.raises(Cancelled, match="training patch experts"):
        learning_curve(
            six_people,
            replace(QUICK, holdout=HOLDOUT),
            counts=(400, 500),
            seeds=(0, 1, 2),
            progress=Monitor(steps.append, begun),
        )


def test_nobody_to_keep_aside_and_too_few_faces(six_people: Project) -> None:
    with pytest.raises(TrainingError, match="too few people"):
        learning_curve(six_people, replace(QUICK, holdout=0.0))
    with pytest.raises(TrainingError, match="at least 10 faces"):
        learning_curve(six_people, replace(QUICK, holdout=HOLDOUT), counts=(4,))
