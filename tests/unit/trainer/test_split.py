"""Whole subjects on one side, and they stay there."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import Annotation, PointState
from faceloop_datasets.face import Face
from faceloop_trainer import TrainingConfig
from faceloop_trainer.data.split import (
    assign_folds,
    fingerprint,
    fold_of,
    picture_fingerprints,
    split_faces,
    subsample_by_content,
    trained_fingerprints,
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


def position(name: str, purpose: str) -> float:
    """Where a name lies between 0 and 1, spelled out: the same with every version."""
    digest = hashlib.sha256(f"{purpose}:{name}".encode()).digest()
    return sum(byte / 256 ** (place + 1) for place, byte in enumerate(digest[:8]))


PEOPLE = [f"person {i}" for i in range(60)]


def test_a_side_is_the_place_of_the_name() -> None:
    choice = split_faces(faces_of(PEOPLE), TrainingConfig(holdout=0.3))
    expected = [p for p in PEOPLE if position(p, "holdout") < 0.3]
    assert [f.subject for f in choice.held_out] == expected


@pytest.mark.parametrize(("folds", "seed"), [(2, 0), (5, 3)])
def test_a_fold_is_the_place_of_the_name(folds: int, seed: int) -> None:
    for name in PEOPLE:
        assert fold_of(name, folds, seed) == math.floor(folds * position(name, f"fold-{seed}"))


def test_a_limit_takes_people_in_the_order_of_their_places() -> None:
    subjects = [p for i, p in enumerate(PEOPLE) for _ in range(1 + i % 4)]
    choice = split_faces(faces_of(subjects), TrainingConfig(holdout=0.0, limit=31, seed=2))
    room, expected = 31, set()
    for name in sorted(PEOPLE, key=lambda p: position(p, "limit-2")):
        if subjects.count(name) <= room:
            room -= subjects.count(name)
            expected.add(name)
    assert {f.subject for f in choice.training} == expected


def test_people_are_dealt_the_largest_first() -> None:
    subjects = [p for i, p in enumerate(PEOPLE[:12]) for _ in range(1 + i % 5)]
    filled, expected = [0, 0, 0], {}
    for name in sorted(set(subjects), key=lambda p: (-subjects.count(p), position(p, "deal-4"))):
        fewest = min(range(3), key=lambda fold: (filled[fold], fold))
        expected[name] = fewest
        filled[fewest] += subjects.count(name)
    assert assign_folds(faces_of(subjects), 3, 4) == expected


def test_of_a_dozen_two_are_held_out_whatever_their_names_say() -> None:
    inside = [f"p{k}" for k in range(400) if position(f"p{k}", "holdout") >= 0.2]
    first = sorted(inside[:15], key=lambda one: position(one, "holdout"))[:2]
    chosen = split_faces(faces_of(inside[:15]), TrainingConfig())
    assert {face.subject for face in chosen.held_out} == set(first)
    assert split_faces(faces_of(inside[:11]), TrainingConfig()).held_out == ()
    assert split_faces(faces_of(inside[:15]), TrainingConfig(holdout=0.0)).held_out == ()


def test_nobody_is_kept_out_if_one_person_would_be_left() -> None:
    """However many faces that person has."""
    inside = next(p for p in PEOPLE if position(p, "holdout") >= 0.5)
    outside = [p for p in PEOPLE if position(p, "holdout") < 0.5]
    config = TrainingConfig(holdout=0.5)
    alone = split_faces(faces_of([inside] * 30 + outside[:1] * 12), config)
    assert alone.held_out == ()
    assert len(alone.training) == 42
    other = [p for p in PEOPLE if position(p, "holdout") >= 0.5][1]
    assert len(split_faces(faces_of([inside] * 30 + [other, outside[0]]), config).held_out) == 1


def test_faces_without_a_picture_are_nothing_to_train_on() -> None:
    config = TrainingConfig(holdout=0.3)
    pictured, shapes = PEOPLE[:11], PEOPLE[11:]
    faces = [face(i, p, None if p in shapes else "there.jpg") for i, p in enumerate(PEOPLE)]
    assert split_faces(faces_of(PEOPLE), config).held_out
    assert len(pictured) - len([p for p in pictured if position(p, "holdout") < 0.3]) < 10
    assert split_faces(faces, config).held_out == ()


def test_a_known_picture_is_not_unseen_under_another_name() -> None:
    """Nor are the other faces of whoever it shows now."""
    faces = [replace(face(i, s), media_sha256=f"{i:064x}") for i, s in enumerate("abbc")]
    assert picture_fingerprints(faces[:2]) == {fingerprint("0" * 64), fingerprint("0" * 63 + "1")}
    assert picture_fingerprints([face(0, "a")]) == set()
    known = {"training_pictures": [fingerprint(f"{2:064x}")]}
    assert [f.item_id for f in unseen_faces(faces, known)] == [0, 3]
    assert trained_fingerprints({**known, "training_subjects": ["x"]}) == {
        "x",
        fingerprint(f"{2:064x}"),
    }


def test_a_fingerprint_is_the_beginning_of_a_digest() -> None:
    """It is kept in model files, so it stays what it is."""
    assert fingerprint("anna") == hashlib.sha256(b"anna").hexdigest()[:12]


@given(st.lists(st.text("abcd", min_size=1, max_size=4), unique=True), st.integers(1, 9))
def test_some_are_chosen_by_their_content_whoever_comes_with_them(
    keys: list[str], count: int
) -> None:
    """Those of the smallest keys, in the order given: one that comes displaces one at most."""
    chosen = subsample_by_content(keys, count)
    assert [key for i, key in enumerate(keys) if i in chosen] == [keys[i] for i in chosen]
    assert sorted(keys[i] for i in chosen) == sorted(keys)[:count]


@given(NAMES, st.data())
def test_whom_a_person_has_put_on_a_side_is_on_that_one(
    subjects: list[str], data: st.DataObject
) -> None:
    faces = faces_of(subjects)
    config = TrainingConfig(holdout=data.draw(st.sampled_from([0.0, 0.2, 0.6])))
    sides = data.draw(
        st.lists(st.sampled_from(["", "", "held out", "training"]), min_size=len(faces),
                 max_size=len(faces))
    )  # fmt: skip
    chosen = [replace(one, side=side) for one, side in zip(faces, sides, strict=True)]
    choice = split_faces(chosen, config)
    train, test = ({f.subject for f in side} for side in (choice.training, choice.held_out))
    assert not train & test
    by_hand = {f.subject for f in chosen if f.side == "held out"}
    assert by_hand <= test
    assert {f.subject for f in chosen if f.side == "training"} - by_hand <= train
    if not by_hand:
        alone = {f.subject for f in split_faces(faces, config).held_out}
        assert test <= alone or not alone  # where nobody could be spared without them
