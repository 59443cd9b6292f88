"""Values laid out flat come back as they were."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from faceloop_runtime.model.arrays import from_arrays, to_arrays


@dataclass(frozen=True, eq=False)
class Inner:
    array: NDArray[np.float32]
    number: float


@dataclass(frozen=True, eq=False)
class Outer:
    one: Inner
    many: tuple[Inner, ...]


def test_dataclasses_tuples_arrays_and_numbers_come_back() -> None:
    parts = tuple(Inner(np.full((k, 2), k, np.float32), k / 3) for k in range(11))
    value = Outer(Inner(np.zeros((0, 3)), -1.0), parts)
    back = from_arrays(Outer, to_arrays(value))
    assert len(back.many) == 11
    for was, now in zip((value.one, *value.many), (back.one, *back.many), strict=True):
        assert isinstance(now, Inner)
        assert (now.array.dtype, now.array.shape) == (was.array.dtype, was.array.shape)
        np.testing.assert_array_equal(now.array, was.array)
        assert now.number == was.number


def test_names_are_paths() -> None:
    found = to_arrays(Outer(Inner(np.zeros(2), 1.0), (Inner(np.zeros(3), 2.0),)))
    assert list(found) == ["one.array", "one.number", "many.0.array", "many.0.number"]
    assert found["many.0.number"].shape == ()


def test_what_cannot_be_laid_out_is_told() -> None:
    with pytest.raises(TypeError, match="str"):
        to_arrays(("text",))


def test_a_missing_array_is_told() -> None:
    arrays = to_arrays(Inner(np.zeros(2), 1.0))
    del arrays["number"]
    with pytest.raises(KeyError):
        from_arrays(Inner, arrays)
