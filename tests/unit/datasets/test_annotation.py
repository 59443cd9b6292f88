from __future__ import annotations

import numpy as np
import pytest

from faceloop_datasets import Annotation, InputError, PointState

V, O, E, M = PointState  # noqa: E741 - the initials of the four states
POINTS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]


def test_a_missing_point_has_no_position() -> None:
    face = Annotation("any", POINTS, [V, O, E, M])
    assert np.isnan(face.points[3]).all()
    assert face.present.tolist() == [True, True, True, False]


def test_what_a_point_may_train() -> None:
    face = Annotation("any", POINTS, [V, O, E, M], "import:muct")
    assert face.trains_shape.tolist() == [True, True, True, False]
    assert face.trains_patches.tolist() == [True, False, False, False]
    for source in ("fit:model", "manual+fit:model"):  # a person has changed the second
        fitted = Annotation("any", POINTS, [V, O, E, M], source)
        assert fitted.trains_shape.tolist() == [True, True, False, False]
        assert not fitted.converted.any()


def test_it_never_changes() -> None:
    points = np.array(POINTS)
    face = Annotation("any", points, [V] * 4)
    points[0] = 9.0
    assert face.points[0].tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        face.points[0] = 9.0
    with pytest.raises(ValueError, match="read-only"):
        face.states[0] = M


def test_equality_counts_nan_as_equal() -> None:
    assert Annotation("a", POINTS, [V, V, V, M]) == Annotation("a", POINTS, [V, V, V, M])
    assert Annotation("a", POINTS, [V, V, V, M]) != Annotation("a", POINTS, [V, V, V, O])
    assert Annotation("a", POINTS, [V] * 4) != Annotation("b", POINTS, [V] * 4)


@pytest.mark.parametrize(
    ("points", "states", "complaint"),
    [
        ([1.0, 2.0], [V], "shape"),
        (POINTS, [V], "Expected 4 point states"),
        (POINTS, [V, V, V, 4], "0..3"),
        (POINTS, [V, V, V, -1], "0..3"),
        (POINTS, [V, V, V, 0.5], "0..3"),
        ([[np.nan, 1.0]], [V], "finite"),
        ([[np.inf, 1.0]], [O], "finite"),
    ],
)
def test_refused(points: object, states: object, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        Annotation("any", points, states)  # type: ignore[arg-type]
