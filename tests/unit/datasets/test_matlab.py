from __future__ import annotations

import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.io import savemat

from faceloop_datasets import InputError
from faceloop_datasets.matlab import small_arrays

KINDS = st.sampled_from(["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8"])
ARRAYS = KINDS.flatmap(lambda kind: arrays(kind, st.tuples(*[st.integers(0, 5)] * 2)))


@settings(max_examples=60, deadline=None)
@given(ARRAYS, st.booleans())
def test_what_scipy_writes_is_read(array: np.ndarray, packed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.mat"
        values = {"other": {"x": [1, "y"]}, "a_name": array, "text": "points"}
        savemat(file, values, do_compression=packed)
        found = small_arrays(file, ("a_name", "nothing"))
        assert list(found) == ["a_name"]
        np.testing.assert_array_equal(found["a_name"], array.astype(float))
        for name in ("other", "text"):
            with pytest.raises(InputError, match=f"{name} is not an array of numbers"):
                small_arrays(file, (name,))


@settings(max_examples=100, deadline=None)
@given(st.integers(128, 400), st.binary(max_size=9), st.booleans())
def test_a_damaged_file_is_said_to_be(at: int, change: bytes, packed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.mat"
        savemat(file, {"pt2d": np.arange(40.0).reshape(2, 20)}, do_compression=packed)
        data = file.read_bytes()
        file.write_bytes(data[:at] + change + data[at + len(change) :])
        try:
            small_arrays(file, ("pt2d",))
        except InputError as error:
            assert "a.mat" in str(error)  # noqa: PT017 - it may be whole all the same


def test_what_unpacks_to_far_more_is_not_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "a.mat"
    savemat(file, {"a": np.ones(2)})
    bomb = zlib.compress(bytes(1 << 26), 9)
    head = (15).to_bytes(4, "little") + len(bomb).to_bytes(4, "little")
    file.write_bytes(file.read_bytes()[:128] + head + bomb)
    with pytest.raises(InputError, match="unpacks to far more than a face"):
        small_arrays(file, ("a",))
