"""Names that a spreadsheet would run, on their way into tables and back."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import Annotation, InputError, Scheme, SchemeError
from faceloop_datasets.files import escape_formula, is_text, unescape_formula
from faceloop_datasets.formats import FaceRecord, Refusal, read_faces, write_faces

if TYPE_CHECKING:
    from pathlib import Path

FORMULAS = [
    "=HYPERLINK(\"http://example.com\";\"face\")", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)",
    "\tface", "\rface", "\nface", "|cmd", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20a", "'=1",
    "''-1",
]  # fmt: skip
RUN = tuple("=+-@\t\r\n|\uff1d\uff0b\uff0d\uff20")


def face(name: str) -> FaceRecord:
    angle = np.linspace(0, 6, 71)
    points = np.stack([np.cos(angle) * 30 - 50.5, np.sin(angle) * 30 - 80.25], axis=1)
    return FaceRecord(name, name, None, name, Annotation("clmtrackr71", points, np.zeros(71)), "")


@pytest.mark.parametrize("name", FORMULAS)
def test_no_cell_of_a_tidy_table_is_run(name: str, tmp_path: Path) -> None:
    record = face(name)
    write_faces("csv", [record], tmp_path / "t.csv", scheme=Scheme.load("clmtrackr71"))
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert len(rows) == 71
    texts = [cell for row in rows for key, cell in zip(head, row, strict=True) if key not in "xy"]
    assert not [cell for cell in texts if cell.startswith(RUN)]
    assert unescape_formula(rows[0][0]) == name
    table = pd.read_csv(tmp_path / "t.csv")
    # numbers stay, which pandas 2 reads to the last bit but one
    np.testing.assert_allclose(table[["x", "y"]], record.annotation.points, rtol=3e-16, atol=0)


def test_a_scheme_with_formulas_for_names(tmp_path: Path) -> None:
    text = Scheme.load("clmtrackr71").to_toml().replace('"chin"', '"=1+1"', 1)
    first = Scheme.load("clmtrackr71").names[0]
    scheme = Scheme.parse(text.replace(f'"{first}"', '"@SUM(A1)"', 1), "s.toml")
    write_faces("csv", [face("a.jpg")], tmp_path / "t.csv", scheme=scheme)
    assert pd.read_csv(tmp_path / "t.csv")["name"][0] == "'@SUM(A1)"


@given(text=st.text(max_size=30))
def test_what_is_guarded_comes_back(text: str) -> None:
    assert unescape_formula(escape_formula(text)) == text
    assert not escape_formula(text).startswith(RUN)


@pytest.mark.parametrize("name", [n + ".jpg" for n in FORMULAS if is_text(n) and "/" not in n])
def test_clmtools_names_come_back(name: str, tmp_path: Path) -> None:
    if ";" in name:
        return
    write_faces("clmtools", [face(name)], tmp_path / "t.csv", scheme=Scheme.load("clmtrackr71"))
    assert not (tmp_path / "t.csv").read_text(encoding="utf-8").startswith(RUN)
    (again,) = read_faces("clmtools", [tmp_path / "t.csv"])
    assert isinstance(again, FaceRecord)
    assert again.image_name == name
    np.testing.assert_array_equal(again.annotation.points, face(name).annotation.points)


@pytest.mark.parametrize("name", ["a;b.jpg", "a\nb.jpg", "a\x1b[2J.jpg", "a\udcff.jpg"])
def test_clmtools_has_no_way_to_write_some_names(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no way to write"):
        write_faces("clmtools", [face(name)], tmp_path / "t", scheme=Scheme.load("clmtrackr71"))


@pytest.mark.parametrize(
    "value", ["1e300", "-1e300", "1_0", "1e7", "inf", "1e-99999999999999999999"]
)
@pytest.mark.parametrize(("source_format", "name", "count"), [("ibug", "a.pts", 68)])
def test_coordinates_beyond_any_picture(
    value: str, source_format: str, name: str, count: int, tmp_path: Path
) -> None:
    rows = [f"{k % 9} {k // 9}" for k in range(count)]
    rows[3] = f"{value} 5"
    (tmp_path / name).write_text("\n".join(rows))
    (entry,) = read_faces(source_format, [tmp_path / name])
    assert isinstance(entry, Refusal)
    assert "x on line 4" in entry.reason


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = " + "[" * 5000, "not a TOML file"),
        ("name = " + "9" * 5000, "not a TOML file"),
        ("name = 0x" + "f" * 9000, "huge number"),
        ("a = 1\n" * 200_000, "at most 1,048,576"),
        ('name = "a"\ntitle = "b"\nnames = [' + "".join(f'"{k}",' for k in range(1001)) + "]",
         "at most 1000"),
        ("x" * 9000 + " = 1", "not a key"),
    ],
    ids=["deep", "digits", "hexadecimal", "long", "points", "key"],
)  # fmt: skip
def test_schemes_that_want_memory_or_time(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(SchemeError, match=said) as caught:
        Scheme.load(tmp_path / "s.toml")
    assert len(str(caught.value)) < 500 + len(str(tmp_path))


def test_a_scheme_with_half_a_character() -> None:
    with pytest.raises(SchemeError, match="not a TOML file"):
        Scheme.parse('name = "\udcff"', "the scheme in the file")
