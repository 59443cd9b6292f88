from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import InputError, PointState
from faceloop_datasets.formats import FaceRecord, ImageRef, Refusal, Skip, count_faces, read_faces

HEADER = "name,tag," + ",".join(f"x{k:02d},y{k:02d}" for k in range(76))


def row(name: str, tag: str = "0000", **cells: str) -> str:
    values = [str(100 + 3 * k % 97) for k in range(152)]
    for key, value in cells.items():
        values[2 * int(key[1:]) + "xy".index(key[0])] = value
    return ",".join([name, tag, *values])


def table(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "muct76-opencv.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def read(*sources: Path, images: Path | None = None) -> list[FaceRecord | Refusal | Skip]:
    return list(read_faces("muct", sources, images=images))


def test_a_face(tmp_path: Path) -> None:
    path = table(tmp_path, row("i000qa-fn", x07="12.5", y07="-3", x09="0", y09="0", x10="0"))
    (face,) = read(path)
    assert isinstance(face, FaceRecord)
    assert (face.name, face.subject, face.image) == ("i000qa-fn", "muct-000", None)
    assert face.image_name == "i000qa-fn.jpg"
    assert face.origin == f"{path}:2"
    assert face.annotation.scheme == "muct76"
    assert face.annotation.source == "import:muct"
    # pixels, as they stand; 0,0 and nothing else is missing
    assert face.annotation.points[7].tolist() == [12.5, -3.0]
    assert np.flatnonzero(face.annotation.states).tolist() == [9]
    assert face.annotation.states[9] == PointState.MISSING
    assert face.annotation.points[10, 0] == 0.0


def test_a_column_of_expressions(tmp_path: Path) -> None:
    rows = [
        f"{row('i000qa-fn')}, big smile ",
        f"{row('i001qa-fn')},",
        f"{row('i002qa-fn')},{'x' * 41}",
    ]
    first, second, third = read(table(tmp_path, *rows, header=f"{HEADER},expression"))
    assert isinstance(first, FaceRecord)
    assert isinstance(second, FaceRecord)
    assert (first.expression, second.expression) == ("big smile", "")
    assert isinstance(third, Refusal)
    assert "at most 40" in third.reason


def test_twins_are_one_subject(tmp_path: Path) -> None:
    faces = read(table(tmp_path, row("i247ta-fn"), row("i248ta-fn"), row("i249ta-fn")))
    assert [f.subject for f in faces if isinstance(f, FaceRecord)] == [
        "muct-247-248", "muct-247-248", "muct-249",
    ]  # fmt: skip


def test_variants_are_skipped(tmp_path: Path) -> None:
    path = table(tmp_path, row("ir000qa-fn", "0001"), row("i000qa-fn"))
    skip, face = read(path)
    assert isinstance(skip, Skip)
    assert skip.line == 2
    assert isinstance(face, FaceRecord)
    assert count_faces("muct", [path]) == 2


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row("i1", x07="abc"), "x07 is 'abc'; expected a number"),
        (row("i1", y07=""), "y07 is ''; expected a number"),
        (row("i1", x07="inf"), "x07 is inf; expected a finite number"),
        (row("i1", x07="1e999"), "x07 is 1e999; expected a finite number"),
        (row("i1", x07="99999"), "point 7 at (99999, "),
        (row("i1") + ",3", "155 columns; expected 154"),
        ("i1,0000,1,2", "4 columns; expected 154"),
        (row("good"), "good is already on line 2"),
        (row(""), "the name is empty"),
        ("i1,0000" + ",0" * 152, "no point has a position"),
        ("i1,0000" + ",5" * 152, "in one place"),
    ],
)
def test_a_bad_row_is_refused_and_the_rest_is_read(bad: str, reason: str, tmp_path: Path) -> None:
    path = table(tmp_path, row("good"), bad, row("after"))
    first, refusal, last = read(path)
    assert isinstance(refusal, Refusal)
    assert (refusal.file, refusal.line) == (path, 3)
    assert reason in refusal.reason
    assert isinstance(first, FaceRecord)
    assert isinstance(last, FaceRecord)


def test_points_outside_the_image_are_kept(tmp_path: Path) -> None:
    (face,) = read(table(tmp_path, row("i1", x07="-40")))
    assert isinstance(face, FaceRecord)


def test_missing_columns(tmp_path: Path) -> None:
    path = table(tmp_path, row("i1"), header=HEADER.replace("x30,y30,", ""))
    with pytest.raises(InputError, match=r"muct76-opencv\.csv: the column x30 is missing \(2 in"):
        read(path)
    path.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="the column name is missing"):
        read(path)


def archive(path: Path, content: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def test_archives_and_folders_give_the_same(tmp_path: Path) -> None:
    text = "\n".join([HEADER, row("i000qa-fn"), row("i000qb-fn")]).encode()
    landmarks = archive(tmp_path / "l.tar.gz", {"muct-landmarks/muct76-opencv.csv": text})
    camera_a = archive(tmp_path / "a.tar.gz", {"jpg/i000qa-fn.jpg": b"picture"})
    packed = read(camera_a, landmarks)
    assert [f.image for f in packed if isinstance(f, FaceRecord)] == [
        ImageRef(camera_a, "jpg/i000qa-fn.jpg"), None,
    ]  # fmt: skip
    folder = tmp_path / "unpacked"
    (folder / "jpg").mkdir(parents=True)
    (folder / "jpg" / "i000qa-fn.jpg").write_bytes(b"picture")
    (folder / "muct76-opencv.csv").write_bytes(text)
    unpacked = read(folder)
    assert [f.image for f in unpacked if isinstance(f, FaceRecord)] == [
        ImageRef(folder / "jpg" / "i000qa-fn.jpg"), None,
    ]  # fmt: skip
    for one, other in zip(packed, unpacked, strict=True):
        assert isinstance(one, FaceRecord)
        assert isinstance(other, FaceRecord)
        assert (one.name, one.subject, one.annotation) == (
            other.name, other.subject, other.annotation,
        )  # fmt: skip
    beside = read(landmarks, images=folder)
    assert isinstance(beside[0], FaceRecord)
    assert beside[0].image == ImageRef(folder / "jpg" / "i000qa-fn.jpg")


def test_sources_that_are_none(tmp_path: Path) -> None:
    pictures = archive(tmp_path / "a.tar.gz", {"jpg/i000qa-fn.jpg": b"picture"})
    with pytest.raises(InputError, match=r"There is no muct76-opencv\.csv in .*a\.tar\.gz"):
        read(pictures)
    path = table(tmp_path, row("i1"))
    assert len(read(path, tmp_path)) == 1  # one file, named twice
    (tmp_path / "copy").mkdir()
    table(tmp_path / "copy", row("i1"))
    with pytest.raises(InputError, match="There are 2 files"):
        read(path, tmp_path)
    other = tmp_path / "muct76.csv"
    other.write_text("x")
    with pytest.raises(InputError, match=r"muct76\.csv is no MUCT source"):
        read(other)
    packed = archive(tmp_path / "bin.tar.gz", {"muct76-opencv.csv": b"\xff\x00"})
    with pytest.raises(InputError, match="not a text file"):
        read(packed)


def test_common_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no format 'mucd'\. Known formats: muct, clmtools, ibug"):
        list(read_faces("mucd", [tmp_path]))
    with pytest.raises(InputError, match="does not exist"):
        read(tmp_path / "absent.tar.gz")
    with pytest.raises(InputError, match="at least one"):
        read()
    with pytest.raises(InputError, match=r"image folder .* does not exist"):
        read(tmp_path, images=tmp_path / "absent")
