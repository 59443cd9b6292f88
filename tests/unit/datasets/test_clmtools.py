from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import InputError, PointState
from faceloop_datasets.formats import FaceRecord, Refusal, Skip, count_faces, read_faces


def row(name: str, end: str = ";", **cells: str) -> str:
    parts = [name]
    for k in range(71):
        default = {"x": str(10 + k % 9), "y": str(20.5 + k % 7), "f": "true"}
        parts += [cells.get(f"{part}{k}", default[part]) for part in "xyf"]
    return ";".join(parts) + end


def write(folder: Path, *rows: str) -> Path:
    path = folder / "annotations.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def read(path: Path, images: Path | None = None) -> list[FaceRecord | Refusal | Skip]:
    return list(read_faces("clmtools", [path], images=images))


@pytest.mark.parametrize("end", ["", ";", ";\r"])
def test_a_face(end: str, tmp_path: Path) -> None:
    path = write(tmp_path, row("Angry Face (1).jpg", end, x3="1.25", y3="-7", f3="false"))
    (face,) = read(path)
    assert isinstance(face, FaceRecord)
    assert face.annotation.scheme == "clmtrackr71"
    assert face.annotation.points[3].tolist() == [1.25, -7.0]
    assert np.flatnonzero(face.annotation.states).tolist() == [3]
    assert face.annotation.states[3] == PointState.OCCLUDED
    assert face.name == "Angry Face (1).jpg"
    assert (face.root, face.path) == (str(tmp_path), "annotations.csv:Angry Face (1).jpg")
    assert (face.subject, face.subject_source) == (f"{tmp_path.name}/{face.name}", "picture")
    assert face.image is None
    assert face.origin == f"{path}:1"


def test_muct_images_have_muct_subjects(tmp_path: Path) -> None:
    faces = read(write(tmp_path, row("i008qa-mn.jpg"), row("i247ta-fn.jpg"), row("i008.jpg")))
    assert [f.subject for f in faces if isinstance(f, FaceRecord)] == [
        "muct-008", "muct-247-248", f"{tmp_path.name}/i008.jpg",
    ]  # fmt: skip


def test_images_are_found_beside_or_in_the_folder(tmp_path: Path) -> None:
    path = write(tmp_path, row("a.jpg"), row("old/folder/b.jpg"), row("C:\\faces\\c.jpg"))
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "deep").mkdir()
    for name in "bc":
        (tmp_path / "deep" / f"{name}.jpg").write_bytes(b"x")
    beside = [f.image for f in read(path) if isinstance(f, FaceRecord)]
    assert [image and image.path for image in beside] == [tmp_path / "a.jpg", None, None]
    found = [f.image for f in read(path, tmp_path) if isinstance(f, FaceRecord)]
    assert [image and image.name for image in found] == ["a.jpg", "b.jpg", "c.jpg"]


def test_lines_without_points_are_skipped(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jpg", "b.jpg;", "c.jpg;;;;", "", row("d.jpg"))
    entries = read(path)
    assert [type(e) for e in entries] == [Skip, Skip, Skip, FaceRecord]
    assert count_faces("clmtools", [path]) == 4


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row("b.jpg", x3="abc"), "x of point 3 is 'abc'"),
        (row("b.jpg", y70="inf"), "y of point 70 is inf"),
        (row("b.jpg", f3="maybe"), "the flag of point 3 is 'maybe'; expected true or false"),
        (row("b.jpg") + "5;", "214 values after the name; expected 213"),
        ("b.jpg;1;2;true", "3 values"),
        (row("a.jpg"), "a.jpg is already on line 1"),
        (row(""), "the file name is empty"),
        (row("b.jpg", x3="100000"), "point 3 at"),
    ],
)
def test_a_bad_row_is_refused_and_the_rest_is_read(bad: str, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, row("a.jpg"), bad, row("z.jpg"))
    _, refusal, last = read(path)
    assert isinstance(refusal, Refusal)
    assert (refusal.file, refusal.line) == (path, 2)
    assert reason in refusal.reason
    assert isinstance(last, FaceRecord)


@pytest.mark.parametrize("cells", [("0", "0.0"), ("-1", "-1"), ("nan", "NaN"), ("nan", "3")])
def test_what_is_missing(cells: tuple[str, str], tmp_path: Path) -> None:
    (face,) = read(write(tmp_path, row("a.jpg", x3=cells[0], y3=cells[1], x4="0")))
    assert isinstance(face, FaceRecord)
    assert np.flatnonzero(~face.annotation.present).tolist() == [3]


@pytest.mark.parametrize(
    "spelling",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("20.5", "20,5"),
        lambda text: text.replace("fä.jpg", '"fä.jpg "'),
        lambda text: text.replace("true", "TRUE").replace("\n", ";;;\n"),
        lambda text: "\n;;;;\n" + text,
        lambda text: "file;x0;y0;v0\n" + text,
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_spellings_of_spreadsheets(
    spelling: Callable[[str], str], encoding: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.CSV"
    path.write_bytes(spelling(f"{row('fä.jpg')}\n{row('z.jpg')}\n").encode(encoding, "ignore"))
    (tmp_path / "fä.jpg").write_bytes(b"x")
    faces = [entry for entry in read(path) if isinstance(entry, FaceRecord)]
    assert [face.name for face in faces] == ["fä.jpg", "z.jpg"]
    assert [face.image is None for face in faces] == [False, True]
    assert faces[0].annotation.points[0].tolist() == [10.0, 20.5]


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        read(tmp_path)
    (tmp_path / "b.csv").write_bytes(b"\xff\x00")
    with pytest.raises(InputError, match="not a text file"):
        read(tmp_path / "b.csv")
