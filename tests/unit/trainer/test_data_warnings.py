"""What is wrong with faces is said in one sentence that names it; of good faces nothing is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceloop_datasets import Annotation, PointState, Scheme
from faceloop_datasets.face import Face
from faceloop_trainer.data.data_warnings import data_warnings, sample_size_warnings
from faceloop_trainer.data.requirements import unmet_requirements

SCHEME = Scheme.load("imm58")
FACES, POINTS = 12, len(SCHEME)


def faces(points: np.ndarray, states: np.ndarray | None = None) -> list[Face]:
    """Faces with a picture each, of points (FACES, POINTS, 2)."""
    missing = np.isnan(points).any(axis=2)
    states = np.full(points.shape[:2], PointState.VISIBLE) if states is None else states
    states = np.where(missing, PointState.MISSING, states)
    return [
        Face(
            item_id=i,
            revision_id=i,
            name=f"face {i}",
            subject=f"person {i}",
            annotation=Annotation("imm58", points[i], states[i]),
            media=f"{i}.jpg",  # type: ignore[arg-type]
            frame=None,
            media_sha256=str(i),
        )
        for i in range(len(points))
    ]


@pytest.fixture
def points() -> np.ndarray:
    rng = np.random.default_rng(1)
    shapes = rng.uniform(-100, 100, (POINTS, 2)) + rng.normal(0, 3, (FACES, POINTS, 2))
    shapes[:, SCHEME.iod[1]] = shapes[:, SCHEME.iod[0]] + [90, 0]
    return np.asarray(shapes + rng.uniform(150, 250, (FACES, 1, 2)))


def test_of_good_faces_nothing_is_said(points: np.ndarray) -> None:
    assert data_warnings(faces(points), SCHEME) == ()
    assert data_warnings([], SCHEME) == ()


def test_copied_points_are_told_with_an_example(points: np.ndarray) -> None:
    points[8:] = points[4] + np.arange(4)[:, None, None]
    (said,) = data_warnings(faces(points), SCHEME)
    assert said.startswith("5 of 12 faces have the same points as another picture's")
    assert "face 4 and face 8" in said


def test_copies_of_a_picture_are_not_told_twice(points: np.ndarray) -> None:
    points[8:] = points[4]
    some = [
        replace(f, media_sha256="one") if i in {4, 8, 9} else f for i, f in enumerate(faces(points))
    ]
    pictures, shapes = data_warnings(some, SCHEME)
    assert pictures.startswith("3 of 12 pictures are copies of one another, 1 different")
    assert shapes.startswith("3 of 12 faces have the same points as another picture's")


def test_a_point_at_one_pixel_is_named(points: np.ndarray) -> None:
    points[:, 30] = [12, 34]
    (said,) = data_warnings(faces(points), SCHEME)
    assert said.startswith(f"Point 30 ({SCHEME.names[30]}) is at one pixel in all pictures")
    assert "(x 12, y 34)" in said


def test_two_points_in_one_place_are_named(points: np.ndarray) -> None:
    points[:, 31] = points[:, 30]
    (said,) = data_warnings(faces(points), SCHEME)
    first, second = (f"{n} ({SCHEME.names[n]})" for n in (30, 31))
    assert said == f"In one place in all pictures: {first} and {second}."


def test_a_point_that_is_hardly_known_is_named(points: np.ndarray) -> None:
    points[1:, 5] = np.nan
    (said,) = data_warnings(faces(points), SCHEME)
    assert said.startswith(f"Point 5 ({SCHEME.names[5]}) is known in 1 of 12 faces only")


def test_points_that_are_seen_nowhere_are_counted(points: np.ndarray) -> None:
    states = np.full((FACES, POINTS), PointState.OCCLUDED)
    states[:, :3] = PointState.VISIBLE
    (said,) = data_warnings(faces(points, states), SCHEME)
    assert said.startswith("55 of 58 points are marked as visible in hardly any picture")


def test_very_small_faces_are_counted(points: np.ndarray) -> None:
    points[:5] /= 9
    (said,) = data_warnings(faces(points), SCHEME)
    assert said.startswith("5 of 12 faces are very small")


@pytest.mark.parametrize(
    ("people", "held", "said"),
    [
        (30, 8, []),
        (30, 2, ["Only 2 people held out"]),
        (30, 0, ["Nobody can be held out"]),
        (3, 1, ["Only 1 person held out", "The faces show only 3 people"]),
    ],
)
def test_few_people(people: int, held: int, said: list[str]) -> None:
    found = sample_size_warnings(people, held)
    assert len(found) == len(said)
    assert all(f.startswith(s) for f, s in zip(found, said, strict=True))


def test_too_little_to_train_on_says_why() -> None:
    assert unmet_requirements(10, 2, 10) == ""
    assert "1 usable face of 1 person to train on" in unmet_requirements(1, 1, 1)
    said = unmet_requirements(48, 1, 1, "They are copies.")
    assert said.startswith("There are 48 usable faces of 1 person, only 1 of them different,")
    assert said.endswith("are needed. They are copies. Annotate or import more.")
    assert unmet_requirements(48, 40, 9)
