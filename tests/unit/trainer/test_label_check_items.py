"""What a label check does to faces before, and says of them after, they are compared."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_datasets import Annotation, PointState, Scheme, TrainingError
from faceloop_datasets.face import Face
from faceloop_trainer.data.faces import TrainingFace
from faceloop_trainer.labelcheck.check import (
    _checked,
    _corrected,
    _with_neutral_points,
    comparable,
)
from faceloop_trainer.labelcheck.faults import Correction, Fault

SCHEME = Scheme.load("imm58")
POINTS = np.random.default_rng(0).uniform(0, 100, (58, 2))
PART = next(iter(SCHEME.groups.values()))
FIRST, SECOND, *OTHERS = PART


def face() -> Face:
    states = np.full(58, PointState.VISIBLE)
    annotation = Annotation("imm58", POINTS, states, "import:imm")
    return Face(4, 9, "a face", "", annotation, None, None, None)


def test_constant_points_are_hidden_at_the_centre_of_the_others_of_their_part() -> None:
    found = _with_neutral_points(SCHEME, face(), [FIRST, SECOND]).annotation
    assert np.allclose(found.points[[FIRST, SECOND]], POINTS[OTHERS].mean(axis=0))
    assert (found.states[[FIRST, SECOND]] == PointState.OCCLUDED).all()
    rest = np.delete(np.arange(58), [FIRST, SECOND])
    assert np.array_equal(found.points[rest], POINTS[rest])
    assert (found.states[rest] == PointState.VISIBLE).all()


def test_a_corrected_face_keeps_all_but_its_points() -> None:
    states = np.full(58, PointState.OCCLUDED)
    found = _corrected(face(), Correction(9, POINTS + 1, states))
    assert np.array_equal(found.annotation.points, POINTS + 1)
    assert np.array_equal(found.annotation.states, states)
    assert (found.item_id, found.annotation.source) == (4, "import:imm")


def test_constant_points_come_first_and_another_fault_after_them() -> None:
    doubtful = Fault(2.0, "It looks turned.", "turned")
    plain = _checked(SCHEME, face(), doubtful, [], 12)
    assert (plain.item_id, plain.name, plain.what) == (4, "a face", "It looks turned.")
    both = _checked(SCHEME, face(), doubtful, [FIRST, SECOND], 12)
    assert both.what.startswith(f"Points {FIRST}, {SCHEME.names[FIRST]}, and {SECOND}, ")
    assert both.what.endswith(" It looks turned.")
    assert "at one pixel in all 12 pictures" in both.what
    assert (both.score, both.points) == (3.0, (FIRST, SECOND))
    alone = _checked(SCHEME, face(), Fault(1.0, "Nothing.", "misplaced"), [FIRST], 12)
    assert alone.what.startswith(f"Point {FIRST}, {SCHEME.names[FIRST]}, is at one pixel")
    assert "Nothing" not in alone.what


def with_points(count: int) -> TrainingFace:
    points = np.full((9, 2), np.nan)
    points[:count] = 1.0
    known = np.arange(9) < count
    return TrainingFace("a", "s", None, points, trains_patches=known, measured=known)


def test_faces_with_few_points_are_passed_over() -> None:
    faces = [with_points(count) for count in (9, 1, 3, 2) * 5]
    assert comparable(faces) == faces[::2]
    with pytest.raises(TrainingError, match=r"2 faces have enough confirmed points .* of 4"):
        comparable(faces[:4])
    assert comparable(faces[:1]) == faces[:1]
