"""JSON read piece by piece is what Python's own reader says it is, wherever pieces end."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceloop_datasets import InputError
from faceloop_datasets.formats import _json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.dictionaries(st.sampled_from(["a", "b", "c", 'd"', "é"]), VALUES, max_size=4)


@settings(deadline=None)
@given(
    content=MEMBERS | st.lists(VALUES, max_size=4),
    piece=st.sampled_from([1, 2, 3, 7, 1 << 20]),
    indent=st.sampled_from([None, 1]),
    plain=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_pieces_make_no_difference(
    content: Any, piece: int, indent: int | None, plain: bool, encoding: str
) -> None:
    text = json.dumps(content, indent=indent, ensure_ascii=plain)
    before, _json._PIECE = _json._PIECE, piece
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "a.json"
            file.write_bytes(text.encode(encoding, "surrogatepass"))
            found = list(_json.elements(file, ("a", 'd"', "é")))
    finally:
        _json._PIECE = before
    if isinstance(content, list):
        assert found == [("", one) for one in content]
    else:
        wanted = [(k, v) for k, v in content.items() if k in ("a", 'd"', "é")]
        assert found == [(k, one) for k, v in wanted if isinstance(v, list) for one in v]


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.sampled_from("ab"), st.lists(VALUES, max_size=3), min_size=1), st.data())
def test_what_is_cut_off_is_no_whole_file(content: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(content)
    cut = data.draw(st.integers(0, len(text) - 1))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cut.json"
        file.write_text(text[:cut], encoding="utf-8")
        with pytest.raises(InputError, match=r"cut\.json is no complete JSON file"):
            list(_json.elements(file, ("a", "b")))


def test_the_line_of_a_fault_is_that_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    rows = ",\n".join(["[1, 2, 3, 4, 5, 6, 7, 8]" + " " * 90] * 30_000)
    file.write_text(f'{{"a": [\n{rows},\n[1 2]]}}')
    at = file.read_text().index("2]]")
    with pytest.raises(InputError, match=f"at line 30002, character {at} of the file"):
        list(_json.elements(file, ("a",)))
