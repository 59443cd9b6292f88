"""dlib's XML as imglab and scripts write it.

What files look like: dlib's examples/faces/training_with_face_landmarks.xml and
tools/imglab (README and src/metadata_editor.cpp), dlib issues 1563 (order of parts) and 602 (own
parts). All values are made up here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop_datasets import InputError
from faceloop_datasets.formats import (
    FaceRecord,
    Refusal,
    Skip,
    count_faces,
    read_faces,
    recognise,
    source_scheme,
)

HEAD = """<?xml version='1.0' encoding='ISO-8859-1'?>
<?xml-stylesheet type='text/xsl' href='image_metadata_stylesheet.xsl'?>
<dataset>
<name>Training faces</name>
<comment>Put comments here &lt;3</comment>
<images>
"""
RING = [(round(200 + 40 * np.cos(k / 11)), round(90 + 50 * np.sin(k / 11))) for k in range(68)]


def parts(names: list[str], points: list[Any] = RING) -> str:
    rows = zip(names, points, strict=False)
    return "".join(f"<part name='{n}' x='{x}' y='{y}'/>\n" for n, (x, y) in rows)


def box(inside: str, more: str = "") -> str:
    return f"<box top='78' left='74' width='138' height='140'{more}>\n{inside}</box>\n"


def written(folder: Path, *boxes: str, head: str = HEAD, picture: str = "2007_007763.jpg") -> Path:
    file = folder / "faces.xml"
    inside = "".join(boxes)
    file.write_text(
        f"{head}<image file='{picture}' width='500' height='375'>\n{inside}</image>\n"
        "</images>\n</dataset>\n",
        encoding="latin-1",
    )
    return file


def read(file: Path) -> list[Any]:
    assert recognise([file]).format == recognise([file.parent]).format == "dlib"
    return list(read_faces("dlib", [file]))


@pytest.mark.parametrize("form", ["{:02d}", "{}"])
def test_68_numbers_are_ibugs_points_in_any_order_of_the_file(tmp_path: Path, form: str) -> None:
    rows = list(zip((form.format(k) for k in range(68)), RING, strict=True))
    rows.sort(key=lambda row: row[0])  # as dlib does, so that 10 comes before 2 without a 0
    inside = parts([n for n, _ in rows], [p for _, p in rows])
    file = written(tmp_path, box(inside))
    (one,) = read(file)
    assert source_scheme("dlib", [file]).name == "ibug68"
    assert one.annotation.points.tolist() == [list(p) for p in RING]
    assert one.origin.endswith("faces.xml:8")


def test_parts_may_be_words_fractions_or_missing(tmp_path: Path) -> None:
    full = box(parts(["nose", "left_eye", "right_eye"], [(20, 30.5), (10, 20), (30, 20)]))
    some = box(parts(["left_eye", "nose"], [(110, 20), (120, 31)]), " occluded='1' truncated='1'")
    file = written(tmp_path, full, some)
    one, other = read(file)
    assert source_scheme("dlib", [file]).names == ("left_eye", "nose", "right_eye")
    assert one.annotation.points.tolist() == [[10, 20], [20, 30.5], [30, 20]]
    assert other.annotation.states.tolist() == [0, 0, 3]
    assert (one.name, other.name) == ("2007_007763.jpg", "2007_007763.jpg#2")


def test_a_number_that_no_face_has_is_a_point_all_the_same(tmp_path: Path) -> None:
    names = [f"{k:02d}" for k in range(68) if k != 30]
    file = written(tmp_path, box(parts(names)))
    assert source_scheme("dlib", [file]).name == "ibug68"
    assert read(file)[0].annotation.states[30] == 3


def test_parts_of_a_face_are_no_more_points_than_there_are(tmp_path: Path) -> None:
    names = [str(k) for k in range(36, 48)]
    file = written(tmp_path, box(parts(names)))
    (one,) = read(file)
    assert source_scheme("dlib", [file]).names == tuple(names)
    assert one.annotation.points.tolist() == [list(p) for p in RING[:12]]


@pytest.mark.parametrize("first", [0, 1])
def test_all_files_count_from_the_same_number(tmp_path: Path, first: int) -> None:
    for folder, numbers in (("a", range(36, 48)), ("b", range(68))):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder, box(parts([str(k + first) for k in numbers])))
    eyes, whole = read_faces("dlib", [tmp_path / "a", tmp_path / "b"])
    assert isinstance(eyes, FaceRecord)
    assert isinstance(whole, FaceRecord)
    assert np.flatnonzero(eyes.annotation.present).tolist() == list(range(36, 48))
    assert whole.annotation.present.all()


def test_boxes_that_are_no_faces_are_counted(tmp_path: Path) -> None:
    good = box("<label>face</label>" + parts(["a", "b", "c"]))
    ignored = box(parts(["x"]), " ignore='1'")
    file = written(tmp_path, ignored, good, box(""), "<box top='1' left='1' width='3' height='3'/>")
    found = read(file)
    assert [one.reason for one in found if isinstance(one, Skip)] == [
        "a box to be ignored (ignore='1')",
        "a box without parts",
        "a box without parts",
    ]
    assert count_faces("dlib", [file]) == 4
    assert len(source_scheme("dlib", [file])) == 3


def test_pictures_with_folders_of_windows(tmp_path: Path) -> None:
    (tmp_path / "i bug").mkdir()
    (tmp_path / "i bug" / "a & b.jpg").write_bytes(b"")
    (one,) = read(written(tmp_path, box(parts(["a", "b"])), picture="i bug\\a &amp; b.jpg"))
    assert one.image is not None
    assert one.image.name == "a & b.jpg"


def test_a_part_that_is_no_number_is_missing(tmp_path: Path) -> None:
    inside = parts(["a", "b"]) + "<part name='c' x='nan' y='NaN'/>"
    (one,) = read(written(tmp_path, box(inside)))
    assert one.annotation.states.tolist() == [0, 0, 3]


def test_a_name_of_thousands_of_digits_is_no_number(tmp_path: Path) -> None:
    long = "9" * 5000
    good, bad = read(written(tmp_path, box(parts(["a", "b"])), box(parts(["a", long, long]))))
    assert isinstance(good, FaceRecord)
    assert isinstance(bad, Refusal)
    assert len(bad.reason) < 100


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("<part name='a' x='1' y='2'/><part name='a' x='3' y='4'/>", "'a' is there twice"),
        ("<part name='a' x='' y='2'/>", "x of the part 'a' is ''; expected a number"),
        ("<part name='a' x='1' y='inf'/>", "expected a finite number"),
        (parts(["a", "b"], [(5, 5), (5, 5)]), "most points are in one place"),
    ],
)
def test_a_bad_box_loses_no_other(tmp_path: Path, inside: str, said: str) -> None:
    bad, good = read(written(tmp_path, box(inside), box(parts(["a", "b"]))))
    assert isinstance(good, FaceRecord)
    assert isinstance(bad, Refusal)
    assert said in bad.reason
    assert bad.line == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD, "no complete XML"),
        (HEAD + "<image" * 3, "no complete XML"),
        (
            '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><dataset><images/></dataset>',
            "it declares the entity a",
        ),
        (
            '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><dataset><images/></dataset>',
            "it declares the entity a",
        ),
        ("<dataset><images>" + "<a>" * 90, "more than 50 deep"),
        ("<?xml version='1.0' encoding='what'?><dataset><images/></dataset>", "no complete XML"),
    ],
)
def test_what_is_broken_or_means_harm_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "faces.xml"
    file.write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        list(read_faces("dlib", [file]))
    assert "faces.xml:" in str(caught.value)
