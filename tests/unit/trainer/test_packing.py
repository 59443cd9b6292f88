"""Values laid out flat come back as they were."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from faceloop_trainer.packing import pack, unpack


@dataclass(frozen=True, eq=False)
class Inner:
    array: np.ndarray
    number: float


@dataclass(frozen=True, eq=False)
class Outer:
    one: Inner
    many: tuple[Inner, ...]


CLASSES = {"Inner": Inner, "Outer": Outer}


def test_dataclasses_tuples_arrays_and_numbers_come_back() -> None:
    parts = tuple(Inner(np.full((k, 2), k, np.float32), k / 3) for k in range(11))
    value = Outer(Inner(np.zeros((0, 3)), -1.0), parts)
    back = unpack(pack(value), CLASSES)
    assert isinstance(back, Outer)
    assert len(back.many) == 11
    for was, now in zip((value.one, *value.many), (back.one, *back.many), strict=True):
        assert isinstance(now, Inner)
        assert (now.array.dtype, now.array.shape) == (was.array.dtype, was.array.shape)
        np.testing.assert_array_equal(now.array, was.array)
        assert now.number == was.number


def test_what_cannot_be_laid_out_is_told() -> None:
    with pytest.raises(TypeError, match="str"):
        pack(("text",))


def test_a_class_that_is_not_expected_is_not_made() -> None:
    with pytest.raises(KeyError):
        unpack(pack(Inner(np.zeros(2), 1.0)), {"Outer": Outer})
