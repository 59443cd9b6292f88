"""Whole subjects on one side, and they stay there."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import Annotation, PointState
from faceloop_datasets.face import Face
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.split import (
    assign_folds,
    fingerprint,
    fold_of,
    split_faces,
    unseen_faces,
)

NAMES = st.lists(st.text("abcdefgh0123", min_size=1, max_size=6), min_size=4, max_size=40)


def face(number: int, subject: str, media: str | None = "there.jpg") -> Face:
    annotation = Annotation("imm58", np.zeros((58, 2)), np.full(58, PointState.VISIBLE))
    return Face(
        item_id=number,
        revision_id=number,
        name=f"face {number}",
        subject=subject,
        annotation=annotation,
        media=media,  # type: ignore[arg-type]
        frame=None,
        media_sha256=None,
    )


def faces_of(subjects: list[str]) -> list[Face]:
    return [face(i, s) for i, s in enumerate(subjects)]


@given(NAMES)
def test_nobody_is_on_both_sides_and_nobody_is_lost(subjects: list[str]) -> None:
    faces = faces_of(subjects)
    choice = split_faces(faces, TrainingConfig(holdout=0.4))
    train, test = ({f.subject for f in side} for side in (choice.training, choice.held_out))
    assert not train & test
    assert {f.item_id for f in (*choice.training, *choice.held_out)} == set(range(len(faces)))


@given(NAMES, NAMES)
def test_a_subject_stays_on_its_side_when_faces_are_added(old: list[str], new: list[str]) -> None:
    config = TrainingConfig(holdout=0.4)
    before = split_faces(faces_of(old), config)
    after = split_faces(faces_of([*old, *new]), config)
    held = {f.subject for f in after.held_out}
    assert {f.subject for f in before.held_out} <= held
    if before.held_out:  # with fewer than two people left to train on, nobody is held out
        assert not held & {f.subject for f in before.training}


def test_about_the_wanted_share_is_held_out() -> None:
    faces = faces_of([f"person {i}" for i in range(1000)])
    held = split_faces(faces, TrainingConfig(holdout=0.25)).held_out
    assert 200 < len(held) < 300


def test_nobody_is_kept_out_of_what_would_be_too_few() -> None:
    """Twelve people with a picture each can be trained on, nine of them could not."""
    config = TrainingConfig(holdout=0.4)
    few, enough = (faces_of([f"person {i}" for i in range(n)]) for n in (12, 40))
    assert (len(split_faces(few, config).training), split_faces(few, config).held_out) == (12, ())
    assert split_faces(enough, config).held_out


def test_too_few_people_are_not_split() -> None:
    choice = split_faces(faces_of(["one", "one", "two"]), TrainingConfig(holdout=0.9))
    assert len(choice.training) == 3
    assert choice.held_out == ()


@given(NAMES, st.integers(2, 20))
def test_a_limit_takes_whole_subjects(subjects: list[str], limit: int) -> None:
    faces = faces_of(subjects)
    everyone = split_faces(faces, TrainingConfig(holdout=0.0))
    limited = split_faces(faces, TrainingConfig(holdout=0.0, limit=limit))
    assert len(limited.training) <= limit
    chosen = {f.subject for f in limited.training}
    assert [f for f in everyone.training if f.subject in chosen] == list(limited.training)


def test_a_limit_leaves_those_held_out_alone() -> None:
    faces = faces_of([f"person {i // 3}" for i in range(90)])
    free = split_faces(faces, TrainingConfig())
    limited = split_faces(faces, TrainingConfig(limit=12))
    assert len(limited.training) == 12
    assert limited.held_out == free.held_out


def test_the_seed_chooses_who_is_within_the_limit() -> None:
    faces = faces_of([f"person {i}" for i in range(60)])
    chosen = [
        {f.subject for f in split_faces(faces, TrainingConfig(limit=20, seed=seed)).training}
        for seed in (0, 0, 1)
    ]
    assert chosen[0] == chosen[1] != chosen[2]


def test_faces_without_a_subject_are_people_of_their_own() -> None:
    faces = [face(i, "") for i in range(100)]
    choice = split_faces(faces, TrainingConfig(holdout=0.5))
    assert 20 < len(choice.held_out) < 80


def test_unseen_faces_leave_out_everyone_who_was_trained_on() -> None:
    faces = [face(0, "anna"), face(1, "bob"), face(2, "carl", media=None), face(3, "bob")]
    seen = {"training_subjects": [fingerprint("anna")]}
    assert [f.item_id for f in unseen_faces(faces, seen)] == [1, 3]
    assert [f.item_id for f in unseen_faces(faces, {})] == [0, 1, 3]
    also = {"training_subjects": [fingerprint("bob")]}
    assert unseen_faces(faces, seen, also) == []


@given(st.text(max_size=20), st.integers(2, 7), st.integers(0, 9))
def test_a_fold_is_a_fixed_number_in_range(subject: str, folds: int, seed: int) -> None:
    assert fold_of(subject, folds, seed) == fold_of(subject, folds, seed)
    assert 0 <= fold_of(subject, folds, seed) < folds


@given(NAMES, st.integers(2, 5), st.integers(0, 3))
def test_whole_people_are_dealt_to_parts_of_about_the_same_size(
    subjects: list[str], folds: int, seed: int
) -> None:
    faces = faces_of(subjects)
    dealt = assign_folds(faces, folds, seed)
    assert set(dealt) == set(subjects)
    assert assign_folds(faces[::-1], folds, seed) == dealt
    sizes = [sum(dealt[s] == fold for s in subjects) for fold in range(folds)]
    largest = max(subjects.count(s) for s in subjects)
    assert max(sizes) - min(sizes) <= largest
    if len(set(subjects)) >= folds:
        assert min(sizes) > 0


def test_another_seed_deals_another_way() -> None:
    faces = faces_of([f"person {i}" for i in range(40)])
    assert assign_folds(faces, 4, 0) != assign_folds(faces, 4, 1)
