"""What is searched for after an erasure, and where it is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets.care.traces import Trace, coordinates, find, texts

if TYPE_CHECKING:
    from pathlib import Path


def blob(count: int, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).uniform(0, 400, (count, 2)).astype("<f8").tobytes()


@given(st.integers(4, 120))
def test_two_pieces_of_four_whole_points_the_first_and_some_in_the_middle(count: int) -> None:
    stored = blob(count)
    first, other = (trace.bytes for trace in coordinates("points", stored))
    assert first == stored[:64]
    assert len(other) == 64
    places = [at for at in range(0, len(stored) - 63, 16) if stored[at : at + 64] == other]
    assert places, "a piece begins where a point does"
    assert abs(places[0] - (len(stored) - 64) / 2) <= 16


@pytest.mark.parametrize(
    "values",
    [np.zeros((8, 2)), np.full((8, 2), np.nan), np.tile([1.0, 2.0], (8, 1)), np.ones((3, 2))],
    ids=["zeros", "missing", "one point", "too few"],
)
def test_what_other_faces_have_too_is_not_searched_for(values: np.ndarray) -> None:
    assert list(coordinates("points", values.astype("<f8").tobytes())) == []


def test_short_texts_are_everywhere_by_chance() -> None:
    found = texts("a text", ["anna", "anna-maria", None, "", "äöü", "äöüß"])
    assert [trace.content for trace in found] == ["anna-maria", "äöü", "äöüß"]  # in bytes
    assert Trace("x", "äöü").bytes == "äöü".encode()


def test_it_is_found_in_names_and_in_all_files_but_media(tmp_path: Path) -> None:
    points, name = Trace("points", blob(4)), Trace("name", "anna-maria")
    for file, content in {
        "project.db": b"..." + points.bytes + b"...",
        "models/m.safetensors": b"about anna-maria",
        "media/anna-maria.jpg": points.bytes,  # pictures are only looked for by name
        "backups/empty.zip": b"",
        "cache/other": points.bytes[1:],
    }.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(content)
    found, files, size = find(tmp_path, [points, name])
    assert sorted((t.what, f.relative_to(tmp_path).as_posix()) for t, f in found) == [
        ("name", "media/anna-maria.jpg"),
        ("name", "models/m.safetensors"),
        ("points", "project.db"),
    ]
    assert (files, size) == (3, 70 + 16 + 63)
