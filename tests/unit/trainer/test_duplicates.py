"""Copied faces are found, count as one person, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import Annotation, PointState, Scheme
from faceloop_datasets.face import Face
from faceloop_trainer.data.data_warnings import data_warnings
from faceloop_trainer.data.duplicates import (
    join_duplicate_subjects,
    picture_duplicates,
    shape_duplicates,
)

SCHEME = Scheme.load("imm58")


def face(
    number: int,
    subject: str,
    shape: int | None = None,
    *,
    picture: str | None = None,
    frame: int | None = None,
    at: tuple[float, float] = (300.0, 200.0),
    scale: float = 100.0,
    turn: float = 0.0,
    noise: float = 0.0,
) -> Face:
    """A face of 58 points; of its own shape unless told."""
    points = np.random.default_rng(number if shape is None else shape).normal(size=(58, 2))
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    points = points @ np.array([[c, s], [-s, c]]) + at
    points += np.random.default_rng(number).normal(0, noise, points.shape)
    states = np.full(58, PointState.VISIBLE)
    return Face(
        item_id=number,
        revision_id=number,
        name=f"face {number}",
        subject=subject,
        annotation=Annotation("imm58", points, states),
        media=f"{number}.jpg",  # type: ignore[arg-type]
        frame=frame,
        media_sha256=picture or str(number),
    )


def test_the_same_picture_under_other_names() -> None:
    faces = [face(i, f"p{i}", picture="same" if i > 2 else None) for i in range(7)]
    assert picture_duplicates(faces) == [[3, 4, 5, 6]]
    names = [f.subject for f in join_duplicate_subjects(faces)]
    assert names == ["p0", "p1", "p2", "p3", "p3", "p3", "p3"]
    (said,) = data_warnings(faces, SCHEME)
    assert said.startswith("4 of 7 pictures are copies of one another, 1 different")


def test_several_people_in_one_picture_are_no_copies() -> None:
    faces = [face(i, f"p{i}", picture="group", at=(400.0 * i, 200.0)) for i in range(3)]
    assert picture_duplicates(faces) == []
    assert join_duplicate_subjects(faces) == faces
    assert data_warnings(faces, SCHEME) == ()


def test_the_frames_of_a_video_are_pictures_of_their_own() -> None:
    faces = [
        face(i, "clip", picture="video", frame=i // 2, at=(900.0 * (i % 2), 0.0)) for i in range(8)
    ]
    assert picture_duplicates(faces) == []


@given(st.floats(-3, 3), st.floats(0.1, 10), st.tuples(st.floats(-500, 500), st.floats(-500, 500)))
def test_copied_points_are_found_wherever_they_lie(
    turn: float, scale: float, at: tuple[float, float]
) -> None:
    moved = face(5, "e", shape=0, turn=turn, scale=100 * scale, at=at)
    faces = [face(0, "a"), face(1, "b"), face(2, "c", shape=0, noise=0.05), moved, face(4, "d")]
    assert shape_duplicates(faces) == [[0, 2, 3]]
    assert [f.subject for f in join_duplicate_subjects(faces)] == ["a", "b", "a", "a", "d"]


@pytest.mark.parametrize("noise", [1.0, 3.0])
def test_points_that_somebody_placed_anew_are_no_copies(noise: float) -> None:
    assert shape_duplicates([face(i, f"p{i}", shape=0, noise=noise) for i in range(20)]) == []


def test_copies_of_copies_are_one_person_who_keeps_the_first_name() -> None:
    faces = [
        face(9, "z", picture="one"),
        face(3, "c", picture="two"),
        face(4, "a", picture="one"),
        face(5, "a", picture="two"),
        face(6, "other"),
    ]
    assert [f.subject for f in join_duplicate_subjects(faces)] == ["c", "c", "c", "c", "other"]


def test_thousands_of_faces_take_no_time_that_grows_with_their_square() -> None:
    faces = [face(i, f"p{i}", shape=i % 1500) for i in range(3000)]
    assert len({f.subject for f in join_duplicate_subjects(faces)}) == 1500
